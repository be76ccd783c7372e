//! API keys: a public id that finds the line, and a secret of 256 random bits of which the line holds the hash.
//!
//! A key reads `ik_<id>_<secret>`. Since the secret is random and long, a plain hash keeps it (what makes a password hash slow helps only
//! where a secret can be guessed); BLAKE3 takes a fraction of a microsecond, and hashes are compared in constant time.
//!
//! The file is TOML with a line for each key, read again when it changes. One that can't be read leaves the keys as they were: a slip of
//! the pen must not lock everybody out, and to take a key back its line is deleted in a file that reads.

use super::refusal::Refusal;
use crate::domain::ids::TenantId;
use crate::domain::request::Caller;
use crate::domain::role::{Role, Roles};
use crate::domain::time::{Clock, Timestamp};
use crate::limits::{API_KEYS_BYTES_MAX, USER_BYTES_MAX};
use arc_swap::ArcSwap;
use serde::Deserialize;
use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

const PREFIX: &str = "ik_";
const ID_DIGITS: usize = 16;
const SECRET_DIGITS: usize = 64;

/// Why a file of keys can't be used.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {detail}")]
pub struct KeysError {
    /// Which file.
    pub path: PathBuf,
    /// What is wrong with it, and where.
    pub detail: String,
}

/// A key that was shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Shown<'a> {
    id: &'a str,
    secret: &'a str,
}

impl<'a> Shown<'a> {
    /// Whether a credential is meant to be an API key.
    pub(super) fn is_meant(credential: &str) -> bool {
        credential.starts_with(PREFIX)
    }

    /// Reads `ik_<16 digits>_<64 digits>`.
    pub(super) fn read(credential: &'a str) -> Option<Self> {
        let (id, secret) = credential.strip_prefix(PREFIX)?.split_once('_')?;
        let digits = |text: &str, count| text.len() == count && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        (digits(id, ID_DIGITS) && digits(secret, SECRET_DIGITS)).then_some(Self { id, secret })
    }

    fn hash(self) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_derive_key("instinct api key v1");
        hasher.update(self.id.as_bytes());
        hasher.update(self.secret.as_bytes());
        hasher.finalize()
    }
}

/// A new key, which is shown once and kept nowhere.
#[derive(Clone)]
pub struct NewKey {
    text: String,
}

/// What a new key is for.
#[derive(Debug, Clone)]
pub struct KeyTerms {
    /// Whose it is.
    pub tenant: TenantId,
    /// What it lets its holder do.
    pub roles: Vec<Role>,
    /// By what name its holder goes; its id where absent.
    pub user: Option<String>,
    /// When it ends.
    pub not_after: Option<Timestamp>,
}

impl NewKey {
    /// A key of random bits of the operating system.
    ///
    /// # Errors
    /// Where the operating system has none.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; (ID_DIGITS + SECRET_DIGITS) / 2];
        getrandom::fill(&mut bytes)?;
        let digits = hex::encode(bytes);
        let (id, secret) = digits.split_at(ID_DIGITS);
        Ok(Self { text: format!("{PREFIX}{id}_{secret}") })
    }

    /// The key itself.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its line in the file of keys.
    pub fn line(&self, terms: &KeyTerms) -> String {
        let Some(shown) = Shown::read(&self.text) else { return String::new() };
        let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
        let roles: Vec<String> = terms.roles.iter().map(|role| quoted(role.as_str())).collect();
        let mut line = format!(
            "{} = {{ hash = \"{}\", tenant = {}, roles = [{}]",
            shown.id,
            shown.hash(),
            quoted(terms.tenant.as_str()),
            roles.join(", ")
        );
        if let Some(user) = &terms.user {
            line += &format!(", user = {}", quoted(user));
        }
        if let Some(end) = terms.not_after {
            line += &format!(", not_after = \"{end}\"");
        }
        line + " }"
    }
}

impl fmt::Debug for NewKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewKey")
    }
}

/// One line of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    hash: String,
    tenant: TenantId,
    roles: Vec<Role>,
    user: Option<String>,
    not_after: Option<Timestamp>,
}

#[derive(Debug)]
struct Key {
    hash: blake3::Hash,
    caller: Caller,
    not_after: Option<Timestamp>,
}

/// The keys of one reading of the file.
#[derive(Debug, Default)]
pub(super) struct KeySet {
    by_id: HashMap<String, Key>,
}

