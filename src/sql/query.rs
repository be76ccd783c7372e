//! Queries: WITH, the SELECT and its clauses, set operations, ORDER BY.

use super::expression::expect_none;
use super::refusal::{RefusalKind, Refused, refuse};
use super::scope::{Relation, Scope};
use super::walk::{Common, Walk};
use sqlparser::ast::{
    Cte, Distinct, GroupByExpr, GroupByWithModifier, NamedWindowExpr, OrderBy, OrderByExpr, OrderByKind, OrderByOptions,
    OrderBySort, Query, Select, SelectFlavor, SetExpr, SetQuantifier, Values, With,
};

/// What a body of a query gives: the names of its columns, and the scope in which its ORDER BY is read.
struct Body<'p> {
    columns: Vec<String>,
    scope: Scope<'p>,
}

impl Walk<'_> {
    /// Passes a query; answers the folded names of its columns.
    pub(super) fn query(
        &mut self,
        query: &mut Query,
        parent: Option<&Scope<'_>>,
        outermost: bool,
    ) -> Result<Vec<String>, Refused> {
        if !self.queries {
            return refuse(RefusalKind::Expression, "a sub-query cannot stand here");
        }
        let common = self.common.len();
        let columns = self.deeper(1, |walk| walk.query_inside(query, parent, outermost))?;
        self.common.truncate(common);
        Ok(columns)
    }

    fn query_inside(&mut self, query: &mut Query, parent: Option<&Scope<'_>>, outermost: bool) -> Result<Vec<String>, Refused> {
        let Query { with, body, order_by, limit_clause, fetch, locks, for_clause, settings, format_clause, pipe_operators } =
            query;
        expect_none(locks.is_empty(), "FOR UPDATE or another lock")?;
        expect_none(for_clause.is_none(), "FOR XML, FOR JSON or FOR BROWSE")?;
        expect_none(settings.is_none(), "SETTINGS")?;
        expect_none(format_clause.is_none(), "FORMAT")?;
        expect_none(pipe_operators.is_empty(), "a pipe operator")?;
        if let Some(with) = with {
            self.with(with, parent)?;
        }
        let Body { columns, scope } = self.body(body, parent)?;
        if let Some(order_by) = order_by {
            self.order_by(order_by, &scope)?;
        }
        if let Some(sqlparser::ast::LimitClause::LimitOffset { limit_by, .. }) = limit_clause {
            for by in limit_by {
                self.expression(by, &scope)?;
            }
        }
        self.limit(limit_clause, fetch, outermost)?;
        Ok(columns)
    }

    fn with(&mut self, with: &mut With, parent: Option<&Scope<'_>>) -> Result<(), Refused> {
        let With { with_token: _, recursive, cte_tables } = with;
        expect_none(!*recursive, "WITH RECURSIVE")?;
        for cte in cte_tables {
            let Cte { alias, query, from, materialized: _, closing_paren_token: _ } = cte;
            expect_none(from.is_none(), "FROM after a common table expression")?;
            // It does not see itself: its name inside it is whatever it was outside.
            let columns = self.query(query, parent, false)?;
            let columns = self.renamed_columns(alias, columns)?;
            let name = self.new_name(&alias.name)?;
            // A name that is a table's too is replaced, so that no reader can take the one for the other.
            if self.gate.catalogue.has_name(&alias.name.value) {
                self.renamed += 1;
                alias.name = self.gate.dialect.ident(&format!("{}_cte{}", alias.name.value, self.renamed));
            }
            self.common.push(Common { name, printed: alias.name.clone(), columns });
        }
        Ok(())
    }

    fn body<'p>(&mut self, body: &mut SetExpr, parent: Option<&'p Scope<'p>>) -> Result<Body<'p>, Refused> {
        match body {
            SetExpr::Select(select) => self.deeper(1, |walk| walk.select(select, parent)),
            SetExpr::Query(query) => {
                let columns = self.query(query, parent, false)?;
                Ok(named_only(columns, parent))
            }
            SetExpr::SetOperation { left, op: _, set_quantifier, right } => {
                if matches!(set_quantifier, SetQuantifier::ByName | SetQuantifier::AllByName | SetQuantifier::DistinctByName) {
                    return refuse(RefusalKind::Clause, "a set operation BY NAME");
                }
                let columns = self.deeper(1, |walk| {
                    let columns = walk.body(left, parent)?.columns;
                    walk.body(right, parent)?;
                    Ok(columns)
                })?;
                Ok(named_only(columns, parent))
            }
            SetExpr::Values(Values { explicit_row: _, value_keyword: _, rows }) => {
                let scope = Scope::inside(parent);
                let width = rows.first().map_or(0, |row| row.content.len());
                for row in rows {
                    for value in &mut row.content {
                        self.expression(value, &scope)?;
                    }
                }
                Ok(named_only((1..=width).map(|at| format!("column{at}")).collect(), parent))
            }
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                refuse(RefusalKind::Statement, "the statement writes")
            }
            SetExpr::Table(_) => refuse(RefusalKind::Statement, "TABLE in place of a SELECT"),
        }
    }

    fn select<'p>(&mut self, select: &mut Select, parent: Option<&'p Scope<'p>>) -> Result<Body<'p>, Refused> {
        only_plain(select)?;
        let mut scope = Scope::inside(parent);
        let plain = self.from(&mut select.from, &mut scope)?;
        self.expand(&mut select.projection, &scope, plain)?;
        let (columns, aliases) = self.names(&select.projection, &scope)?;
        if self.gate.dialect.aliases_everywhere() {
            scope.aliases.extend(aliases.iter().cloned());
        }
        // The rows of a filtered table are read through a sub-query, which has no PREWHERE; the two mean the same.
        if let Some(prewhere) = select.prewhere.take() {
            select.selection = Some(super::expression::both(prewhere, select.selection.take()));
        }
        for definition in &mut select.named_window {
            let name = self.new_name(&definition.0)?;
            match &mut definition.1 {
                NamedWindowExpr::NamedWindow(other) if !scope.has_window(other, self.gate.dialect) => {
                    return refuse(RefusalKind::Clause, format!("there is no window {other}"));
                }
                NamedWindowExpr::NamedWindow(_) => {}
                NamedWindowExpr::WindowSpec(spec) => self.window(spec, &scope)?,
            }
            scope.windows.push(name);
        }
        if let Some(selection) = &mut select.selection {
            self.expression(selection, &scope)?;
        }
        self.projection(&mut select.projection, &scope)?;
        if let Some(Distinct::On(on)) = &mut select.distinct {
            for expression in on {
                self.expression(expression, &scope)?;
            }
        }
        if !self.gate.dialect.aliases_everywhere() {
            scope.aliases.extend(aliases);
        }
        self.group_by(&mut select.group_by, &scope)?;
        for expression in select.having.iter_mut().chain(&mut select.qualify) {
            self.expression(expression, &scope)?;
        }
        Ok(Body { columns, scope })
    }

    fn group_by(&mut self, group_by: &mut GroupByExpr, scope: &Scope<'_>) -> Result<(), Refused> {
        let modifiers = match group_by {
            GroupByExpr::All(modifiers) => modifiers,
            GroupByExpr::Expressions(expressions, modifiers) => {
                for expression in expressions {
                    self.expression(expression, scope)?;
                }
                modifiers
            }
        };
        for modifier in modifiers {
            match modifier {
                GroupByWithModifier::Rollup | GroupByWithModifier::Cube | GroupByWithModifier::Totals => {}
                GroupByWithModifier::GroupingSets(sets) => self.expression(sets, scope)?,
            }
        }
        Ok(())
    }

    fn order_by(&mut self, order_by: &mut OrderBy, scope: &Scope<'_>) -> Result<(), Refused> {
        let OrderBy { kind, interpolate } = order_by;
        expect_none(interpolate.is_none(), "INTERPOLATE")?;
        match kind {
            OrderByKind::All(options) => plain_order(options),
            OrderByKind::Expressions(expressions) => self.order(expressions, scope),
        }
    }

    /// The expressions of an ORDER BY, of a query, a window or an aggregate.
    pub(super) fn order(&mut self, expressions: &mut [OrderByExpr], scope: &Scope<'_>) -> Result<(), Refused> {
        for OrderByExpr { expr, options, with_fill } in expressions {
            expect_none(with_fill.is_none(), "WITH FILL")?;
            plain_order(options)?;
            self.expression(expr, scope)?;
        }
        Ok(())
    }
}

