//! Plans within one process, where what makes them does as it is told: who makes one, who waits for it, what is kept of it.

use super::service::project;
use async_trait::async_trait;
use instinct::app::{App, Parts};
use instinct::config::{Config, Overrides};
use instinct::decide::plans::{PlanInput, PlanPath, PlanQuestion, Planned, PlansError};
use instinct::domain::deadline::Deadline;
use instinct::domain::field::FieldError;
use instinct::domain::ids::{TenantId, TraceId};
use instinct::domain::plan::{CheckReport, PlanReport};
use instinct::domain::plan_record::{PlanAsked, PlanLimits, PlanLink, PlanRecord, PlanState};
use instinct::domain::request::Caller;
use instinct::domain::time::Clock;
use instinct::engine::Engines;
use instinct::engine::planning::{PlanFault, PlanMaker, PlanRun, ReadModel, Worded};
use instinct::solver::SolverError;
use instinct::store::{self, Store};
use instinct::{embed, store::Common};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Makes plans of models such as `{"model_type": "lp", "n": 1, "takes_ms": 50, "status": "optimal"}`: the number is the intent.
#[derive(Debug, Default)]
struct Told {
    made: Arc<AtomicUsize>,
    cancelled: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct Model {
    json: Value,
    made: Arc<AtomicUsize>,
    cancelled: Arc<AtomicUsize>,
}

#[async_trait]
impl PlanMaker for Told {
    fn read(&self, model: &RawValue) -> Result<Arc<dyn ReadModel>, PlanFault> {
        let json: Value = serde_json::from_str(model.get()).unwrap();
        if json["n"].is_null() {
            return Err(PlanFault::Model(vec![FieldError::new("/n", "it is not there")]));
        }
        Ok(Arc::new(Model { json, made: Arc::clone(&self.made), cancelled: Arc::clone(&self.cancelled) }))
    }

    async fn model_of_words(&self, text: &str, _: Deadline) -> Result<Worded, PlanFault> {
        match text.parse::<f64>() {
            Ok(n) => Ok(Worded {
                model: model(&json!({"model_type": "lp", "n": n})),
                title: Some("words".into()),
                assumptions: Vec::new(),
            }),
            Err(_) => Err(PlanFault::Unclear(vec![FieldError::new("/n", "which number?")])),
        }
    }
}

impl ReadModel for Model {
    fn intent_key(&self) -> [u8; 32] {
        *blake3::hash(self.json["n"].to_string().as_bytes()).as_bytes()
    }

    fn model_type(&self) -> &'static str {
        "lp"
    }

