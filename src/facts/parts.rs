//! Items into parts: what the later passes look at, in order.

use super::inflection::stem;
use super::items::{Item, Kind};
use super::lexicon::Sense;
use super::surroundings::{
    asks_how_long, before_noun, begins_clause, bound_before, bound_of_sign, closes_account, ends_clause, ends_the_day, is_being,
    is_bound, is_light_verb, is_listed_name, is_number_name, is_of_shares, is_outage, is_pronoun, is_pushed, is_put_off,
    is_stocked, is_titled, is_year_before, number_follows, options_before, reports_somebody, says_points, stops_doing,
};
use super::{dates, numbers, ranges};
use crate::domain::facts::{Bound, Modality, Quantity};
use crate::domain::time::Timestamp;

fn date_follows(items: &[Item<'_>], at: usize, as_of: Timestamp) -> bool {
    let link = items.get(at + 1).is_some_and(|next| matches!(next.text, "in" | "on" | "from" | "the"));
    dates::read(items, at + 1 + usize::from(link), as_of).is_some()
}

/// A piece of meaning, in the order of the text.
#[derive(Debug, Clone)]
pub(super) enum Part<'a> {
    /// An entity, a noun or an unknown word.
    Content {
        canon: &'a str,
        source: Source<'a>,
    },
    /// A move along an axis.
    Pole {
        axis: &'a str,
        pole: i8,
        canon: &'a str,
    },
    Verb(&'a str),
    Qualifier(&'a str),
    Aggregate(&'a str),
    Quantity(Quantity),
    Date(String),
    /// Turns what comes next around; `decline to` and its like say the opposite outright.
    Negator {
        outright: bool,
    },
    Modal(Modality),
    /// A word without content, which may be a preposition.
    Small(&'a str),
    Break,
}

/// Where a content word comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Source<'a> {
    Entity(&'a str),
    Name,
    Known,
    Unknown,
}

/// Turns items into parts.
pub(super) fn read<'a>(items: &[Item<'a>], as_of: Timestamp) -> Vec<Part<'a>> {
    let mut parts = Vec::with_capacity(items.len());
    let titled = is_titled(items);
    let shouting = items.iter().filter(|item| item.shouted).count() * 2 > items.len();
    let asks = items.iter().any(|item| matches!(item.sense(), Some(Sense::Aggregate(_))));
    let mut at = 0;
    let mut bound = Bound::Exact;
    while let Some(item) = items.get(at) {
        // `lower than last year` compares with the year before, whatever the date.
        if is_year_before(items, at) {
            parts.push(Part::Content { canon: "year-on-year", source: Source::Known });
            at += 2;
            continue;
        }
        if let Some(taken) = dates::read(items, at, as_of) {
            let text = |back: usize| at.checked_sub(back).and_then(|before| items.get(before)).map_or("", |before| before.text);
            // `until the end of March`, `starting in October`
            let relation = match (text(2), text(1)) {
                (until @ ("until" | "till" | "by" | "since" | "starting" | "beginning"), "the" | "in" | "on") => until,
                ("effective", "from") => "from",
                (_, relation) => relation,
            };
            // `from January to March` is one period.
            let whole = taken.date.contains(['Q', 'H']) || taken.date.contains("..");
            let date = match relation {
                "from" if whole => taken.date,
                // `from yesterday's backup` says which backup.
                "from" if items.get(at + taken.items).is_some_and(|next| next.joined && next.text == "s") => taken.date,
                "from"
                    if items
                        .get(at + taken.items)
                        .is_some_and(|next| next.joined || matches!(next.text, "to" | "until" | "through" | "till")) =>
                {
                    taken.date
                }
                "since" | "from" | "starting" | "beginning" | "effective" => format!(">={}", taken.date),
                // `postponed until November` and `to November`
                "until" | "till" if is_put_off(items, at) => taken.date,
                "until" | "till" | "by" => format!("<={}", taken.date),
                "before" | "prior" => format!("<{}", taken.date),
                "than" if at > 1 && matches!(items[at - 2].text, "later" | "earlier") => {
                    // The comparison is said by the date now, and late is nobody.
                    parts.truncate(parts.len().saturating_sub(2));
                    format!("{}{}", if items[at - 2].text == "later" { '>' } else { '<' }, taken.date)
                }
                "after" | "following" => format!(">{}", taken.date),
                _ => taken.date,
            };
            parts.push(Part::Date(date));
            at += taken.items;
            continue;
        }
        if is_number_name(items, at) && !titled {
            parts.push(Part::Content { canon: item.text, source: Source::Name });
            at += 1;
            continue;
        }
        if let Some(mut taken) = numbers::read(items, at) {
            if taken.quantity.bound == Bound::Exact {
                taken.quantity.bound = bound_before(items, at, &taken.quantity, bound);
            }
            // `past 24 hours` and `over three years` are how long it took.
            let lasts =
                |unit: &str, text: &str| unit == "month" && matches!(text, "past" | "over") || unit == "min" && text == "past";
            if taken.quantity.bound == Bound::MoreThan
                && at > 0
                && lasts(&taken.quantity.unit, items[at - 1].text)
                && items[at - 1].last == items[at - 1].text
            {
                taken.quantity.bound = Bound::Exact;
            }
            bound = Bound::Exact;
            if let Some(Sense::Multiple(factor)) = item.sense() {
                push_multiple(&mut parts, *factor, item.text);
            }
            ranges::complete(items, at, &mut taken, parts.last());
            if let Some(pole) = ranges::signed(items, at, &mut taken.quantity) {
                parts.push(Part::Pole { axis: "direction", pole, canon: if pole > 0 { "direction+" } else { "direction-" } });
            }
            if says_points(items, at, taken.items.max(1)) && is_of_shares(items) {
                taken.quantity.unit = "pp".into();
            }
            at += taken.items.max(1);
            let straight = ranges::counted_in_a_row(items, at, &mut taken.quantity);
            // What no float holds, such as a number over zero, is one number too large to tell from another, and equal to itself.
            if !taken.quantity.value.is_finite() {
                taken.quantity.value = f64::MAX;
            }
            parts.push(Part::Quantity(taken.quantity));
            if straight {
                parts.push(Part::Content { canon: "straight", source: Source::Known });
                at += 2;
            }
            continue;
        }
        // `above its 200-day average`
        if !matches!(item.sense(), Some(Sense::Stop)) {
            bound = Bound::Exact;
        }
        match (item.kind, item.sense()) {
            (Kind::Break, _) => parts.push(Part::Break),
            (Kind::Symbol(sign), _) => bound = bound_of_sign(sign),
            // The `C` of `C$1.38` belongs to the sign.
            _ if item.capital && ranges::is_dollar_of(items, at) => {}
            (_, Some(Sense::Shift(_))) if number_follows(items, at) => {}
            (_, Some(Sense::Negator)) if item.text.starts_with("declin") && number_follows(items, at) => {
                parts.push(Part::Pole { axis: "direction", pole: -1, canon: "direction-" });
            }
            // `the past 60 minutes` is a window.
            (_, Some(Sense::Bound(_))) if item.text == "past" && at > 0 && items[at - 1].text == "the" => {}
            // `bump the limit up to 1 TB` says where it ends.
            (_, Some(Sense::Bound(_)))
                if item.text == "up" && item.last == "to" && number_follows(items, at) && is_pushed(items, at) =>
            {
                bound = Bound::To;
            }
            (_, Some(Sense::Bound(held))) if number_follows(items, at) => bound = *held,
            (_, Some(Sense::Pole { axis, .. })) if &**axis == "forecast" && is_bound(item.text) && number_follows(items, at) => {
                bound = if item.text == "above" { Bound::MoreThan } else { Bound::LessThan };
            }
            // `5,000 puts`: options, where a number stands before.
            _ if matches!(item.text, "calls" | "puts" | "call" | "put") && options_before(items, at) => {
                parts.push(Part::Qualifier(if item.text.starts_with('c') { "option:call" } else { "option:put" }));
            }
            // `How many saw the ad`: what is nearly empty in a headline is what a question is about.
            (_, Some(Sense::Stop)) if asks && is_light_verb(item.text) && !asks_how_long(items) => {
                parts.push(Part::Content { canon: stem(item.text), source: Source::Known });
            }
            // `tops $2,500`: it rose above that.
            _ if matches!(item.text, "tops" | "topped") && number_follows(items, at) => {
                parts.push(Part::Pole { axis: "direction", pole: 1, canon: "direction+" });
                bound = Bound::MoreThan;
            }
            // `split by plan` groups, as `by plan` does.
            _ if matches!(item.text, "split" | "grouped" | "segmented")
                && item.last == item.text
                && at > 0
                && !is_being(items[at - 1].text)
                && items.get(at + 1).is_some_and(|next| next.text == "by") => {}
            // `votes 5-4 against a cut`
            _ if item.text == "against" && items[at.saturating_sub(4)..at].iter().any(|vote| vote.text.starts_with("vot")) => {
                parts.push(Part::Negator { outright: false });
            }
            // `the week before Easter`
            _ if matches!(item.text, "before" | "after")
                && at > 0
                && matches!(items[at - 1].sense(), Some(Sense::Unit { .. }))
                && items.get(at + 1).is_some_and(|next| next.capital) =>
            {
                parts.push(Part::Qualifier(if item.text == "before" { "when:before" } else { "when:after" }));
            }
            // `starting in October`: the date says so.
            _ if matches!(item.text, "starting" | "beginning" | "effective") && date_follows(items, at, as_of) => {}
            // `inside thirty days`
            _ if item.text == "inside" && item.last == item.text && number_follows(items, at) => bound = Bound::AtMost,
            // `postponed until November`: no condition.
            _ if matches!(item.text, "until" | "till") && item.last == item.text && is_put_off(items, at) => {}
            // `to production` is where software runs.
            _ if item.text == "production" && at > 0 && matches!(items[at - 1].text, "to" | "into" | "from") => {
                parts.push(Part::Qualifier("env:prod"));
            }
            // `Most members backed it` is no superlative.
            _ if item.text == "most" && begins_clause(items, at) => parts.push(Part::Qualifier("quantifier:most")),
            // What is built is no stock, unless it is one of goods.
            (_, Some(Sense::Pole { axis, .. })) if &**axis == "stock" && item.text.starts_with("buil") && !is_stocked(items) => {
                parts.push(Part::Verb("build"));
            }
            // An account that is suspended may come back, and one that is closed does not.
            (_, Some(Sense::Pole { axis, pole: -1, .. })) if &**axis == "start" && closes_account(items, at) => {
                parts.push(Part::Verb("close-account"));
            }
            // `the Starter, Team and Business plans`: a name within a list.
            (_, Some(Sense::Stop)) if !titled && is_listed_name(items, at) => {
                parts.push(Part::Content { canon: item.text, source: Source::Name });
            }
            // `The manager reported the auditor for missing it`
            (_, Some(Sense::Stop)) if reports_somebody(items, at) => parts.push(Part::Verb("accuse")),
            // `stopped accepting cheques`: no longer.
            (_, Some(Sense::Pole { axis, pole: -1, .. })) if &**axis == "start" && stops_doing(items, at) => {
                parts.push(Part::Negator { outright: false });
            }
            _ if begins_clause(items, at) && item.text == "share" && items.get(at + 1).is_some_and(|next| next.text == "of") => {
                parts.push(Part::Aggregate("share"));
            }
            (_, Some(Sense::Stop)) if item.text == "within" && number_follows(items, at) => {
                bound = Bound::AtMost;
            }
            // `Count active users`
            _ if begins_clause(items, at) && item.text == "count" => parts.push(Part::Aggregate("count")),
            // `turn the alert off`, `scale it up`: the particle of a verb stands at the end of its clause.
            _ if matches!(item.text, "on" | "off") && item.last == item.text && ends_clause(items, at) => {
                let (pole, canon) = if item.text == "on" { (1, "switch+") } else { (-1, "switch-") };
                parts.push(Part::Pole { axis: "switch", pole, canon });
            }
            (_, Some(Sense::Qualifier(q)))
                if &**q == "nearness:near" && number_follows(items, at) && !items.get(at + 2).is_some_and(|unit| unit.joined) => {
            }
            // The letter of `node-a` and of `desk A` is a name, not an article.
            (_, Some(Sense::Stop)) if (item.joined || item.capital && at > 0) && item.text.len() == 1 => {
                parts.push(Part::Content { canon: item.text, source: Source::Unknown });
            }
            // `IT` among words in lower case is a department.
            (_, Some(Sense::Stop)) if item.shouted && !shouting && item.text == "it" => {
                parts.push(Part::Content { canon: item.text, source: Source::Name });
            }
            // `owes us a note`: the pronoun, where it isn't the country.
            (_, Some(Sense::Entity { id, .. }))
                if &**id == "US"
                    && item.text == "us"
                    && !item.capital
                    && (is_pronoun(items, at) || items.first().is_some_and(|first| first.capital)) =>
            {
                parts.push(Part::Small("us"));
            }
            // A question that begins with `List` or `Show` lists nothing on an exchange.
            _ if begins_clause(items, at) && matches!(item.text, "list" | "rank") => parts.push(Part::Small(item.text)),
            // `Briefing: Apple rises`
            _ if at == 0
                && matches!(item.text, "briefing" | "breaking" | "exclusive" | "update")
                && items.get(1).is_some_and(|next| matches!(next.kind, Kind::Break)) =>
            {
                at += 1;
            }
            // `WRAPUP 2-Factories slow`
            _ if at == 0
                && matches!(item.text, "update" | "wrapup")
                && items.get(1).is_some_and(|n| matches!(n.kind, Kind::Number { digits: 1, .. })) =>
            {
                at += 1;
            }
            // `losing 6%`, `lost 1.2 million subscribers`
            _ if matches!(item.text, "lose" | "loses" | "lost" | "losing")
                && item.last == item.text
                && number_follows(items, at)
                && !items.get(at + 2).is_some_and(|next| next.joined) =>
            {
                parts.push(Part::Pole { axis: "direction", pole: -1, canon: "direction-" });
            }
            // `The VPN is down`: no price can be meant.
            _ if item.text == "down" && item.last == "down" && at > 0 && is_being(items[at - 1].text) && is_outage(items, at) => {
                parts.push(Part::Pole { axis: "start", pole: -1, canon: "start-" });
            }
            // `overall` behind a statement adds nothing.
            _ if item.text == "overall" && item.last == "overall" && ends_clause(items, at) => {}
            // `closes 1.3% higher`, `settles at $81.20`
            _ if ends_the_day(items, at) => {}
            // `is ordered by a court`
            _ if item.text == "ordered" && item.last == "by" && at > 0 && is_being(items[at - 1].text) => {
                parts.push(Part::Verb("order"));
                parts.push(Part::Small("by"));
            }
            // `every bus but the 14`
            _ if item.text == "but"
                && at > 1
                && matches!(items[at - 2].text, "every" | "all" | "any" | "everyone" | "nobody" | "none") =>
            {
                parts.push(Part::Qualifier("except"));
            }
            (_, Some(sense)) => push_sense(&mut parts, item, sense, before_noun(items, at)),
            _ => {
                let first = at == 0 && !items.get(1).is_some_and(|next| next.capital);
                let name = item.capital && !titled && !first;
                let source = if name { Source::Name } else { Source::Unknown };
                parts.push(Part::Content { canon: stem(item.text), source });
            }
        }
        at += 1;
    }
    rated(&mut parts);
    parts
}

/// `cuts the rating` is a downgrade, and `upgrades the outlook for sales` raises it.
fn rated(parts: &mut Vec<Part<'_>>) {
    let canon_is =
        |part: &Part<'_>, any: &[&str]| matches!(part, Part::Content { canon, .. } | Part::Verb(canon) if any.contains(canon));
    let rating = parts.iter().position(|part| canon_is(part, &["rat", "rating", "credit-rating"]));
    let outlook = parts.iter().any(|part| canon_is(part, &["forecast", "target", "guidance"]));
    if let Some(rating) = rating {
        // `downgrades the rating`
        if parts.iter().any(|part| matches!(part, Part::Pole { axis: "rating", .. })) {
            parts.remove(rating);
            return;
        }
        let Some(at) = parts.iter().position(|part| matches!(part, Part::Pole { axis: "direction", pole: 1 | -1, .. })) else {
            return;
        };
        if let Part::Pole { pole, .. } = parts[at] {
            parts[at] = Part::Pole { axis: "rating", pole, canon: if pole > 0 { "rating+" } else { "rating-" } };
            parts.remove(rating);
        }
    } else if outlook {
        for part in parts.iter_mut() {
            if let Part::Pole { axis: "rating", pole, .. } = *part {
                *part = Part::Pole { axis: "direction", pole, canon: if pole > 0 { "direction+" } else { "direction-" } };
            }
        }
    }
}

fn push_multiple(parts: &mut Vec<Part<'_>>, factor: f64, text: &str) {
    // `twice` and `double` are said of a size as well, so only what can't be anything but a move counts as one.
    if text.starts_with("halv") && factor < 1.0 {
        parts.push(Part::Pole { axis: "direction", pole: -1, canon: "direction-" });
    }
}

/// The last of its kind, as an ordinal from the end.
fn last() -> Quantity {
    Quantity { value: -1.0, unit: "nth".into(), bound: Bound::Exact, of: String::new() }
}

fn push_sense<'a>(parts: &mut Vec<Part<'a>>, item: &Item<'a>, sense: &'a Sense, before_noun: bool) {
    parts.push(match sense {
        Sense::Entity { id, kind } => Part::Content { canon: id, source: Source::Entity(kind) },
        Sense::Pole { axis, pole, canon } => Part::Pole { axis, pole: *pole, canon },
        Sense::Verb(canon) => Part::Verb(canon),
        Sense::Word(canon) => Part::Content { canon, source: Source::Known },
        Sense::Qualifier(canon) => Part::Qualifier(canon),
        Sense::Aggregate(canon) => Part::Aggregate(canon),
        Sense::Negator => Part::Negator { outright: matches!(item.text.get(..4), Some("decl" | "refu")) },
        Sense::Shift(_) if item.text == "last" => Part::Quantity(last()),
        // `basic plan to the pro plan`: a noun before a preposition.
        Sense::Modal(_) if item.last == "to" && item.text != "to" && before_noun => {
            Part::Content { canon: stem(item.text), source: Source::Known }
        }
        Sense::Modal(modality) => Part::Modal(*modality),
        Sense::Unit { .. } | Sense::Shift(_) => Part::Content { canon: stem(item.text), source: Source::Known },
        Sense::Bound(_) if item.text == "up" && item.last == "to" => {
            Part::Pole { axis: "direction", pole: 1, canon: "direction+" }
        }
        // A bound without a number compares with something else, such as an estimate.
        Sense::Bound(Bound::AtLeast | Bound::MoreThan) if !matches!(item.text, "over" | "past" | "beyond") => {
            Part::Pole { axis: "forecast", pole: 1, canon: "forecast+" }
        }
        Sense::Bound(Bound::AtMost | Bound::LessThan) if matches!(item.text, "less" | "below" | "fewer") => {
            Part::Pole { axis: "forecast", pole: -1, canon: "forecast-" }
        }
        _ => Part::Small(item.text),
    });
}
