//! A table as a caller sees it: a sub-query over its visible columns with the caller's row filter, in the place of every reference.

use super::binding::{Bindings, Scalar};
use super::catalogue::{Rows, Table, Who};
use super::dialect::Dialect;
use super::reading::{Reading, read, read_expression};
use super::refusal::{RefusalKind, Refused, refuse};
use super::scope::{Relation, Scope, Source};
use super::walk::Walk;
use super::{CatalogueError, Gate};
use sqlparser::ast::{
    BinaryOperator, Expr, Ident, ObjectName, ObjectNamePart, Query, SelectItem, SetExpr, TableFactor, Value, VisitMut, VisitorMut,
};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// The row filter of a table, read once.
#[derive(Debug, Clone)]
pub(super) enum Filter {
    None,
    Tenant { column: String, data_type: String },
    Where(Box<Expr>),
}

/// The tree of a sub-query over one table, whose parts are replaced for each table.
pub(super) fn template(dialect: Dialect) -> Result<Query, CatalogueError> {
    match read("SELECT 1 FROM a", dialect) {
        Ok(Reading { query, .. }) => Ok(query),
        Err(refused) => Err(CatalogueError::Filter { table: String::new(), refused }),
    }
}

impl Filter {
    /// Reads and checks the row filter of a table; the caller in it is any.
    pub(super) fn read(gate: &Gate, table: &Table) -> Result<Self, CatalogueError> {
        match &table.rows {
            Rows::All => Ok(Self::None),
            Rows::Tenant(name) => match table.columns.iter().find(|column| column.name == *name) {
                Some(column) => Ok(Self::Tenant { column: name.clone(), data_type: column.data_type.clone() }),
                None => Err(CatalogueError::NoColumn { table: table.full_name(), column: name.clone() }),
            },
            Rows::Where(text) => {
                let wrong = |refused| CatalogueError::Filter { table: table.full_name(), refused };
                let filter = read_expression(text, gate.dialect).map_err(wrong)?;
                let who = Who { tenant: Scalar::Text(String::new()), role: String::new(), attributes: BTreeMap::new() };
                let mut checked = filter.clone();
                let _ = checked.visit(&mut Caller { gate, who: &who, bindings: None, refused: None });
                let mut walk = Walk::new(gate, &who);
                walk.queries = false;
                let columns = table.columns.iter().map(|column| gate.dialect.fold_stored(&column.name)).collect();
                let scope = Scope { relations: vec![Relation { columns, ..Relation::default() }], ..Scope::default() };
                walk.expression(&mut checked, &scope).map_err(wrong)?;
                Ok(Self::Where(Box::new(filter)))
            }
        }
    }
}

/// Puts the caller's values in the place of `:tenant` and `:attribute`; without bindings, NULL, to check the rest.
struct Caller<'c> {
    gate: &'c Gate,
    who: &'c Who,
    bindings: Option<&'c mut Bindings>,
    refused: Option<Refused>,
}

impl VisitorMut for Caller<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        let Expr::Value(held) = expression else { return ControlFlow::Continue(()) };
        let Value::Placeholder(name) = &held.value else { return ControlFlow::Continue(()) };
        let Some(bindings) = &mut self.bindings else {
            held.value = Value::Null;
            return ControlFlow::Continue(());
        };
        let name = name.trim_start_matches(':');
        let value = if name == "tenant" { Some(&self.who.tenant) } else { self.who.attributes.get(name) };
        let put = match value {
            Some(value) => bindings.expression(value, value.own_type(self.gate.dialect)),
            None => refuse(RefusalKind::Caller, format!("the row filter asks for the caller's {name}")),
        };
        match put {
            Ok(put) => *expression = put,
            Err(refused) => {
                self.refused = Some(refused);
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }
}

impl Walk<'_> {
    /// The sub-query that stands for a table.
    pub(super) fn filtered(&mut self, at: usize) -> Result<Query, Refused> {
        let gate = self.gate;
        let table = &gate.catalogue.tables[at];
        let mut query = gate.template.clone();
        let SetExpr::Select(select) = &mut *query.body else { return refuse(RefusalKind::Table, "no template") };
        let visible = table.visible(&self.who.role);
        self.count(visible.len() + 4)?;
        select.projection =
            visible.iter().map(|column| SelectItem::UnnamedExpr(Expr::Identifier(gate.dialect.ident(&column.name)))).collect();
        if let Some(from) = select.from.first_mut()
            && let TableFactor::Table { name, .. } = &mut from.relation
        {
            let parts = table.schema.iter().chain(Some(&table.name));
            *name = ObjectName(parts.map(|part| ObjectNamePart::Identifier(gate.dialect.ident(part))).collect());
        }
        select.selection = self.condition(at)?;
        Ok(query)
    }

    fn condition(&mut self, at: usize) -> Result<Option<Expr>, Refused> {
        let gate = self.gate;
        match &gate.filters[at] {
            Filter::None => Ok(None),
            Filter::Tenant { column, data_type } => Ok(Some(Expr::BinaryOp {
                left: Box::new(Expr::Identifier(gate.dialect.ident(column))),
                op: BinaryOperator::Eq,
                right: Box::new(self.bindings.expression(&self.who.tenant, data_type)?),
            })),
            Filter::Where(filter) => {
                let mut filter = Expr::clone(filter);
                let mut caller = Caller { gate, who: self.who, bindings: Some(&mut self.bindings), refused: None };
                let _ = filter.visit(&mut caller);
                match caller.refused {
                    Some(refused) => Err(refused),
                    None => Ok(Some(filter)),
                }
            }
        }
    }

    /// The relation that names see where a table stands.
    pub(super) fn relation_of(&mut self, at: usize, alias: &Ident, schema: Option<String>) -> Relation {
        let (gate, table) = (self.gate, &self.gate.catalogue.tables[at]);
        let columns: Vec<String> = table.visible(&self.who.role).into_iter().map(|column| column.name.clone()).collect();
        self.tables.insert(table.full_name());
        Relation {
            name: Some(gate.dialect.fold(alias)),
            ident: Some(alias.clone()),
            schema,
            columns: columns.iter().map(|column| gate.dialect.fold_stored(column)).collect(),
            table: Some(Source { full_name: table.full_name(), columns }),
            listed: true,
        }
    }
}
