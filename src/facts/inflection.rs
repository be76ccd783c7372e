//! The regular forms of English words, and one form for all of them.

/// Irregular verbs of English: the base, the past and the participle.
const IRREGULAR: [[&str; 3]; 134] = [
    ["arise", "arose", "arisen"],
    ["awake", "awoke", "awoken"],
    ["bear", "bore", "borne"],
    ["beat", "beat", "beaten"],
    ["become", "became", "become"],
    ["begin", "began", "begun"],
    ["bend", "bent", "bent"],
    ["bid", "bid", "bidden"],
    ["bind", "bound", "bound"],
    ["bite", "bit", "bitten"],
    ["bleed", "bled", "bled"],
    ["blow", "blew", "blown"],
    ["break", "broke", "broken"],
    ["breed", "bred", "bred"],
    ["bring", "brought", "brought"],
    ["build", "built", "built"],
    ["burn", "burnt", "burnt"],
    ["buy", "bought", "bought"],
    ["catch", "caught", "caught"],
    ["choose", "chose", "chosen"],
    ["cling", "clung", "clung"],
    ["come", "came", "come"],
    ["creep", "crept", "crept"],
    ["deal", "dealt", "dealt"],
    ["dig", "dug", "dug"],
    ["do", "did", "done"],
    ["draw", "drew", "drawn"],
    ["drink", "drank", "drunk"],
    ["drive", "drove", "driven"],
    ["eat", "ate", "eaten"],
    ["fall", "fell", "fallen"],
    ["feed", "fed", "fed"],
    ["feel", "felt", "felt"],
    ["fight", "fought", "fought"],
    ["find", "found", "found"],
    ["flee", "fled", "fled"],
    ["fly", "flew", "flown"],
    ["forbid", "forbade", "forbidden"],
    ["forecast", "forecast", "forecast"],
    ["forget", "forgot", "forgotten"],
    ["forgive", "forgave", "forgiven"],
    ["freeze", "froze", "frozen"],
    ["get", "got", "gotten"],
    ["give", "gave", "given"],
    ["go", "went", "gone"],
    ["grind", "ground", "ground"],
    ["grow", "grew", "grown"],
    ["hang", "hung", "hung"],
    ["hear", "heard", "heard"],
    ["hide", "hid", "hidden"],
    ["hold", "held", "held"],
    ["keep", "kept", "kept"],
    ["know", "knew", "known"],
    ["lay", "laid", "laid"],
    ["lead", "led", "led"],
    ["leap", "leapt", "leapt"],
    ["learn", "learnt", "learnt"],
    ["leave", "left", "left"],
    ["lend", "lent", "lent"],
    ["light", "lit", "lit"],
    ["lose", "lost", "lost"],
    ["make", "made", "made"],
    ["mean", "meant", "meant"],
    ["meet", "met", "met"],
    ["overcome", "overcame", "overcome"],
    ["overrun", "overran", "overrun"],
    ["oversee", "oversaw", "overseen"],
    ["overtake", "overtook", "overtaken"],
    ["overthrow", "overthrew", "overthrown"],
    ["overwrite", "overwrote", "overwritten"],
    ["pay", "paid", "paid"],
    ["repay", "repaid", "repaid"],
    ["prove", "proved", "proven"],
    ["rebuild", "rebuilt", "rebuilt"],
    ["resell", "resold", "resold"],
    ["rethink", "rethought", "rethought"],
    ["rewrite", "rewrote", "rewritten"],
    ["ride", "rode", "ridden"],
    ["ring", "rang", "rung"],
    ["rise", "rose", "risen"],
    ["run", "ran", "run"],
    ["say", "said", "said"],
    ["see", "saw", "seen"],
    ["seek", "sought", "sought"],
    ["sell", "sold", "sold"],
    ["send", "sent", "sent"],
    ["resend", "resent", "resent"],
    ["sew", "sewed", "sewn"],
    ["shake", "shook", "shaken"],
    ["shine", "shone", "shone"],
    ["shoot", "shot", "shot"],
    ["show", "showed", "shown"],
    ["shrink", "shrank", "shrunk"],
    ["shut", "shut", "shut"],
    ["sing", "sang", "sung"],
    ["sink", "sank", "sunk"],
    ["sit", "sat", "sat"],
    ["sleep", "slept", "slept"],
    ["slide", "slid", "slid"],
    ["speak", "spoke", "spoken"],
    ["speed", "sped", "sped"],
    ["spend", "spent", "spent"],
    ["spin", "spun", "spun"],
    ["spring", "sprang", "sprung"],
    ["stand", "stood", "stood"],
    ["steal", "stole", "stolen"],
    ["stick", "stuck", "stuck"],
    ["strike", "struck", "struck"],
    ["strive", "strove", "striven"],
    ["swear", "swore", "sworn"],
    ["sweep", "swept", "swept"],
    ["swell", "swelled", "swollen"],
    ["swim", "swam", "swum"],
    ["swing", "swung", "swung"],
    ["take", "took", "taken"],
    ["teach", "taught", "taught"],
    ["tear", "tore", "torn"],
    ["tell", "told", "told"],
    ["think", "thought", "thought"],
    ["throw", "threw", "thrown"],
    ["undergo", "underwent", "undergone"],
    ["undertake", "undertook", "undertaken"],
    ["undo", "undid", "undone"],
    ["redo", "redid", "redone"],
    ["uphold", "upheld", "upheld"],
    ["wake", "woke", "woken"],
    ["wear", "wore", "worn"],
    ["weave", "wove", "woven"],
    ["win", "won", "won"],
    ["wind", "wound", "wound"],
    ["withdraw", "withdrew", "withdrawn"],
    ["withhold", "withheld", "withheld"],
    ["withstand", "withstood", "withstood"],
    ["write", "wrote", "written"],
];

/// The forms of a word: plural or third person, past, participle.
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
    if !vowel(last) && vowel(before) && !matches!(last, b'w' | b'x' | b'y') && (3..=8).contains(&word.len()) {
        let end = char::from(last);
        out.push(format!("{word}{end}ed"));
        out.push(format!("{word}{end}ing"));
    }
    out.extend(IRREGULAR.iter().filter(|row| row[0] == word).flat_map(|row| [row[1].to_owned(), row[2].to_owned()]));
    out
}

/// A common form for a word that the lexicon doesn't know, so that its number and tense don't matter.
pub(super) fn stem(word: &str) -> &str {
    let cut = |suffix: &str, least: usize| word.strip_suffix(suffix).filter(|rest| rest.len() >= least);
    if !word.is_ascii() {
        return word;
    }
    if let Some(row) = IRREGULAR.iter().find(|row| row[0] != word && row[1..].contains(&word)) {
        return stem(row[0]);
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
