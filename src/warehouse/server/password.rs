//! The password of a server, from a file or a variable of the environment, which no log and no error ever shows.

use super::OpenError;
use std::fmt;
use std::path::Path;

/// Bytes of a password. Tokens of a cloud's identity service, which are given in the place of one, have up to a few thousand.
const PASSWORD_BYTES_MAX: u64 = 16_384;

/// A password. It is shown only to the server that it is for.
#[derive(Clone)]
pub(in crate::warehouse) struct Password(String);

impl Password {
    /// The password that the settings name, where they name one.
    pub(in crate::warehouse) fn read(
        section: &str,
        file: Option<&Path>,
        variable: Option<&str>,
    ) -> Result<Option<Self>, OpenError> {
        let wrong = |field: &str, rule: String| OpenError::setting(format!("{section}.{field}"), rule);
        match (file, variable) {
            (Some(_), Some(_)) => {
                Err(wrong("password_env", "the password comes from a file or a variable, not from both".to_owned()))
            }
            (Some(path), None) => Self::from_file(path).map(Some).map_err(|rule| wrong("password_file", rule)),
            (None, Some(name)) => Self::from_env(name).map(Some).map_err(|rule| wrong("password_env", rule)),
            (None, None) => Ok(None),
        }
    }

    fn from_file(path: &Path) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("{} can't be read: {error}", path.display());
        if std::fs::metadata(path).map_err(failed)?.len() > PASSWORD_BYTES_MAX {
            return Err(format!("{} is too long for a password", path.display()));
        }
        let text = std::fs::read_to_string(path).map_err(failed)?;
        let first = text.lines().next().filter(|line| !line.is_empty());
        first.map(|line| Self(line.to_owned())).ok_or_else(|| format!("{} has no password in its first line", path.display()))
    }

    fn from_env(name: &str) -> Result<Self, String> {
        // The error of a variable that is not UTF-8 would show what is in it.
        let text = std::env::var(name).map_err(|_| format!("the variable {name} is not set, or not to text"))?;
        if text.is_empty() { Err(format!("the variable {name} is empty")) } else { Ok(Self(text)) }
    }

    /// The password itself, for the client of the server.
    pub(in crate::warehouse) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_the_first_line_of_its_file_and_is_never_shown() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "s3cret with blanks \nnot this\n").unwrap();
        let password = Password::read("postgres", Some(file.path()), None).unwrap().unwrap();
        assert_eq!(password.reveal(), "s3cret with blanks ");
        assert_eq!(format!("{password:?}"), "Password");
    }

    #[test]
    fn what_gives_no_password_is_named_by_its_setting() {
        let refused =
            |file: Option<&str>, variable| Password::read("mysql", file.map(Path::new), variable).unwrap_err().to_string();
        assert!(refused(Some("/no/such"), None).contains("warehouse.mysql.password_file: /no/such"));
        assert!(
            refused(None, Some("INSTINCT_TEST_NO_SUCH"))
                .contains("warehouse.mysql.password_env: the variable INSTINCT_TEST_NO_SUCH")
        );
        assert!(refused(Some("/no/such"), Some("X")).contains("not from both"));
        let empty = tempfile::NamedTempFile::new().unwrap();
        assert!(refused(empty.path().to_str(), None).contains("no password"));
        assert!(Password::read("mysql", None, None).unwrap().is_none());
    }
}
