//! Linear regression: ordinary least squares with classical, heteroskedasticity-robust, autocorrelation-robust and clustered standard errors.
//!
//! Everything up to the coefficients runs in double-double numbers on the decimals that the data print as, so that ill-conditioned designs
//! (Longley, 1967; Wampler, 1970) keep their digits. Columns are numbered from 1 as the caller gave them; the intercept is not counted.

mod covariance;

pub(super) use covariance::Basis;
pub use covariance::{Covariance, cosine_terms, newey_west_lags};

use super::double_double::{DoubleDouble, Real, decimals};
use super::least_squares::Qr;
use super::{StatsError, Stop};
use statrs::distribution::{ContinuousCDF, FisherSnedecor, StudentsT};

/// A column of which this share or less is left beside the others is their combination: `f64` data can't tell it from rounding.
const COLLINEAR: f64 = 1e-13;
/// The same for powers, which are exact.
const COLLINEAR_POWERS: f64 = 1e-24;

/// How to fit.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whether there is a constant term.
    pub intercept: bool,
    /// Which standard errors.
    pub covariance: Covariance,
    /// The level of the intervals, such as 0.95.
    pub level: f64,
    /// Parameters that were taken out of the data before, such as the means of groups.
    pub absorbed: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { intercept: true, covariance: Covariance::Classical, level: 0.95, absorbed: 0 }
    }
}

/// One estimated number with what is known of its error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The number.
    pub value: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Their ratio; nothing where the fit is exact.
    pub t: Option<f64>,
    /// The chance of so large a ratio where the truth is 0, two-sided, by Student's t; nothing where the fit is exact.
    pub p_value: Option<f64>,
    /// The interval of the level that was asked for, by Student's t.
    pub interval: [f64; 2],
}

impl Estimate {
    /// With the interval and the test of Student's t with these degrees of freedom.
    ///
    /// # Errors
    /// [`StatsError::Setting`] where the level lies outside (0, 1), [`StatsError::TooFew`] without a degree of freedom.
    pub fn new(value: f64, standard_error: f64, degrees: f64, level: f64) -> Result<Self, StatsError> {
        if !(level > 0.0 && level < 1.0) {
            return Err(StatsError::Setting { name: "level", wanted: "a number between 0 and 1" });
        }
        let student = StudentsT::new(0.0, 1.0, degrees).map_err(|_| StatsError::TooFew { needed: 2, got: 1 })?;
        let reach = student.inverse_cdf(0.5 + level / 2.0) * standard_error;
        let t = Some(value / standard_error).filter(|t| t.is_finite());
        let p_value = t.map(|t| (2.0 * student.sf(t.abs())).min(1.0));
        if !(value.is_finite() && reach.is_finite()) {
            return Err(StatsError::NotConverged { iterations: 1, why: "the numbers are too large" });
        }
        Ok(Self { value, standard_error, t, p_value, interval: [value - reach, value + reach] })
    }
}

/// What came of a regression.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearFit {
    /// The intercept first where there is one, then one for each column.
    pub coefficients: Vec<Estimate>,
    /// Covariance of the coefficients, by rows.
    pub covariance: Vec<Vec<f64>>,
    /// Observed less fitted, by row.
    pub residuals: Vec<f64>,
    /// Fitted, by row.
    pub fitted: Vec<f64>,
    /// How many observations.
    pub observations: usize,
    /// Observations less parameters.
    pub residual_degrees: usize,
    /// Parameters without the intercept.
    pub model_degrees: usize,
    /// Sum of squares that the model explains; about 0 instead of the mean where there is no intercept.
    pub model_squares: f64,
    /// Sum of squared residuals.
    pub residual_squares: f64,
    /// √(residual squares / residual degrees).
    pub residual_sd: f64,
    /// Share of the sum of squares that is explained.
    pub r_squared: f64,
    /// The same, corrected for the number of parameters.
    pub adjusted_r_squared: f64,
    /// F of all columns together, by the sums of squares; nothing where the fit is exact.
    pub f: Option<f64>,
    /// The chance of so large an F where no column matters.
    pub f_p_value: Option<f64>,
}

/// Regresses `response` on `columns`.
///
/// Source: Davidson and MacKinnon (2004), "Econometric Theory and Methods", chapters 1, 3 and 5; R² and F follow the certified values of NIST's
/// Statistical Reference Datasets (without an intercept, about 0).
///
/// # Errors
/// Any [`StatsError`]; [`StatsError::Collinear`] names the column.
pub fn linear(response: &[f64], columns: &[&[f64]], options: &Options, stop: Stop<'_>) -> Result<LinearFit, StatsError> {
    let columns = columns.iter().map(|column| decimals(column)).collect();
    fit(decimals(response), columns, COLLINEAR, options, stop)
}

/// Regresses `response` on the powers of `x` from 1 to `degree`, which are computed to 32 digits.
///
/// # Errors
/// Any [`StatsError`].
pub fn polynomial(response: &[f64], x: &[f64], degree: u32, options: &Options, stop: Stop<'_>) -> Result<LinearFit, StatsError> {
    let x = decimals(x);
    let power = |order: u32| x.iter().map(|&x| (0..order).fold(DoubleDouble::ONE, |power, _| power * x)).collect();
    fit(decimals(response), (1..=degree).map(power).collect(), COLLINEAR_POWERS, options, stop)
}

