//! The fresh text of a request, and its normal form.

use crate::limits::{STORED_TEXT_BYTES_MAX, TEXT_BYTES_MAX};
use std::fmt;
use std::sync::Arc;

/// Why a text is not taken.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TextError {
    /// Nothing is left of it once blanks are taken away.
    #[error("the text is empty")]
    Empty,
    /// It is longer than its cap.
    #[error("the text has {bytes} bytes, more than the {bytes_max} that are allowed")]
    TooLong {
        /// Bytes given.
        bytes: usize,
        /// Bytes allowed.
        bytes_max: usize,
    },
}

/// A text that is neither empty nor too long, in its normal form: runs of blanks and control characters become one
/// space, and there are none at the ends. Letter case is kept, since "US" and "us" are different words.
#[derive(Clone, PartialEq, Eq)]
pub struct FreshText(Arc<str>);

impl FreshText {
    /// The fresh text of a decision request.
    ///
    /// # Errors
    /// [`TextError`] where it is empty or over [`TEXT_BYTES_MAX`].
    pub fn new(text: &str) -> Result<Self, TextError> {
        Self::within(text, TEXT_BYTES_MAX)
    }

    /// A text that is written ahead of time: an entry, a component, a prompt of the prototype.
    ///
    /// # Errors
    /// [`TextError`] where it is empty or over [`STORED_TEXT_BYTES_MAX`].
    pub fn stored(text: &str) -> Result<Self, TextError> {
        Self::within(text, STORED_TEXT_BYTES_MAX)
    }

    fn within(text: &str, bytes_max: usize) -> Result<Self, TextError> {
        if text.len() > bytes_max {
            return Err(TextError::TooLong { bytes: text.len(), bytes_max });
        }
        let normal = normalise(text);
        if normal.is_empty() { Err(TextError::Empty) } else { Ok(Self(normal.into())) }
    }

    /// The normal form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// BLAKE3 of the normal form.
    pub fn hash(&self) -> TextHash {
        TextHash(*blake3::hash(self.0.as_bytes()).as_bytes())
    }
}

impl fmt::Debug for FreshText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl AsRef<str> for FreshText {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

fn normalise(text: &str) -> String {
    let blank = |c: char| c.is_whitespace() || c.is_control() || c == '\u{feff}';
    let mut normal = String::with_capacity(text.len());
    for word in text.split(blank).filter(|word| !word.is_empty()) {
        if !normal.is_empty() {
            normal.push(' ');
        }
        normal.push_str(word);
    }
    normal
}

/// BLAKE3 of a normal form, 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TextHash(pub [u8; 32]);

impl fmt::Display for TextHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for TextHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TextHash {
    /// Reads 64 hexadecimal digits.
    pub fn parse(digits: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes).ok()?;
        Some(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn blanks_do_not_make_a_text_different_and_case_does() {
        let text = |t| FreshText::new(t).unwrap();
        assert_eq!(text("  SEC\tapproves \r\n ETF ").as_str(), "SEC approves ETF");
        assert_eq!(text("a  b").hash(), text("a b").hash());
        assert_ne!(text("US rates").hash(), text("us rates").hash());
    }

    #[test]
    fn a_text_of_blanks_only_is_empty() {
        assert_eq!(FreshText::new(" \u{0} \n\u{feff}"), Err(TextError::Empty));
    }

    #[test]
    fn the_cap_counts_bytes_of_what_was_given() {
        assert!(FreshText::new(&"x".repeat(8_192)).is_ok());
        assert_eq!(FreshText::new(&"x".repeat(8_193)), Err(TextError::TooLong { bytes: 8_193, bytes_max: 8_192 }));
    }

    proptest! {
        #[test]
        fn the_normal_form_of_a_normal_form_is_itself(text in "\\PC{0,200}") {
            if let Ok(once) = FreshText::new(&text) {
                prop_assert_eq!(FreshText::new(once.as_str()).unwrap(), once);
            }
        }
    }
}
