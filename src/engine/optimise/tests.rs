//! A language model writes the model where no template fits; each way in which that may end is recorded and replayed.

use super::drafts::{Drafted, Drafts, NotDrafted};
use super::templates::Catalogue;
use super::*;
use crate::domain::plan::LANGUAGE_MODEL;
use crate::embed::hashing::HashingEmbedder;
use crate::llm::{Chat, ChatModel, Finish, LlmError, Recorded, Recorder, Reply, Waiting};
use parking_lot::Mutex;
use serde_json::json;
use std::time::Duration;

/// Says what it was told to, one after the other.
#[derive(Debug)]
struct Scripted(Mutex<Vec<Result<String, LlmError>>>);

#[async_trait]
impl ChatModel for Scripted {
    async fn complete(&self, _: &Chat, _: Deadline) -> Result<Reply, LlmError> {
        let text = self.0.lock().remove(0)?;
        let (finish, took) = (Finish::Stop, Duration::from_millis(1));
        Ok(Reply { text, finish, usage: None, cost_usd: None, endpoint: "e".to_owned(), model: "m".to_owned(), took, ttft: None })
    }
}

/// A question that no template knows.
const DIET: &str = "Sardines hold 24 units of omega and cost 3 coins, walnuts hold 9 and cost 2 coins; keep the spending lowest with 90 units of omega altogether.";

fn written(cost: f64) -> Value {
    json!({
        "model_type": "lp", "title": "Diet", "sets": {"food": ["sardine", "walnut"]},
        "parameters": {
            "omega": {"value": {"sardine": 24, "walnut": 9}, "source": "caller"},
            "cost": {"value": {"sardine": cost, "walnut": 2}, "source": "caller"},
            "needed": {"value": 90, "source": "caller"},
        },
        "decision_variables": [{"name": "x", "index": ["food"], "type": "continuous", "lb": 0}],
        "objective": {"sense": "minimize", "expression": "sum(f in food: cost[f]*x[f])"},
        "constraints": [{"name": "omega_needed", "expression": "sum(f in food: omega[f]*x[f]) >= needed"}],
        "assumptions": [],
    })
}

fn drafts(model: Option<Arc<dyn ChatModel>>, config: &Config) -> Drafts {
    Drafts::new(config, Catalogue::built_in().unwrap(), Arc::new(HashingEmbedder::new(64).unwrap()), model)
}

async fn drafted(model: Arc<dyn ChatModel>, question: &str) -> Result<Drafted, NotDrafted> {
    drafts(Some(model), &Config::default()).draft(question, None, Deadline::after(Duration::from_secs(20))).await
}

/// What comes of the answers of a language model, and of their recording.
async fn both(answers: Vec<Result<String, LlmError>>, question: &str) -> Result<Drafted, NotDrafted> {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("recording.ndjson");
    let recorder = Recorder::create(&path, Arc::new(Scripted(Mutex::new(answers)))).unwrap();
    let live = drafted(Arc::new(recorder), question).await;
    let replayed = drafted(Arc::new(Recorded::open(&path).unwrap()), question).await;
    assert_eq!(live, replayed, "the twin says the same");
    live
}

fn sources(drafted: &Drafted) -> Vec<&str> {
    ["omega", "cost", "needed"].map(|name| drafted.model["parameters"][name]["source"].as_str().unwrap()).to_vec()
}

#[tokio::test]
async fn a_model_whose_numbers_are_all_in_the_question_is_the_callers_and_says_who_wrote_it() {
    let drafted = both(vec![Ok(written(3.0).to_string())], DIET).await.unwrap();
    assert_eq!(sources(&drafted), ["caller", "caller", "caller"]);
    assert!(drafted.by.starts_with("language model m"), "{}", drafted.by);
    let assumed = drafted.model["assumptions"].as_array().unwrap();
    assert!(assumed.iter().all(|a| a["source"] == LANGUAGE_MODEL) && assumed.len() == 1, "{assumed:?}");
}

