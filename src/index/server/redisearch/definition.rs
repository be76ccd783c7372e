//! The definition of an index, from `cache-schemas/index.json`.

use crate::index::server::{SearchError, Space};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The file, compiled in.
const FILE: &str = include_str!("../../../../cache-schemas/index.json");

/// What an index is made by. Only a tenant's name, which has letters, digits, `.`, `_`, `-` and `:`, and hexadecimal digits are ever put
/// into its texts, so nothing in them has to be escaped; the prefix is compared as it stands.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Definition {
    #[serde(rename = "description")]
    _description: String,
    pub version: u32,
    alias: String,
    prefix: String,
    filter: String,
    options: Vec<String>,
    schema: Vec<Indexed>,
}

/// A field of the records.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Indexed {
    field: String,
    r#type: String,
    algorithm: Option<String>,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    #[serde(default)]
    options: Vec<String>,
}

impl Definition {
    /// The definition of this version of the program.
    pub(super) fn current() -> Result<Self, SearchError> {
        serde_json::from_str(FILE).map_err(|error| SearchError::Definition { detail: error.to_string() })
    }

    /// The name that searches use.
    pub(super) fn alias(&self, space: &Space) -> String {
        filled(&self.alias, space)
    }

    /// The name of the index itself.
    pub(super) fn name(&self, space: &Space) -> String {
        format!("{}:v{}", self.alias(space), self.version)
    }

    /// The version of an index of this name, where it is one over this space.
    pub(super) fn version_of(&self, space: &Space, name: &str) -> Option<u32> {
        name.strip_prefix(&self.alias(space))?.strip_prefix(":v")?.parse().ok()
    }

    /// The id of the entry under a key, as a text.
    pub(super) fn id_of<'a>(&self, space: &Space, key: &'a str) -> Option<&'a str> {
        let tenant = format!("{{{}}}:", space.tenant);
        key.starts_with(&filled(&self.prefix, space)).then(|| key.strip_prefix(&tenant)).flatten()
    }

    /// What FT.CREATE takes after the name.
    pub(super) fn create(&self, space: &Space) -> Vec<String> {
        let text = |text: &str| text.to_owned();
        let mut args = vec![text("ON"), text("HASH"), text("PREFIX"), text("1"), filled(&self.prefix, space)];
        args.extend([text("FILTER"), filled(&self.filter, space)]);
        args.extend(self.options.iter().cloned());
        args.push(text("SCHEMA"));
        for indexed in &self.schema {
            args.extend([indexed.field.clone(), indexed.r#type.clone()]);
            args.extend(indexed.algorithm.clone());
            if !indexed.attributes.is_empty() {
                args.push((2 * indexed.attributes.len()).to_string());
            }
            args.extend(indexed.attributes.iter().flat_map(|(name, value)| [name.clone(), filled(value, space)]));
            args.extend(indexed.options.iter().cloned());
        }
        args
    }
}

/// A text of the file with the names of a space in their places. The tenant keeps its braces: they are the hash tag of the keys.
fn filled(text: &str, space: &Space) -> String {
    let filled = text.replace("<partition>", &space.partition.to_string()).replace("<dim>", &space.dim.to_string());
    let filled = filled.replace("<fresh_dim>", &space.prompt_dim.to_string());
    // Last, for a tenant's name could have any of the others in it.
    filled.replace("{tenant}", &format!("{{{}}}", space.tenant))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{EntryId, TenantId};
    use crate::domain::partition::PartitionKey;
    use proptest::prelude::*;

    fn space(tenant: &str, partition: char) -> Space {
        let partition = PartitionKey::parse(&partition.to_string().repeat(64)).unwrap();
        Space { tenant: TenantId::new(tenant).unwrap(), partition, dim: 768, prompt_dim: 384 }
    }

    #[test]
    fn whoever_changes_the_definition_raises_its_version() {
        let definition = Definition::current().unwrap();
        let space = space("t", 'a');
        let made = format!("{} {}", definition.name(&space), definition.create(&space).join(" "));
        let digest = blake3::hash(made.as_bytes()).to_hex();
        assert_eq!(
            (definition.version, &digest[..16]),
            (1, "0d0d049c2ca2f9b9"),
            "raise the version, and note the digest of what it makes: {made}"
        );
    }

    proptest! {
        #[test]
        fn no_name_of_a_tenant_changes_what_an_index_is_over(name in "[a-z0-9][a-z0-9:._-]{0,20}", bytes: [u8; 32]) {
            let definition = Definition::current().unwrap();
            let space = space(&name, 'b');
            let args = definition.create(&space);
            let plain = definition.create(&self::space("t", 'b'));
            prop_assert_eq!(args.len(), plain.len());
            let differing: Vec<usize> = (0..args.len()).filter(|at| args[*at] != plain[*at]).collect();
            prop_assert!(differing.iter().all(|at| *at == 4), "only the prefix tells a tenant");
            prop_assert_eq!(&args[4], &format!("{{{name}}}:sc:combo:"));
            prop_assert_eq!(definition.version_of(&space, &definition.name(&space)), Some(definition.version));
            let id = EntryId::from_bytes(bytes).to_string();
            let key = format!("{{{name}}}:{id}");
            prop_assert_eq!(definition.id_of(&space, &key), Some(&*id));
            prop_assert!(definition.id_of(&self::space("other-tenant", 'b'), &key).is_none() || name == "other-tenant");
        }
    }
}
