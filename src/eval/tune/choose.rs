//! Which weights, which composition and which embedder.
//!
//! The choice looks at the part that the model is fitted on and at nothing else, so that the proof, which is made on the part after it,
//! costs no correction for having chosen among several.

use super::gather::{Asked, LOW, samples};
use crate::budget::fit::scored_by_others;
use crate::domain::strategy::{Binding, Composition, Slot, SlotSource, Strategy};
use serde::Serialize;

/// What another setting must gain, as a share of the requests, before it is worth a change: less than this is within the noise of a
/// thousand requests.
pub const GAIN_MIN: f64 = 0.02;

/// An embedder that is within [`GAIN_MIN`] of the best is preferred where it takes less than this share of the time.
const QUICKER: f64 = 0.7;

/// What fewer dimensions may cost, as a share of the requests.
pub const LOSS_MAX: f64 = 0.01;

/// Shares of the fresh slot that are tried, of what fresh and soft slots have together.
const FRESH_SHARES: [f32; 4] = [0.2, 0.4, 0.6, 0.8];

/// One setting that was tried.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tried {
    /// The embedder, as `id@revision`.
    pub model: String,
    /// How the slots become one vector.
    pub composition: Composition,
    /// The weights of the slots, in their order.
    pub weights: Vec<f32>,
    /// Dimensions of a composed vector.
    pub dimensions: usize,
    /// Whether it lost some by a projection.
    pub projected: bool,
    /// The share of the requests that could be answered from near ones within the budget, as the fitting part has it.
    pub hit_rate: f64,
    /// The share of those answers that would be wrong.
    pub error: f64,
    /// Microseconds that the embedder takes for a text, at the median.
    pub embed_us: u64,
    /// Microseconds from an embedded question to its candidates, at the median: composing, searching, judging; 0 where pairs alone were asked.
    pub search_us: u64,
    /// Bytes that the composed vector of an entry takes in its record.
    pub vector_bytes: usize,
    /// Whether it is what the strategy's file and the settings say now.
    pub own: bool,
    /// Whether it was chosen.
    pub chosen: bool,
}

/// The strategy as it is, and with other weights and compositions where `context` says that something fills its soft slots.
pub fn variants(strategy: &Strategy, context: bool) -> Vec<Strategy> {
    let mut all = vec![strategy.clone()];
    if !context {
        return all;
    }
    let soft = |slot: &Slot| slot.source != SlotSource::Fresh && slot.bind == Binding::Soft;
    let (fresh, beside) =
        (strategy.fresh_weight(), strategy.slots.iter().filter(|slot| soft(slot)).map(|slot| slot.weight).sum::<f32>());
    let own = fresh / (fresh + beside);
    for composition in [Composition::Sum, Composition::Concat] {
        for share in FRESH_SHARES.into_iter().chain([own]) {
            let is_own = (share - own).abs() < 1e-6;
            if composition == strategy.composition && is_own || !is_own && (share - own).abs() < 0.05 {
                continue;
            }
            let mut variant = Strategy { composition, ..strategy.clone() };
            for slot in variant.slots.iter_mut().filter(|_| !is_own) {
                if slot.source == SlotSource::Fresh {
                    slot.weight = rounded(share * (fresh + beside));
                } else if soft(slot) {
                    slot.weight = rounded(slot.weight / beside * (1.0 - share) * (fresh + beside));
                }
            }
            // The own share may be one of the others.
            if !all.contains(&variant) {
                all.push(variant);
            }
        }
    }
    all
}

/// As a person would write it.
fn rounded(weight: f32) -> f32 {
    (weight * 10_000.0).round() / 10_000.0
}

/// The share of the requests that could be answered within the budget, and of those answers that would be wrong, cross-validated.
pub fn hits(asked: &[Asked], budget: f64) -> (f64, f64) {
    let mut judged = scored_by_others(&samples(asked, LOW));
    let served = within(&mut judged, budget);
    let wrong = served.iter().filter(|(_, right)| !right).count();
    (served.len() as f64 / asked.len().max(1) as f64, wrong as f64 / served.len().max(1) as f64)
}

/// The longest run of the best scores of which no more than `budget` are wrong; sorts them, the best first.
pub fn within(judged: &mut [(f64, bool)], budget: f64) -> &[(f64, bool)] {
    judged.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut wrong, mut longest) = (0.0, 0);
    for (i, (_, right)) in judged.iter().enumerate() {
        wrong += f64::from(u8::from(!right));
        if wrong <= budget * (i + 1) as f64 {
            longest = i + 1;
        }
    }
    judged.get(..longest).unwrap_or_default()
}

