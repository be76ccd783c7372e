//! Expressions: an allow-list of their kinds, operators and literals.

use super::dialect::Dialect;
use super::refusal::{RefusalKind, Refused, refuse};
use super::scope::{Found, Scope};
use super::types::{pass as pass_type, pass_field};
use super::walk::Walk;
use sqlparser::ast::{
    AccessExpr, BinaryOperator, CastKind, CeilFloorKind, Expr, Ident, Interval, LambdaFunction, OneOrManyWithParens, Subscript,
    TypedString, UnaryOperator, Value, ValueWithSpan,
};

/// Refuses a part that should not be there.
pub(super) fn expect_none(absent: bool, what: &str) -> Result<(), Refused> {
    if absent { Ok(()) } else { refuse(RefusalKind::Clause, format!("{what} cannot stand in a question")) }
}

/// Both of two conditions.
pub(super) fn both(first: Expr, second: Option<Expr>) -> Expr {
    match second {
        None => first,
        Some(second) => Expr::BinaryOp {
            left: Box::new(Expr::Nested(Box::new(first))),
            op: BinaryOperator::And,
            right: Box::new(Expr::Nested(Box::new(second))),
        },
    }
}

impl Walk<'_> {
    /// Passes an expression. A row of operators is followed in a loop: it makes the tree deep without nesting.
    pub(super) fn expression(&mut self, expression: &mut Expr, scope: &Scope<'_>) -> Result<(), Refused> {
        let mut left_most = expression;
        loop {
            self.count(1)?;
            match left_most {
                Expr::BinaryOp { left, op, right } => {
                    operator(op)?;
                    self.expression(right, scope)?;
                    left_most = left;
                }
                Expr::Cast { kind, expr, data_type, format } => {
                    expect_none(format.is_none(), "CAST with FORMAT")?;
                    expect_none(*kind != CastKind::SafeCast, "SAFE_CAST")?;
                    pass_type(data_type)?;
                    left_most = expr;
                }
                other => return self.deeper(1, |walk| walk.node(other, scope)),
            }
        }
    }

    fn each<'e>(&mut self, expressions: impl IntoIterator<Item = &'e mut Expr>, scope: &Scope<'_>) -> Result<(), Refused> {
        expressions.into_iter().try_for_each(|expression| self.expression(expression, scope))
    }

    fn node(&mut self, expression: &mut Expr, scope: &Scope<'_>) -> Result<(), Refused> {
        match expression {
            Expr::Identifier(ident) => self.column(ident, scope),
            Expr::CompoundIdentifier(idents) => self.compound(idents, scope),
            Expr::Value(value) => self.literal(value),
            Expr::TypedString(TypedString { data_type, value, uses_odbc_syntax }) => {
                expect_none(!*uses_odbc_syntax, "{d '…'}")?;
                pass_type(data_type)?;
                self.literal(value)
            }
            Expr::IsFalse(inner) | Expr::IsNotFalse(inner) | Expr::IsTrue(inner) | Expr::IsNotTrue(inner) => {
                self.expression(inner, scope)
            }
            Expr::IsNull(inner) | Expr::IsNotNull(inner) | Expr::IsUnknown(inner) | Expr::IsNotUnknown(inner) => {
                self.expression(inner, scope)
            }
            Expr::Nested(inner) => self.expression(inner, scope),
            Expr::IsDistinctFrom(left, right) | Expr::IsNotDistinctFrom(left, right) => self.each([&mut **left, right], scope),
            Expr::InList { expr, list, negated: _ } => {
                self.not_a_set(list)?;
                self.expression(expr, scope)?;
                self.each(list, scope)
            }
            Expr::InSubquery { expr, subquery, negated: _ } => {
                self.expression(expr, scope)?;
                self.query(subquery, Some(scope), false).map(drop)
            }
            Expr::Exists { subquery, negated: _ } | Expr::Subquery(subquery) => {
                self.query(subquery, Some(scope), false).map(drop)
            }
            Expr::AnyOp { left, compare_op, right, is_some: _ } | Expr::AllOp { left, compare_op, right } => {
                operator(compare_op)?;
                self.each([&mut **left, right], scope)
            }
            Expr::Between { expr, negated: _, low, high } => self.each([&mut **expr, low, high], scope),
            Expr::Like { negated: _, any: _, expr, pattern, escape_char }
            | Expr::ILike { negated: _, any: _, expr, pattern, escape_char }
            | Expr::SimilarTo { negated: _, expr, pattern, escape_char } => {
                self.each([&mut **expr, pattern], scope)?;
                self.each(escape_char.as_deref_mut(), scope)
            }
            Expr::RLike { negated: _, expr, pattern, regexp: _ } => self.each([&mut **expr, pattern], scope),
            Expr::UnaryOp { op: UnaryOperator::Plus | UnaryOperator::Minus | UnaryOperator::Not, expr } => {
                self.expression(expr, scope)
            }
            Expr::AtTimeZone { timestamp, time_zone } => self.each([&mut **timestamp, time_zone], scope),
            Expr::Function(function) => self.call(function, scope),
            Expr::Case { case_token: _, end_token: _, operand, conditions, else_result } => {
                self.each(operand.as_deref_mut(), scope)?;
                for when in conditions {
                    self.each([&mut when.condition, &mut when.result], scope)?;
                }
                self.each(else_result.as_deref_mut(), scope)
            }
            Expr::Tuple(parts) => self.each(parts, scope),
            Expr::GroupingSets(sets) | Expr::Cube(sets) | Expr::Rollup(sets) => self.each(sets.iter_mut().flatten(), scope),
            Expr::Array(array) => self.each(&mut array.elem, scope),
            Expr::CompoundFieldAccess { root, access_chain } => {
                self.expression(root, scope)?;
                access_chain.iter_mut().try_for_each(|access| self.access(access, scope))
            }
            Expr::Lambda(lambda) => self.lambda(lambda, scope),
            other => self.of_text_or_time(other, scope),
        }
    }

    /// Expressions with a grammar of their own for texts and times.
    fn of_text_or_time(&mut self, expression: &mut Expr, scope: &Scope<'_>) -> Result<(), Refused> {
        match expression {
            Expr::Extract { field, syntax: _, expr } => {
                pass_field(field)?;
                self.expression(expr, scope)
            }
            Expr::Ceil { expr, field } | Expr::Floor { expr, field } => {
                match field {
                    CeilFloorKind::DateTimeField(field) => pass_field(field)?,
                    CeilFloorKind::Scale(value) => self.literal(value)?,
                }
                self.expression(expr, scope)
            }
            Expr::Position { expr, r#in } => self.each([&mut **expr, r#in], scope),
            Expr::Substring { expr, substring_from, substring_for, special: _, shorthand: _ } => {
                self.expression(expr, scope)?;
                self.each(substring_from.as_deref_mut().into_iter().chain(substring_for.as_deref_mut()), scope)
            }
            Expr::Trim { trim_where: _, trim_what, expr, trim_characters } => {
                self.expression(expr, scope)?;
                self.each(trim_what.as_deref_mut().into_iter().chain(trim_characters.iter_mut().flatten()), scope)
            }
            Expr::Overlay { expr, overlay_what, overlay_from, overlay_for } => {
                self.each([&mut **expr, overlay_what, overlay_from], scope)?;
                self.each(overlay_for.as_deref_mut(), scope)
            }
            Expr::Interval(Interval {
                value,
                leading_field,
                leading_precision: _,
                last_field,
                fractional_seconds_precision: _,
            }) => {
                leading_field.iter().chain(&*last_field).try_for_each(pass_field)?;
                self.expression(value, scope)
            }
            other => refuse(
                RefusalKind::Expression,
                format!("an expression of this kind is not on the list: {}", shortened(&other.to_string())),
            ),
        }
    }

    fn access(&mut self, access: &mut AccessExpr, scope: &Scope<'_>) -> Result<(), Refused> {
        match access {
            AccessExpr::Subscript(Subscript::Index { index }) => self.expression(index, scope),
            AccessExpr::Subscript(Subscript::Slice { lower_bound, upper_bound, stride }) => {
                self.each(lower_bound.iter_mut().chain(upper_bound).chain(stride), scope)
            }
            AccessExpr::Dot(_) => refuse(RefusalKind::Expression, "a field of a value"),
        }
    }

    fn lambda(&mut self, lambda: &mut LambdaFunction, scope: &Scope<'_>) -> Result<(), Refused> {
        let LambdaFunction { params, body, syntax: _ } = lambda;
        let params = match params {
            OneOrManyWithParens::One(param) => std::slice::from_ref(param),
            OneOrManyWithParens::Many(params) => params.as_slice(),
        };
        let mut inside = Scope::inside(Some(scope));
        for param in params {
            expect_none(param.data_type.is_none(), "a type of a lambda's parameter")?;
            inside.aliases.push(self.new_name(&param.name)?);
        }
        self.expression(body, &inside)
    }

    /// `x IN (name)` reads a table of that name in ClickHouse, with no filter.
    fn not_a_set(&self, list: &[Expr]) -> Result<(), Refused> {
        let [alone] = list else { return Ok(()) };
        let mut alone = alone;
        while let Expr::Nested(inner) = alone {
            alone = inner;
        }
        let named = matches!(alone, Expr::Identifier(_) | Expr::CompoundIdentifier(_));
        if named && self.gate.dialect == Dialect::ClickHouse {
            return refuse(RefusalKind::Table, "IN with a single name would read a table of that name; write = for a column");
        }
        Ok(())
    }

    fn used(&mut self, found: Option<Found<'_>>, ident: &Ident) -> Result<(), Refused> {
        match found {
            Some(Found { column }) => {
                self.columns.extend(column.map(|(table, column)| (table.to_owned(), column.to_owned())));
                Ok(())
            }
            None => refuse(RefusalKind::Column, format!("there is no column {ident} here"))
                .map_err(|refused: Refused| refused.at(ident.span)),
        }
    }

    pub(super) fn column(&mut self, ident: &Ident, scope: &Scope<'_>) -> Result<(), Refused> {
        self.written_as_name(ident)?;
        self.used(scope.bare(&self.gate.dialect.fold(ident)), ident)
    }

    pub(super) fn qualified_column(
        &mut self,
        schema: Option<&Ident>,
        relation: &Ident,
        column: &Ident,
        scope: &Scope<'_>,
    ) -> Result<(), Refused> {
        let dialect = self.gate.dialect;
        for ident in schema.into_iter().chain([relation, column]) {
            self.written_as_name(ident)?;
        }
        let schema = schema.map(|schema| dialect.fold_table(schema));
        self.used(scope.qualified(schema.as_deref(), &dialect.fold(relation), &dialect.fold(column)), column)
    }

    /// `table.column`, and `schema.table.column`, which loses its schema, since the table has become a sub-query of its own name.
    fn compound(&mut self, idents: &mut Vec<Ident>, scope: &Scope<'_>) -> Result<(), Refused> {
        match idents.as_slice() {
            [relation, column] => self.qualified_column(None, relation, column, scope),
            [schema, relation, column] => {
                self.qualified_column(Some(schema), relation, column, scope)?;
                idents.remove(0);
                Ok(())
            }
            _ => refuse(RefusalKind::Column, "a name in more than three parts"),
        }
    }

    pub(super) fn literal(&self, value: &mut ValueWithSpan) -> Result<(), Refused> {
        match &mut value.value {
            Value::Number(_, false) | Value::SingleQuotedString(_) | Value::Boolean(_) | Value::Null => Ok(()),
            // Double quotes are a text here only while the server's mode does not say otherwise; single quotes always are.
            Value::DoubleQuotedString(text) if self.gate.dialect == Dialect::MySql => {
                value.value = Value::SingleQuotedString(std::mem::take(text));
                Ok(())
            }
            other => refuse(
                RefusalKind::Expression,
                format!("a literal of this kind is not on the list: {}", shortened(&other.to_string())),
            )
            .map_err(|refused: Refused| refused.at(value.span)),
        }
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}

fn operator(operator: &BinaryOperator) -> Result<(), Refused> {
    use BinaryOperator as O;
    match operator {
        O::Plus
        | O::Minus
        | O::Multiply
        | O::Divide
        | O::Modulo
        | O::StringConcat
        | O::DuckIntegerDivide
        | O::MyIntegerDivide
        | O::PGExp => Ok(()),
        O::Gt | O::Lt | O::GtEq | O::LtEq | O::Spaceship | O::Eq | O::NotEq | O::And | O::Or | O::Xor | O::Overlaps => Ok(()),
        O::BitwiseOr | O::BitwiseAnd | O::BitwiseXor | O::PGBitwiseShiftLeft | O::PGBitwiseShiftRight => Ok(()),
        O::Regexp | O::PGRegexMatch | O::PGRegexIMatch | O::PGRegexNotMatch | O::PGRegexNotIMatch | O::PGStartsWith => Ok(()),
        O::PGLikeMatch | O::PGILikeMatch | O::PGNotLikeMatch | O::PGNotILikeMatch => Ok(()),
        O::Arrow | O::LongArrow | O::AtArrow | O::ArrowAt | O::PGOverlap => Ok(()),
        other => refuse(RefusalKind::Expression, format!("the operator {other} is not on the list")),
    }
}
