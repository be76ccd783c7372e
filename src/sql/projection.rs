//! The projection of a SELECT: the names it gives, and `*` written out as the columns that the role may see.

use super::dialect::Dialect;
use super::expression::expect_none;
use super::refusal::{RefusalKind, Refused, refuse};
use super::scope::{Relation, Scope};
use super::walk::Walk;
use sqlparser::ast::{
    Expr, Ident, ObjectName, ObjectNamePart, SelectItem, SelectItemQualifiedWildcardKind, WildcardAdditionalOptions,
};

impl Walk<'_> {
    /// Writes `*` out where every source of rows is a table; elsewhere it stays, and stands for columns that were passed already.
    pub(super) fn expand(&mut self, projection: &mut Vec<SelectItem>, scope: &Scope<'_>, plain: bool) -> Result<(), Refused> {
        let mut written = Vec::with_capacity(projection.len());
        for item in projection.drain(..) {
            let relations: Vec<&Relation> = match &item {
                SelectItem::Wildcard(options) => {
                    only_wildcard(options)?;
                    if scope.relations.is_empty() {
                        return refuse(RefusalKind::Column, "* without a table");
                    }
                    scope.relations.iter().collect()
                }
                SelectItem::QualifiedWildcard(kind, options) => {
                    only_wildcard(options)?;
                    vec![self.wildcard_of(kind, scope)?]
                }
                _ => {
                    written.push(item);
                    continue;
                }
            };
            for relation in &relations {
                if let Some(table) = &relation.table {
                    self.columns.extend(table.columns.iter().map(|column| (table.full_name.clone(), column.clone())));
                }
            }
            if !relations.iter().all(|relation| relation.listed) || (relations.len() > 1 && !plain) {
                written.push(qualified_plainly(item, &relations)?);
                continue;
            }
            let qualify = scope.relations.len() > 1;
            for relation in relations {
                self.count(relation.columns.len())?;
                written.extend(listed(relation, qualify, self.gate.dialect));
            }
        }
        *projection = written;
        Ok(())
    }

    fn wildcard_of<'s>(&self, kind: &SelectItemQualifiedWildcardKind, scope: &'s Scope<'_>) -> Result<&'s Relation, Refused> {
        let SelectItemQualifiedWildcardKind::ObjectName(ObjectName(parts)) = kind else {
            return refuse(RefusalKind::Expression, "* of an expression");
        };
        let idents: Vec<&Ident> = parts.iter().filter_map(ObjectNamePart::as_ident).collect();
        let dialect = self.gate.dialect;
        let (schema, name) = match idents.as_slice() {
            [name] => (None, *name),
            [schema, name] => (Some(dialect.fold_table(schema)), *name),
            _ => return refuse(RefusalKind::Table, "* of a name in more than two parts"),
        };
        match scope.relation(schema.as_deref(), &dialect.fold(name)) {
            Some(relation) => Ok(relation),
            None => refuse(RefusalKind::Table, format!("there is no table {name} here"))
                .map_err(|refused: Refused| refused.at(name.span)),
        }
    }

    /// The names of the columns that a projection gives, and those of them that are aliases.
    pub(super) fn names(&self, projection: &[SelectItem], scope: &Scope<'_>) -> Result<(Vec<String>, Vec<String>), Refused> {
        let (mut columns, mut aliases) = (Vec::new(), Vec::new());
        for item in projection {
            match item {
                SelectItem::UnnamedExpr(expression) => columns.push(own_name(expression, self.gate.dialect)),
                SelectItem::ExprWithAlias { expr: _, alias } => {
                    let name = self.new_name(alias)?;
                    aliases.push(name.clone());
                    columns.push(name);
                }
                SelectItem::Wildcard(_) => {
                    columns.extend(scope.relations.iter().flat_map(|relation| relation.columns.iter().cloned()))
                }
                SelectItem::QualifiedWildcard(kind, _) => columns.extend(self.wildcard_of(kind, scope)?.columns.iter().cloned()),
                SelectItem::ExprWithAliases { .. } => return refuse(RefusalKind::Expression, "several names for one expression"),
            }
        }
        Ok((columns, aliases))
    }

    pub(super) fn projection(&mut self, projection: &mut [SelectItem], scope: &Scope<'_>) -> Result<(), Refused> {
        for item in projection {
            match item {
                SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, alias: _ } => self.expression(expr, scope)?,
                SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => {}
                SelectItem::ExprWithAliases { .. } => return refuse(RefusalKind::Expression, "several names for one expression"),
            }
        }
        Ok(())
    }
}

/// A wildcard that stays is qualified by the alias alone, since the table behind it has become a sub-query.
fn qualified_plainly(item: SelectItem, relations: &[&Relation]) -> Result<SelectItem, Refused> {
    match (item, relations) {
        (SelectItem::QualifiedWildcard(_, options), [relation]) => match &relation.ident {
            Some(ident) => {
                let name = ObjectName(vec![ObjectNamePart::Identifier(ident.clone())]);
                Ok(SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options))
            }
            None => refuse(RefusalKind::Table, "* of a sub-query without a name"),
        },
        (item, _) => Ok(item),
    }
}

fn listed(relation: &Relation, qualify: bool, dialect: Dialect) -> impl Iterator<Item = SelectItem> {
    let columns = relation.table.iter().flat_map(|table| table.columns.iter());
    columns.map(move |column| {
        let column = dialect.ident(column);
        SelectItem::UnnamedExpr(match &relation.ident {
            Some(ident) if qualify => Expr::CompoundIdentifier(vec![ident.clone(), column]),
            _ => Expr::Identifier(column),
        })
    })
}

fn only_wildcard(options: &WildcardAdditionalOptions) -> Result<(), Refused> {
    let WildcardAdditionalOptions { wildcard_token: _, opt_ilike, opt_exclude, opt_except, opt_replace, opt_rename, opt_alias } =
        options;
    let none = opt_ilike.is_none() && opt_exclude.is_none() && opt_except.is_none() && opt_replace.is_none();
    expect_none(none && opt_rename.is_none() && opt_alias.is_none(), "* with EXCEPT, REPLACE or another addition")
}

/// The name that a warehouse gives to a column without an alias, as far as a statement could use it.
fn own_name(expression: &Expr, dialect: Dialect) -> String {
    match expression {
        Expr::Identifier(ident) => dialect.fold(ident),
        Expr::CompoundIdentifier(idents) => idents.last().map(|ident| dialect.fold(ident)).unwrap_or_default(),
        Expr::Nested(inner) if dialect == Dialect::PostgreSql => own_name(inner, dialect),
        Expr::Cast { expr, .. } if dialect == Dialect::PostgreSql => own_name(expr, dialect),
        Expr::Function(function) if dialect == Dialect::PostgreSql => function.name.to_string().to_lowercase(),
        Expr::Extract { .. } if dialect == Dialect::PostgreSql => "extract".to_owned(),
        Expr::Case { .. } if dialect == Dialect::PostgreSql => "case".to_owned(),
        other => dialect.fold_stored(&other.to_string()),
    }
}
