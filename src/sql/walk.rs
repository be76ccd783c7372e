//! The walk over a syntax tree: every kind of node is matched by name, and what no rule names is refused. The walk also rewrites: tables
//! become their filtered selves, `*` the columns that the role may see.

use super::Gate;
use super::binding::Bindings;
use super::catalogue::Who;
use super::dialect::Dialect;
use super::expression::expect_none;
use super::refusal::{RefusalKind, Refused, refuse};
use crate::limits::{SQL_DEPTH_MAX, SQL_PARTS_MAX};
use sqlparser::ast::{Ident, TableAlias};
use std::collections::BTreeSet;

/// Words that without quotes are a value of the session wherever a name is, in one warehouse or another.
const NOT_A_NAME: [&str; 9] = [
    "current_user",
    "session_user",
    "system_user",
    "user",
    "current_role",
    "current_catalog",
    "current_schema",
    "current_database",
    "current_path",
];

/// Words that ClickHouse reads as a modifier where a table's alias without AS could be.
const NOT_AN_ALIAS: [&str; 12] =
    ["final", "sample", "prewhere", "settings", "format", "global", "any", "all", "asof", "array", "semi", "anti"];

/// A common table expression that is in sight.
#[derive(Debug)]
pub(super) struct Common {
    pub(super) name: String,
    /// What it is called in the text that the warehouse sees.
    pub(super) printed: Ident,
    pub(super) columns: Vec<String>,
}

#[derive(Debug)]
pub(super) struct Walk<'g> {
    pub(super) gate: &'g Gate,
    pub(super) who: &'g Who,
    pub(super) common: Vec<Common>,
    pub(super) bindings: Bindings,
    pub(super) tables: BTreeSet<String>,
    pub(super) columns: BTreeSet<(String, String)>,
    /// Whether a sub-query may stand here; not in a row filter.
    pub(super) queries: bool,
    pub(super) relations: usize,
    pub(super) renamed: usize,
    depth: usize,
    parts: usize,
}

impl<'g> Walk<'g> {
    pub(super) fn new(gate: &'g Gate, who: &'g Who) -> Self {
        Self {
            gate,
            who,
            common: Vec::new(),
            bindings: Bindings::new(gate.dialect, gate.limits.values),
            tables: BTreeSet::new(),
            columns: BTreeSet::new(),
            queries: true,
            relations: 0,
            renamed: 0,
            depth: 0,
            parts: 0,
        }
    }

    /// Counts so many parts of the statement.
    pub(super) fn count(&mut self, parts: usize) -> Result<(), Refused> {
        self.parts += parts;
        if self.parts > SQL_PARTS_MAX {
            return refuse(RefusalKind::Size, format!("the statement has more than {SQL_PARTS_MAX} parts"));
        }
        Ok(())
    }

    /// Goes one level down and back.
    pub(super) fn deeper<T>(
        &mut self,
        levels: usize,
        inside: impl FnOnce(&mut Self) -> Result<T, Refused>,
    ) -> Result<T, Refused> {
        self.count(1)?;
        self.depth += levels;
        if self.depth > SQL_DEPTH_MAX {
            return refuse(RefusalKind::Size, format!("the statement is more than {SQL_DEPTH_MAX} levels deep"));
        }
        let result = inside(self);
        self.depth -= levels;
        result
    }

    /// A name that the statement gives to something.
    pub(super) fn new_name(&self, ident: &Ident) -> Result<String, Refused> {
        self.written_as_name(ident)?;
        Ok(self.gate.dialect.fold(ident))
    }

    /// The alias of a source of rows.
    pub(super) fn new_alias(&self, alias: &TableAlias) -> Result<String, Refused> {
        expect_none(alias.at.is_none(), "AT after a name")?;
        let bare = !alias.explicit && alias.name.quote_style.is_none();
        if bare
            && NOT_AN_ALIAS.contains(&alias.name.value.to_ascii_lowercase().as_str())
            && self.gate.dialect == Dialect::ClickHouse
        {
            return refuse(
                RefusalKind::Clause,
                format!("{} after a table is not a name; write AS if it is meant as one", alias.name),
            )
            .map_err(|refused: Refused| refused.at(alias.name.span));
        }
        self.new_name(&alias.name)
    }

    /// Refuses what a warehouse would not read as a name.
    pub(super) fn written_as_name(&self, ident: &Ident) -> Result<(), Refused> {
        let refused = match ident.quote_style {
            None if NOT_A_NAME.contains(&ident.value.to_ascii_lowercase().as_str()) => {
                Refused::new(RefusalKind::Clause, format!("{ident} is not a name without quotes"))
            }
            Some(quote) if !self.gate.dialect.quotes_names_with(quote) => {
                Refused::new(RefusalKind::Text, format!("{ident} is not quoted as a name"))
            }
            _ => return Ok(()),
        };
        Err(refused.at(ident.span))
    }
}
