//! The lines of a strategy file that a tuning changes, and the file with them in it.

use crate::domain::strategy::{Slot, Strategy};
use toml_edit::{DocumentMut, Item, TableLike, Value};

/// Why a strategy file can't be changed.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// It is no TOML.
    #[error("the strategy file can't be read: {0}")]
    Toml(#[from] toml_edit::TomlError),
    /// Something is not where a strategy file has it.
    #[error("the strategy file has no {0}")]
    Missing(&'static str),
    /// What came out is not what was meant.
    #[error("the changed strategy file would not say what was tuned: {0}")]
    Mismatch(String),
}

/// The lines by which `after` differs from `before`, each under the table that it stands in.
pub fn lines(before: &Strategy, after: &Strategy) -> Vec<String> {
    let mut lines = Vec::new();
    if before.version != after.version {
        lines.push(format!("version = {}", after.version));
    }
    if before.composition != after.composition {
        lines.push(format!("composition = \"{}\"", after.composition.as_str()));
    }
    if before.budget != after.budget
        && let Some(budget) = &after.budget
    {
        lines.push(format!("error_budget = {}", budget.error_budget));
        lines.extend(budget.calibration.as_ref().map(|file| format!("calibration = {}", Value::from(file.as_str()))));
    }
    let (was, is) = (before.thresholds, after.thresholds);
    let floors = [("tau", was.tau, is.tau), ("tau_fresh", was.tau_fresh, is.tau_fresh)];
    lines.extend(floors.iter().filter(|(_, was, is)| was != is).map(|(name, _, is)| format!("[thresholds] {name} = {is}")));
    let weights = before.slots.iter().zip(&after.slots).filter(|(was, is)| was.weight != is.weight);
    lines.extend(weights.map(|(_, is)| format!("[[slots]] of role \"{}\": weight = {}", is.source.role_name(), is.weight)));
    lines
}

/// The text of a strategy file with the settings of `after`; what doesn't change keeps its place, form and comments.
///
/// # Errors
/// [`EditError`], above all where the text that comes out would not read as `after`.
pub fn edited(text: &str, after: &Strategy) -> Result<String, EditError> {
    let mut file: DocumentMut = text.parse()?;
    let root = file.as_table_mut();
    put(root, "version", i64::from(after.version).into());
    put(root, "composition", after.composition.as_str().into());
    if let Some(budget) = &after.budget {
        put(root, "error_budget", budget.error_budget.into());
        if let Some(calibration) = &budget.calibration {
            put(root, "calibration", calibration.as_str().into());
        }
    }
    let thresholds = root.get_mut("thresholds").and_then(Item::as_table_like_mut).ok_or(EditError::Missing("[thresholds]"))?;
    put(thresholds, "tau", decimal(after.thresholds.tau).into());
    put(thresholds, "tau_fresh", decimal(after.thresholds.tau_fresh).into());
    weigh(root.get_mut("slots").ok_or(EditError::Missing("slots"))?, &after.slots)?;
    let edited = file.to_string();
    match Strategy::from_toml(&edited) {
        Ok(read) if read == *after => Ok(edited),
        Ok(_) => Err(EditError::Mismatch("a setting reads otherwise".to_owned())),
        Err(error) => Err(EditError::Mismatch(error.to_string())),
    }
}

fn weigh(item: &mut Item, slots: &[Slot]) -> Result<(), EditError> {
    let missing = || EditError::Missing("slot of that place");
    for (place, slot) in slots.iter().enumerate() {
        let table: &mut dyn TableLike = match item {
            Item::ArrayOfTables(tables) => tables.get_mut(place).ok_or_else(missing)?,
            Item::Value(Value::Array(slots)) => slots.get_mut(place).and_then(Value::as_inline_table_mut).ok_or_else(missing)?,
            _ => return Err(missing()),
        };
        put(table, "weight", decimal(slot.weight).into());
    }
    Ok(())
}

/// The number as a person would write it, not the nearest neighbour that 32 bits have.
fn decimal(value: f32) -> f64 {
    value.to_string().parse().unwrap_or_else(|_| value.into())
}

/// Writes a value unless it stands there already; spaces and comments around it stay.
fn put(table: &mut dyn TableLike, key: &str, new: Value) {
    let same = |old: &Value| match (old, &new) {
        // One and the same number may be written in more ways than one.
        (Value::Float(old), Value::Float(new)) => old.value() == new.value(),
        (Value::Integer(old), Value::Float(new)) => *old.value() as f64 == *new.value(),
        (Value::Integer(old), Value::Integer(new)) => old.value() == new.value(),
        (Value::String(old), Value::String(new)) => old.value() == new.value(),
        _ => false,
    };
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(old) if same(old) => {}
        Some(old) => {
            let decor = old.decor().clone();
            *old = new;
            *old.decor_mut() = decor;
        }
        None => drop(table.insert(key, Item::Value(new))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::budget::BudgetRules;
    use crate::domain::strategy::{Composition, Thresholds};

    const FILE: &str = r#"# What it is for.
name = "s"   # its name
version = 3
composition = "sum"
deadline_ms = 500

[thresholds]
# The one for the whole.
tau = 0.90  # high
tau_fresh = 0.80

[[slots]]
role = "context"
latest = 2
weight = 0.30

# What is new.
[[slots]]
role = "fresh"
weight = 0.70
"#;

    fn tuned() -> Strategy {
        let mut tuned = Strategy::from_toml(FILE).unwrap();
        tuned.version = 4;
        tuned.composition = Composition::Concat;
        tuned.thresholds = Thresholds { tau: 0.52, tau_fresh: 0.8 };
        (tuned.slots[0].weight, tuned.slots[1].weight) = (0.4, 0.6);
        let calibration = Some("s.calibration.json".to_owned());
        tuned.budget = Some(BudgetRules { calibration, ..BudgetRules::usual(0.01, true) });
        tuned
    }

    #[test]
    fn a_strategy_file_is_changed_in_its_place_and_keeps_its_comments() {
        let edited = edited(FILE, &tuned()).unwrap();
        assert_eq!(
            edited,
            FILE.replace("version = 3", "version = 4")
                .replace("\"sum\"", "\"concat\"")
                .replace("deadline_ms = 500\n", "deadline_ms = 500\nerror_budget = 0.01\ncalibration = \"s.calibration.json\"\n")
                .replace("0.90", "0.52")
                .replace("0.30", "0.4")
                .replace("0.70", "0.6")
        );
        assert_eq!(super::edited(&edited, &tuned()).unwrap(), edited, "a second time changes nothing");
    }

    #[test]
    fn the_lines_name_what_changes_and_nothing_else() {
        let before = Strategy::from_toml(FILE).unwrap();
        assert!(lines(&before, &before).is_empty());
        assert_eq!(
            lines(&before, &tuned()),
            [
                "version = 4",
                "composition = \"concat\"",
                "error_budget = 0.01",
                "calibration = \"s.calibration.json\"",
                "[thresholds] tau = 0.52",
                "[[slots]] of role \"context\": weight = 0.4",
                "[[slots]] of role \"fresh\": weight = 0.6",
            ]
        );
    }

    #[test]
    fn slots_in_one_line_are_changed_too() {
        let text = r#"name = "s"
version = 3
composition = "sum"
deadline_ms = 500
thresholds = { tau = 0.9, tau_fresh = 0.8 }
slots = [{ role = "context", latest = 2, weight = 0.3 }, { role = "fresh", weight = 0.7 }]
"#;
        let edited = edited(text, &tuned()).unwrap();
        assert!(edited.contains("weight = 0.4 }, { role") && edited.contains("tau = 0.52, "), "{edited}");
    }
}
