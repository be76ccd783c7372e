//! A figure of now against a figure of then: "EUR 13.1 mn from EUR 8.7 mn", "2.4 compared with 3.1 a year earlier".

use super::lexicon::Sense;
use super::reading::{Evidence, Kind, Unit};
use super::words::{Figure, Token};

/// How many units may stand between the two figures.
const REACH: usize = 16;

/// Every comparison in a text.
pub(super) fn compare(units: &[Unit]) -> Vec<Evidence> {
    let amounts: Vec<(usize, Figure)> = units
        .iter()
        .enumerate()
        .filter_map(|(i, unit)| unit.figure().filter(|figure| !figure.year).map(|figure| (i, figure)))
        .collect();
    amounts.windows(2).filter_map(|pair| compare_pair(units, pair[0], pair[1])).chain(over_percent(units, &amounts)).collect()
}

/// `sales EUR 10 mn, or 5%, compared with EUR 8 mn`: the two amounts with a percentage between them.
fn over_percent(units: &[Unit], amounts: &[(usize, Figure)]) -> Vec<Evidence> {
    let outer = |three: &[(usize, Figure)]| {
        let between = three[1].1.percent && !three[0].1.percent && !three[2].1.percent;
        if between { compare_pair(units, three[0], three[2]) } else { None }
    };
    amounts.windows(3).filter_map(outer).collect()
}

fn compare_pair(units: &[Unit], (first, now): (usize, Figure), (second, then): (usize, Figure)) -> Option<Evidence> {
    if now.percent != then.percent || second - first > REACH {
        return None;
    }
    let between = &units[first + 1..second];
    let versus = between.iter().any(|unit| unit.sense == Some(Sense::Versus));
    // "from 8.7 to 13.1" tells the earlier figure first.
    let opens = first > 0 && units[first.saturating_sub(3)..first].iter().any(|unit| unit.words == "from");
    let to = between.iter().any(|unit| matches!(&unit.token, Token::Word(word) if word == "to"));
    let bracket = between.first().is_some_and(|unit| unit.token == Token::Bracket) && between.len() <= 2;
    let order = if versus || bracket {
        [(first, now), (second, then)]
    } else if opens && to {
        [(second, then), (first, now)]
    } else {
        return None;
    };
    // "EUR 53.3 mn (48.9)": the aside leaves the scale out.
    let scaled = now.value == now.written || then.value != then.written;
    let value = |figure: Figure| if bracket && !scaled { figure.written } else { figure.value };
    let losses = [is_loss(units, first), is_loss(units, second)];
    let losses = [losses[0].unwrap_or(false), losses[1].or(losses[0]).unwrap_or(false)];
    let [now, then] =
        order.map(|(at, figure)| if losses[usize::from(at == second)] { -value(figure).abs() } else { value(figure) });
    let measure = (0..first).rev().take(REACH).find(|i| units[*i].measure().is_some());
    // The sign of a loss is in the figure already.
    let sign =
        measure.map_or(0.7, |of| if units[of].sense == Some(Sense::Loss) { 1.0 } else { units[of].measure().unwrap_or(1.0) });
    let difference = now - then;
    if difference == 0.0
        || !difference.is_finite()
        || bracket && !versus && (now.abs() > 3.0 * then.abs() || then.abs() > 3.0 * now.abs())
    {
        return None;
    }
    let weight = if difference > 0.0 { sign } else { -sign };
    let of = measure.map_or("figure", |of| units[of].words.as_str());
    let words = format!("{of} {} than before", if difference > 0.0 { "higher" } else { "lower" });
    Some(Evidence { kind: Kind::Comparison, weight, part: units[first].part, words })
}

/// Whether the figure at `at` is told as a loss; `None` where no measure stands before it that is its own.
fn is_loss(units: &[Unit], at: usize) -> Option<bool> {
    let before = units[at.saturating_sub(REACH)..at].iter().rev();
    let mut near = before.take_while(|unit| unit.figure().is_none_or(|figure| figure.year));
    near.find(|unit| unit.measure().is_some()).map(|unit| unit.sense == Some(Sense::Loss))
}
