//! What the agents ask language models, and what they take for an answer.
//!
//! An answer is one JSON object of exactly these fields. Nothing is read out of prose: what does not parse is no answer.

use super::agents::Silence;
use super::opinion::Opinion;
use super::risk::RiskView;
use crate::domain::deadline::Deadline;
use crate::domain::field::FieldError;
use crate::engine::Question;
use crate::limits::AGENT_REASONING_BYTES_MAX;
use crate::llm::{Chat, ChatModel, structured};
use serde::Deserialize;
use serde_json::{Value, json};

/// The version of the prompts; raised where a model is asked otherwise.
pub(super) const VERSION: &str = "1";

/// Tokens of one answer: a verdict and two sentences.
const ANSWER_TOKENS: u32 = 220;

/// Characters of one text of the context that a prompt takes in.
const CONTEXT_CHARS: usize = 1_500;

/// What an agent with a signal answers.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct View {
    abstain: bool,
    signal: i8,
    conviction: f64,
    reasoning: String,
}

/// What the risk agent answers.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Caution {
    veto: bool,
    size_factor: f64,
    reasoning: String,
}

const SENTIMENT: &str = "You judge what one piece of news does to the price of the asset that it concerns within the next 24 hours, against \
    what the market expected before it. signal is 1 if a rise is more likely, -1 if a fall is, 0 if it is priced in, mixed, or does not reach the \
    asset. conviction is 0 to 1: above 0.8 only for a confirmed, unexpected fact that changes cash flows, supply, access or the path of rates. \
    Set abstain to true if the text does not let you judge. You know nothing of what happened after the moment that is given.";

const CONTEXT: &str = "You judge from the past prices of one instrument what is more likely within the next 24 hours: signal 1 for a rise, -1 for \
    a fall, 0 for neither; conviction 0 to 1, and seldom above 0.2, for past prices say little. Set abstain to true if the figures do not let \
    you judge. You know nothing of what happened after the moment that is given.";

const RISK: &str = "You judge whether a position may be opened on this news at all. You can forbid it (veto) or make it smaller (size_factor, 0 to \
    1); you never propose one. Forbid it where limits, a halt, a scheduled event or the state of the market make it reckless.";

/// Asks for the sentiment of the news.
pub(super) async fn sentiment(model: &dyn ChatModel, question: &Question, deadline: Deadline) -> Result<Opinion, Silence> {
    view(model, chat(SENTIMENT, news(question)).with_schema("view", view_schema()), deadline).await
}

/// Asks what the figures of the market say.
pub(super) async fn market(
    model: &dyn ChatModel,
    question: &Question,
    summary: &str,
    deadline: Deadline,
) -> Result<Opinion, Silence> {
    let asked = format!("{}\n\nPast prices: {summary}", news(question));
    view(model, chat(CONTEXT, asked).with_schema("view", view_schema()), deadline).await
}

/// Asks whether more must be forbidden than the rules do. What they forbid stays forbidden.
pub(super) async fn risk(
    model: &dyn ChatModel,
    question: &Question,
    rules: &RiskView,
    deadline: Deadline,
) -> Result<RiskView, Silence> {
    let book = serde_json::to_string(&question.market).unwrap_or_default();
    let asked = format!("{}\n\nThe book: {book}\nThe rules found: {}", news(question), rules.reasoning);
    let chat = chat(RISK, asked).with_schema("caution", caution_schema());
    let check = |caution: &Caution| {
        share("/size_factor", caution.size_factor)?;
        short(&caution.reasoning)
    };
    let Caution { veto, size_factor, reasoning } =
        structured(model, &chat, deadline, check).await.map_err(Silence::Failed)?.value;
    let forbidden = veto.then(|| format!("the risk agent: {reasoning}"));
    Ok(RiskView {
        veto: rules.veto.clone().or(forbidden),
        size_factor: rules.size_factor.min(size_factor),
        reasoning: format!("{} {reasoning}", rules.reasoning),
        ..rules.clone()
    })
}

async fn view(model: &dyn ChatModel, chat: Chat, deadline: Deadline) -> Result<Opinion, Silence> {
    let check = |view: &View| {
        if !(-1..=1).contains(&view.signal) {
            return Err(FieldError::new("/signal", format!("{} is not one of -1, 0 and 1", view.signal)));
        }
        share("/conviction", view.conviction)?;
        short(&view.reasoning)
    };
    let View { abstain, signal, conviction, reasoning } =
        structured(model, &chat, deadline, check).await.map_err(Silence::Failed)?.value;
    if abstain { Err(Silence::Abstained(reasoning)) } else { Ok(Opinion { signal, conviction, reasoning }) }
}

fn share(at: &str, value: f64) -> Result<(), FieldError> {
    if (0.0..=1.0).contains(&value) { Ok(()) } else { Err(FieldError::new(at, format!("{value} is not 0 to 1"))) }
}

/// A server that does not keep to the tokens that an answer may have must not fill memory with them either.
fn short(reasoning: &str) -> Result<(), FieldError> {
    let bytes = reasoning.len();
    if bytes <= AGENT_REASONING_BYTES_MAX {
        return Ok(());
    }
    Err(FieldError::new("/reasoning", format!("it has {bytes} bytes, and {AGENT_REASONING_BYTES_MAX} are the most")))
}

fn chat(system: &str, user: String) -> Chat {
    Chat { max_tokens: ANSWER_TOKENS, ..Chat::new(system, user) }
}

/// The news with the moment, the instrument and the context.
fn news(question: &Question) -> String {
    let mut told = format!("It is {}.\n", question.as_of);
    if let Some((instrument, _)) = question.subject() {
        told.push_str(&format!("The asset: {instrument}.\n"));
    }
    // None is later; that no prompt looks ahead must not rest on who put the question together.
    for context in question.context.iter().filter(|context| context.as_of <= question.as_of) {
        let text: String = context.text.chars().take(CONTEXT_CHARS).collect();
        told.push_str(&format!("Known since {}: {text}\n", context.as_of));
    }
    told.push_str(&format!("The news: {}", question.text.as_str()));
    told
}

fn view_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "abstain": {"type": "boolean"},
            "signal": {"type": "integer", "enum": [-1, 0, 1]},
            "conviction": {"type": "number", "minimum": 0, "maximum": 1},
            "reasoning": {"type": "string"},
        },
        "required": ["abstain", "signal", "conviction", "reasoning"],
        "additionalProperties": false,
    })
}

fn caution_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "veto": {"type": "boolean"},
            "size_factor": {"type": "number", "minimum": 0, "maximum": 1},
            "reasoning": {"type": "string"},
        },
        "required": ["veto", "size_factor", "reasoning"],
        "additionalProperties": false,
    })
}
