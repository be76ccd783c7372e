//! A typed value out of an answer: the whole text is the JSON that was asked for, or it is no answer.

use super::{Chat, ChatModel, Finish, LlmError, Repair, Reply};
use crate::domain::deadline::Deadline;
use crate::domain::field::FieldError;
use crate::limits::{LLM_ANSWER_SHOWN_BYTES_MAX, LLM_REPAIR_BYTES_MAX};
use crate::telemetry::metrics;
use serde::de::DeserializeOwned;

/// A value and the answer that it was read from.
#[derive(Debug, Clone, PartialEq)]
pub struct Structured<T> {
    /// The value, checked.
    pub value: T,
    /// The answer that it was read from. Its tokens, cost and time are those of both tries where there were two.
    pub reply: Reply,
    /// Whether the first answer could not be used and this is the second.
    pub repaired: bool,
}

/// Asks `model` and reads the whole answer as JSON of `T`, which `check` may still refuse. Where it can't be used, the model is shown its
/// answer and the fault, once; then that is the end of it. Nothing is ever dug out of prose, and nothing is made up. To refuse fields that it
/// does not know, `T` says `deny_unknown_fields`.
///
/// # Errors
/// [`LlmError::Unparsable`] where neither answer can be used, even where the second never came; otherwise what the first call gave.
pub async fn structured<T: DeserializeOwned>(
    model: &dyn ChatModel,
    chat: &Chat,
    deadline: Deadline,
    check: impl Fn(&T) -> Result<(), FieldError>,
) -> Result<Structured<T>, LlmError> {
    let first = model.complete(chat, deadline).await?;
    let fault = match read(&first, &check) {
        Ok(value) => {
            metrics::llm::structured_answer("parsed");
            return Ok(Structured { value, reply: first, repaired: false });
        }
        Err(fault) => fault,
    };
    let answer = beginning(&first.text, LLM_REPAIR_BYTES_MAX).to_owned();
    let again = Chat { repair: Some(Repair { answer, fault: fault.clone() }), ..chat.clone() };
    let (detail, last) = match model.complete(&again, deadline).await {
        Ok(second) => {
            let both = sum(&first, second);
            match read(&both, &check) {
                Ok(value) => {
                    metrics::llm::structured_answer("repaired");
                    return Ok(Structured { value, reply: both, repaired: true });
                }
                Err(second) => (format!("{second}; the answer before that: {fault}"), both),
            }
        }
        Err(error) => (format!("{fault}; asked to repair it: {error}"), first),
    };
    metrics::llm::structured_answer("unparsable");
    let answer = beginning(&last.text, LLM_ANSWER_SHOWN_BYTES_MAX).to_owned();
    Err(LlmError::Unparsable { detail, answer, usage: last.usage, cost_usd: last.cost_usd })
}

/// Reads the whole text; the error is written for the model to read.
fn read<T: DeserializeOwned>(reply: &Reply, check: impl Fn(&T) -> Result<(), FieldError>) -> Result<T, String> {
    let mut json = serde_json::Deserializer::from_str(&reply.text);
    let read = serde_path_to_error::deserialize::<_, T>(&mut json).map_err(|error| {
        let path = error.path().to_string();
        // The path of a text that is not JSON at all is a lone dot.
        if path == "." { error.inner().to_string() } else { format!("at {path}: {}", error.inner()) }
    });
    let whole = read.and_then(|value| match json.end() {
        Ok(()) => Ok(value),
        Err(error) => Err(format!("there is more than the JSON value: {error}")),
    });
    let checked = whole.and_then(|value| match check(&value) {
        Ok(()) => Ok(value),
        Err(error) => Err(error.to_string()),
    });
    checked.map_err(|fault| match reply.finish {
        Finish::Length => format!("the answer was cut off because it was too long ({fault})"),
        Finish::Stop | Finish::ContentFilter | Finish::Other => fault,
    })
}

/// The second answer with the tokens, the cost and the time of both.
fn sum(first: &Reply, second: Reply) -> Reply {
    Reply {
        usage: first.usage.zip(second.usage).map(|(a, b)| a.plus(b)),
        cost_usd: first.cost_usd.zip(second.cost_usd).map(|(a, b)| a + b),
        took: first.took + second.took,
        ttft: first.ttft,
        ..second
    }
}

