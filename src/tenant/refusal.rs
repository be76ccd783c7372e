//! Why a caller is not let in: for the log and for a count, never for the caller.

use std::fmt;

/// Why credentials were refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// There were none.
    Missing,
    /// They are longer than any may be.
    TooLong,
    /// They are not of the form that they should have.
    Malformed,
    /// They came in another scheme than `Bearer`, or of a kind that is not configured.
    Scheme,
    /// No API key has this id.
    UnknownKey,
    /// The secret of the API key is another.
    WrongSecret,
    /// The API key has ended.
    KeyEnded,
    /// The signing keys are not known, or were last seen too long ago.
    SigningKeysAway,
    /// The token is of an algorithm or a type that is never taken, or of another than its key is for.
    Algorithm,
    /// The header of the token brings a key along, or asks for what is not understood.
    Header,
    /// No signing key has this id.
    UnknownSigningKey,
    /// The signature is not that of the key.
    Signature,
    /// The token has ended.
    Expired,
    /// The token does not hold yet.
    NotYet,
    /// The token is from another issuer.
    Issuer,
    /// The token is for somebody else.
    Audience,
    /// A claim is missing, or is not what it should be.
    Claims,
}

impl Refusal {
    /// Every one.
    pub const ALL: [Self; 17] = [
        Self::Missing,
        Self::TooLong,
        Self::Malformed,
        Self::Scheme,
        Self::UnknownKey,
        Self::WrongSecret,
        Self::KeyEnded,
        Self::SigningKeysAway,
        Self::Algorithm,
        Self::Header,
        Self::UnknownSigningKey,
        Self::Signature,
        Self::Expired,
        Self::NotYet,
        Self::Issuer,
        Self::Audience,
        Self::Claims,
    ];

    /// Its name in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::TooLong => "too_long",
            Self::Malformed => "malformed",
            Self::Scheme => "scheme",
            Self::UnknownKey => "unknown_key",
            Self::WrongSecret => "wrong_secret",
            Self::KeyEnded => "key_ended",
            Self::SigningKeysAway => "signing_keys_away",
            Self::Algorithm => "algorithm",
            Self::Header => "header",
            Self::UnknownSigningKey => "unknown_signing_key",
            Self::Signature => "signature",
            Self::Expired => "expired",
            Self::NotYet => "not_yet",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Claims => "claims",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
