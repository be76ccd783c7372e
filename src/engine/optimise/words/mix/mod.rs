//! The mix of two or more products: how much of each, by what each takes and brings, as textbooks ask it (Ramamonjison et al., "NL4Opt
//! competition", 2022).
//!
//! Its numbers stand anywhere in the text, each beside a product, a resource, or both. The reader finds the products, then gives each number
//! one of five meanings: what one of a product takes or brings, a limit of a resource, a limit of a product, of all of them together, or of
//! one product relative to others. A number that has none refuses the question.

mod limits;
mod products;
mod statements;

use super::names::{Mention, Name};
use super::tokens::Text;
use super::{Draft, NotRead};
use crate::domain::plan::MissingSlot;
use crate::engine::optimise::templates::Sense;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The name of this kind of plan.
pub const ID: &str = "mix";

/// What one of each product takes or brings of something, by the words for it.
#[derive(Debug, Clone, Default)]
struct Attribute {
    words: BTreeSet<String>,
    of: Vec<Option<f64>>,
}

/// A restriction.
#[derive(Debug, Clone, PartialEq)]
enum Limit {
    /// Of an attribute, by its place.
    Attribute { attribute: usize, least: bool, value: f64 },
    /// Of one product.
    Product { product: usize, least: bool, value: f64 },
    /// Of all products together.
    All { least: bool, value: f64 },
    /// Of one product as a part of all.
    Share { product: usize, least: bool, value: f64 },
    /// Of one product as a multiple of another.
    Times { product: usize, least: bool, value: f64, than: usize },
}

/// What was read.
struct Mix<'a> {
    text: &'a Text<'a>,
    products: Vec<Name>,
    mentions: Vec<Mention>,
    attributes: Vec<Attribute>,
    limits: Vec<Limit>,
    taken: Vec<bool>,
}

/// The model of a mix, where the text is one.
///
/// # Errors
/// [`NotRead`] with what is missing or was not understood; `None` in it where the text is no mix at all.
pub fn read(text: &Text<'_>) -> Option<Result<Draft, NotRead>> {
    let goal = statements::goal(text)?;
    let (products, mentions) = products::find(text)?;
    let taken = vec![false; text.tokens.len()];
    let mut mix = Mix { text, products, mentions, attributes: Vec::new(), limits: Vec::new(), taken };
    mix.count_of_products();
    mix.coefficients();
    mix.restrictions();
    let objective = mix.attribute_for(&goal.words, goal.money).filter(|at| mix.is_named(*at, &goal));
    let mut unread = super::unread::unread_of_story(text, &mix.taken);
    unread.extend(mix.gaps());
    let Some(objective) = objective.filter(|_| unread.is_empty()) else {
        return Some(Err(refused(unread, objective.is_none(), &goal)));
    };
    Some(Ok(mix.draw(goal.sense, objective)))
}

fn refused(unread: Vec<String>, goalless: bool, goal: &statements::Goal) -> NotRead {
    let words: Vec<&str> = goal.words.iter().map(String::as_str).collect();
    let missing = goalless.then(|| MissingSlot {
        slot: "objective".to_owned(),
        question: format!("How much {} does one of each product bring or take?", words.join(" ")),
        example: "each chair brings a profit of $45, each table $80".to_owned(),
    });
    let mut reason = Vec::new();
    if let Some(missing) = &missing {
        reason.push(format!(
            "this is taken for a plan of the kind {ID}. {} For instance: \"{}\".",
            missing.question, missing.example
        ));
    }
    if !unread.is_empty() {
        let quoted: Vec<String> = unread.iter().map(|part| format!("\"{part}\"")).collect();
        reason.push(format!("not understood, and not to be left out: {}", quoted.join(", ")));
    }
    NotRead { template: Some(ID.to_owned()), missing: missing.into_iter().collect(), unread, reason: reason.join("; ") }
}

