use super::super::{Because, FaultKind, Outcome, Review, Silence, WhyMissing};
use super::stage::{BY_TOWN, House, Script, Stage, draft, rows, two_towns};
use crate::domain::answer::Confidence;
use crate::llm::{Recorded, Recorder};
use crate::warehouse::WarehouseError;
use serde_json::json;
use std::sync::Arc;

fn broken(code: &str, said: &str) -> WarehouseError {
    WarehouseError::Refused { code: code.to_owned(), said: said.to_owned() }
}

#[tokio::test]
async fn a_query_that_runs_and_is_found_right_is_the_answer() {
    let (model, house) =
        (Script::new().plans(&["loans by town"]).writes(BY_TOWN).finds(true, ""), House::new(|_| Ok(two_towns())));
    let stage = Stage::new();
    let answered = stage.answered(&model, &house).await;
    let part = &answered.parts[0];
    assert_eq!((part.frame.rows.len(), part.query.sql.as_str(), &part.review), (2, BY_TOWN, &Review::Agreed { round: 1 }));
    assert_eq!(part.query.definition, "language model script-1, prompts 1");
    assert_eq!(part.explanation, "Counts the loans of each town.");
    assert_eq!(answered.derivation.label, Confidence::Medium, "no other way agrees");
    assert_eq!(*house.reached.lock(), [BY_TOWN]);
    assert_eq!(model.kinds(), ["plan", "query", "verdict"]);
    let told: Vec<String> = stage.steps.from(0).into_iter().map(|step| step.step).collect();
    assert_eq!(told, ["plan", "attempt", "review"]);
    assert_eq!(part.question, Stage::new().question, "a question that is not taken apart is asked as it was");
}

#[tokio::test]
async fn a_query_that_fails_is_mended_with_the_error_and_without_what_the_error_quotes() {
    let broken_sql = "SELECT town, count() AS n FROM loans WHERE lent_at = 'x' GROUP BY town";
    let model = Script::new()
        .plans(&["loans by town"])
        .writes("SELECT nothing FROM loans")
        .writes(broken_sql)
        .writes(BY_TOWN)
        .finds(true, "");
    let house = House::new(|sql| match sql.contains("lent_at") {
        true => Err(broken("53", "Cannot parse string 'maria@x.org' as DateTime of column `status`")),
        false => Ok(two_towns()),
    });
    let answered = Stage::new().answered(&model, &house).await;
    let attempts = &answered.parts[0].attempts;
    let because: Vec<Because> = attempts.iter().map(|attempt| attempt.because).collect();
    assert_eq!(because, [Because::Asked, Because::Failed, Because::Failed]);
    assert!(attempts[0].wrong.as_ref().is_some_and(|wrong| wrong.contains("refused")), "{attempts:?}");
    let told = model.told_last();
    assert!(told.contains("53") && told.contains("status") && !told.contains("maria"), "{told}");
}

#[tokio::test]
async fn four_queries_that_fail_are_the_end() {
    let model = (0..6).fold(Script::new().plans(&["loans"]), |script, n| script.writes(&format!("SELECT c{n} FROM loans")));
    let house = House::new(|_| Ok(two_towns()));
    let Outcome::Failed { missing, reason } = Stage::new().ask(&model, &house).await.outcome else { panic!("it failed") };
    assert_eq!(missing[0].attempts.len(), 4);
    assert_eq!(missing[0].because, WhyMissing::Failed { fault: FaultKind::Refused });
    assert!(reason.contains("no query") && house.reached.lock().is_empty());
}

#[tokio::test]
async fn what_cannot_be_mended_is_not_tried_again() {
    for (error, kind) in [(WarehouseError::Late, FaultKind::Late), (WarehouseError::Busy, FaultKind::Away)] {
        let model = Script::new().plans(&["loans"]).writes(BY_TOWN).writes(BY_TOWN);
        let house = House::new(move |_| Err(error.clone()));
        let Outcome::Failed { missing, .. } = Stage::new().ask(&model, &house).await.outcome else { panic!("it failed") };
        assert_eq!((missing[0].attempts.len(), &missing[0].because), (1, &WhyMissing::Failed { fault: kind }));
    }
}