impl KeySet {
    /// Reads the text of a file of keys.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let lines: HashMap<String, Line> = toml::from_str(text).map_err(|e| e.to_string())?;
        let key = |(id, line): (String, Line)| {
            let wrong = |what: &str| Err(format!("{id}: {what}"));
            if id.len() != ID_DIGITS || !id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
                return wrong("the id of a key has 16 hexadecimal digits");
            }
            let Ok(hash) = blake3::Hash::from_hex(&line.hash) else {
                return wrong("a hash has 64 hexadecimal digits; `instinct keys new` writes whole lines");
            };
            if line.roles.is_empty() {
                return wrong("a key without a role lets nobody do anything");
            }
            let user = line.user.unwrap_or_else(|| format!("key:{id}"));
            if user.is_empty() || user.len() > USER_BYTES_MAX || user.chars().any(char::is_control) {
                return wrong("the name of a user has 1 to 256 bytes and no control characters");
            }
            let caller = Caller { tenant: line.tenant, user: Some(user.into()), roles: Roles::granted(line.roles) };
            Ok((id, Key { hash, caller, not_after: line.not_after }))
        };
        Ok(Self { by_id: lines.into_iter().map(key).collect::<Result<_, String>>()? })
    }

    fn caller(&self, shown: Shown<'_>, now: Timestamp) -> Result<Caller, Refusal> {
        // Compared also where there is nothing to compare with, so that the time tells no more of an id than the answer does.
        let found = self.by_id.get(shown.id);
        let same = shown.hash() == found.map_or(blake3::Hash::from_bytes([0; 32]), |key| key.hash);
        match found {
            None => Err(Refusal::UnknownKey),
            Some(_) if !same => Err(Refusal::WrongSecret),
            Some(key) if key.not_after.is_some_and(|end| end <= now) => Err(Refusal::KeyEnded),
            Some(key) => Ok(key.caller.clone()),
        }
    }
}

/// The keys of a file that is read again and again.
#[derive(Debug)]
pub(super) struct KeyRing {
    path: PathBuf,
    keys: ArcSwap<KeySet>,
    read: parking_lot::Mutex<blake3::Hash>,
    reloads: watch::Sender<u64>,
}

impl KeyRing {
    pub(super) fn open(path: &Path) -> Result<Self, KeysError> {
        let (hash, keys) = load(path, None)?.unwrap_or_else(|| (blake3::hash(&[]), KeySet::default()));
        Ok(Self {
            path: path.to_owned(),
            keys: ArcSwap::from_pointee(keys),
            read: parking_lot::Mutex::new(hash),
            reloads: watch::Sender::new(0),
        })
    }

    pub(super) fn caller(&self, shown: Shown<'_>) -> Result<Caller, Refusal> {
        self.keys.load().caller(shown, Clock::System.now())
    }

    /// Tells of each time that the file was read again.
    pub(super) fn reloads(&self) -> watch::Receiver<u64> {
        self.reloads.subscribe()
    }

    /// How many keys there are.
    pub(super) fn len(&self) -> usize {
        self.keys.load().by_id.len()
    }

    /// Reads the file again where it has changed.
    pub(super) fn reload(&self) -> Result<bool, KeysError> {
        let mut read = self.read.lock();
        let Some((hash, keys)) = load(&self.path, Some(*read))? else { return Ok(false) };
        *read = hash;
        self.keys.store(Arc::new(keys));
        self.reloads.send_modify(|times| *times += 1);
        Ok(true)
    }

    /// Reads the file again and again; never ends.
    pub(super) async fn keep_fresh(&self, every: Duration) {
        let mut told = None;
        loop {
            tokio::time::sleep(every).await;
            match self.reload() {
                Ok(true) => tracing::info!(path = %self.path.display(), keys = self.len(), "the API keys were read again"),
                Ok(false) => told = None,
                // Once for each thing that is wrong, and not every few seconds.
                Err(error) if told.as_ref() == Some(&error.detail) => {}
                Err(error) => {
                    tracing::error!(%error, "the API keys can't be read again and stay as they were");
                    told = Some(error.detail);
                }
            }
        }
    }
}

