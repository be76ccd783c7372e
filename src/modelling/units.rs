//! Units of measure: an algebra of them, and the check that a model adds and compares like with like.
//!
//! Nothing is ever converted unasked: an amount in `bps` times one in `USD` is in `bps*USD`, which is no `USD`, and `to(…, "USD")` makes it so.
//! A number that is written in an expression takes the unit of what it is added to or compared with. Where a model states no unit at all,
//! nothing is checked; where it states some, a name without one counts as a plain number.

use super::error::Fault;
use super::node::Node;
use super::parts::Parts;
use std::collections::BTreeMap;
use std::fmt;

mod check;

pub(super) use check::{check, of};

/// A unit of measure: symbols and their powers, which are counted in halves so that a square root has one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Unit(BTreeMap<String, i32>);

/// Symbols that are another one times a factor; an empty one is a plain number.
const SCALED: [(&str, &str, f64); 14] = [
    ("%", "", 0.01),
    ("bps", "", 0.0001),
    ("permille", "", 0.001),
    ("minute", "hour", 1.0 / 60.0),
    ("second", "hour", 1.0 / 3_600.0),
    ("day", "hour", 24.0),
    ("week", "hour", 168.0),
    ("kUSD", "USD", 1e3),
    ("MUSD", "USD", 1e6),
    ("gram", "kg", 0.001),
    ("tonne", "kg", 1_000.0),
    ("km", "metre", 1_000.0),
    ("cm", "metre", 0.01),
    ("millilitre", "litre", 0.001),
];

/// Other spellings; an empty meaning is a plain number, as a count is.
const SPELLINGS: [(&str, &str); 47] = [
    ("1", ""),
    ("count", ""),
    ("counts", ""),
    ("unit", ""),
    ("units", ""),
    ("number", ""),
    ("each", ""),
    ("ratio", ""),
    ("fraction", ""),
    ("share", ""),
    ("percent", "%"),
    ("pct", "%"),
    ("bp", "bps"),
    ("h", "hour"),
    ("hr", "hour"),
    ("hrs", "hour"),
    ("hours", "hour"),
    ("min", "minute"),
    ("mins", "minute"),
    ("minutes", "minute"),
    ("s", "second"),
    ("sec", "second"),
    ("secs", "second"),
    ("seconds", "second"),
    ("d", "day"),
    ("days", "day"),
    ("weeks", "week"),
    ("$", "USD"),
    ("usd", "USD"),
    ("dollar", "USD"),
    ("dollars", "USD"),
    ("€", "EUR"),
    ("eur", "EUR"),
    ("euro", "EUR"),
    ("euros", "EUR"),
    ("£", "GBP"),
    ("gbp", "GBP"),
    ("kusd", "kUSD"),
    ("musd", "MUSD"),
    ("g", "gram"),
    ("grams", "gram"),
    ("tonnes", "tonne"),
    ("m", "metre"),
    ("metres", "metre"),
    ("meters", "metre"),
    ("ml", "millilitre"),
    ("litres", "litre"),
];

