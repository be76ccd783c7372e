//! Who did what to whom, active or passive, and what a preposition puts on its two sides.

use super::parts::Part;
use crate::domain::facts::Role;

/// Content words kept on each side of a verb.
const SIDE_MAX: usize = 5;

/// Reads every role of a text.
pub(super) fn read(parts: &[Part<'_>]) -> Vec<Role> {
    let mut roles = Vec::new();
    for at in 0..parts.len() {
        let role = match &parts[at] {
            Part::Pole { axis: "timing", .. } | Part::Qualifier("cause:because") => around_cause(parts, at),
            Part::Pole { axis: "inout", .. } => None,
            Part::Verb(canon) | Part::Pole { canon, .. } => around_verb(parts, at, canon),
            Part::Small(preposition) => around_preposition(parts, at, preposition),
            _ => None,
        };
        roles.extend(role);
        if matches!(parts[at], Part::Verb("prompt")) {
            roles.extend(around_cause(parts, at));
        }
    }
    roles
}

fn name<'a>(part: &Part<'a>) -> Option<&'a str> {
    if let Part::Content { canon, .. } = part { Some(canon) } else { None }
}

fn left(parts: &[Part<'_>], at: usize, most: usize) -> Vec<String> {
    let open = |part: &&Part<'_>| !matches!(part, Part::Break);
    parts[..at].iter().rev().take_while(open).filter_map(name).take(most).map(String::from).collect()
}

fn right(parts: &[Part<'_>], at: usize, most: usize) -> Vec<String> {
    let open = |part: &&Part<'_>| !matches!(part, Part::Break);
    parts[at + 1..].iter().take_while(open).filter_map(name).take(most).map(String::from).collect()
}

fn around_verb(parts: &[Part<'_>], at: usize, canon: &str) -> Option<Role> {
    let (before, after) = (left(parts, at, SIDE_MAX), right(parts, at, SIDE_MAX));
    if let Some(inverted) = inverted(parts, at, canon) {
        return Some(inverted);
    }
    // The agent of a passive stands after `by`; a number after it is an amount.
    let by = (at + 1..parts.len().min(at + 7)).find(|by| matches!(parts[*by], Part::Small("by")) && is_agent(parts, *by, canon));
    let (subject, object) = match by {
        Some(by) => {
            let between = parts[at + 1..by].iter().filter_map(name).count();
            if between > 0 && before.is_empty() {
                return None;
            }
            (agent(parts, by), before)
        }
        None => (before, after),
    };
    (!subject.is_empty() && !object.is_empty()).then(|| Role { subject, verb: canon.into(), object })
}

/// `Which teams did Ajax beat`, `employees whom Sandra reports to`: what is asked for stands first, and is acted on.
fn inverted(parts: &[Part<'_>], at: usize, canon: &str) -> Option<Role> {
    let start = parts[..at].iter().rposition(|part| matches!(part, Part::Break)).map_or(0, |before| before + 1);
    let turn = (start..at).find(|turn| matches!(parts[*turn], Part::Small("did" | "does" | "whom")))?;
    let object: Vec<String> = parts[start..turn].iter().rev().filter_map(name).take(SIDE_MAX).map(String::from).collect();
    let subject: Vec<String> = parts[turn + 1..at].iter().rev().filter_map(name).take(SIDE_MAX).map(String::from).collect();
    (!subject.is_empty() && !object.is_empty()).then(|| Role { subject, verb: canon.into(), object })
}

/// Whether what stands after `by` acts: not a number, unless it counts who acts.
fn is_agent(parts: &[Part<'_>], by: usize, canon: &str) -> bool {
    let describes = |part: &Part<'_>| {
        matches!(
            part,
            Part::Small(_)
                | Part::Verb(_)
                | Part::Qualifier(_)
                | Part::Pole { axis: "strength" | "extreme" | "price" | "new", .. }
        )
    };
    let counts = |at: usize| {
        matches!(&parts[at], Part::Quantity(q) if q.unit == "count")
            && !canon.starts_with("direction")
            && parts.get(at + 1).is_some_and(|next| name(next).is_some())
    };
    (by + 1..parts.len()).find(|at| !describes(&parts[*at])).is_some_and(|at| name(&parts[at]).is_some() || counts(at))
}

/// The agent itself, without the phrases of place and time behind it.
fn agent(parts: &[Part<'_>], by: usize) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for part in &parts[by + 1..] {
        let ends = matches!(part, Part::Break)
            || !found.is_empty()
                && matches!(part, Part::Small("in" | "on" | "at" | "for" | "from" | "to" | "with" | "over" | "into"));
        if ends || found.len() == SIDE_MAX {
            break;
        }
        found.extend(name(part).map(String::from));
    }
    found
}

/// What came of what: `crude falls because the dollar jumps`.
fn around_cause(parts: &[Part<'_>], at: usize) -> Option<Role> {
    let forward = match &parts[at] {
        Part::Qualifier("cause:because") | Part::Pole { axis: "timing", pole: -1, .. } => false,
        Part::Verb("prompt") | Part::Pole { axis: "timing", pole: 1, .. } => true,
        _ => return None,
    };
    let (mut before, mut after) = (left(parts, at, SIDE_MAX), right(parts, at, SIDE_MAX));
    if before.is_empty() {
        // `Because the dollar jumps, crude falls`
        let comma = (at + 1..parts.len()).find(|comma| matches!(parts[*comma], Part::Break))?;
        before = right(parts, comma, SIDE_MAX);
        if matches!(parts[at], Part::Verb(_)) {
            return None;
        }
    }
    if forward {
        std::mem::swap(&mut before, &mut after);
    }
    (!before.is_empty() && !after.is_empty()).then(|| Role { subject: before, verb: "because".into(), object: after })
}

fn around_preposition(parts: &[Part<'_>], at: usize, preposition: &str) -> Option<Role> {
    let verb = match preposition {
        "to" | "into" | "onto" | "for" | "over" | "under" | "against" | "than" | "vs" | "versus" | "from" | "with" | "of"
        | "on" | "in" | "before" | "after" => preposition,
        _ => return None,
    };
    let (subject, object) = (left(parts, at, 1), right(parts, at, 1));
    (!subject.is_empty() && !object.is_empty()).then(|| Role { subject, verb: verb.into(), object })
}

/// Whether two texts put the same two things on opposite sides of the same verb.
pub(super) fn reversed(held: &Role, asked: &Role, is_side: &dyn Fn(&str) -> bool) -> bool {
    // A word counts only where it stands on one side of each text, so that what both have in common says nothing.
    let crossed = |from: &[String], to: &[String], not: (&[String], &[String])| {
        from.iter().any(|word| is_side(word) && to.contains(word) && !not.0.contains(word) && !not.1.contains(word))
    };
    held.verb == asked.verb
        && crossed(&held.subject, &asked.object, (&held.object, &asked.subject))
        && crossed(&held.object, &asked.subject, (&held.subject, &asked.object))
}
