//! A reading in numbers, in a fixed order: what the head sees of the lexicon.

use super::reading::{Kind, Reading};

/// The features by name, in order. The weights of the head are bound to it.
pub(super) const NAMES: [&str; 34] = [
    "move_up",
    "move_down",
    "bare_move_up",
    "bare_move_down",
    "good",
    "bad",
    "expected_up",
    "expected_down",
    "compared_up",
    "compared_down",
    "percent_up",
    "percent_down",
    "net",
    "rises",
    "falls",
    "silent",
    "mixed",
    "first_part",
    "last_part",
    "strongest_up",
    "strongest_down",
    "measures",
    "figures",
    "percents",
    "negators",
    "hedges",
    "futures",
    "questions",
    "records",
    "marks",
    "length",
    "silent_record",
    "silent_mark",
    "net_mark",
];

/// Net evidence from which on a text is said to rise, or, below zero, to fall.
const LEANS: f32 = 0.25;

/// x / (1 + |x|): between −1 and 1, and the same bits on every processor.
fn soft(x: f32) -> f32 {
    x / (1.0 + x.abs())
}

/// The evidence of a reading, taken together: above zero for a rise.
pub(super) fn net(reading: &Reading) -> f32 {
    reading.evidence.iter().map(|evidence| evidence.weight).sum()
}

/// What the lexicon alone would say: 1, −1, or 0 where the evidence is little or cancels out.
pub(super) fn lean(reading: &Reading) -> i8 {
    let net = net(reading);
    i8::from(net > LEANS) - i8::from(net < -LEANS)
}

/// The features of a reading.
pub(super) fn features(reading: &Reading) -> [f32; NAMES.len()] {
    let total = |kind: Kind, sign: f32| -> f32 {
        let of_kind = reading.evidence.iter().filter(|evidence| evidence.kind == kind);
        soft(of_kind.map(|evidence| (evidence.weight * sign).max(0.0)).sum())
    };
    let sided = |sign: f32| reading.evidence.iter().map(move |evidence| (evidence.weight * sign).max(0.0));
    let (up, down): (f32, f32) = (sided(1.0).sum(), sided(-1.0).sum());
    let part = |part: usize| -> f32 {
        let of_part = reading.evidence.iter().filter(|evidence| evidence.part == part);
        soft(of_part.map(|evidence| evidence.weight).sum())
    };
    let (net, lean, counts) = (net(reading), lean(reading), reading.counts);
    let silent = f32::from(u8::from(up == 0.0 && down == 0.0));
    let (record, mark) = (soft(f32::from(counts.records)), f32::from(u8::from(counts.marks > 0)));
    [
        total(Kind::Move, 1.0),
        total(Kind::Move, -1.0),
        total(Kind::BareMove, 1.0),
        total(Kind::BareMove, -1.0),
        total(Kind::Polar, 1.0),
        total(Kind::Polar, -1.0),
        total(Kind::Expectation, 1.0),
        total(Kind::Expectation, -1.0),
        total(Kind::Comparison, 1.0),
        total(Kind::Comparison, -1.0),
        total(Kind::Percent, 1.0),
        total(Kind::Percent, -1.0),
        soft(net),
        f32::from(u8::from(lean > 0)),
        f32::from(u8::from(lean < 0)),
        silent,
        soft(up.min(down)),
        part(0),
        part(reading.parts - 1),
        soft(sided(1.0).fold(0.0, f32::max)),
        soft(sided(-1.0).fold(0.0, f32::max)),
        soft(f32::from(counts.measures)),
        soft(f32::from(counts.figures)),
        soft(f32::from(counts.percents)),
        soft(f32::from(counts.negators)),
        soft(f32::from(counts.hedges)),
        soft(f32::from(counts.futures)),
        soft(f32::from(counts.questions)),
        record,
        mark,
        f32::from(counts.tokens) / (f32::from(counts.tokens) + 20.0),
        silent * record,
        silent * mark,
        soft(net) * mark,
    ]
}