/// The scope of an ORDER BY that sees the columns of the result only.
fn named_only<'p>(columns: Vec<String>, parent: Option<&'p Scope<'p>>) -> Body<'p> {
    let relation = Relation { columns: columns.clone(), ..Relation::default() };
    Body { columns, scope: Scope { parent, relations: vec![relation], ..Scope::default() } }
}

fn plain_order(options: &OrderByOptions) -> Result<(), Refused> {
    let OrderByOptions { sort, nulls_first: _ } = options;
    expect_none(!matches!(sort, Some(OrderBySort::Using(_))), "ORDER BY with USING")
}

/// Refuses what no question needs of a SELECT. Every field is named, so that a new one is not passed unseen.
fn only_plain(select: &Select) -> Result<(), Refused> {
    let Select {
        select_token: _,
        optimizer_hints,
        distinct: _,
        select_modifiers,
        top,
        top_before_distinct: _,
        projection: _,
        exclude,
        into,
        from: _,
        lateral_views,
        prewhere: _,
        selection: _,
        connect_by,
        group_by: _,
        cluster_by,
        distribute_by,
        sort_by,
        having: _,
        named_window: _,
        qualify: _,
        window_before_qualify: _,
        value_table_mode,
        flavor,
    } = select;
    expect_none(optimizer_hints.is_empty(), "an optimizer hint")?;
    expect_none(
        select_modifiers.as_ref().is_none_or(|modifiers| modifiers.to_string().trim().is_empty()),
        "a modifier of the SELECT",
    )?;
    expect_none(top.is_none(), "TOP")?;
    expect_none(exclude.is_none(), "EXCLUDE")?;
    expect_none(into.is_none(), "INTO")?;
    expect_none(lateral_views.is_empty(), "LATERAL VIEW")?;
    expect_none(connect_by.is_empty(), "CONNECT BY")?;
    expect_none(cluster_by.is_empty() && distribute_by.is_empty() && sort_by.is_empty(), "CLUSTER, DISTRIBUTE or SORT BY")?;
    expect_none(value_table_mode.is_none(), "AS STRUCT or AS VALUE")?;
    expect_none(matches!(flavor, SelectFlavor::Standard), "FROM before SELECT")
}
