//! The program itself, from what was gathered.

use super::Builder;
use super::affine::{Total, merge};
use crate::modelling::error::ModelError;
use crate::solver::Program;
use crate::solver::program::{Affine, Class, Row, Sense};

impl Builder<'_> {
    pub(super) fn finish(self, sense: Sense, mut objective: Total) -> Result<Program, ModelError> {
        Self::fold(&mut objective);
        let Affine { terms, constant } = objective.affine;
        let wrong = |detail: String| ModelError::new("/objective/expression", detail);
        let numbers =
            terms.iter().map(|(_, value)| *value).chain(objective.products.iter().map(|(.., value)| *value)).chain([constant]);
        if let Some(value) = numbers.into_iter().find(|value| value.is_nan() || value.abs() >= 1e20) {
            return Err(wrong(format!("the objective comes to the number {value:e}, past what a solver can tell apart")));
        }
        let program = Program {
            class: self.class,
            sense,
            columns: self.columns,
            objective: terms,
            offset: constant,
            quadratic: objective.products,
            rows: self.rows,
            cones: self.cones,
            rules: self.rules,
        };
        if program.class != Class::Convex && !program.quadratic.is_empty() {
            return Err(wrong("a quadratic objective needs model type `convex`".into()));
        }
        Ok(program)
    }
}

/// Multiplies a row by what makes its coefficients whole, as a CP program needs them; its bounds move inwards to whole numbers.
pub(super) fn make_whole(row: &mut Row) -> Result<(), String> {
    let mut sum = Affine { terms: std::mem::take(&mut row.terms), constant: 0.0 };
    merge(&mut sum);
    let near_whole = |value: f64| (value - value.round()).abs() <= 1e-9 * value.abs().max(1.0);
    let mut scale = None;
    for candidate in (0..=9).map(|digits| 10_f64.powi(digits)).chain([2.0, 3.0, 4.0, 6.0, 7.0, 8.0, 9.0, 12.0, 24.0, 60.0, 360.0])
    {
        if sum.terms.iter().all(|(_, value)| near_whole(value * candidate)) {
            scale = Some(candidate);
            break;
        }
    }
    let Some(scale) = scale else {
        return Err(
            "the numbers of this constraint can't be made whole, as a model of type `cp` needs them; round them, or use `mip`"
                .into(),
        );
    };
    for (_, value) in &mut sum.terms {
        *value = (*value * scale).round();
    }
    row.terms = sum.terms;
    // A whole sum reaches a bound within rounding, or the next whole number inside.
    row.lower = (row.lower * scale - 1e-6).ceil();
    row.upper = (row.upper * scale + 1e-6).floor();
    Ok(())
}
