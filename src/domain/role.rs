//! What a caller may do.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A kind of work that a caller may be let do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Ask, and look at the answers.
    Decide,
    /// Write what decisions are made from: components, entries, bars.
    Write,
    /// Look into memory, delete from it and correct it; ask as well, for who corrects has to try.
    Operate,
    /// Everything.
    Admin,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Decide, Self::Write, Self::Operate, Self::Admin];

    /// Its name in settings, claims and labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Decide => "decide",
            Self::Write => "write",
            Self::Operate => "operate",
            Self::Admin => "admin",
        }
    }

    /// The role of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }

    fn bit(self) -> u8 {
        1 << (self as u8)
    }

    /// The bits of the role and of those that it includes.
    fn with_included(self) -> u8 {
        match self {
            Self::Decide | Self::Write => self.bit(),
            Self::Operate => self.bit() | Self::Decide.bit(),
            Self::Admin => Roles::ALL.0,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The roles of one caller, those that they include among them.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Roles(u8);

impl Roles {
    /// None.
    pub const NONE: Self = Self(0);
    /// All.
    pub const ALL: Self = Self(0b1111);

    /// These, and those that they include.
    pub fn granted(roles: impl IntoIterator<Item = Role>) -> Self {
        Self(roles.into_iter().fold(0, |bits, role| bits | role.with_included()))
    }

    /// Whether this role is among them.
    pub fn may(self, role: Role) -> bool {
        self.0 & role.bit() != 0
    }
}

impl fmt::Debug for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(Role::ALL.into_iter().filter(|role| self.may(*role))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_includes_itself_and_what_is_written_of_it_and_nothing_more() {
        let may = |role: Role| Role::ALL.into_iter().filter(|other| Roles::granted([role]).may(*other)).collect::<Vec<_>>();
        assert_eq!(may(Role::Decide), [Role::Decide]);
        assert_eq!(may(Role::Write), [Role::Write]);
        assert_eq!(may(Role::Operate), [Role::Decide, Role::Operate]);
        assert_eq!(may(Role::Admin), Role::ALL);
        assert_eq!((Roles::granted([]), Roles::granted(Role::ALL)), (Roles::NONE, Roles::ALL));
    }

    #[test]
    fn a_role_reads_back_by_its_name_and_no_other_word_is_one() {
        assert!(Role::ALL.into_iter().all(|role| Role::parse(role.as_str()) == Some(role)));
        assert!(["", "Admin", "root", "decide "].into_iter().all(|name| Role::parse(name).is_none()));
    }
}