#[tokio::test]
async fn rows_that_are_not_as_described_are_a_fault_that_is_mended() {
    let other = "SELECT town AS place, count() AS n FROM loans GROUP BY place";
    let model = Script::new().plans(&["loans"]).writes(other).writes(BY_TOWN).finds(true, "");
    let house = House::new(|sql| {
        let mut rows = two_towns();
        if sql.contains("place") {
            rows.columns[0] = "place".to_owned();
        }
        Ok(rows)
    });
    let answered = Stage::new().answered(&model, &house).await;
    assert_eq!(answered.parts[0].attempts.len(), 2);
    assert!(model.told_last().contains("`place` of the result is not described"));
}

#[tokio::test]
async fn where_nothing_comes_back_the_condition_that_empties_it_is_told_and_one_more_query_is_written() {
    let narrow = "SELECT town, count() AS n FROM loans WHERE status = 'opne' AND amount > 0 GROUP BY town";
    let model = Script::new().plans(&["open loans"]).writes(narrow).writes(BY_TOWN).finds(true, "");
    let house = House::new(|sql| if sql.contains("opne") { Ok(rows(&[])) } else { Ok(two_towns()) });
    let answered = Stage::new().answered(&model, &house).await;
    let told = model.told_last();
    assert!(told.contains("status = 'opne'") && !told.contains("amount > 0"), "{told}");
    let attempts = &answered.parts[0].attempts;
    assert_eq!(attempts.last().map(|attempt| (attempt.because, attempt.rows)), Some((Because::Empty, Some(2))));
    assert_eq!(house.reached.lock().len(), 4, "the query, it without each condition, and the new one");
}

#[tokio::test]
async fn an_empty_result_that_stays_empty_is_the_answer_and_is_worth_little() {
    let narrow = "SELECT town, count() AS n FROM loans WHERE status = 'open' GROUP BY town";
    let model = Script::new().plans(&["open loans"]).writes(narrow).writes(narrow).finds(true, "");
    let house = House::new(|sql| if sql.contains("open") { Ok(rows(&[])) } else { Ok(two_towns()) });
    let answered = Stage::new().answered(&model, &house).await;
    assert_eq!((answered.parts[0].attempts.len(), answered.derivation.label), (2, Confidence::Low));
    let model = Script::new().plans(&["open loans"]).writes(narrow).finds(true, "");
    let answered = Stage::new().answered(&model, &House::new(|_| Ok(rows(&[])))).await;
    assert_eq!(answered.parts[0].attempts.len(), 1, "where no condition is to blame no further query is written");
}

#[tokio::test]
async fn a_result_that_does_not_answer_the_question_is_written_anew() {
    let total = "SELECT town, sum(amount) AS n FROM loans GROUP BY town";
    let model = Script::new().plans(&["loans"]).writes(total).finds(false, "it sums amounts").writes(BY_TOWN).finds(true, "");
    let house = House::new(|_| Ok(two_towns()));
    let answered = Stage::new().answered(&model, &house).await;
    assert_eq!((&answered.parts[0].review, answered.parts[0].query.sql.as_str()), (&Review::Agreed { round: 2 }, BY_TOWN));
    assert!(model.told_last().contains("it sums amounts"));
    assert_eq!(answered.derivation.label, Confidence::Medium);
}

#[tokio::test]
async fn three_looks_that_do_not_agree_are_told_and_lower_the_label() {
    let script = Script::new().plans(&["loans"]).writes(BY_TOWN).writes(BY_TOWN).writes(BY_TOWN).writes(BY_TOWN);
    let model = (0..4).fold(script, |script, _| script.finds(false, "the period is missing"));
    let answered = Stage::new().answered(&model, &House::new(|_| Ok(two_towns()))).await;
    assert_eq!(model.kinds().iter().filter(|kind| *kind == "verdict").count(), 3);
    assert_eq!(answered.parts[0].review, Review::Disagreed { problem: "the period is missing".to_owned() });
    assert_eq!(answered.derivation.label, Confidence::Low);
    assert!(answered.derivation.reasons.iter().any(|(_, reason)| reason.contains("the period is missing")));
}

#[tokio::test]
async fn what_the_review_says_in_numbers_that_nothing_bears_out_is_not_repeated() {
    let model = Script::new().plans(&["loans"]).writes(BY_TOWN).finds(false, "there should be 812 rows");
    let answered = Stage::new().answered(&model, &House::new(|_| Ok(two_towns()))).await;
    assert_eq!(answered.parts[0].review, Review::Disagreed { problem: String::new() });
    assert!(answered.derivation.reasons.iter().all(|(_, reason)| !reason.contains("812")));
}