/// Which of them to take, and why, in words.
pub fn choose(tried: &[Tried]) -> (usize, String) {
    let own = tried.iter().position(|t| t.own).unwrap_or(0);
    let rate = |i: usize| tried.get(i).map_or(0.0, |t| t.hit_rate);
    let best = (0..tried.len()).fold(own, |best, i| if rate(i) > rate(best) { i } else { best });
    let Some((mine, top)) = tried.get(own).zip(tried.get(best)) else { return (own, String::new()) };
    let good = |t: &&Tried| t.hit_rate >= top.hit_rate - GAIN_MIN;
    let percent = |share: f64| format!("{:.1}%", share * 100.0);
    if tried.len() == 1 {
        return (own, format!("{} was the only setting to try.", mine.in_words()));
    }
    if !good(&mine) {
        let why = format!(
            "{} of {} settings answers the most within the budget on the fitting part: {} of the requests, against {} as configured.",
            top.in_words(),
            tried.len(),
            percent(top.hit_rate),
            percent(mine.hit_rate)
        );
        return (best, why);
    }
    let quick = |t: &Tried| (t.embed_us as f64) < QUICKER * mine.embed_us as f64;
    let quicker = tried.iter().enumerate().filter(|(_, t)| t.model != mine.model && good(t) && quick(t));
    if let Some((at, other)) = quicker.min_by_key(|(_, t)| t.embed_us) {
        let why = format!(
            "{} answers {} of the fitting part within the budget, no worse than {} by more than chance, and takes {} µs a text in place of {} µs.",
            other.in_words(),
            percent(other.hit_rate),
            mine.model,
            other.embed_us,
            mine.embed_us
        );
        return (at, why);
    }
    let why = format!(
        "The setting as configured stays ({}): it answers {} of the fitting part within the budget, and the best of {} settings {}, which is \
         less than {} more and may be chance.",
        mine.in_words(),
        percent(mine.hit_rate),
        tried.len(),
        percent(top.hit_rate),
        percent(GAIN_MIN)
    );
    (own, why)
}

/// What a projection keeps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reduced {
    /// The place of its setting among those that were tried.
    pub at: usize,
    /// The share of the second moment of later vectors.
    pub explained: f64,
    /// How far 99 of 100 cosines moved at most.
    pub cosine_error: f64,
}

/// Which setting to try in fewer dimensions: the chosen one where it has dimensions to spare, else the best that has; `None` where none has.
pub fn to_reduce(tried: &[Tried], chosen: usize) -> Option<usize> {
    let spare = |t: &Tried| t.composition == Composition::Concat && t.weights.len() > 1;
    if tried.get(chosen).is_some_and(spare) {
        return Some(chosen);
    }
    let all = tried.iter().enumerate().filter(|(_, t)| spare(t));
    all.max_by(|a, b| a.1.hit_rate.total_cmp(&b.1.hit_rate)).map(|(at, _)| at)
}

/// Whether to take one of the settings that are the one at `whole` in fewer dimensions, in place of the `chosen` one; and why. The fewest
/// dimensions come first, and the first that are good enough are taken.
pub fn choose_reduced(tried: &[Tried], (chosen, whole): (usize, usize), found: Result<Vec<Reduced>, String>) -> (usize, String) {
    let found = match found {
        Ok(found) => found,
        Err(why) => return (chosen, format!("No projection of concat: {why}.")),
    };
    let (Some(all), Some(mine)) = (tried.get(whole), tried.get(chosen)) else { return (chosen, String::new()) };
    let good = |less: &Tried| match chosen == whole {
        true => less.hit_rate >= all.hit_rate - LOSS_MAX,
        false => less.hit_rate > mine.hit_rate + GAIN_MIN,
    };
    let taken = found.iter().find(|reduced| tried.get(reduced.at).is_some_and(good));
    let Some((reduced, less)) = taken.or(found.last()).and_then(|reduced| Some((reduced, tried.get(reduced.at)?))) else {
        return (chosen, String::new());
    };
    let verdict = match (taken.is_some(), chosen == whole) {
        (true, _) => "it is taken, with the fewest dimensions that are as good".to_owned(),
        (false, true) => format!("it costs more than {} of the requests and is left", percent(LOSS_MAX)),
        (false, false) => format!("that is no more than {} above the setting that was chosen, which stays", percent(GAIN_MIN)),
    };
    let why = format!("{} {verdict}.", reduced_in_words(reduced, less, all));
    (taken.map_or(chosen, |reduced| reduced.at), why)
}

fn percent(share: f64) -> String {
    format!("{:.2}%", share * 100.0)
}

fn reduced_in_words(reduced: &Reduced, less: &Tried, all: &Tried) -> String {
    format!(
        "A projection to {} of {} dimensions keeps {} of the second moment of later vectors, and 99 of 100 cosines move by no more than {:.4}. \
         With it concat answers {} of the fitting part within the budget ({} of that wrong) against {} ({} wrong) without it, and a composed \
         vector takes {} bytes against {}:",
        less.dimensions,
        all.dimensions,
        percent(reduced.explained),
        reduced.cosine_error,
        percent(less.hit_rate),
        percent(less.error),
        percent(all.hit_rate),
        percent(all.error),
        less.vector_bytes,
        all.vector_bytes
    )
}

