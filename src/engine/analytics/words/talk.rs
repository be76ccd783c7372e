//! What a question says of itself: how its numbers are calculated, and that each thing is counted once.

use super::elements::{Elements, Kind};
use super::grammar::Cue;
use super::lexicon::Meaning;

/// Words that say of ways of calculating whether they agree.
const AGREEING: &[&str] = &[
    "same",
    "agree",
    "agrees",
    "disagree",
    "match",
    "matches",
    "differ",
    "differs",
    "answer",
    "answers",
    "result",
    "results",
    "figure",
    "figures",
    "outcome",
    "outcomes",
    "kind",
    "way",
    "ways",
    "other",
    "another",
    "alternative",
    "alternate",
    "whichever",
    "matter",
    "matters",
    "depending",
    "hold",
    "holds",
    "consistent",
    "consistently",
    "identical",
    "equal",
    "if",
    "method",
    "methods",
    "choice",
    "used",
    "use",
    "chosen",
    "apply",
    "applied",
    "applying",
    "another",
    "one",
    "two",
    "both",
    "either",
    "type",
    "makes",
    "make",
    "sensitive",
    "much",
    "value",
    "values",
    "amount",
    "amounts",
    "total",
    "totals",
    "regardless",
    "irrespective",
    "taken",
    "take",
    "get",
    "come",
    "comes",
    "out",
    "between",
    "else",
    "something",
    "anything",
    "any",
    "affected",
    "altered",
    "alter",
    "alters",
    "changes",
    "yield",
    "yields",
    "lead",
    "leads",
    "in",
    "manner",
    "manners",
    "numbers",
    "differently",
    "several",
    "when",
    "vary",
    "varies",
];

/// Takes up what is asked of the ways of calculating, from the word that names them to both sides.
pub(super) fn definitions(elements: &mut Elements) {
    for index in elements.cues(|cue| cue == Cue::Definitions) {
        let talk = |elements: &Elements, at: usize| match elements.all[at].kind {
            Kind::Unknown | Kind::Number(_) => AGREEING.contains(&elements.written(at).to_lowercase().as_str()),
            Kind::Phrase(_) => elements.meanings(at).iter().all(|meaning| match meaning {
                Meaning::Cue(cue) => {
                    matches!(
                        cue,
                        Cue::Change
                            | Cue::Compare
                            | Cue::Relationship
                            | Cue::Comparative
                            | Cue::Across
                            | Cue::By
                            | Cue::Which
                            | Cue::What
                            | Cue::Verb
                            | Cue::Nothing
                            | Cue::Definitions
                            | Cue::And
                            | Cue::Or
                            | Cue::Rise
                            | Cue::Fall
                    ) || (*cue == Cue::Count && !elements.written(at).eq_ignore_ascii_case("how many"))
                        || *cue == Cue::Total
                }
                Meaning::Passing => true,
                // `how the revenue is computed`, of the revenue that was asked for.
                Meaning::Measure(_) => {
                    (0..at).any(|other| elements.meanings(other).contains(meaning) && elements.written(other).len() > 2)
                }
                _ => false,
            }),
            Kind::Time(_) => false,
        };
        let mut left = index;
        while let Some(before) = left.checked_sub(1).filter(|before| talk(elements, *before)) {
            left = before;
        }
        // What the groups are led by stays with them: `by` before a dimension is no talk.
        let mut right = index;
        while right + 1 < elements.all.len() && talk(elements, right + 1) {
            right += 1;
        }
        let leads = |elements: &Elements, at: usize| {
            elements.is_cue(at, |cue| matches!(cue, Cue::By | Cue::Across | Cue::Total | Cue::Count))
        };
        while right > index && right + 1 < elements.all.len() && leads(elements, right) {
            right -= 1;
        }
        elements.all[left..=right]
            .iter_mut()
            .filter(|element| !matches!(element.kind, Kind::Phrase(ref all) if all.contains(&Meaning::Cue(Cue::Definitions))))
            .for_each(|element| element.used = true);
    }
}

/// Takes up `quick` where it hurries the one who is asked: last or first, beside another measure.
pub(super) fn haste(elements: &mut Elements) {
    let ends = [elements.all.len().checked_sub(1), (!elements.all.is_empty()).then_some(0)];
    for index in ends.into_iter().flatten() {
        let hurries = ["quick", "quickly", "fast"].contains(&elements.written(index).to_lowercase().as_str());
        let measured = (0..elements.all.len())
            .any(|other| other != index && elements.meanings(other).iter().any(|meaning| matches!(meaning, Meaning::Measure(_))));
        let apart = index == 0 || matches!(elements.all[index - 1].kind, Kind::Time(_));
        if hurries && measured && apart {
            elements.all[index].kind = Kind::Phrase(vec![Meaning::Cue(Cue::Nothing)]);
            elements.all[index].used = true;
        }
    }
}

