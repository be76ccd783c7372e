//! The order of the words that two texts have in common.

use crate::domain::facts::Facts;

/// The words that both texts have, in another order, where no phrase as a whole has moved: `from A to B` may become `to B from A`, but
/// not `from B to A`.
pub(super) fn reordered<'a>(held: &'a Facts, asked: &'a Facts) -> Option<(String, String)> {
    let passive = |facts: &Facts| facts.words.iter().any(|word| word == "|by");
    if passive(held) != passive(asked) {
        return None;
    }
    let members = |word: &str| held.members.iter().any(|m| m == word) && asked.members.iter().any(|m| m == word);
    let marks = |facts: &Facts| facts.words.iter().filter(|word| word.starts_with('|')).count();
    let marked = marks(held) == marks(asked);
    fn texts(facts: &Facts) -> impl Iterator<Item = &str> {
        facts.words.iter().map(String::as_str)
    }
    let kept = |a: &'a Facts, b: &'a Facts| -> Vec<&'a str> {
        let mut left: Vec<&str> = texts(b).collect();
        let mut out = Vec::with_capacity(a.words.len());
        for word in texts(a).filter(|word| *word != "," && !members(word) && (marked || !word.starts_with('|'))) {
            if let Some(at) = left.iter().position(|other| *other == word) {
                left.swap_remove(at);
                out.push(word);
            }
        }
        out
    };
    let (a, b) = (kept(held, asked), kept(asked, held));
    let is_name = |word: &&str| held.entities.iter().any(|e| e.id == **word && matches!(&*e.kind, "currency" | "coin"));
    // `EUR/USD` is not `USD/EUR`, and who swaps A for B doesn't swap B for A: money keeps its order.
    let money = |words: &[&'a str]| -> Vec<&'a str> { words.iter().filter(|word| is_name(word)).copied().collect() };
    if a == b || block_moved(&a, &b) && money(&a) == money(&b) {
        return None;
    }
    // A phrase set off by a comma may stand anywhere.
    let commas = |facts: &Facts| facts.words.iter().filter(|word| *word == ",").count();
    let clauses_moved = commas(held) + commas(asked) > 0 && block_moved_twice(&a, &b) && block_moved_twice(&b, &a);
    (!clauses_moved).then(|| (a.join(" "), b.join(" ")))
}

/// Whether one run of words, as it stands, has moved to another place.
fn block_moved(a: &[&str], b: &[&str]) -> bool {
    let Some(start) = a.iter().zip(b).position(|(x, y)| x != y) else { return true };
    let end = a.len() - a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count();
    let (Some(a), Some(b)) = (a.get(start..end), b.get(start..end)) else { return false };
    (1..a.len()).any(|by| a[by..] == b[..a.len() - by] && a[..by] == b[a.len() - by..])
}

/// The same of two runs, with a limit on the length that keeps it cheap.
fn block_moved_twice(a: &[&str], b: &[&str]) -> bool {
    if a.len() > 14 {
        return false;
    }
    for start in 0..a.len() {
        for middle in start + 1..a.len() {
            for end in middle + 1..=a.len() {
                let mut other = a.to_vec();
                other[start..end].rotate_left(middle - start);
                if end == a.len() && block_moved(&other, b) {
                    return true;
                }
            }
        }
    }
    false
}

/// Who stands before the verb in one text and behind it in the other, where nothing says that either is a passive.
pub(super) fn accused(held: &Facts, asked: &Facts) -> Option<(String, String)> {
    const VERBS: [&str; 5] = ["accuse", "court+", "owe", "fine", "report-to"];
    let active = |facts: &Facts| !facts.words.iter().any(|word| matches!(&**word, "|by" | "|who"));
    if !active(held) || !active(asked) {
        return None;
    }
    let place = |facts: &Facts, word: &str| facts.words.iter().position(|other| other == word);
    let once = |facts: &Facts, word: &str| facts.words.iter().filter(|other| *other == word).count() == 1;
    let verb = VERBS.iter().find(|verb| once(held, verb) && once(asked, verb))?;
    let names = held.entities.iter().map(|entity| &*entity.id).chain(held.names.iter().map(|name| &**name));
    let before = |facts: &Facts, name: &str| Some(place(facts, name)? < place(facts, verb)?);
    let turned =
        |name: &&str| before(held, name) == Some(true) && place(held, name) == Some(0) && before(asked, name) == Some(false);
    let name = names.filter(|name| once(held, name) && once(asked, name)).find(turned)?;
    Some((format!("{name} {verb}"), format!("{verb} {name}")))
}

/// `to legal` and `from legal`, `issued by agent` and `issued to agent`.
pub(super) fn turned_round(held: &Facts, asked: &Facts) -> Option<(String, String)> {
    const TOWARDS: [&str; 2] = ["|to", "|into"];
    const AWAY: [&str; 3] = ["|from", "|out", "|by"];
    let stands = |facts: &Facts, marks: &[&str], word: &str| {
        facts.words.windows(2).any(|pair| matches!(pair, [mark, next] if next == word && marks.contains(&mark.as_str())))
    };
    let turned = |a: &Facts, b: &Facts| {
        let after = |pair: &[String]| match pair {
            [mark, word] if TOWARDS.contains(&mark.as_str()) => Some(word.clone()),
            _ => None,
        };
        a.words
            .windows(2)
            .filter_map(after)
            .find(|word| stands(b, &AWAY, word) && !stands(b, &TOWARDS, word) && !stands(a, &AWAY, word))
    };
    let there = turned(held, asked).map(|word| (format!("to {word}"), format!("from {word}")));
    there.or_else(|| turned(asked, held).map(|word| (format!("from {word}"), format!("to {word}"))))
}
