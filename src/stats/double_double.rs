//! Double-double arithmetic: a number as the unevaluated sum of two `f64`, some 32 decimal digits.
//!
//! Source: Dekker (1971), "A floating-point technique for extending the available precision"; Hida, Li and Bailey (2001), "Algorithms for
//! quad-double precision arithmetic"; error bounds in Joldes, Muller and Popescu (2017), "Tight and rigorous error bounds for basic building
//! blocks of double-word arithmetic". The estimators use it where the data leave `f64` too few digits: long sums, polynomials, residuals
//! that are near nothing.

mod elementary;

use std::cmp::Ordering;
use std::fmt::Debug;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// The numbers that the least-squares code is written over: `f64` where speed counts, [`DoubleDouble`] where digits do.
pub trait Real:
    Copy
    + Debug
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + Send
    + Sync
    + 'static
{
    /// Nothing.
    const ZERO: Self;
    /// One.
    const ONE: Self;
    /// The circle's number.
    const PI: Self;
    /// This number exactly.
    fn of(value: f64) -> Self;
    /// From the more precise number.
    fn narrowed(value: DoubleDouble) -> Self;
    /// The nearest `f64`.
    fn rounded(self) -> f64;
    /// Square root; NaN below 0.
    #[must_use]
    fn sqrt(self) -> Self;
    /// e to this power.
    #[must_use]
    fn exp(self) -> Self;
    /// Natural logarithm; NaN below 0.
    #[must_use]
    fn ln(self) -> Self;
    /// Sine and cosine of radians.
    fn sin_cos(self) -> (Self, Self);
    /// Inverse tangent in radians.
    #[must_use]
    fn atan(self) -> Self;

    /// Whether it is neither infinite nor NaN.
    fn is_finite(self) -> bool {
        self.rounded().is_finite()
    }

    /// Without its sign.
    #[must_use]
    fn abs(self) -> Self {
        if self < Self::ZERO { -self } else { self }
    }

    /// A whole power, by squaring.
    #[must_use]
    fn powi(self, exponent: i32) -> Self {
        let (mut result, mut base, mut left) = (Self::ONE, self, exponent.unsigned_abs());
        while left > 0 {
            if left & 1 == 1 {
                result = result * base;
            }
            left >>= 1;
            if left > 0 {
                base = base * base;
            }
        }
        if exponent < 0 { Self::ONE / result } else { result }
    }
}

/// The unevaluated sum of two `f64`, the second at most half a unit in the last place of the first.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct DoubleDouble {
    high: f64,
    low: f64,
}

/// `a + b` with its rounding error (Knuth's TwoSum).
fn two_sum(a: f64, b: f64) -> DoubleDouble {
    let high = a + b;
    let of_b = high - a;
    let low = (a - (high - of_b)) + (b - of_b);
    if high.is_finite() { DoubleDouble { high, low } } else { DoubleDouble { high, low: 0.0 } }
}

/// `a + b` with its rounding error where |a| ≥ |b| (Dekker's FastTwoSum).
fn quick_two_sum(a: f64, b: f64) -> DoubleDouble {
    let high = a + b;
    if high.is_finite() { DoubleDouble { high, low: b - (high - a) } } else { DoubleDouble { high, low: 0.0 } }
}

/// `a · b` with its rounding error, by a fused multiply-add.
fn two_product(a: f64, b: f64) -> DoubleDouble {
    let high = a * b;
    if high.is_finite() { DoubleDouble { high, low: a.mul_add(b, -high) } } else { DoubleDouble { high, low: 0.0 } }
}

impl DoubleDouble {
    /// From two parts whose sum it is.
    pub const fn new(high: f64, low: f64) -> Self {
        Self { high, low }
    }

    /// The decimal number that prints as this `f64`, such as exactly 1/10 for `0.1`.
    ///
    /// Data are written in decimals. The nearest `f64` of a decimal is off by up to half a unit in the last place, which is all that is left
    /// of a small variance around a large mean; the shortest decimal that reads as the same `f64` (Steele and White, 1990) is what was
    /// written, as long as that had at most 15 significant digits. A number that was computed moves by less than its own rounding.
    pub fn decimal(value: f64) -> Self {
        if value.fract() == 0.0 || !value.is_finite() {
            return Self::of(value);
        }
        let mut power = 1.0;
        for _ in 0..6 {
            power *= 10.0;
            let whole = (value * power).round();
            if whole.abs() < 1e15 && whole / power == value {
                return Self::of(whole) / Self::of(power);
            }
        }
        Self::shortest(value).unwrap_or_else(|| Self::of(value))
    }

