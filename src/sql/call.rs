//! Calls of functions: by name from the list of the dialect, with plain arguments.

use super::dialect::Dialect;
use super::expression::expect_none;
use super::functions::{is_bare, is_unit, takes_unit};
use super::refusal::{RefusalKind, Refused, refuse};
use super::scope::Scope;
use super::walk::Walk;
use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArgumentList, FunctionArguments,
    ObjectNamePart, Value, WindowFrame, WindowFrameBound, WindowSpec, WindowType,
};

/// Functions whose second argument is the length of what they give, which must be written out and short.
const GIVES_LENGTH: [&str; 4] = ["lpad", "rpad", "repeat", "space"];
const LENGTH_MAX: u64 = 1_000;

impl Walk<'_> {
    pub(super) fn call(&mut self, function: &mut Function, scope: &Scope<'_>) -> Result<(), Refused> {
        let Function { name, uses_odbc_syntax, parameters, args, within_group, filter, null_treatment: _, over } = function;
        let [ObjectNamePart::Identifier(ident)] = name.0.as_slice() else {
            return refuse(RefusalKind::Function, format!("{name} is not on the list of functions"));
        };
        let (ident, known) = (ident.clone(), ident.value.to_ascii_lowercase());
        let gives_length = GIVES_LENGTH.contains(&known.as_str());
        if ident.quote_style.is_some() || !(gives_length || self.gate.dialect.functions().has(&known)) {
            return refuse(RefusalKind::Function, format!("{ident} is not on the list of functions"))
                .map_err(|r: Refused| r.at(ident.span));
        }
        expect_none(!*uses_odbc_syntax, "{fn …}")?;
        if !matches!(parameters, FunctionArguments::None) {
            expect_none(self.gate.dialect == Dialect::ClickHouse, "a second list of arguments")?;
            self.arguments(parameters, &known, scope)?;
        }
        if matches!(args, FunctionArguments::None) && !is_bare(&known) {
            return refuse(RefusalKind::Function, format!("{ident} without brackets")).map_err(|r: Refused| r.at(ident.span));
        }
        if gives_length {
            short(args)?;
        }
        self.arguments(args, &known, scope)?;
        self.order(within_group, scope)?;
        if let Some(filter) = filter {
            self.expression(filter, scope)?;
        }
        match over {
            None => Ok(()),
            Some(WindowType::WindowSpec(spec)) => self.window(spec, scope),
            Some(WindowType::NamedWindow(name)) if scope.has_window(name, self.gate.dialect) => Ok(()),
            Some(WindowType::NamedWindow(name)) => refuse(RefusalKind::Clause, format!("there is no window {name}")),
        }
    }

    fn arguments(&mut self, arguments: &mut FunctionArguments, function: &str, scope: &Scope<'_>) -> Result<(), Refused> {
        let list = match arguments {
            FunctionArguments::None => return Ok(()),
            FunctionArguments::Subquery(_) => {
                return refuse(RefusalKind::Expression, "a sub-query as the arguments of a function");
            }
            FunctionArguments::List(list) => list,
        };
        let FunctionArgumentList { duplicate_treatment: _, args, clauses } = list;
        for (at, argument) in args.iter_mut().enumerate() {
            match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Identifier(unit)))
                    if at == 0 && takes_unit(function) && unit.quote_style.is_none() && is_unit(&unit.value) => {}
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => self.expression(expression, scope)?,
                FunctionArg::Unnamed(FunctionArgExpr::Wildcard) if function == "count" && at == 0 => {}
                other => return refuse(RefusalKind::Expression, format!("{other} as an argument of {function}")),
            }
        }
        for clause in clauses {
            match clause {
                FunctionArgumentClause::OrderBy(order) => self.order(order, scope)?,
                FunctionArgumentClause::Separator(value) => self.literal(value)?,
                FunctionArgumentClause::IgnoreOrRespectNulls(_) => {}
                other => return refuse(RefusalKind::Clause, format!("{other} inside the arguments of {function}")),
            }
        }
        Ok(())
    }

    pub(super) fn window(&mut self, spec: &mut WindowSpec, scope: &Scope<'_>) -> Result<(), Refused> {
        let WindowSpec { window_name, partition_by, order_by, window_frame } = spec;
        if let Some(name) = window_name
            && !scope.has_window(name, self.gate.dialect)
        {
            return refuse(RefusalKind::Clause, format!("there is no window {name}"));
        }
        for expression in partition_by {
            self.expression(expression, scope)?;
        }
        self.order(order_by, scope)?;
        let Some(WindowFrame { units: _, start_bound, end_bound }) = window_frame else { return Ok(()) };
        for bound in [Some(start_bound), end_bound.as_mut()].into_iter().flatten() {
            match bound {
                WindowFrameBound::CurrentRow | WindowFrameBound::Preceding(None) | WindowFrameBound::Following(None) => {}
                WindowFrameBound::Preceding(Some(rows)) | WindowFrameBound::Following(Some(rows)) => {
                    self.expression(rows, scope)?
                }
            }
        }
        Ok(())
    }
}

/// Refuses a length that is computed or would fill the memory of the warehouse.
fn short(arguments: &FunctionArguments) -> Result<(), Refused> {
    if let FunctionArguments::List(FunctionArgumentList { args, .. }) = arguments
        && let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(length)))) = args.get(usize::from(args.len() > 1))
        && let Value::Number(digits, false) = &length.value
        && digits.parse::<u64>().is_ok_and(|length| length <= LENGTH_MAX)
    {
        return Ok(());
    }
    refuse(RefusalKind::Size, format!("the length of a padded text must be written out and at most {LENGTH_MAX}"))
}
