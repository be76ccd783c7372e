//! Elementary functions to double-double precision, each by reduction to a small argument and a series or one step of Newton.
//!
//! Source: Hida, Li and Bailey (2001), section 4.

use super::{DoubleDouble, Real};

const LN_2: DoubleDouble = DoubleDouble::new(std::f64::consts::LN_2, 2.319_046_813_846_299_6e-17);
/// Doublings after the series of the exponential.
const SQUARINGS: i32 = 9;
/// Terms of a series; what follows is below 10⁻³³ for the reduced arguments.
const TERMS: u32 = 32;

/// e to this power: |x| is brought below ln 2 / 1024, where seven terms are enough.
pub(super) fn exp(x: DoubleDouble) -> DoubleDouble {
    let near = x.rounded();
    if !(-745.0..=709.7).contains(&near) {
        return DoubleDouble::of(near.exp());
    }
    let twos = (near / std::f64::consts::LN_2).round();
    let reduced = (x - LN_2 * DoubleDouble::of(twos)).scaled(0.5_f64.powi(SQUARINGS));
    let (mut term, mut total) = (reduced, reduced);
    for order in 2..=8_u32 {
        term = term * reduced / DoubleDouble::of(f64::from(order));
        total = total + term;
    }
    // (1 + t)² − 1 = 2t + t² keeps the digits that 1 + t would lose.
    for _ in 0..SQUARINGS {
        total = total.scaled(2.0) + total * total;
    }
    let half = 2.0_f64.powi((twos / 2.0).floor() as i32);
    let other = 2.0_f64.powi(twos as i32 - (twos / 2.0).floor() as i32);
    (total + DoubleDouble::ONE).scaled(half).scaled(other)
}

/// Natural logarithm: one step of Newton on the exponential from the nearest `f64`.
pub(super) fn ln(x: DoubleDouble) -> DoubleDouble {
    let near = x.rounded();
    if near <= 0.0 || !near.is_finite() {
        return DoubleDouble::of(near.ln());
    }
    let first = DoubleDouble::of(near.ln());
    // Very small and large numbers would leave the range of exp(−first).
    if near.ln().abs() > 700.0 {
        return first;
    }
    first + x * exp(-first) - DoubleDouble::ONE
}

/// Sine and cosine: the argument is brought to [−π/4, π/4], then Taylor.
pub(super) fn sin_cos(x: DoubleDouble) -> (DoubleDouble, DoubleDouble) {
    let near = x.rounded();
    if !near.is_finite() || near.abs() > 1e15 {
        return (DoubleDouble::of(near.sin()), DoubleDouble::of(near.cos()));
    }
    let quarter = DoubleDouble::PI.scaled(0.5);
    let turns = (near / std::f64::consts::FRAC_PI_2).round();
    let reduced = x - quarter * DoubleDouble::of(turns);
    let square = -(reduced * reduced);
    let (mut sine, mut cosine) = (reduced, DoubleDouble::ONE);
    let (mut odd, mut even) = (reduced, DoubleDouble::ONE);
    for order in (2..=TERMS).step_by(2) {
        let order = f64::from(order);
        even = even * square / DoubleDouble::of(order * (order - 1.0));
        odd = odd * square / DoubleDouble::of(order * (order + 1.0));
        cosine = cosine + even;
        sine = sine + odd;
        if even.rounded().abs() < 1e-34 {
            break;
        }
    }
    match turns.rem_euclid(4.0) as u8 {
        0 => (sine, cosine),
        1 => (cosine, -sine),
        2 => (-sine, -cosine),
        _ => (-cosine, sine),
    }
}

/// Inverse tangent: the nearest `f64`, then the angle between it and the truth by the addition theorem.
pub(super) fn atan(x: DoubleDouble) -> DoubleDouble {
    let near = x.rounded();
    if !near.is_finite() || near.abs() > 1e150 {
        return DoubleDouble::of(near.atan());
    }
    let first = DoubleDouble::of(near.atan());
    let (sine, cosine) = sin_cos(first);
    first + (x * cosine - sine) / (cosine + x * sine)
}