impl Tried {
    /// The setting on one line.
    pub fn in_words(&self) -> String {
        let weights: Vec<String> = self.weights.iter().map(ToString::to_string).collect();
        let fewer = if self.projected { format!(" in {} dimensions", self.dimensions) } else { String::new() };
        format!("{} with {} of {}{fewer}", self.model, self.composition.as_str(), weights.join(" : "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(model: &str, hit_rate: f64, embed_us: u64) -> Tried {
        Tried {
            model: model.to_owned(),
            composition: Composition::Sum,
            weights: vec![1.0],
            dimensions: 384,
            projected: false,
            hit_rate,
            error: 0.0,
            embed_us,
            search_us: 20,
            vector_bytes: 1_536,
            own: model == "own",
            chosen: false,
        }
    }

    fn concat(hit_rate: f64, dimensions: usize) -> Tried {
        let (composition, weights, projected) = (Composition::Concat, vec![0.4, 0.6], dimensions < 768);
        Tried { composition, weights, dimensions, projected, vector_bytes: 4 * dimensions, ..tried("own", hit_rate, 100) }
    }

    fn reduced(at: usize) -> Reduced {
        Reduced { at, explained: 0.9931, cosine_error: 0.011 }
    }

    #[test]
    fn the_fewest_dimensions_that_cost_next_to_nothing_are_taken_and_the_figures_say_so() {
        let all = [concat(0.5, 768), concat(0.48, 64), concat(0.495, 128), concat(0.5, 256)];
        assert_eq!(to_reduce(&all[..1], 0), Some(0));
        let (at, why) = choose_reduced(&all, (0, 0), Ok(vec![reduced(1), reduced(2), reduced(3)]));
        assert_eq!(at, 2);
        assert!(why.contains("128 of 768") && why.contains("99.31%") && why.contains("512 bytes against 3072"), "{why}");
        let (at, why) = choose_reduced(&all, (0, 0), Ok(vec![reduced(1)]));
        assert!(at == 0 && why.contains("is left"), "{why}");
        let (at, why) = choose_reduced(&all, (0, 0), Err("too few".to_owned()));
        assert!(at == 0 && why.contains("too few"), "{why}");
    }

    #[test]
    fn beside_a_sum_that_was_chosen_the_best_concat_is_reduced_and_has_to_beat_the_sum() {
        let sum = tried("own", 0.5, 100);
        assert_eq!(to_reduce(std::slice::from_ref(&sum), 0), None);
        let mut all = vec![sum, concat(0.3, 768), concat(0.49, 768)];
        assert_eq!(to_reduce(&all, 0), Some(2));
        all.push(concat(0.51, 128));
        assert_eq!(choose_reduced(&all, (0, 2), Ok(vec![reduced(3)])).0, 0);
        all[3].hit_rate = 0.53;
        assert_eq!(choose_reduced(&all, (0, 2), Ok(vec![reduced(3)])).0, 3);
    }

    #[test]
    fn a_setting_changes_only_for_a_gain_that_is_more_than_chance() {
        assert_eq!(choose(&[tried("own", 0.50, 100), tried("b", 0.51, 100)]).0, 0);
        let (at, why) = choose(&[tried("own", 0.50, 100), tried("b", 0.53, 300), tried("c", 0.52, 100)]);
        assert_eq!(at, 1);
        assert!(why.contains("53.0%") && why.contains("50.0%"), "{why}");
    }

    #[test]
    fn of_two_that_are_as_good_a_much_quicker_embedder_is_taken() {
        assert_eq!(choose(&[tried("own", 0.51, 400), tried("b", 0.50, 100)]).0, 1);
        assert_eq!(choose(&[tried("own", 0.51, 400), tried("b", 0.50, 390)]).0, 0);
    }

    #[test]
    fn variants_keep_hard_slots_and_their_weights_add_up_to_one() {
        let head =
            "name = \"s\"\nversion = 1\ncomposition = \"sum\"\ndeadline_ms = 5\nthresholds = { tau = 0.9, tau_fresh = 0.8 }\n";
        let slots = r#"slots = [{ role = "instruction", bind = "hard", component = "i", weight = 0.3 },
            { role = "context", latest = 1, weight = 0.1 }, { role = "news", latest = 1, weight = 0.2 }, { role = "fresh", weight = 0.4 }]"#;
        let strategy = Strategy::from_toml(&format!("{head}{}", slots.replace('\n', ""))).unwrap();
        assert_eq!(variants(&strategy, false), std::slice::from_ref(&strategy));
        let all = variants(&strategy, true);
        assert_eq!(all.len(), 8);
        for variant in &all {
            let sum: f32 = variant.slots.iter().map(|slot| slot.weight).sum();
            assert!((sum - 1.0).abs() < 1e-3 && (variant.slots[0].weight - 0.3).abs() < 1e-6, "{variant:?}");
            assert!((variant.slots[2].weight / variant.slots[1].weight - 2.0).abs() < 1e-2, "{variant:?}");
        }
    }

    #[test]
    fn the_longest_run_within_the_budget_may_hold_a_wrong_one_at_its_top() {
        let mut judged: Vec<(f64, bool)> = (0..200).map(|i| (f64::from(i) / 200.0, i != 199 && i > 50)).collect();
        // One wrong at the very top; at 1% a hundred more right ones pay for it, and the next wrong ones lie below them.
        assert_eq!(within(&mut judged, 0.01).len(), 149);
        assert!(within(&mut [(0.9, false), (0.8, true)], 0.01).is_empty());
    }
}
