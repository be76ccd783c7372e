//! FROM: every table reference becomes its filtered self; every other source of rows but a sub-query is refused.

use super::expression::expect_none;
use super::refusal::{RefusalKind, Refused, refuse};
use super::scope::{Relation, Scope};
use super::walk::Walk;
use sqlparser::ast::{
    Ident, Join, JoinConstraint, JoinOperator, ObjectName, ObjectNamePart, Query, SetExpr, TableAlias, TableFactor,
    TableWithJoins,
};

impl Walk<'_> {
    /// Passes a FROM and fills the scope; answers whether its columns stand side by side, none of them merged by USING.
    pub(super) fn from(&mut self, from: &mut [TableWithJoins], scope: &mut Scope<'_>) -> Result<bool, Refused> {
        let mut plain = true;
        for item in from {
            plain &= self.deeper(1, |walk| walk.joined(item, scope))?;
        }
        Ok(plain)
    }

    fn joined(&mut self, item: &mut TableWithJoins, scope: &mut Scope<'_>) -> Result<bool, Refused> {
        let TableWithJoins { relation, joins } = item;
        let mut plain = self.factor(relation, scope)?;
        for Join { relation, global: _, join_operator } in joins {
            plain &= match join_operator {
                JoinOperator::ArrayJoin | JoinOperator::LeftArrayJoin | JoinOperator::InnerArrayJoin => {
                    self.array_join(relation, scope)?
                }
                JoinOperator::Join(constraint)
                | JoinOperator::Inner(constraint)
                | JoinOperator::Left(constraint)
                | JoinOperator::LeftOuter(constraint)
                | JoinOperator::Right(constraint)
                | JoinOperator::RightOuter(constraint)
                | JoinOperator::FullOuter(constraint)
                | JoinOperator::CrossJoin(constraint)
                | JoinOperator::Semi(constraint)
                | JoinOperator::LeftSemi(constraint)
                | JoinOperator::RightSemi(constraint)
                | JoinOperator::Anti(constraint)
                | JoinOperator::LeftAnti(constraint)
                | JoinOperator::RightAnti(constraint)
                | JoinOperator::StraightJoin(constraint) => {
                    let side_by_side = self.factor(relation, scope)?;
                    self.constraint(constraint, scope)? && side_by_side
                }
                JoinOperator::CrossApply | JoinOperator::OuterApply | JoinOperator::AsOf { .. } => {
                    return refuse(RefusalKind::Clause, "APPLY or ASOF JOIN");
                }
            };
        }
        Ok(plain)
    }

    fn constraint(&mut self, constraint: &mut JoinConstraint, scope: &Scope<'_>) -> Result<bool, Refused> {
        match constraint {
            JoinConstraint::On(condition) => self.expression(condition, scope).map(|()| true),
            JoinConstraint::None => Ok(true),
            JoinConstraint::Natural => Ok(false),
            JoinConstraint::Using(names) => {
                for ObjectName(parts) in names {
                    let [ObjectNamePart::Identifier(ident)] = parts.as_slice() else {
                        return refuse(RefusalKind::Column, "USING takes the names of columns alone");
                    };
                    self.column(ident, scope)?;
                }
                Ok(false)
            }
        }
    }

    /// `ARRAY JOIN column AS name`: the column of a table before it, not a table.
    fn array_join(&mut self, factor: &TableFactor, scope: &mut Scope<'_>) -> Result<bool, Refused> {
        let TableFactor::Table { name: ObjectName(parts), alias, args: None, .. } = factor else {
            return refuse(RefusalKind::Table, "ARRAY JOIN takes a column");
        };
        let idents: Vec<Ident> = parts.iter().filter_map(|part| part.as_ident().cloned()).collect();
        let own = match idents.as_slice() {
            [column] => self.column(column, scope).map(|()| column.clone())?,
            [relation, column] => self.qualified_column(None, relation, column, scope).map(|()| column.clone())?,
            _ => return refuse(RefusalKind::Column, "ARRAY JOIN takes a column"),
        };
        expect_none(factor.to_string().split_whitespace().count() <= 3, "an addition to ARRAY JOIN")?;
        let name = self.new_name(alias.as_ref().map_or(&own, |alias| &alias.name))?;
        scope.aliases.push(name);
        Ok(false)
    }

    fn factor(&mut self, factor: &mut TableFactor, scope: &mut Scope<'_>) -> Result<bool, Refused> {
        self.relations += 1;
        if self.relations > self.gate.limits.tables_max {
            return refuse(
                RefusalKind::Size,
                format!("more than {} tables and sub-queries are joined", self.gate.limits.tables_max),
            );
        }
        match factor {
            TableFactor::Table { .. } => self.table(factor, scope),
            TableFactor::Derived { lateral, subquery, alias, sample } => {
                expect_none(sample.is_none(), "SAMPLE")?;
                let relation = if let (Some(at), Some(alias)) = (self.already_filtered(subquery)?, alias.as_ref()) {
                    self.deeper(3, |walk| walk.aliased(at, alias, None))?
                } else {
                    let seen = if *lateral { Some(&*scope) } else { scope.parent };
                    let columns = self.query(subquery, seen, false)?;
                    self.derived(alias.as_ref(), columns)?
                };
                scope.relations.push(relation);
                Ok(true)
            }
            TableFactor::NestedJoin { table_with_joins, alias } => {
                expect_none(alias.is_none(), "a name for joined tables in brackets")?;
                self.deeper(1, |walk| walk.joined(table_with_joins, scope))
            }
            TableFactor::TableFunction { .. } | TableFactor::Function { .. } | TableFactor::UNNEST { .. } => {
                refuse(RefusalKind::Table, "rows come from tables, never from a function")
            }
            _ => refuse(RefusalKind::Table, "rows come from tables and sub-queries alone"),
        }
    }

    fn derived(&mut self, alias: Option<&TableAlias>, columns: Vec<String>) -> Result<Relation, Refused> {
        let Some(alias) = alias else { return Ok(Relation { columns, ..Relation::default() }) };
        let name = self.new_alias(alias)?;
        let columns = self.renamed_columns(alias, columns)?;
        Ok(Relation { name: Some(name), ident: Some(alias.name.clone()), columns, ..Relation::default() })
    }

    /// The columns of something with an alias, which may rename the first of them.
    pub(super) fn renamed_columns(&self, alias: &TableAlias, mut columns: Vec<String>) -> Result<Vec<String>, Refused> {
        expect_none(alias.at.is_none(), "AT after a name")?;
        for (at, definition) in alias.columns.iter().enumerate() {
            expect_none(definition.data_type.is_none(), "a type in a list of columns")?;
            let name = self.new_name(&definition.name)?;
            match columns.get_mut(at) {
                Some(column) => *column = name,
                None => return refuse(RefusalKind::Column, format!("{} names more columns than there are", alias.name)),
            }
        }
        Ok(columns)
    }

    /// The table of the catalogue whose filtered self this sub-query is, to the letter.
    fn already_filtered(&mut self, query: &Query) -> Result<Option<usize>, Refused> {
        let SetExpr::Select(select) = &*query.body else { return Ok(None) };
        let [TableWithJoins { relation: TableFactor::Table { name, .. }, joins }] = select.from.as_slice() else {
            return Ok(None);
        };
        if !joins.is_empty() || query.with.is_some() {
            return Ok(None);
        }
        let (schema, name) = self.parts(name)?;
        if schema.is_none() && self.common_of(&name).is_some() {
            return Ok(None);
        }
        match self.find(schema.as_ref(), &name) {
            Some(at) => Ok((self.filtered(at)? == *query).then_some(at)),
            None => Ok(None),
        }
    }

    fn parts(&self, name: &ObjectName) -> Result<(Option<Ident>, Ident), Refused> {
        let idents: Option<Vec<&Ident>> = name.0.iter().map(ObjectNamePart::as_ident).collect();
        let (schema, name) = match idents.as_deref() {
            Some([name]) => (None, (*name).clone()),
            Some([schema, name]) => (Some((*schema).clone()), (*name).clone()),
            _ => return refuse(RefusalKind::Table, format!("{name} is not the name of a table")),
        };
        for ident in schema.iter().chain(Some(&name)) {
            if ident.quote_style.is_some_and(|quote| !self.gate.dialect.quotes_names_with(quote)) {
                return refuse(RefusalKind::Table, format!("{ident} in quotes of a text would be a file"))
                    .map_err(|r: Refused| r.at(ident.span));
            }
        }
        Ok((schema, name))
    }

    fn common_of(&self, name: &Ident) -> Option<usize> {
        let folded = self.gate.dialect.fold(name);
        self.common.iter().rposition(|common| common.name == folded)
    }

    /// The place of a table in the catalogue, if the role may see it.
    fn find(&self, schema: Option<&Ident>, name: &Ident) -> Option<usize> {
        let dialect = self.gate.dialect;
        let schema = schema.map(|schema| dialect.fold_table(schema));
        let table = self.gate.catalogue.table(dialect, schema.as_deref(), &dialect.fold_table(name))?;
        (!table.visible(&self.who.role).is_empty())
            .then(|| self.gate.catalogue.tables.iter().position(|other| std::ptr::eq(other, table)))
            .flatten()
    }

    fn table(&mut self, factor: &mut TableFactor, scope: &mut Scope<'_>) -> Result<bool, Refused> {
        let TableFactor::Table {
            name,
            alias,
            args,
            with_hints,
            version,
            with_ordinality,
            partitions,
            json_path,
            sample,
            index_hints,
        } = factor
        else {
            return refuse(RefusalKind::Table, "not a table");
        };
        if args.is_some() {
            return refuse(RefusalKind::Table, format!("{name} is a function: rows come from tables alone"));
        }
        let bare = with_hints.is_empty() && version.is_none() && !*with_ordinality && partitions.is_empty();
        expect_none(bare && json_path.is_none() && index_hints.is_empty(), "a hint, a version or a partition of a table")?;
        expect_none(sample.is_none(), "SAMPLE")?;
        let (schema, own) = self.parts(name)?;
        if schema.is_none()
            && let Some(at) = self.common_of(&own)
        {
            let columns = self.common[at].columns.clone();
            let printed = self.common[at].printed.clone();
            if printed != own && alias.is_none() {
                *alias = Some(TableAlias { explicit: true, name: own.clone(), columns: Vec::new(), at: None });
            }
            *name = ObjectName(vec![ObjectNamePart::Identifier(printed)]);
            let mut relation = self.derived(alias.as_ref(), columns)?;
            if alias.is_none() {
                relation.name = Some(self.new_name(&own)?);
                relation.ident = Some(own);
            }
            scope.relations.push(relation);
            return Ok(true);
        }
        let Some(at) = self.find(schema.as_ref(), &own) else {
            return refuse(RefusalKind::Table, format!("there is no table {name}"))
                .map_err(|refused: Refused| refused.at(own.span));
        };
        let subquery = self.deeper(3, |walk| walk.filtered(at))?;
        let alias = match alias.take() {
            Some(alias) => alias,
            None => TableAlias { explicit: true, name: own, columns: Vec::new(), at: None },
        };
        let schema = schema.map(|schema| self.gate.dialect.fold_table(&schema));
        let relation = self.aliased(at, &alias, schema)?;
        scope.relations.push(relation);
        *factor = TableFactor::Derived { lateral: false, subquery: Box::new(subquery), alias: Some(alias), sample: None };
        Ok(true)
    }

    /// A table under its alias, which may name its columns anew.
    fn aliased(&mut self, at: usize, alias: &TableAlias, schema: Option<String>) -> Result<Relation, Refused> {
        self.new_alias(alias)?;
        let mut relation = self.relation_of(at, &alias.name, schema);
        if !alias.columns.is_empty() {
            relation.columns = self.renamed_columns(alias, relation.columns)?;
            relation.listed = false;
        }
        Ok(relation)
    }
}