impl Unit {
    /// Reads a unit, such as `USD`, `USD/hour`, `%` or `kg*metre^2`.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let mut unit = Self::default();
        let spaced = text.replace(" per ", "/").replace('·', "*");
        let mut sign = 1;
        for (place, part) in spaced.split_inclusive(['*', '/']).enumerate() {
            let (word, next) = match part.strip_suffix(['*', '/']) {
                Some(word) => (word, if part.ends_with('/') { -1 } else { 1 }),
                None => (part, 1),
            };
            let (symbol, power) = match word.trim().split_once('^') {
                Some((symbol, power)) => (symbol.trim(), power.trim().parse::<i32>().ok().filter(|power| power.abs() <= 9)),
                None => (word.trim(), Some(1)),
            };
            let Some(power) = power else { return Err(format!("`{word}` in the unit `{text}` has no whole power up to 9")) };
            if symbol.is_empty()
                || symbol.chars().count() > 32
                || symbol.chars().any(|c| c.is_control() || "()[]{}\"".contains(c))
                || place > 8
            {
                return Err(format!("`{text}` is not a unit; write one as in `USD`, `hours`, `%`, `bps` or `USD/hour`"));
            }
            unit.multiply(&canonical(symbol), 2 * power * sign);
            sign = next;
        }
        Ok(unit)
    }

    fn multiply(&mut self, symbol: &str, halves: i32) {
        if symbol.is_empty() {
            return;
        }
        let power = self.0.entry(symbol.to_owned()).or_default();
        *power += halves;
        if *power == 0 {
            self.0.remove(symbol);
        }
    }

    fn times(mut self, other: &Self, power: i32) -> Self {
        for (symbol, halves) in &other.0 {
            self.multiply(symbol, halves * power);
        }
        self
    }

    /// This unit to a power; nothing where that has other parts than halves.
    fn power(&self, power: f64) -> Option<Self> {
        let mut unit = Self::default();
        for (symbol, halves) in &self.0 {
            let power = f64::from(*halves) * power;
            if power.fract() != 0.0 || power.abs() > 100.0 {
                return None;
            }
            #[expect(clippy::cast_possible_truncation, reason = "a whole number up to 100")]
            unit.multiply(symbol, power as i32);
        }
        Some(unit)
    }

    /// What it measures, and how much of the plain unit of that it is.
    fn base(&self) -> (Self, f64) {
        let (mut base, mut scale) = (Self::default(), 1.0);
        for (symbol, halves) in &self.0 {
            match SCALED.iter().find(|(known, ..)| known == symbol) {
                Some((_, plain, factor)) => {
                    base.multiply(plain, *halves);
                    scale *= factor.powf(f64::from(*halves) / 2.0);
                }
                None => base.multiply(symbol, *halves),
            }
        }
        (base, scale)
    }

    /// By what an amount in this unit is multiplied to be in the other; nothing where they measure different things.
    fn factor(&self, other: &Self) -> Option<f64> {
        let ((base, scale), (other_base, other_scale)) = (self.base(), other.base());
        (base == other_base).then_some(scale / other_scale)
    }

    /// Whether amounts in both may be added.
    fn same(&self, other: &Self) -> bool {
        self.factor(other).is_some_and(|factor| (factor - 1.0).abs() < 1e-12)
    }

    pub(super) fn is_plain(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |(symbol, halves): (&String, i32)| match halves {
            2 => symbol.clone(),
            halves if halves % 2 == 0 => format!("{symbol}^{}", halves / 2),
            halves => format!("{symbol}^({halves}/2)"),
        };
        let over: Vec<String> =
            self.0.iter().filter(|(_, halves)| **halves > 0).map(|(symbol, halves)| shown((symbol, *halves))).collect();
        let under: Vec<String> =
            self.0.iter().filter(|(_, halves)| **halves < 0).map(|(symbol, halves)| shown((symbol, -halves))).collect();
        f.write_str(if over.is_empty() { "1" } else { "" })?;
        f.write_str(&over.join("*"))?;
        under.iter().try_for_each(|symbol| write!(f, "/{symbol}"))
    }
}

fn canonical(symbol: &str) -> String {
    let known = |word: &str| SPELLINGS.iter().find(|(spelling, _)| *spelling == word).map(|(_, meaning)| (*meaning).to_owned());
    if let Some(meaning) = known(symbol).or_else(|| known(&symbol.to_lowercase()).filter(|_| symbol.len() > 1)) {
        return meaning;
    }
    // `cases` and `case` are one unit; `USDS` is not `USD`.
    match symbol.strip_suffix('s') {
        Some(one) if one.len() > 2 && !one.ends_with('s') && symbol.chars().all(|c| c.is_lowercase()) => one.to_owned(),
        _ => symbol.to_owned(),
    }
}

/// By what an expression is multiplied to be in another unit.
pub(super) fn conversion(parts: &Parts, node: &Node, to: &str) -> Result<f64, Fault> {
    let target = Unit::read(to).map_err(|detail| Fault::new(&node.at, detail))?;
    let Some(found) = of(parts, node)? else {
        return Err(Fault::new(&node.at, format!("this has no unit of its own that `to` could make `{target}` of")));
    };
    found
        .factor(&target)
        .ok_or_else(|| Fault::new(&node.at, format!("this is in {}, which no factor makes `{target}`", check::named(&found))))
}
