//! What is done to every solver's values before they go out.

use crate::solver::program::{Column, Program, Row};

/// How far a value may be from a whole one and still stand for it: the tolerance of HiGHS.
const WHOLE_WITHIN: f64 = 1e-5;
/// How far a value may be from a bound and still stand for it, for each unit of the bound or of the distance between both.
const BOUND_WITHIN: f64 = 1e-7;
/// How far a row may be past its bound, for each unit of the bound.
const ROW_WITHIN: f64 = 1e-7;

/// Brings values that are at a bound, or whole, but for the arithmetic of the solver to where they belong, where every row holds as well
/// after as before; minus zero becomes zero.
pub(super) fn tidy(program: &Program, mut values: Vec<f64>) -> Vec<f64> {
    for value in &mut values {
        *value += 0.0;
    }
    let neat: Vec<f64> = program.columns.iter().zip(&values).map(|(column, value)| at_home(column, *value)).collect();
    // What a cone would say to it is not known here.
    let holds = program.cones.is_empty()
        && program.rows.iter().all(|row| {
            let (before, after) = (excess(row, &values), excess(row, &neat));
            after <= before.max(ROW_WITHIN)
        });
    if holds { neat } else { values }
}

fn at_home(column: &Column, value: f64) -> f64 {
    if column.integer && (value - value.round()).abs() <= WHOLE_WITHIN {
        return value.round() + 0.0;
    }
    let width = column.upper - column.lower;
    let near = |bound: f64| {
        let unit = if width.is_finite() { width.max(bound.abs()) } else { bound.abs() };
        bound.is_finite() && (value - bound).abs() <= BOUND_WITHIN * unit.max(1.0)
    };
    let bound = [column.lower, column.upper].into_iter().find(|bound| near(*bound));
    bound.map_or(value, |bound| bound + 0.0)
}

fn excess(row: &Row, values: &[f64]) -> f64 {
    let at = row.at(values);
    let past = |bound: f64, over: f64| if bound.is_finite() { over / bound.abs().max(1.0) } else { 0.0 };
    past(row.lower, row.lower - at).max(past(row.upper, at - row.upper)).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::solver::Class;
    use crate::solver::contract::{empty, integer, row};

    #[test]
    fn a_value_that_is_almost_whole_becomes_whole() {
        let mut program = empty(Class::Mip);
        program.columns = vec![integer(0.0, 9.0)];
        assert_eq!(tidy(&program, vec![2.999_999]), [3.0]);
        assert!(tidy(&program, vec![-0.0])[0].is_sign_positive());
    }

    #[test]
    fn it_stays_where_a_row_would_break() {
        let mut program = empty(Class::Mip);
        program.columns = vec![integer(0.0, 9.0)];
        program.rows = vec![row(&[(0, 1e6)], f64::NEG_INFINITY, 2_999_999.0)];
        assert_eq!(tidy(&program, vec![2.999_999]), [2.999_999]);
    }
}