/// Reads a file unless it is `known`.
fn load(path: &Path, known: Option<blake3::Hash>) -> Result<Option<(blake3::Hash, KeySet)>, KeysError> {
    let failed = |detail: String| KeysError { path: path.to_owned(), detail };
    let mut text = String::new();
    let file = File::open(path).map_err(|e| failed(e.to_string()))?;
    file.take(API_KEYS_BYTES_MAX + 1).read_to_string(&mut text).map_err(|e| failed(e.to_string()))?;
    if text.len() as u64 > API_KEYS_BYTES_MAX {
        return Err(failed(format!("it has more than the {API_KEYS_BYTES_MAX} bytes that are allowed")));
    }
    let hash = blake3::hash(text.as_bytes());
    if known == Some(hash) {
        return Ok(None);
    }
    KeySet::parse(&text).map(|keys| Some((hash, keys))).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fs;

    fn terms(tenant: &str, roles: &[Role]) -> KeyTerms {
        KeyTerms { tenant: TenantId::new(tenant).unwrap(), roles: roles.to_vec(), user: None, not_after: None }
    }

    fn shown(key: &str) -> Shown<'_> {
        Shown::read(key).unwrap()
    }

    #[test]
    fn a_new_key_is_taken_for_its_tenant_and_roles_and_its_line_does_not_hold_it() {
        let key = NewKey::generate().unwrap();
        let mut terms = terms("acme", &[Role::Write]);
        terms.user = Some("the \"desk\"".to_owned());
        let line = key.line(&terms);
        assert!(!line.contains(&key.as_str()[20..]) && !format!("{key:?}").contains("ik_"), "{line}");
        let keys = KeySet::parse(&line).unwrap();
        let caller = keys.caller(shown(key.as_str()), Clock::System.now()).unwrap();
        assert_eq!((caller.tenant.as_str(), caller.user.as_deref()), ("acme", Some("the \"desk\"")));
        assert_eq!(caller.roles, Roles::granted([Role::Write]));
        assert_ne!(NewKey::generate().unwrap().as_str(), key.as_str());
    }

    #[test]
    fn another_secret_another_id_and_a_key_that_has_ended_are_refused() {
        let (key, other) = (NewKey::generate().unwrap(), NewKey::generate().unwrap());
        let mut terms = terms("acme", &[Role::Decide]);
        let end = Timestamp::parse("2026-01-01T00:00:00Z").unwrap();
        terms.not_after = Some(end);
        let keys = KeySet::parse(&key.line(&terms)).unwrap();
        let mixed = format!("{}{}", &key.as_str()[..20], &other.as_str()[20..]);
        let before = end.plus_millis(-1);
        assert_eq!(keys.caller(shown(&mixed), before), Err(Refusal::WrongSecret));
        assert_eq!(keys.caller(shown(other.as_str()), before), Err(Refusal::UnknownKey));
        assert!(keys.caller(shown(key.as_str()), before).is_ok());
        assert_eq!(keys.caller(shown(key.as_str()), end), Err(Refusal::KeyEnded));
    }

    #[test]
    fn a_line_that_says_too_little_or_too_much_is_refused_with_its_id() {
        let line = NewKey::generate().unwrap().line(&terms("acme", &[Role::Decide]));
        for (was, is) in [
            ("\"decide\"", ""),
            ("\"decide\"", "\"root\""),
            ("\"acme\"", "\"a b\""),
            ("hash = \"", "hash = \"x"),
            ("roles =", "mood = 1, roles ="),
        ] {
            assert!(KeySet::parse(&line.replace(was, is)).is_err(), "{was}");
        }
        assert!(KeySet::parse(&format!("x{line}")).is_err() && KeySet::parse(&format!("{line}\n{line}")).is_err());
    }

    #[test]
    fn a_file_that_changes_is_read_again_and_one_that_breaks_leaves_the_keys_as_they_were() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("keys.toml");
        let (one, two) = (NewKey::generate().unwrap(), NewKey::generate().unwrap());
        fs::write(&path, one.line(&terms("acme", &[Role::Decide]))).unwrap();
        let ring = KeyRing::open(&path).unwrap();
        assert!(!ring.reload().unwrap());
        fs::write(&path, two.line(&terms("acme", &[Role::Decide]))).unwrap();
        assert!(ring.reload().unwrap());
        assert!(ring.caller(shown(two.as_str())).is_ok() && ring.caller(shown(one.as_str())).is_err());
        fs::write(&path, "not = a file of keys").unwrap();
        assert!(ring.reload().is_err() && ring.caller(shown(two.as_str())).is_ok());
        fs::remove_file(&path).unwrap();
        assert!(ring.reload().is_err() && ring.caller(shown(two.as_str())).is_ok());
        assert!(KeyRing::open(&path).is_err());
    }

    proptest! {
        #[test]
        fn no_text_is_taken_for_a_key_but_one_of_its_form(text in "ik_[0-9a-f_]{70,90}|\\PC{0,100}") {
            if let Some(Shown { id, secret }) = Shown::read(&text) {
                prop_assert_eq!(format!("ik_{id}_{secret}"), text);
            }
        }
    }
}