    /// Reads back the shortest decimal, which has at most 17 digits.
    fn shortest(value: f64) -> Option<Self> {
        let text = format!("{value:e}");
        let (digits, exponent) = text.split_once('e')?;
        let fraction = digits.split_once('.').map_or(0, |(_, after)| after.len());
        let whole: i64 = digits.replace('.', "").parse().ok()?;
        let exponent = exponent.parse::<i32>().ok()? - i32::try_from(fraction).ok()?;
        // 5^45 is the largest power that both parts hold exactly; what lies beyond keeps its binary value.
        if exponent.abs() > 45 {
            return None;
        }
        let (top, rest) = (whole / 1_000_000_000, whole % 1_000_000_000);
        let whole = Self::of(top as f64) * Self::of(1e9) + Self::of(rest as f64);
        let power = Self::of(10.0).powi(exponent.abs());
        let read = if exponent < 0 { whole / power } else { whole * power };
        (read.rounded() == value).then_some(read)
    }

    /// Times a power of two, exactly.
    #[must_use]
    pub fn scaled(self, power: f64) -> Self {
        Self { high: self.high * power, low: self.low * power }
    }
}

/// The exact sum of these decimals, as precise as two `f64` hold.
pub fn sum(values: impl IntoIterator<Item = DoubleDouble>) -> DoubleDouble {
    values.into_iter().fold(DoubleDouble::ZERO, |total, value| total + value)
}

/// These numbers as the decimals that they print as.
pub fn decimals(values: &[f64]) -> Vec<DoubleDouble> {
    values.iter().map(|&value| DoubleDouble::decimal(value)).collect()
}

impl PartialOrd for DoubleDouble {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match self.high.partial_cmp(&other.high)? {
            Ordering::Equal => self.low.partial_cmp(&other.low),
            unequal => Some(unequal),
        }
    }
}

impl Add for DoubleDouble {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let (high, low) = (two_sum(self.high, other.high), two_sum(self.low, other.low));
        let first = quick_two_sum(high.high, high.low + low.high);
        quick_two_sum(first.high, first.low + low.low)
    }
}

impl Neg for DoubleDouble {
    type Output = Self;

    fn neg(self) -> Self {
        Self { high: -self.high, low: -self.low }
    }
}

impl Sub for DoubleDouble {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul for DoubleDouble {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        let product = two_product(self.high, other.high);
        quick_two_sum(product.high, product.low + (self.high * other.low + self.low * other.high))
    }
}

impl Div for DoubleDouble {
    type Output = Self;

    fn div(self, other: Self) -> Self {
        let first = self.high / other.high;
        if !first.is_finite() || first == 0.0 || !other.high.is_finite() {
            return Self::of(first);
        }
        let rest = self - other * Self::of(first);
        let second = rest.high / other.high;
        let rest = rest - other * Self::of(second);
        let third = rest.high / other.high;
        quick_two_sum(first, second) + Self::of(third)
    }
}

impl Real for DoubleDouble {
    const ZERO: Self = Self::new(0.0, 0.0);
    const ONE: Self = Self::new(1.0, 0.0);
    const PI: Self = Self::new(std::f64::consts::PI, 1.224_646_799_147_353_2e-16);

    fn of(value: f64) -> Self {
        Self { high: value, low: 0.0 }
    }

    fn narrowed(value: DoubleDouble) -> Self {
        value
    }

    fn rounded(self) -> f64 {
        self.high + self.low
    }

    fn sqrt(self) -> Self {
        if self.high <= 0.0 || !self.high.is_finite() {
            return Self::of(self.high.sqrt());
        }
        // One step of Newton from the nearest f64 doubles its digits.
        let root = self.high.sqrt();
        let rest = self - two_product(root, root);
        quick_two_sum(root, rest.high / (2.0 * root))
    }

    fn exp(self) -> Self {
        elementary::exp(self)
    }

    fn ln(self) -> Self {
        elementary::ln(self)
    }

    fn sin_cos(self) -> (Self, Self) {
        elementary::sin_cos(self)
    }

    fn atan(self) -> Self {
        elementary::atan(self)
    }
}

impl Real for f64 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    const PI: Self = std::f64::consts::PI;

    fn of(value: f64) -> Self {
        value
    }

    fn narrowed(value: DoubleDouble) -> Self {
        value.rounded()
    }

    fn rounded(self) -> f64 {
        self
    }

    fn sqrt(self) -> Self {
        self.sqrt()
    }

    fn exp(self) -> Self {
        self.exp()
    }

    fn ln(self) -> Self {
        self.ln()
    }

    fn sin_cos(self) -> (Self, Self) {
        self.sin_cos()
    }

    fn atan(self) -> Self {
        self.atan()
    }
}

#[cfg(test)]
mod tests;