/// As much of a text as fits, cut between letters.
pub(super) fn beginning(text: &str, bytes_max: usize) -> &str {
    let mut end = bytes_max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::Usage;
    use super::*;
    use async_trait::async_trait;
    use parking_lot::Mutex;
    use proptest::prelude::*;
    use serde::Deserialize;
    use std::time::Duration;

    /// Answers from a list, and remembers what it was asked.
    #[derive(Debug, Default)]
    struct Parrot {
        answers: Mutex<Vec<Result<Reply, LlmError>>>,
        asked: Mutex<Vec<Chat>>,
    }

    #[async_trait]
    impl ChatModel for Parrot {
        async fn complete(&self, chat: &Chat, _deadline: Deadline) -> Result<Reply, LlmError> {
            self.asked.lock().push(chat.clone());
            self.answers.lock().remove(0)
        }
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Opinion {
        signal: f64,
        why: String,
    }

    const GOOD: &str = r#"{"signal": 0.5, "why": "rates fell"}"#;

    fn reply(text: &str) -> Result<Reply, LlmError> {
        Ok(Reply {
            text: text.to_owned(),
            finish: Finish::Stop,
            usage: Some(Usage { prompt_tokens: 10, completion_tokens: 5 }),
            cost_usd: Some(0.5),
            endpoint: "e".into(),
            model: "m".into(),
            took: Duration::from_millis(3),
            ttft: Some(Duration::from_millis(1)),
        })
    }

    fn ask(answers: Vec<Result<Reply, LlmError>>) -> (Result<Structured<Opinion>, LlmError>, Vec<Chat>) {
        let parrot = Parrot { answers: Mutex::new(answers), asked: Mutex::default() };
        let in_range = |opinion: &Opinion| match opinion.signal {
            -1.0..=1.0 => Ok(()),
            _ => Err(FieldError::new("/signal", "it must be -1 to 1")),
        };
        let chat = Chat::new("s", "u").with_schema("opinion", serde_json::json!({}));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let result = runtime.block_on(structured(&parrot, &chat, Deadline::after(Duration::from_secs(9)), in_range));
        (result, parrot.asked.into_inner())
    }

    #[test]
    fn a_whole_text_of_json_is_read_and_blanks_around_it_do_not_matter() {
        for text in [GOOD.to_owned(), format!("\n \t{GOOD}\r\n")] {
            let (result, asked) = ask(vec![reply(&text)]);
            assert_eq!(result.unwrap().value, Opinion { signal: 0.5, why: "rates fell".into() });
            assert_eq!(asked.len(), 1);
        }
    }

    #[test]
    fn nothing_is_dug_out_of_prose_and_nothing_is_made_up() {
        for (text, fault) in [
            (format!("```json\n{GOOD}\n```"), "expected value"),
            (format!("Sure! {GOOD}"), "expected value"),
            (format!("{GOOD} I hope that helps."), "there is more than the JSON value"),
            (format!("{GOOD}{GOOD}"), "there is more than the JSON value"),
            (r#"{"signal": 0.5}"#.to_owned(), "missing field `why`"),
            (r#"{"signal": "0.5", "why": ""}"#.to_owned(), "at signal: invalid type"),
            (r#"{"signal": null, "why": ""}"#.to_owned(), "at signal: invalid type"),
            (r#"{"signal": 1, "signal": 0, "why": ""}"#.to_owned(), "duplicate field `signal`"),
            (r#"{"signal": 0.5, "why": "", "advice": "buy"}"#.to_owned(), "unknown field `advice`"),
            (r#"{"signal": 7, "why": ""}"#.to_owned(), "/signal: it must be -1 to 1"),
            (r#"{"signal": NaN, "why": ""}"#.to_owned(), "expected value"),
            (String::new(), "EOF"),
            ("[".repeat(100_000), "invalid type"),
        ] {
            let (result, asked) = ask(vec![reply(&text), reply(GOOD)]);
            let repaired = result.unwrap();
            assert!(repaired.repaired);
            let repair = asked[1].repair.as_ref().unwrap();
            assert!(repair.fault.contains(fault), "{fault:?} is not in {:?}", repair.fault);
            assert!(text.starts_with(&repair.answer) && repair.answer.len() <= LLM_REPAIR_BYTES_MAX);
            assert_eq!(Chat { repair: None, ..asked[1].clone() }, asked[0], "it is the same question again");
            let (result, asked) = ask(vec![reply(&text), reply(&text), reply(GOOD)]);
            let Err(LlmError::Unparsable { detail, answer, .. }) = result else { panic!("{result:?}") };
            assert!(detail.contains(fault) && text.starts_with(&answer) && asked.len() == 2, "{detail}");
        }
    }

    #[test]
    fn tokens_cost_and_time_are_those_of_both_tries() {
        let (result, _) = ask(vec![reply("no"), reply(GOOD)]);
        let reply_of_both = result.unwrap().reply;
        assert_eq!(reply_of_both.usage, Some(Usage { prompt_tokens: 20, completion_tokens: 10 }));
        assert_eq!((reply_of_both.cost_usd, reply_of_both.took), (Some(1.0), Duration::from_millis(6)));
        let unknown = reply("no").map(|reply| Reply { usage: None, cost_usd: None, ..reply });
        let (result, _) = ask(vec![unknown, reply(GOOD)]);
        assert_eq!(result.unwrap().reply.usage, None, "half of a sum is not the sum");
    }

    #[test]
    fn a_repair_that_fails_leaves_the_first_fault_and_a_first_call_that_fails_its_own_error() {
        let late = || Err(LlmError::DeadlinePassed { waiting: super::super::Waiting::NextToken });
        let (result, _) = ask(vec![reply("no"), late()]);
        let Err(LlmError::Unparsable { detail, answer, usage, .. }) = result else { panic!("{result:?}") };
        assert!(detail.contains("asked to repair it: the deadline passed") && answer == "no" && usage.is_some(), "{detail}");
        let (result, asked) = ask(vec![late()]);
        assert!(matches!(result, Err(LlmError::DeadlinePassed { .. })) && asked.len() == 1);
    }

    #[test]
    fn an_answer_that_was_cut_says_so() {
        let cut = || reply("{\"signal\": 0.").map(|reply| Reply { finish: Finish::Length, ..reply });
        let (result, _) = ask(vec![cut(), cut()]);
        assert!(result.unwrap_err().to_string().contains("cut off because it was too long"));
    }

    proptest! {
        #[test]
        fn any_text_is_a_value_or_an_honest_error(text in "\\PC{0,80}") {
            let (result, _) = ask(vec![reply(&text), reply(&text)]);
            let is_opinion = serde_json::from_str::<Opinion>(&text).is_ok();
            let is_honest = matches!(result, Err(LlmError::Unparsable { .. }));
            prop_assert!(is_opinion || is_honest);
        }

        #[test]
        fn a_beginning_is_as_long_as_fits(text in "\\PC{0,40}", most in 0_usize..60) {
            let start = beginning(&text, most);
            prop_assert!(text.starts_with(start) && start.len() <= most && start.len() + 4 > most.min(text.len()));
        }
    }
}
