//! The section of bounds.

use super::{INFINITE, Reader, number};

impl Reader {
    pub(super) fn bound(&mut self, words: &[&str]) -> Result<(), String> {
        let [kind, rest @ ..] = words else { return Err("a bound needs a kind".into()) };
        let kind = kind.to_uppercase();
        let bare = matches!(kind.as_str(), "FR" | "MI" | "PL" | "BV");
        let known = |word: &str| self.places.get(word).copied();
        // The name of the bounds may be left out, and so may the number of a kind that needs none.
        let (name, value) = match rest {
            [_, name, value] => (*name, Some(*value)),
            [_, name] if bare && known(name).is_some() => (*name, None),
            [name, value] => (*name, Some(*value)),
            [name] if bare => (*name, None),
            _ => return Err(format!("a bound has a kind, a column and a number, and {} words stand here", words.len())),
        };
        let Some(column) = known(name) else { return Err(format!("there is no column `{name}`")) };
        let value = match (bare, value) {
            (true, _) => 0.0,
            (false, Some(value)) => number(value)?,
            (false, None) => return Err(format!("a bound of kind `{kind}` needs a number")),
        };
        self.set_bound(&kind, column as usize, value)
    }

    fn set_bound(&mut self, kind: &str, column: usize, value: f64) -> Result<(), String> {
        let (at, given) = (&mut self.columns[column], &mut self.given[column]);
        let low = if value <= -INFINITE { f64::NEG_INFINITY } else { value };
        let high = if value >= INFINITE { f64::INFINITY } else { value };
        match kind {
            "LO" | "LI" => {
                at.lower = low;
                given.0 = true;
            }
            "UP" | "UI" => {
                at.upper = high;
                // No lower bound was given, and 0 would leave no value.
                if high < 0.0 && !given.0 {
                    at.lower = f64::NEG_INFINITY;
                }
                given.1 = true;
            }
            "FX" => {
                (at.lower, at.upper) = (value, value);
                *given = (true, true);
            }
            "FR" => {
                (at.lower, at.upper) = (f64::NEG_INFINITY, f64::INFINITY);
                *given = (true, true);
            }
            "MI" => {
                at.lower = f64::NEG_INFINITY;
                given.0 = true;
            }
            "PL" => {
                at.upper = f64::INFINITY;
                given.1 = true;
            }
            "BV" => {
                (at.lower, at.upper) = (0.0, 1.0);
                *given = (true, true);
            }
            _ => return Err(format!("`{kind}` is no bound that is read here; there are `LO UP FX FR MI PL BV LI UI`")),
        }
        at.integer |= matches!(kind, "BV" | "LI" | "UI");
        if at.lower == f64::INFINITY || at.upper == f64::NEG_INFINITY || (kind == "FX" && value.abs() >= INFINITE) {
            return Err(format!("`{}` would have no value within its bounds", at.name));
        }
        Ok(())
    }
}
