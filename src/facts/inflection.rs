//! The regular forms of English words, and one form for all of them.

/// The regular forms of a word: plural or third person, past, participle.
pub(super) fn forms(word: &str) -> Vec<String> {
    let bytes = word.as_bytes();
    let (Some(&last), Some(&before)) = (bytes.last(), bytes.len().checked_sub(2).and_then(|at| bytes.get(at))) else {
        return Vec::new();
    };
    if !word.is_ascii() {
        return Vec::new();
    }
    let vowel = |b: u8| matches!(b, b'a' | b'e' | b'i' | b'o' | b'u');
    let stem = &word[..word.len() - 1];
    let mut out = match last {
        b'e' => vec![format!("{word}s"), format!("{word}d"), format!("{stem}ing")],
        b'y' if !vowel(before) => vec![format!("{stem}ies"), format!("{stem}ied"), format!("{word}ing")],
        b's' | b'x' | b'z' | b'h' => vec![format!("{word}es"), format!("{word}ed"), format!("{word}ing"), format!("{word}s")],
        _ => vec![format!("{word}s"), format!("{word}ed"), format!("{word}ing")],
    };
    if !vowel(last) && vowel(before) && !matches!(last, b'w' | b'x' | b'y') && word.len() <= 8 {
        let end = char::from(last);
        out.push(format!("{word}{end}ed"));
        out.push(format!("{word}{end}ing"));
    }
    out
}

/// A common form for a word that the lexicon doesn't know, so that its number and tense don't matter.
pub(super) fn stem(word: &str) -> &str {
    let cut = |suffix: &str, least: usize| word.strip_suffix(suffix).filter(|rest| rest.len() >= least);
    if !word.is_ascii() {
        return word;
    }
    let base = cut("ing", 4).or_else(|| cut("ies", 3)).or_else(|| cut("ied", 3)).or_else(|| cut("ed", 3));
    let base = base.or_else(|| cut("s", 3).filter(|rest| !rest.ends_with('s') && !rest.ends_with('u') && !rest.ends_with('i')));
    let base = base.unwrap_or(word);
    base.strip_suffix(['e', 'y']).filter(|rest| rest.len() >= 3).unwrap_or(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_word_loses_its_number_and_tense() {
        for (word, same) in [("swaps", "swap"), ("merging", "merge"), ("studies", "study"), ("launched", "launch")] {
            assert_eq!(stem(word), stem(same), "{word}");
        }
    }
}