fn fit(
    response: Vec<DoubleDouble>,
    mut columns: Vec<Vec<DoubleDouble>>,
    tolerance: f64,
    options: &Options,
    stop: Stop<'_>,
) -> Result<LinearFit, StatsError> {
    let observations = response.len();
    check(&response, &columns)?;
    let lead = usize::from(options.intercept);
    if options.intercept {
        columns.insert(0, vec![DoubleDouble::ONE; observations]);
    }
    let parameters = columns.len();
    let taken = parameters + options.absorbed;
    if observations <= taken {
        return Err(StatsError::TooFew { needed: taken + 1, got: observations });
    }
    let named = |error| match error {
        StatsError::Collinear(column) => StatsError::Collinear(column - lead),
        other => other,
    };
    let qr = Qr::new(columns, tolerance, stop).map_err(named)?;
    let mut rotated = response.clone();
    qr.q_transpose(&mut rotated);
    let coefficients = qr.solve_upper(&rotated);
    // Sums of squares come from the rotated response: its first entries are what the columns explain one after the other.
    let squares = |part: &[DoubleDouble]| part.iter().fold(DoubleDouble::ZERO, |sum, &value| sum + value * value);
    let model_squares = squares(&rotated[lead..parameters]);
    let total = model_squares + squares(&rotated[parameters..]);
    if total.rounded() <= squares(&response).rounded() * 1e-30 {
        return Err(StatsError::Constant("the response"));
    }
    let mut remainder = rotated;
    remainder[..parameters].fill(DoubleDouble::ZERO);
    // What is left of an exact fit is the rounding of 32 digits, and nothing that was observed.
    if squares(&remainder).rounded() <= squares(&response).rounded() * 1e-50 {
        remainder.fill(DoubleDouble::ZERO);
    }
    let residual_squares = squares(&remainder);
    qr.q(&mut remainder);
    let solved = Solved { qr, coefficients, residuals: remainder, response, model_squares, residual_squares, lead };
    solved.finish(options, stop)
}

fn check(response: &[DoubleDouble], columns: &[Vec<DoubleDouble>]) -> Result<(), StatsError> {
    for column in columns {
        if column.len() != response.len() {
            return Err(StatsError::Lengths(response.len(), column.len()));
        }
    }
    for (what, values) in [("the response", response)].into_iter().chain(columns.iter().map(|column| ("a column", &column[..]))) {
        if let Some(row) = values.iter().position(|value| !value.is_finite()) {
            return Err(StatsError::Value { what, row: row + 1, value: values[row].rounded(), wanted: "finite" });
        }
    }
    Ok(())
}

/// The coefficients and what they leave, before anything is said of their errors.
struct Solved {
    qr: Qr<DoubleDouble>,
    coefficients: Vec<DoubleDouble>,
    residuals: Vec<DoubleDouble>,
    response: Vec<DoubleDouble>,
    model_squares: DoubleDouble,
    residual_squares: DoubleDouble,
    lead: usize,
}

impl Solved {
    fn finish(self, options: &Options, stop: Stop<'_>) -> Result<LinearFit, StatsError> {
        let (observations, parameters) = (self.response.len(), self.coefficients.len());
        let residual_degrees = observations - parameters - options.absorbed;
        let model_degrees = parameters - self.lead;
        let of = |count: usize| DoubleDouble::of(count as f64);
        let variance = self.residual_squares / of(residual_degrees);
        let total = self.model_squares + self.residual_squares;
        let unexplained = self.residual_squares / total;
        let basis = Basis { qr: &self.qr, residuals: &self.residuals, residual_degrees };
        let (covariance, test_degrees) = basis.covariance(variance, &options.covariance, stop)?;
        let coefficients = self.coefficients.iter().enumerate().map(|(at, value)| {
            let standard_error =
                if covariance[at][at] > DoubleDouble::ZERO { covariance[at][at].sqrt() } else { DoubleDouble::ZERO };
            Estimate::new(value.rounded(), standard_error.rounded(), test_degrees as f64, options.level)
        });
        let exact = variance.rounded() == 0.0;
        let f = (model_degrees > 0 && !exact).then(|| (self.model_squares / of(model_degrees) / variance).rounded());
        let f = f.filter(|f| f.is_finite());
        let test = FisherSnedecor::new(model_degrees.max(1) as f64, residual_degrees as f64).ok();
        Ok(LinearFit {
            coefficients: coefficients.collect::<Result<_, _>>()?,
            fitted: self.response.iter().zip(&self.residuals).map(|(&y, &residual)| (y - residual).rounded()).collect(),
            residuals: self.residuals.iter().map(|value| value.rounded()).collect(),
            covariance: covariance.iter().map(|row| row.iter().map(|value| value.rounded()).collect()).collect(),
            observations,
            residual_degrees,
            model_degrees,
            model_squares: self.model_squares.rounded(),
            residual_squares: self.residual_squares.rounded(),
            residual_sd: variance.sqrt().rounded(),
            r_squared: (DoubleDouble::ONE - unexplained).rounded(),
            adjusted_r_squared: (DoubleDouble::ONE - unexplained * of(observations - self.lead) / of(residual_degrees)).rounded(),
            f,
            f_p_value: f.zip(test).map(|(f, test)| test.sf(f).clamp(0.0, 1.0)),
        })
    }
}

#[cfg(test)]
mod tests;
