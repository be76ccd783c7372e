//! Writes an MPS file, in the free format.

use super::MpsError;
use crate::solver::Program;
use crate::solver::program::{Column, Row, Sense};
use std::collections::HashSet;
use std::fmt::Write;

/// Writes a program as an MPS file. Blanks in names become `_`, and a name that stands twice gets a number.
///
/// # Errors
/// The program has what the format has no words for: cones, rules, products of columns, rows that hold under a condition.
pub fn write(program: &Program) -> Result<String, MpsError> {
    let wrong = |detail: &str| MpsError { line: 0, detail: detail.into() };
    if !program.quadratic.is_empty() || !program.cones.is_empty() || !program.rules.is_empty() {
        return Err(wrong("MPS has linear programs only; this one has products, cones or rules"));
    }
    if program.rows.iter().any(|row| !row.only_if.is_empty()) {
        return Err(wrong("MPS has no rows that hold under a condition"));
    }
    if program.columns.is_empty() {
        return Err(wrong("the program has no columns"));
    }
    let mut taken = HashSet::new();
    let objective = name("objective", &mut taken);
    let rows: Vec<String> = program.rows.iter().map(|row| name(&row.name, &mut taken)).collect();
    let mut taken = HashSet::new();
    let columns: Vec<String> = program.columns.iter().map(|column| name(&column.name, &mut taken)).collect();
    let mut text = String::from("NAME          PROGRAM\n");
    if program.sense == Sense::Maximize {
        text.push_str("OBJSENSE\n    MAX\n");
    }
    // Writing to a text can't fail.
    let _ = rows_and_columns(&mut text, program, &objective, &rows, &columns);
    let _ = sides(&mut text, program, &objective, &rows);
    let _ = bounds(&mut text, &program.columns, &columns);
    text.push_str("ENDATA\n");
    Ok(text)
}

fn name(wanted: &str, taken: &mut HashSet<String>) -> String {
    let mut name: String = wanted.chars().map(|c| if c.is_whitespace() || c.is_control() { '_' } else { c }).collect();
    if name.is_empty() || name == "'MARKER'" {
        name = "_".into();
    }
    let mut number = 1_usize;
    let stem = name.clone();
    while !taken.insert(name.clone()) {
        number += 1;
        name = format!("{stem}_{number}");
    }
    name
}

fn rows_and_columns(
    text: &mut String,
    program: &Program,
    objective: &str,
    rows: &[String],
    columns: &[String],
) -> std::fmt::Result {
    writeln!(text, "ROWS\n N  {objective}")?;
    for (row, name) in program.rows.iter().zip(rows) {
        writeln!(text, " {}  {name}", sign(row))?;
    }
    let mut entries: Vec<Vec<(&str, f64)>> = vec![Vec::new(); columns.len()];
    let terms = program.rows.iter().zip(rows).flat_map(|(row, name)| row.terms.iter().map(move |term| (name.as_str(), term)));
    for (name, (column, value)) in program.objective.iter().map(|term| (objective, term)).chain(terms) {
        if let Some(entries) = entries.get_mut(*column as usize) {
            entries.push((name, *value));
        }
    }
    writeln!(text, "COLUMNS")?;
    let mut integer = false;
    let mut markers = 0;
    for ((column, name), entries) in program.columns.iter().zip(columns).zip(entries) {
        if column.integer != integer {
            integer = column.integer;
            markers += 1;
            writeln!(text, "    M{markers}  'MARKER'  '{}'", if integer { "INTORG" } else { "INTEND" })?;
        }
        if entries.is_empty() {
            // A column is known by its first line.
            writeln!(text, "    {name}  {objective}  0")?;
        }
        for (row, value) in entries {
            writeln!(text, "    {name}  {row}  {value:?}")?;
        }
    }
    if integer {
        writeln!(text, "    M{}  'MARKER'  'INTEND'", markers + 1)?;
    }
    Ok(())
}

fn sign(row: &Row) -> char {
    match (row.lower.is_finite(), row.upper.is_finite()) {
        (true, true) if row.lower == row.upper => 'E',
        (true, _) => 'G',
        (false, true) => 'L',
        (false, false) => 'N',
    }
}

fn sides(text: &mut String, program: &Program, objective: &str, rows: &[String]) -> std::fmt::Result {
    writeln!(text, "RHS")?;
    if program.offset != 0.0 {
        writeln!(text, "    RHS  {objective}  {:?}", -program.offset)?;
    }
    for (row, name) in program.rows.iter().zip(rows) {
        let side = if row.lower.is_finite() { row.lower } else { row.upper };
        if side != 0.0 && side.is_finite() {
            writeln!(text, "    RHS  {name}  {side:?}")?;
        }
    }
    let ranges =
        program.rows.iter().zip(rows).filter(|(row, _)| row.lower.is_finite() && row.upper.is_finite() && row.lower != row.upper);
    for (place, (row, name)) in ranges.enumerate() {
        if place == 0 {
            writeln!(text, "RANGES")?;
        }
        writeln!(text, "    RANGE  {name}  {:?}", row.upper - row.lower)?;
    }
    Ok(())
}

fn bounds(text: &mut String, all: &[Column], names: &[String]) -> std::fmt::Result {
    writeln!(text, "BOUNDS")?;
    for (column, name) in all.iter().zip(names) {
        let (lower, upper) = (column.lower, column.upper);
        if lower == upper {
            writeln!(text, " FX BOUND  {name}  {lower:?}")?;
            continue;
        }
        match (lower.is_finite(), upper.is_finite()) {
            (false, false) => writeln!(text, " FR BOUND  {name}")?,
            (false, true) => writeln!(text, " MI BOUND  {name}\n UP BOUND  {name}  {upper:?}")?,
            (true, finite) => {
                if lower != 0.0 || upper < 0.0 {
                    writeln!(text, " LO BOUND  {name}  {lower:?}")?;
                }
                if finite {
                    writeln!(text, " UP BOUND  {name}  {upper:?}")?;
                } else if column.integer {
                    // Without it a whole number is 0 or 1.
                    writeln!(text, " PL BOUND  {name}")?;
                }
            }
        }
    }
    Ok(())
}
