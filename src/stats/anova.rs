//! One-way analysis of variance.

use super::double_double::{DoubleDouble, Real, decimals, sum};
use super::{StatsError, univariate};
use statrs::distribution::{ContinuousCDF, FisherSnedecor};

/// Whether groups differ in their means.
#[derive(Debug, Clone, PartialEq)]
pub struct Anova {
    /// Mean and number of each group, in the order that they were given in.
    pub groups: Vec<(f64, usize)>,
    /// Groups less 1.
    pub between_degrees: usize,
    /// Sum of squares of the group means around the grand mean.
    pub between_squares: f64,
    /// Observations less groups.
    pub within_degrees: usize,
    /// Sum of squares of the values around their group means.
    pub within_squares: f64,
    /// Ratio of the mean squares; nothing where no value differs from its group's mean.
    pub f: Option<f64>,
    /// The chance of so large a ratio where all means are the same.
    pub p_value: Option<f64>,
    /// Share of the sum of squares that lies between the groups.
    pub r_squared: f64,
    /// √(within squares / within degrees).
    pub residual_sd: f64,
}

/// Compares the means of groups, each given as its values.
///
/// Source: Scheffé (1959), "The Analysis of Variance", chapter 3; the sums are taken around the means in double-double numbers, for the reason
/// that Simon and Lesage (1989) show: around 0 the leading digits cancel.
///
/// # Errors
/// [`StatsError::TooFew`] below two groups, in an empty group, or without a degree of freedom within; [`StatsError::Constant`].
pub fn one_way(groups: &[Vec<f64>]) -> Result<Anova, StatsError> {
    let observations: usize = groups.iter().map(Vec::len).sum();
    if groups.len() < 2 {
        return Err(StatsError::TooFew { needed: 2, got: groups.len() });
    }
    if groups.iter().any(Vec::is_empty) || observations <= groups.len() {
        return Err(StatsError::TooFew { needed: groups.len() + 1, got: observations });
    }
    let count = |length: usize| DoubleDouble::of(length as f64);
    let mut values = Vec::with_capacity(groups.len());
    for group in groups {
        univariate::check(group)?;
        values.push(decimals(group));
    }
    let means: Vec<DoubleDouble> = values.iter().map(|group| sum(group.iter().copied()) / count(group.len())).collect();
    let grand = sum(values.iter().flatten().copied()) / count(observations);
    let square = |value: DoubleDouble| value * value;
    let between = sum(values.iter().zip(&means).map(|(group, &mean)| count(group.len()) * square(mean - grand)));
    let within = sum(values.iter().zip(&means).flat_map(|(group, &mean)| group.iter().map(move |&value| square(value - mean))));
    let total = between + within;
    let size = sum(values.iter().flatten().map(|&value| square(value))).rounded();
    if total.rounded() <= size * 1e-60 || !total.is_finite() {
        return Err(StatsError::Constant("the response"));
    }
    let (between_degrees, within_degrees) = (groups.len() - 1, observations - groups.len());
    let within = if within.rounded() <= size * 1e-60 { DoubleDouble::ZERO } else { within };
    let mean_square = within / count(within_degrees);
    let f = Some((between / count(between_degrees) / mean_square).rounded()).filter(|f| f.is_finite());
    let test = FisherSnedecor::new(between_degrees as f64, within_degrees as f64).ok();
    Ok(Anova {
        groups: means.iter().zip(groups).map(|(mean, group)| (mean.rounded(), group.len())).collect(),
        between_degrees,
        between_squares: between.rounded(),
        within_degrees,
        within_squares: within.rounded(),
        f,
        p_value: f.zip(test).map(|(f, test)| test.sf(f).clamp(0.0, 1.0)),
        r_squared: (between / total).rounded(),
        residual_sd: mean_square.sqrt().rounded(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sets SmLs01, 04 and 07 of NIST's Statistical Reference Datasets: nine treatments of 21 replicates, the first replicate of treatment
    /// t at base + 0.4 + shift(t) and the others 0.1 below and above it by turns. The certified values don't depend on the base.
    #[test]
    fn leading_digits_that_all_values_share_cost_no_digit() {
        let shifts = [0, -1, 0, 1, 2, 1, 2, 1, 2];
        for base in [1_u64, 1_000_000, 1_000_000_000_000] {
            let groups: Vec<Vec<f64>> = shifts
                .iter()
                .map(|shift| (0..21).map(move |at| 4 + shift + [0, -1, 1][if at == 0 { 0 } else { 1 + (at + 1) % 2 }]))
                .map(|tenths| tenths.map(|tenths| format!("{base}.{tenths}").parse().unwrap()).collect())
                .collect();
            let found = one_way(&groups).unwrap();
            assert_eq!((found.between_degrees, found.within_degrees), (8, 180));
            assert!((found.within_squares / 1.8 - 1.0).abs() < 1e-14, "{}", found.within_squares);
            assert!((found.residual_sd / 0.1 - 1.0).abs() < 1e-14);
            let ratio = found.between_squares / 8.0 / 0.01;
            assert!((found.f.unwrap() / ratio - 1.0).abs() < 1e-14);
        }
    }

    /// Two groups: F is the square of Student's t with a pooled variance, here √6 = 2.449….
    #[test]
    fn two_groups_give_the_square_of_students_t() {
        let found = one_way(&[vec![1.0, 2.0, 3.0], vec![3.0, 4.0, 5.0]]).unwrap();
        assert!((found.f.unwrap() - 6.0).abs() < 1e-14);
        assert!((found.p_value.unwrap() - 0.070_484).abs() < 1e-6);
        assert_eq!(found.groups, [(2.0, 3), (4.0, 3)]);
    }

    #[test]
    fn one_group_an_empty_one_or_no_spread_is_refused() {
        assert!(matches!(one_way(&[vec![1.0, 2.0]]), Err(StatsError::TooFew { .. })));
        assert!(matches!(one_way(&[vec![1.0, 2.0], vec![]]), Err(StatsError::TooFew { .. })));
        assert!(matches!(one_way(&[vec![1.0], vec![2.0]]), Err(StatsError::TooFew { .. })));
        assert!(matches!(one_way(&[vec![0.1, 0.1], vec![0.1]]), Err(StatsError::Constant(_))));
        assert_eq!(one_way(&[vec![0.1, 0.1], vec![0.2]]).unwrap().f, None);
    }
}
