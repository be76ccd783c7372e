//! Names: what may be one, and which known name somebody may have meant.

use super::token::WORDS;
use crate::limits::MODEL_NAME_CHARS_MAX;

/// Why `name` can't be the name of anything that an expression refers to.
pub(super) fn wrong(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("a name can't be empty".into());
    }
    if name.chars().count() > MODEL_NAME_CHARS_MAX {
        return Some(format!("a name has at most {MODEL_NAME_CHARS_MAX} characters"));
    }
    if WORDS.contains(&name) {
        return Some(format!("`{name}` is a word of the language; give it another name"));
    }
    if super::function::Function::named(name).is_some() {
        return Some(format!("`{name}` is a function of the language; give it another name, such as `{name}_1`"));
    }
    match super::token::tokens(name) {
        Err(fault) => Some(fault.detail),
        Ok(found)
            if found.len() == 2
                && matches!(found[0].kind, super::token::Kind::Name(_))
                && !name.contains(char::is_whitespace) =>
        {
            None
        }
        Ok(_) => Some(format!("`{name}` is not a name: a letter or `_`, then letters, digits and `_`")),
    }
}

/// `; did you mean …?` with the known name nearest to `name`, or nothing where none is near.
pub(super) fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let most = (name.chars().count() / 3).max(1);
    let near = known.into_iter().take(10_000).map(|other| (distance(name, other, most), other)).min();
    match near {
        Some((far, other)) if far <= most => format!("; did you mean `{other}`?"),
        _ => String::new(),
    }
}

/// How many letters must be added, dropped, changed or changed over (Damerau 1964, as the optimal string alignment); past `most` any larger
/// number.
fn distance(a: &str, b: &str, most: usize) -> usize {
    let (a, b): (Vec<char>, Vec<char>) =
        (a.to_lowercase().chars().take(64).collect(), b.to_lowercase().chars().take(64).collect());
    if a.len().abs_diff(b.len()) > most {
        return most + 1;
    }
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let change = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = change.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}
