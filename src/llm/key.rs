//! The key of an endpoint, which no log and no error ever shows.

use std::fmt;
use std::path::Path;

/// Bytes of a key. Real ones have up to some two hundred; tokens of an identity provider up to a few thousand.
const KEY_BYTES_MAX: u64 = 16_384;

/// A key. It is shown only to the server that it is for.
#[derive(Clone)]
pub(super) struct ApiKey(String);

impl ApiKey {
    /// Reads the key that a file holds, blanks around it aside.
    pub(super) fn from_file(path: &Path) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("{} can't be read: {error}", path.display());
        if std::fs::metadata(path).map_err(failed)?.len() > KEY_BYTES_MAX {
            return Err(format!("{} is too long for a key", path.display()));
        }
        let text = std::fs::read_to_string(path).map_err(failed)?;
        Self::new(&text).map_err(|detail| format!("{}: {detail}", path.display()))
    }

    /// Reads the key that a variable of the environment holds.
    pub(super) fn from_env(name: &str) -> Result<Self, String> {
        // The error of a variable that is not UTF-8 would show what is in it.
        let text = std::env::var(name).map_err(|_| format!("the variable {name} is not set, or not to text"))?;
        Self::new(&text).map_err(|detail| format!("the variable {name}: {detail}"))
    }

    pub(super) fn new(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Err("it is empty".to_owned());
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("a key has visible ASCII letters alone".to_owned());
        }
        Ok(Self(text.to_owned()))
    }

    /// The value of the header that shows it.
    pub(super) fn header(&self) -> Option<reqwest::header::HeaderValue> {
        let mut value = reqwest::header::HeaderValue::from_str(&format!("Bearer {}", self.0)).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// The text without the key, for servers that repeat it in their errors.
    pub(super) fn hidden_in(&self, text: &str) -> String {
        text.replace(&self.0, "[key]")
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_key_is_read_from_a_file_without_its_line_end_and_never_shown() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"sk-secret-123\n").unwrap();
        let key = ApiKey::from_file(file.path()).unwrap();
        assert_eq!(key.header().unwrap().to_str().unwrap(), "Bearer sk-secret-123");
        assert_eq!(format!("{key:?} {:?}", key.header()), "ApiKey Some(Sensitive)");
        assert_eq!(key.hidden_in("Incorrect key sk-secret-123."), "Incorrect key [key].");
    }

    #[test]
    fn what_is_no_key_is_refused_without_showing_it() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"two words-of-a-secret\nand a line").unwrap();
        let detail = ApiKey::from_file(file.path()).unwrap_err();
        assert!(detail.contains("visible ASCII") && !detail.contains("secret"), "{detail}");
        assert!(ApiKey::new(" \n").unwrap_err().contains("empty"));
        assert!(ApiKey::from_env("INSTINCT_TEST_NO_SUCH_KEY").unwrap_err().contains("INSTINCT_TEST_NO_SUCH_KEY"));
        assert!(ApiKey::from_file(Path::new("/no/such/key")).unwrap_err().contains("/no/such/key"));
    }
}
