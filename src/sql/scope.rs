//! What a name can mean at a place of a statement.

use super::dialect::Dialect;
use sqlparser::ast::Ident;

/// One source of rows of a FROM, as names see it.
#[derive(Debug, Clone, Default)]
pub(super) struct Relation {
    /// Its alias or its own name, folded; none for a sub-query without an alias.
    pub(super) name: Option<String>,
    /// The same as it is printed.
    pub(super) ident: Option<Ident>,
    /// The schema of a table without an alias.
    pub(super) schema: Option<String>,
    /// Its columns, folded. An empty name is a column that cannot be named.
    pub(super) columns: Vec<String>,
    /// The table of the catalogue that it is, for the list of what was used.
    pub(super) table: Option<Source>,
    /// Whether `*` over it can be written as a list of the columns.
    pub(super) listed: bool,
}

/// A table of the catalogue.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) full_name: String,
    /// The columns, as the warehouse keeps them, in step with those of the relation.
    pub(super) columns: Vec<String>,
}

/// The names at a place: those of its own SELECT, then those of the one around it.
#[derive(Debug, Default)]
pub(super) struct Scope<'p> {
    pub(super) parent: Option<&'p Scope<'p>>,
    pub(super) relations: Vec<Relation>,
    /// Names of the projection, of array joins and of the parameters of a lambda.
    pub(super) aliases: Vec<String>,
    pub(super) windows: Vec<String>,
}

/// A column that was found.
#[derive(Debug)]
pub(super) struct Found<'s> {
    /// The table of the catalogue and the column, where it is one's.
    pub(super) column: Option<(&'s str, &'s str)>,
}

impl<'p> Scope<'p> {
    pub(super) fn inside(parent: Option<&'p Scope<'p>>) -> Self {
        Self { parent, ..Self::default() }
    }

    fn chain(&self) -> impl Iterator<Item = &Scope<'p>> {
        let mut next = Some(self);
        std::iter::from_fn(move || {
            let this = next?;
            // A scope outlives those inside it, so its own parent may be lent for as short.
            next = this.parent;
            Some(this)
        })
    }

    /// What a bare name means.
    pub(super) fn bare(&self, name: &str) -> Option<Found<'_>> {
        if name.is_empty() {
            return None;
        }
        self.chain().find_map(|scope| {
            let column = scope.relations.iter().find_map(|relation| relation.column(name));
            column.or_else(|| scope.aliases.iter().any(|alias| alias == name).then_some(Found { column: None }))
        })
    }

    /// What a name behind a qualifier means, and the relation is the innermost of that name.
    pub(super) fn qualified(&self, schema: Option<&str>, relation: &str, name: &str) -> Option<Found<'_>> {
        self.relation(schema, relation)?.column(name)
    }

    pub(super) fn relation(&self, schema: Option<&str>, name: &str) -> Option<&Relation> {
        self.chain().find_map(|scope| {
            scope.relations.iter().find(|relation| {
                relation.name.as_deref() == Some(name) && schema.is_none_or(|schema| relation.schema.as_deref() == Some(schema))
            })
        })
    }

    pub(super) fn has_window(&self, name: &Ident, dialect: Dialect) -> bool {
        self.windows.contains(&dialect.fold(name))
    }
}

impl Relation {
    fn column(&self, name: &str) -> Option<Found<'_>> {
        let at = self.columns.iter().position(|column| column == name && !column.is_empty())?;
        let column = self.table.as_ref().and_then(|table| Some((table.full_name.as_str(), table.columns.get(at)?.as_str())));
        Some(Found { column })
    }
}