#[tokio::test]
async fn a_number_that_the_question_does_not_have_is_the_language_models() {
    let drafted = both(vec![Ok(written(3.7).to_string())], DIET).await.unwrap();
    assert_eq!(sources(&drafted), ["caller", LANGUAGE_MODEL, "caller"]);
    assert!(drafted.model["assumptions"].to_string().contains("3.7"), "{}", drafted.model);
}

#[tokio::test]
async fn an_answer_that_does_not_read_is_repaired_once_with_the_places_that_are_wrong() {
    let mut wrong = written(3.0);
    wrong["constraints"][0]["expression"] = json!("sum(f in food: omga[f]*x[f]) >= needed");
    let drafted = both(vec![Ok(wrong.to_string()), Ok(written(3.0).to_string())], DIET).await.unwrap();
    assert_eq!(sources(&drafted), ["caller", "caller", "caller"]);
    let twice = both(vec![Ok(wrong.to_string()), Ok(wrong.to_string())], DIET).await.unwrap_err();
    assert!(matches!(twice, NotDrafted::Asks(_)), "after the second it is asked back: {twice:?}");
}

#[tokio::test]
async fn a_language_model_that_fails_or_is_late_leaves_an_honest_answer() {
    let fails = LlmError::Protocol { endpoint: "e".to_owned(), detail: "a secret".to_owned() };
    let NotDrafted::Asks(why) = both(vec![Err(fails)], DIET).await.unwrap_err() else { panic!("it is asked back") };
    assert!(!why.reason.contains("secret") && !why.reason.is_empty(), "{}", why.reason);
    let late = LlmError::DeadlinePassed { waiting: Waiting::NextToken };
    assert_eq!(both(vec![Err(late)], DIET).await.unwrap_err(), NotDrafted::Failed(EngineFailure::TimedOut));
}

#[tokio::test]
async fn what_only_lacks_something_is_asked_of_the_caller_and_never_of_a_language_model() {
    let nobody: Arc<dyn ChatModel> = Arc::new(Scripted(Mutex::new(Vec::new())));
    let question = "Allocate $50M across BTC/ETH/AVAX to minimize worst-case 30-day loss with 5% per-market floor.";
    let NotDrafted::Asks(why) = drafted(nobody, question).await.unwrap_err() else { panic!("it is asked back") };
    assert_eq!(why.missing.iter().map(|missing| &*missing.slot).collect::<Vec<_>>(), ["cvar"]);
}

#[tokio::test]
async fn none_is_asked_where_the_settings_forbid_it() {
    let nobody: Arc<dyn ChatModel> = Arc::new(Scripted(Mutex::new(Vec::new())));
    let config = Config { ask_language_model: false, ..Config::default() };
    let asked = drafts(Some(nobody), &config).draft(DIET, None, Deadline::after(Duration::from_secs(20))).await;
    assert!(matches!(asked, Err(NotDrafted::Asks(_))));
}

#[test]
fn files_of_templates_and_figures_add_to_what_is_compiled_in() {
    let folder = tempfile::TempDir::new().unwrap();
    let known = folder.path().join("own.toml");
    std::fs::write(&known, "[cvar]\nsays = \"own\"\nsource = \"desk\"\nvalues = { btc = 0.2, avax = 0.5 }\n").unwrap();
    let config = Config { glossary: vec![known], ..Config::default() };
    let catalogue = config.catalogue(Path::to_owned).unwrap();
    assert_eq!((&*catalogue.glossary["cvar"].source, catalogue.glossary["cvar"].values["avax"]), ("desk", 0.5));
    let lost = Config { templates: vec!["gone.toml".into()], ..Config::default() };
    assert!(lost.catalogue(Path::to_owned).unwrap_err().pointer.contains("gone.toml"));
    assert_eq!(Config { plans_max: 0, ..Config::default() }.check().unwrap_err().pointer, "/engine/optimise/plans_max");
}
