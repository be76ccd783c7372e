//! Which columns of a table a caller sees, by his role.

use crate::domain::field::FieldError;
use crate::domain::role::{Role, Roles};
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The word for all columns in settings.
const ALL: &str = "all";

/// The roles of those who ask, each with those that it includes; the first is every caller's.
const ASKERS: [Role; 3] = [Role::Decide, Role::Operate, Role::Admin];

/// The columns of a table that one role sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Columns {
    /// All.
    All,
    /// These alone.
    Only(BTreeSet<String>),
}

impl Serialize for Columns {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str(ALL),
            Self::Only(names) => names.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Columns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Columns;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"all\" or a list of columns")
            }

            fn visit_str<E: Error>(self, word: &str) -> Result<Columns, E> {
                if word == ALL {
                    Ok(Columns::All)
                } else {
                    Err(E::custom(format!("`{word}` is not \"all\" or a list of columns")))
                }
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Columns, A::Error> {
                let mut names = BTreeSet::new();
                while let Some(name) = list.next_element()? {
                    names.insert(name);
                }
                Ok(Columns::Only(names))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// What each role sees of one table. A role sees what is said of it and of those that it includes, and nothing where nothing is said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ByRole(BTreeMap<Role, Columns>);

impl ByRole {
    /// Whether a role sees a column.
    pub fn sees(&self, role: &str, column: &str) -> bool {
        self.seen(&[column.to_owned()]).get(role).is_some_and(|columns| columns.contains(column))
    }

    /// The columns, of those that there are, that every role sees who may ask.
    pub fn seen(&self, columns: &[String]) -> BTreeMap<String, BTreeSet<String>> {
        let of_role = |role: Role| {
            let included = Roles::granted([role]);
            let rules: Vec<&Columns> = self.0.iter().filter(|(other, _)| included.may(**other)).map(|(_, rule)| rule).collect();
            let sees =
                |name: &&String| rules.iter().any(|rule| matches!(rule, Columns::All) || rule.names().any(|own| own == *name));
            (role.as_str().to_owned(), columns.iter().filter(sees).cloned().collect())
        };
        ASKERS.map(of_role).into()
    }

    /// Checks the rules of a table; `known` are its columns, where they are known.
    ///
    /// # Errors
    /// A [`FieldError`] with the pointer of the role within the table.
    pub(super) fn check(&self, known: Option<&BTreeSet<&str>>) -> Result<(), FieldError> {
        if self.0.is_empty() {
            return Err(FieldError::new("", "no role is named, so that nobody would see the table"));
        }
        for (role, rule) in &self.0 {
            let refuse = |why: String| Err(FieldError::new(format!("/{role}"), why));
            if !ASKERS.contains(role) {
                return refuse("who has this role alone asks nothing; decide, operate and admin do".to_owned());
            }
            if matches!(rule, Columns::Only(names) if names.is_empty()) {
                return refuse("no column is named".to_owned());
            }
            if let Some(name) = known.and_then(|known| rule.names().find(|name| !known.contains(name.as_str()))) {
                return refuse(format!("no layer has a column `{name}` in this table"));
            }
        }
        Ok(())
    }
}

impl Columns {
    fn names(&self) -> impl Iterator<Item = &String> {
        let names = if let Self::Only(names) = self { Some(names) } else { None };
        names.into_iter().flatten()
    }
}

/// The role that a caller asks in: the one that sees most of those that he has.
pub fn asks_as(roles: Roles) -> Role {
    ASKERS.into_iter().rev().find(|role| roles.may(*role)).unwrap_or(Role::Decide)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(toml: &str) -> ByRole {
        toml::from_str(toml).unwrap()
    }

    fn seen(toml: &str) -> Vec<(String, Vec<String>)> {
        let columns = ["id", "name", "email"].map(str::to_owned);
        rules(toml).seen(&columns).into_iter().map(|(role, seen)| (role, seen.into_iter().collect())).collect()
    }

    fn pairs(list: [(&str, &[&str]); 3]) -> Vec<(String, Vec<String>)> {
        list.map(|(role, names)| (role.to_owned(), names.iter().map(|name| (*name).to_owned()).collect())).into()
    }

    #[test]
    fn a_role_sees_its_own_columns_and_those_of_the_roles_that_it_includes() {
        let own = seen("decide = [\"id\"]\noperate = [\"email\"]");
        assert_eq!(own, pairs([("admin", &["email", "id"]), ("decide", &["id"]), ("operate", &["email", "id"])]));
        let all = seen("admin = \"all\"\ndecide = [\"id\", \"gone\"]");
        assert_eq!(all, pairs([("admin", &["email", "id", "name"]), ("decide", &["id"]), ("operate", &["id"])]));
        assert_eq!(seen("admin = \"all\"")[1], ("decide".to_owned(), vec![]), "of whom nothing is said, he sees nothing");
    }

    #[test]
    fn what_is_wrong_with_a_rule_names_its_role() {
        let known = BTreeSet::from(["id"]);
        let refused = |toml: &str| rules(toml).check(Some(&known)).unwrap_err().pointer;
        assert_eq!(refused("decide = [\"id\", \"emial\"]"), "/decide");
        assert_eq!(refused("write = \"all\""), "/write");
        assert_eq!(refused("operate = []"), "/operate");
        assert_eq!(refused(""), "");
        assert!(rules("decide = [\"id\"]\nadmin = \"all\"").check(Some(&known)).is_ok());
        assert!(rules("decide = [\"anything\"]").check(None).is_ok());
        for wrong in ["decide = \"some\"", "decide = 1", "boss = \"all\""] {
            assert!(toml::from_str::<ByRole>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_caller_asks_in_the_role_that_sees_most() {
        let asks = |roles: &[Role]| asks_as(Roles::granted(roles.iter().copied()));
        assert_eq!(asks(&[Role::Decide, Role::Write]), Role::Decide);
        assert_eq!(asks(&[Role::Decide, Role::Operate]), Role::Operate);
        assert_eq!((asks(&[Role::Admin]), asks(&[])), (Role::Admin, Role::Decide));
    }

    #[test]
    fn rules_are_written_as_they_are_read() {
        let own = rules("decide = [\"id\"]\nadmin = \"all\"");
        assert_eq!(rules(&toml::to_string(&own).unwrap()), own);
    }
}
