//! What a warehouse holds and who may see what of it.

use super::binding::Scalar;
use super::dialect::Dialect;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The tables that statements may name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    /// Every table.
    pub tables: Vec<Table>,
}

/// One table, or a view that stands for one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Its schema or database. The gate writes it before the name, so that no common table expression can take its place.
    #[serde(default)]
    pub schema: Option<String>,
    /// Its name, as the warehouse keeps it.
    pub name: String,
    /// Its columns, in order.
    pub columns: Vec<Column>,
    /// Which of its rows a caller sees.
    pub rows: Rows,
    /// The columns that each role may see. Empty: every role sees all; else a role that is not named does not see the table.
    #[serde(default)]
    pub roles: BTreeMap<String, BTreeSet<String>>,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its name, as the warehouse keeps it.
    pub name: String,
    /// Its type in the words of the warehouse.
    #[serde(rename = "type")]
    pub data_type: String,
}

/// Which rows of a table a caller sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rows {
    /// All: the table is the same for every tenant.
    All,
    /// Those whose column holds the caller's tenant.
    Tenant(String),
    /// Those for which an expression of the operator's holds. It names columns of this table, `:tenant`, and attributes of the caller
    /// as `:name`.
    Where(String),
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Who {
    /// The tenant's value in tenant columns.
    pub tenant: Scalar,
    /// The role, for column allow-lists.
    pub role: String,
    /// What else row filters ask for.
    #[serde(default)]
    pub attributes: BTreeMap<String, Scalar>,
}

impl Table {
    /// The columns that a role may see, in order; none where it may not see the table.
    pub(super) fn visible<'t>(&'t self, role: &str) -> Vec<&'t Column> {
        if self.roles.is_empty() {
            return self.columns.iter().collect();
        }
        let Some(allowed) = self.roles.get(role) else { return Vec::new() };
        self.columns.iter().filter(|column| allowed.contains(&column.name)).collect()
    }

    /// The name that answers and refusals give it.
    pub(super) fn full_name(&self) -> String {
        match &self.schema {
            Some(schema) => format!("{schema}.{}", self.name),
            None => self.name.clone(),
        }
    }
}

impl Catalogue {
    /// The table of a name that may be qualified by its schema; none where the name fits no table or several.
    pub(super) fn table(&self, dialect: Dialect, schema: Option<&str>, name: &str) -> Option<&Table> {
        let mut fits = self.tables.iter().filter(|table| {
            dialect.fold_stored_table(&table.name) == name
                && schema.is_none_or(|asked| table.schema.as_deref().is_some_and(|own| dialect.fold_stored_table(own) == asked))
        });
        let first = fits.next()?;
        fits.next().is_none().then_some(first)
    }

    /// Whether a name is a table's, whatever its case: such a name is never printed for anything else.
    pub(super) fn has_name(&self, name: &str) -> bool {
        self.tables.iter().any(|table| table.name.eq_ignore_ascii_case(name))
    }
}