impl Mix<'_> {
    /// The attribute that some words mean: the one with which they share most, if there is only one such.
    fn attribute_for(&self, words: &BTreeSet<String>, money: bool) -> Option<usize> {
        let common = |attribute: &Attribute| {
            let plain = attribute.words.intersection(words).count();
            let priced = money && attribute.words.contains("$");
            plain * 2 + usize::from(priced)
        };
        let best = self.attributes.iter().map(common).max().filter(|best| *best > 0)?;
        let mut fits = self.attributes.iter().enumerate().filter(|(_, attribute)| common(attribute) == best);
        let (first, other) = (fits.next()?, fits.next());
        other.is_none().then_some(first.0)
    }

    /// Attributes that are not known of every product, though one of them is asked for.
    fn gaps(&self) -> Vec<String> {
        let used =
            |at: usize| self.limits.iter().any(|limit| matches!(limit, Limit::Attribute { attribute, .. } if *attribute == at));
        let gap = |(at, attribute): (usize, &Attribute)| {
            let lost: Vec<&str> =
                attribute.of.iter().zip(&self.products).filter(|(value, _)| value.is_none()).map(|(_, p)| &*p.said).collect();
            let words: Vec<&str> = attribute.words.iter().map(String::as_str).collect();
            (!lost.is_empty()).then(|| {
                format!(
                    "{}: {} of {}",
                    if used(at) { "limited, but not told" } else { "not told" },
                    words.join(" "),
                    lost.join(", ")
                )
            })
        };
        self.attributes.iter().enumerate().filter_map(gap).collect()
    }

    fn draw(&self, sense: Sense, objective: usize) -> Draft {
        let products: Vec<&str> = self.products.iter().map(|product| &*product.id).collect();
        let mut parameters = Map::new();
        for (at, attribute) in self.attributes.iter().enumerate() {
            let values: Map<String, Value> = products
                .iter()
                .zip(&attribute.of)
                .map(|(id, value)| ((*id).to_owned(), json!(value.unwrap_or_default())))
                .collect();
            let words: Vec<&str> = attribute.words.iter().map(String::as_str).collect();
            parameters.insert(
                format!("a{at}"),
                json!({"value": values, "index": ["product"], "source": "caller", "description": words.join(" ")}),
            );
        }
        let mut constraints = Vec::new();
        for (at, limit) in self.limits.iter().enumerate() {
            let sign = |least: &bool| if *least { ">=" } else { "<=" };
            let (name, value, expression) = match limit {
                Limit::Attribute { attribute, least, value } => {
                    let words: Vec<&str> =
                        self.attributes.get(*attribute).map(|a| a.words.iter().map(String::as_str).collect()).unwrap_or_default();
                    (words.join("_"), value, format!("sum(p in product: a{attribute}[p]*x[p]) {} limit{at}", sign(least)))
                }
                Limit::Product { product, least, value } => (
                    products.get(*product).map_or("product", |id| id).to_owned(),
                    value,
                    format!("x[{}] {} limit{at}", products.get(*product).map_or("", |id| id), sign(least)),
                ),
                Limit::All { least, value } => {
                    ("all".to_owned(), value, format!("sum(p in product: x[p]) {} limit{at}", sign(least)))
                }
                Limit::Share { product, least, value } => (
                    "share".to_owned(),
                    value,
                    format!(
                        "x[{}] {} limit{at} * sum(p in product: x[p])",
                        products.get(*product).map_or("", |id| id),
                        sign(least)
                    ),
                ),
                Limit::Times { product, least, value, than } => (
                    "relative".to_owned(),
                    value,
                    format!(
                        "x[{}] {} limit{at} * x[{}]",
                        products.get(*product).map_or("", |id| id),
                        sign(least),
                        products.get(*than).map_or("", |id| id)
                    ),
                ),
            };
            parameters.insert(format!("limit{at}"), json!({"value": value, "source": "caller"}));
            let name: String = name.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
            constraints.push(json!({"name": format!("{}_{at}", name.trim_matches('_')), "expression": expression}));
        }
        let sense = if sense == Sense::Minimize { "minimize" } else { "maximize" };
        let title = format!("Mix of {}", self.products.iter().map(|p| &*p.said).collect::<Vec<_>>().join(", "));
        let assumption =
            "any part of a product may be made, and what each takes and brings is proportional to how much of it is made";
        let source = format!("template {ID}");
        let model = json!({
            "model_type": "lp", "title": title, "sets": {"product": products}, "parameters": parameters,
            "decision_variables": [{"name": "x", "index": ["product"], "type": "continuous", "lb": 0}],
            "objective": {"sense": sense, "expression": format!("sum(p in product: a{objective}[p]*x[p])")},
            "constraints": constraints, "assumptions": [{"text": assumption, "source": source}],
        });
        Draft { model }
    }
}