/// Takes up `counting each person only once`; says whether it is there.
pub(super) fn once(elements: &mut Elements) -> bool {
    // `without repeat purchases` says who did not buy again.
    for at in elements.cues(|cue| cue == Cue::Once) {
        if elements.written(at).to_lowercase().ends_with("repeat") {
            elements.all[at].kind = Kind::Unknown;
        }
    }
    let said = elements.take(|cue| cue == Cue::Once);
    let word = |at: usize| elements.tokens[at].word.as_str();
    let Some(once) = (0..elements.tokens.len()).find(|at| ["once", "twice"].contains(&word(*at))) else { return said };
    let counting =
        (once.saturating_sub(6)..once).rev().find(|at| ["counting", "counted", "count", "counts"].contains(&word(*at)));
    let Some(counting) = counting else { return said };
    // `without counting the same person twice`.
    let not =
        (counting.saturating_sub(2)..counting).find(|at| ["without", "not", "never", "avoiding", "avoid"].contains(&word(*at)));
    let start = match (word(once), not) {
        ("once", _) => counting,
        (_, Some(not)) => not,
        (_, None) => return said,
    };
    let same = (counting..once).any(|at| ["same", "any", "anyone", "anybody", "one", "a"].contains(&word(at)));
    if word(once) == "twice" && !(same || once == counting + 1) {
        return said;
    }
    for index in 0..elements.all.len() {
        let element = &elements.all[index];
        let within = element.first >= start && element.first != counting && element.last <= once;
        // A thing that is named here alone is what is counted.
        let again = elements.meanings(index).iter().any(|meaning| {
            matches!(meaning, Meaning::Measure(_))
                && !(0..elements.all.len()).any(|other| other != index && elements.meanings(other).contains(meaning))
        });
        elements.all[index].used |= within && !again;
        if within && elements.is_cue(index, |cue| cue == Cue::By) {
            elements.all[index].kind = Kind::Phrase(vec![Meaning::Cue(Cue::Nothing)]);
        }
    }
    // `only once` and `once only`.
    let only = |element: &&mut super::elements::Element| element.first == once + 1 && element.first == element.last;
    if elements.tokens.get(once + 1).is_some_and(|token| ["only", "just"].contains(&token.word.as_str())) {
        elements.all.iter_mut().filter(only).for_each(|element| element.used = true);
    }
    let alone = elements.all.iter_mut().filter(|element| element.first == counting && element.last == counting);
    alone.filter(|element| matches!(element.kind, Kind::Unknown)).for_each(|element| element.used = true);
    each(elements, counting);
    true
}

/// `each person counted once`: what stands between `each` and the counting is what is counted, and no group.
fn each(elements: &mut Elements, counting: usize) {
    let only = |at: usize| ["only", "just"].contains(&elements.written(at).to_lowercase().as_str());
    let before = (0..elements.all.len()).rev().filter(|at| elements.all[*at].first < counting && !elements.all[*at].used);
    let (limiting, nouns): (Vec<usize>, Vec<usize>) = before.partition(|at| only(*at));
    let Some(noun) = nouns.first().copied() else { return };
    // `each counted once`, `each one is counted once`.
    let alone = elements.is_cue(noun, |cue| cue == Cue::By);
    let by = if alone { Some(noun) } else { elements.before(noun) };
    let Some(by) = by.filter(|by| elements.is_cue(*by, |cue| cue == Cue::By)) else { return };
    // Nothing but a verb may stand between, for `by each person, counted once` is by each of them.
    const JOINING: &[&str] = &["is", "are", "be", "being", "was", "were", "should", "must", "to", "only", "just", "gets", "get"];
    let joined = elements.tokens[(elements.all[noun].last + 1).min(counting)..counting]
        .iter()
        .all(|token| JOINING.contains(&token.word.as_str()));
    let single = ["each", "every"].contains(&elements.written(by).to_lowercase().as_str());
    if !(joined && single) {
        return;
    }
    limiting.iter().filter(|at| **at > noun).for_each(|at| elements.all[*at].used = true);
    elements.all[by].kind = Kind::Phrase(vec![Meaning::Cue(Cue::Nothing)]);
    elements.all[by].used = true;
    let again = |meaning: &Meaning| {
        (0..elements.all.len())
            .any(|other| other != noun && !elements.all[other].used && elements.meanings(other).contains(meaning))
    };
    let named_before = elements.meanings(noun).iter().any(|meaning| matches!(meaning, Meaning::Measure(_)) && again(meaning));
    elements.all[noun].used |= named_before || elements.written(noun).eq_ignore_ascii_case("one");
}