    fn plan(&self, asked: &PlanAsked, run: &PlanRun) -> Result<PlanReport, PlanFault> {
        let nth = self.made.fetch_add(1, Ordering::SeqCst);
        let until = Instant::now() + Duration::from_millis(self.json["takes_ms"].as_u64().unwrap_or(0));
        while Instant::now() < until {
            if run.cancel.is_cancelled() {
                self.cancelled.fetch_add(1, Ordering::SeqCst);
                return Err(SolverError::Cancelled.into());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        if self.json["fails"] == true {
            return Err(SolverError::Failed("it crashed".into()).into());
        }
        assert!(self.json["panics"] != true, "as told");
        let value = if self.json["drifts"] == true { nth as f64 } else { self.json["n"].as_f64().unwrap() };
        let report = json!({
            "title": asked.title.clone().unwrap_or("a plan".into()), "model_type": "lp",
            "status": self.json["status"].as_str().unwrap_or("optimal"),
            "solver": {"name": "told 1", "solve_ms": 1.0, "solves": 1}, "sense": "minimize", "objective": self.json["n"],
            "decision": [{"variable": "x", "value": value}], "binding": [], "sensitivity": [], "alternatives": [], "conflict": [],
            "ray": {}, "assumptions": [], "risks": [], "next": [], "text": "",
        });
        Ok(serde_json::from_value(report).unwrap())
    }

    fn check(&self, values: &BTreeMap<String, f64>, tolerance: f64) -> Result<CheckReport, PlanFault> {
        let off = (values["x"] - self.json["n"].as_f64().unwrap()).abs();
        Ok(CheckReport { passed: off <= tolerance, objective: None, checked: 1, worst: off, violations: Vec::new() })
    }
}

fn model(json: &Value) -> Arc<RawValue> {
    RawValue::from_string(json.to_string()).unwrap().into()
}

struct Scene {
    app: App,
    made: Arc<AtomicUsize>,
    cancelled: Arc<AtomicUsize>,
}

fn tenant(name: &str) -> Caller {
    Caller { user: Some("ada".into()), ..Caller::trusted(TenantId::new(name).unwrap()) }
}

fn question(json: &Value) -> PlanQuestion {
    PlanQuestion {
        input: PlanInput::Model(model(json)),
        asked: PlanAsked::default(),
        from: Vec::new(),
        fresh: false,
        pending: true,
        deadline: Deadline::after(Duration::from_secs(20)),
        trace: TraceId::new(1),
    }
}

async fn scene_over(store: Arc<dyn Store>, change: impl FnOnce(&mut Config)) -> Scene {
    let mut config = Config::load(None, &Overrides::default()).unwrap();
    config.strategies.dir = project().join("strategies");
    config.embed.model = "hashing-64".to_owned();
    change(&mut config);
    let told = Arc::new(Told::default());
    let (made, cancelled) = (Arc::clone(&told.made), Arc::clone(&told.cancelled));
    let trading = instinct::app::engines(&config, &embed::open(&config.embed).unwrap()).unwrap();
    let embedder = embed::open(&config.embed).unwrap();
    let engines: Engines = trading.with_plans(told);
    let parts = Parts { embedder, store, search: None, graphs: None, engines, clock: Clock::System };
    Scene { app: App::with_parts(&config, parts).await.unwrap(), made, cancelled }
}

async fn scene() -> Scene {
    scene_over(store::in_memory(Clock::System), |_| {}).await
}

impl Scene {
    async fn ask(&self, who: &str, question: PlanQuestion) -> Result<Planned, PlansError> {
        self.app.decider.plan(&tenant(who), question).await
    }

    async fn plan(&self, json: &Value) -> (Arc<PlanRecord>, PlanPath) {
        match self.ask("a", question(json)).await.unwrap() {
            Planned::Made(record, path) => (record, path),
            Planned::Pending(record) => panic!("{record:?}"),
        }
    }

    fn made(&self) -> usize {
        self.made.load(Ordering::SeqCst)
    }
}

fn lp(n: f64) -> Value {
    json!({"model_type": "lp", "n": n})
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_question_is_planned_once_and_another_number_or_tenant_never_gets_it() {
    let scene = scene().await;
    let (first, path) = scene.plan(&lp(1.0)).await;
    assert_eq!((path, first.state, scene.made()), (PlanPath::Engine, PlanState::Draft, 1));
    assert_eq!(first.asked_by.as_deref(), Some("ada"));
    let (again, path) = scene.plan(&json!({"note": 1, "n": 1.0, "model_type": "lp"})).await;
    assert_eq!((path, again.id, scene.made()), (PlanPath::Exact, first.id, 1));
    let (other, path) = scene.plan(&lp(1.5)).await;
    assert!(path == PlanPath::Engine && other.id != first.id);
    let limited = PlanQuestion {
        asked: PlanAsked { limits: PlanLimits { time_ms: Some(9), ..PlanLimits::default() }, ..PlanAsked::default() },
        ..question(&lp(1.0))
    };
    let Planned::Made(_, PlanPath::Engine) = scene.ask("a", limited).await.unwrap() else { panic!("limits were passed over") };
    let Planned::Made(theirs, PlanPath::Engine) = scene.ask("b", question(&lp(1.0))).await.unwrap() else { panic!("another's") };
    assert!(scene.app.decider.plan_record(&first.tenant, theirs.id).await.unwrap().is_none());
    let fresh = PlanQuestion { fresh: true, ..question(&lp(1.0)) };
    let Planned::Made(fresh, PlanPath::Engine) = scene.ask("a", fresh).await.unwrap() else { panic!("not fresh") };
    assert_eq!((scene.made(), scene.plan(&lp(1.0)).await.0.id), (5, fresh.id), "the latest answers from then on");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_ask_the_same_at_once_one_has_it_made() {
    let scene = scene().await;
    let json = json!({"model_type": "lp", "n": 1, "takes_ms": 150});
    let all = futures_util::future::join_all((0..24).map(|_| scene.plan(&json))).await;
    assert_eq!(scene.made(), 1);
    assert!(all.iter().all(|(record, _)| record.id == all[0].0.id));
    assert_eq!(scene.app.decider.plans.under_way(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_processes_over_one_store_one_has_it_made() {
    let common = Common::new(Clock::System);
    let (one, two) = (scene_over(common.join(), |_| {}).await, scene_over(common.join(), |_| {}).await);
    let json = json!({"model_type": "lp", "n": 1, "takes_ms": 150});
    let both = tokio::join!(one.plan(&json), two.plan(&json));
    assert_eq!((one.made() + two.made(), both.0.0.id), (1, both.1.0.id));
    let (reviewed, ada) = (both.0.0.id, tenant("a"));
    one.app.decider.review_plan(&ada, reviewed, PlanState::Approved, None).await.unwrap();
    let again = two.app.decider.review_plan(&ada, reviewed, PlanState::Rejected, None).await;
    assert!(matches!(again, Err(PlansError::State { state: PlanState::Approved, .. })), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_told_to_come_back_by_one_process_gets_what_another_made() {
    let common = Common::new(Clock::System);
    let (one, two) = (scene_over(common.join(), |_| {}).await, scene_over(common.join(), |_| {}).await);
    let json = json!({"model_type": "lp", "n": 1, "takes_ms": 1_500});
    let hurried = PlanQuestion { deadline: Deadline::after(Duration::from_millis(700)), ..question(&json) };
    let slow = one.plan(&json);
    let told = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        two.ask("a", hurried).await
    };
    let ((made, _), told) = tokio::join!(slow, told);
    let Planned::Pending(told) = told.unwrap() else { panic!("it was there") };
    two.app.decider.plan_ended(&told.tenant, told.id, Duration::from_secs(20)).await;
    let record = two.app.decider.plan_record(&told.tenant, told.id).await.unwrap().unwrap();
    assert_eq!((record.state, one.made() + two.made()), (PlanState::Draft, 1));
    assert_eq!(record.report.as_ref().unwrap().get(), made.report.as_ref().unwrap().get());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_will_not_come_back_is_told_that_the_deadline_passed_and_nobody_goes_on_for_him() {
    let scene = scene().await;
    let json = json!({"model_type": "lp", "n": 1, "takes_ms": 30_000});
    let hurried = PlanQuestion { pending: false, deadline: Deadline::after(Duration::from_millis(80)), ..question(&json) };
    let late = scene.ask("a", hurried).await;
    assert!(matches!(late, Err(PlansError::DeadlinePassed { deadline_ms: 80 })), "{late:?}");
    let since = Instant::now();
    while scene.cancelled.load(Ordering::SeqCst) == 0 {
        assert!(since.elapsed() < Duration::from_secs(10), "it goes on");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(scene.app.decider.list_plans(&tenant("a").tenant, Default::default(), 9).0.is_empty());
    assert_eq!(scene.plan(&json!({"model_type": "lp", "n": 1})).await.0.state, PlanState::Draft, "the next is made");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_finds_the_plan_and_how_it_failed() {
    let scene = scene().await;
    let tenant = tenant("a").tenant;
    for (fails, state) in [(false, PlanState::Draft), (true, PlanState::Failed)] {
        let json = json!({"model_type": "lp", "n": u8::from(fails), "takes_ms": 400, "fails": fails});
        let hurried = PlanQuestion { deadline: Deadline::after(Duration::from_millis(100)), ..question(&json) };
        let Planned::Pending(told) = scene.ask("a", hurried).await.unwrap() else { panic!("it was there") };
        let decider = &scene.app.decider;
        assert_eq!(decider.plan_record(&tenant, told.id).await.unwrap().unwrap().state, PlanState::Pending);
        decider.plan_ended(&tenant, told.id, Duration::from_secs(20)).await;
        let record = decider.plan_record(&tenant, told.id).await.unwrap().unwrap();
        let states: Vec<PlanState> = record.history.iter().map(|change| change.state).collect();
        assert_eq!((record.state, states), (state, vec![PlanState::Pending, state]));
        assert_eq!(record.failure.as_ref().map(|f| f.kind.as_str()), fails.then_some("failed"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_was_being_made_when_its_process_ended_is_not_pending_for_ever() {
    let store = store::in_memory(Clock::System);
    let first = scene_over(Arc::clone(&store), |_| {}).await;
    let json = json!({"model_type": "lp", "n": 1, "takes_ms": 60_000});
    let hurried = PlanQuestion { deadline: Deadline::after(Duration::from_millis(100)), ..question(&json) };
    let Planned::Pending(told) = first.ask("a", hurried).await.unwrap() else { panic!("it was there") };
    let second = scene_over(store, |_| {}).await;
    let tenant = tenant("a").tenant;
    let record = second.app.decider.plan_record(&tenant, told.id).await.unwrap().unwrap();
    assert_eq!((record.state, record.failure.as_ref().unwrap().kind.as_str()), (PlanState::Failed, "lost"));
    let (list, _) = second.app.decider.list_plans(&tenant, Default::default(), 9);
    assert_eq!(list[0].state, PlanState::Failed);
    first.app.decider.plans.give_up();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_reviewed_stays_and_who_asks_the_same_gets_a_draft_of_his_own() {
    let scene = scene().await;
    let ada = tenant("a");
    let (first, _) = scene.plan(&lp(1.0)).await;
    let approved = scene.app.decider.review_plan(&ada, first.id, PlanState::Approved, Some("fine".into())).await.unwrap();
    assert_eq!((approved.state, approved.history.len()), (PlanState::Approved, 2));
    for to in [PlanState::Approved, PlanState::Rejected] {
        let again = scene.app.decider.review_plan(&ada, first.id, to, None).await;
        assert!(matches!(again, Err(PlansError::State { .. })), "{again:?}");
    }
    let (copy, path) = scene.plan(&lp(1.0)).await;
    assert!(path == PlanPath::Exact && copy.id != first.id && copy.state == PlanState::Draft);
    assert_eq!(copy.report.as_ref().unwrap().get(), first.report.as_ref().unwrap().get());
    assert_eq!((scene.plan(&lp(1.0)).await.0.id, scene.made()), (copy.id, 1));
    let infeasible = scene.plan(&json!({"model_type": "lp", "n": 7, "status": "infeasible"})).await.0;
    let nothing = scene.app.decider.review_plan(&ada, infeasible.id, PlanState::Approved, None).await;
    assert!(matches!(nothing, Err(PlansError::State { state: PlanState::Draft, .. })), "{nothing:?}");
    scene.app.decider.review_plan(&ada, infeasible.id, PlanState::Rejected, None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_was_found_to_no_end_is_looked_for_again() {
    let scene = scene().await;
    let unknown = json!({"model_type": "lp", "n": 1, "status": "unknown"});
    let (first, second) = (scene.plan(&unknown).await, scene.plan(&unknown).await);
    assert!(first.0.id != second.0.id && scene.made() == 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_knows_what_it_was_made_from_and_what_was_made_from_it() {
    let scene = scene().await;
    let (first, _) = scene.plan(&lp(1.0)).await;
    let from = PlanQuestion { from: vec![first.id.to_string()], ..question(&lp(2.0)) };
    let Planned::Made(second, _) = scene.ask("a", from.clone()).await.unwrap() else { panic!("it took too long") };
    assert_eq!(second.refers_to, [PlanLink::Plan(first.id)]);
    let handed = scene.app.decider.plan_record(&first.tenant, first.id).await.unwrap().unwrap().handed_to.clone();
    assert_eq!(handed, [PlanLink::Plan(second.id)]);
    let Planned::Made(third, PlanPath::Exact) = scene.ask("a", question(&lp(2.0))).await.unwrap() else { panic!("it is known") };
    assert!(third.refers_to.is_empty() && third.id != second.id, "who came from nowhere is told of no way");
    let unknown = scene.ask("b", from).await;
    assert!(matches!(unknown, Err(PlansError::NotAllowed(ref e)) if e.pointer == "/from/0"), "{unknown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_or_panics_is_told_and_the_next_is_made() {
    let scene = scene().await;
    for wrong in ["fails", "panics"] {
        let failed = scene.ask("a", question(&json!({"model_type": "lp", "n": 1, wrong: true}))).await;
        assert!(matches!(failed, Err(PlansError::Fault(PlanFault::Solver(_)) | PlansError::Broken { .. })), "{failed:?}");
        scene.plan(&json!({"model_type": "lp", "n": wrong.len()})).await;
    }
    let unread = scene.ask("a", question(&json!({"model_type": "lp"}))).await;
    assert!(matches!(unread, Err(PlansError::Fault(PlanFault::Model(_)))), "{unread:?}");
    assert_eq!(scene.app.decider.plans.under_way(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_may_wait_are_refused_at_once() {
    let scene = scene_over(store::in_memory(Clock::System), |config| {
        (config.plans.runs_max, config.plans.waiting_max) = (1, 1);
    });
    let scene = scene.await;
    let slow = |n: usize| question(&json!({"model_type": "lp", "n": n, "takes_ms": 400}));
    let all = futures_util::future::join_all((0..5).map(|n| scene.ask("a", slow(n)))).await;
    let refused = all.iter().filter(|planned| matches!(planned, Err(PlansError::Busy))).count();
    assert_eq!((refused, scene.made()), (3, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_of_plans_is_kept() {
    let scene = scene_over(store::in_memory(Clock::System), |config| {
        let terms = serde_json::from_value(json!({"quota": {"plans": 1}})).unwrap();
        config.tenants.insert(TenantId::new("a").unwrap(), terms);
    });
    let scene = scene.await;
    scene.plan(&lp(1.0)).await;
    let refused = scene.ask("a", question(&lp(2.0))).await;
    assert!(matches!(refused, Err(PlansError::Quota(_))), "{refused:?}");
    assert_eq!((scene.made(), scene.plan(&lp(1.0)).await.1), (1, PlanPath::Exact), "what is known is told all the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn making_it_again_says_whether_the_same_came_out() {
    let scene = scene().await;
    for (drifts, agrees) in [(false, true), (true, false)] {
        let (record, _) = scene
            .plan(&json!({"model_type": "lp", "n": 5, "drifts": drifts, "status": if drifts { "feasible" } else { "optimal" }}))
            .await;
        let fresh = PlanQuestion { fresh: true, ..question(&json!({"model_type": "lp", "n": 5, "drifts": drifts})) };
        let Planned::Made(record, _) =
            (if drifts { scene.ask("a", fresh).await.unwrap() } else { Planned::Made(record, PlanPath::Engine) })
        else {
            panic!("it took too long")
        };
        let replayed =
            scene.app.decider.replay_plan(&record.tenant, record.id, Deadline::after(Duration::from_secs(9))).await.unwrap();
        assert_eq!((replayed.objective_agrees, replayed.decision_agrees, replayed.key_agrees), (true, agrees, true));
        assert_eq!(replayed.differences.len(), usize::from(drifts));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn words_become_a_model_or_a_question() {
    let scene = scene().await;
    let words = |text: &str| PlanQuestion { input: PlanInput::Words(text.into()), ..question(&lp(0.0)) };
    let Planned::Made(record, PlanPath::Engine) = scene.ask("a", words("3")).await.unwrap() else { panic!("it took too long") };
    assert_eq!((record.asked.text.as_deref(), record.asked.title.as_deref()), (Some("3"), Some("words")));
    assert_eq!(scene.plan(&json!({"model_type": "lp", "n": 3.0})).await.1, PlanPath::Exact, "the same model, said otherwise");
    let unclear = scene.ask("a", words("some")).await;
    assert!(matches!(unclear, Err(PlansError::Fault(PlanFault::Unclear(_)))), "{unclear:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_plan_that_was_made_and_each_review_is_in_the_audit_trail() {
    let scene = scene().await;
    let (record, _) = scene.plan(&lp(1.0)).await;
    scene.plan(&lp(1.0)).await;
    let page = scene.app.audit.page(&record.tenant, 0, 100).await.unwrap();
    let asked: Vec<&str> = page.events.iter().map(|event| event.deed.action.as_str()).collect();
    assert_eq!(asked, ["plans.ask"], "what was known already changed nothing");
    assert!(page.events[0].deed.about.get().contains(&record.id.to_string()));
    assert_eq!(page.events[0].deed.user.as_deref(), Some("ada"));
}