#[tokio::test]
async fn a_refusal_is_no_failure() {
    let refusal =
        json!({ "sql": "", "explanation": "", "columns": [], "assumptions": [], "refusal": "There is no price in it." });
    let model = Script::new().plans(&["prices"]).says("query", "", refusal);
    let outcome = Stage::new().ask(&model, &House::new(|_| Ok(two_towns()))).await.outcome;
    assert_eq!(outcome, Outcome::Unanswerable { reason: "There is no price in it.".to_owned() });
}

#[tokio::test]
async fn each_class_of_a_question_has_its_outcome_and_runs_nothing() {
    let class =
        |class: &str, reason: &str| Script::new().says("plan", "", json!({ "class": class, "reason": reason, "parts": [] }));
    let house = House::new(|_| Ok(two_towns()));
    let stage = Stage::new();
    assert_eq!(stage.ask(&class("conversational", "a greeting"), &house).await.outcome, Outcome::Conversational);
    let outcome = stage.ask(&class("out_of_scope", "The weather is not in it."), &house).await.outcome;
    assert_eq!(outcome, Outcome::OutOfScope { reason: "The weather is not in it.".to_owned() });
    let outcome = stage.ask(&class("unanswerable", "about 17 things, see http://evil.example"), &house).await.outcome;
    assert!(matches!(&outcome, Outcome::Unanswerable { reason } if reason.starts_with("these tables")), "{outcome:?}");
    assert!(house.reached.lock().is_empty());
}

#[tokio::test]
async fn an_answer_that_is_no_json_is_repaired_once_and_then_given_up() {
    let model =
        Script::new().says("plan", "", "Sure! Here is the plan").plans(&["loans"]).says("query", "", "{}").writes(BY_TOWN);
    let model = model.finds(true, "");
    let house = House::new(|_| Ok(two_towns()));
    assert_eq!(Stage::new().answered(&model, &house).await.parts.len(), 1);
    let model = Script::new().plans(&["loans"]).says("query", "", "SELECT 1").says("query", "", "```json");
    let Outcome::Failed { missing, .. } = Stage::new().ask(&model, &house).await.outcome else { panic!("it failed") };
    assert_eq!(missing[0].because, WhyMissing::Silent { silence: Silence::Unreadable });
}

#[tokio::test]
async fn a_question_of_several_parts_is_answered_part_by_part_and_a_missing_one_is_told() {
    let model = Script::new()
        .plans(&["loans by town", "fines by town"])
        .says(
            "query",
            "fines by town",
            json!({ "sql": "", "explanation": "", "columns": [], "assumptions": [], "refusal": "no fines" }),
        )
        .says("query", "loans by town", draft(BY_TOWN))
        .finds(true, "");
    let answered = Stage::new().answered(&model, &House::new(|_| Ok(two_towns()))).await;
    assert_eq!((answered.parts.len(), answered.missing.len(), answered.derivation.label), (1, 1, Confidence::Low));
    assert!(answered.derivation.reasons.iter().any(|(_, reason)| reason.contains("fines by town")));
}

#[tokio::test]
async fn a_plan_of_too_many_parts_or_of_none_is_no_plan() {
    for parts in [&["a", "b", "c", "d", "e"][..], &[]] {
        let model = Script::new().plans(parts).plans(parts);
        let outcome = Stage::new().ask(&model, &House::new(|_| Ok(two_towns()))).await.outcome;
        assert!(matches!(outcome, Outcome::Failed { .. }), "{outcome:?}");
    }
}

#[tokio::test]
async fn what_was_recorded_is_answered_the_same_by_the_twin() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("chats.ndjson");
    let script = Script::new()
        .plans(&["loans"])
        .writes("SELECT x FROM loans")
        .writes(BY_TOWN)
        .finds(false, "no")
        .writes(BY_TOWN)
        .finds(true, "");
    let recorder = Recorder::create(&path, Arc::new(script)).expect("a recording");
    let stage = Stage::new();
    let first = stage.ask(&recorder, &House::new(|_| Ok(two_towns()))).await;
    let twin = Recorded::open(&path).expect("it reads");
    let again = stage.ask(&twin, &House::new(|_| Ok(two_towns()))).await;
    assert_eq!(first, again);
    assert!(matches!(again.outcome, Outcome::Answered(_)));
}
