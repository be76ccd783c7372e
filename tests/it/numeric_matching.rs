//! How well questions find their case, with the real model: each sample by the others, questions that others wrote, and questions for none.

use super::service::project;
use instinct::domain::deadline::Deadline;
use instinct::domain::text::FreshText;
use instinct::domain::vector::UnitVector;
use instinct::embed::{self, Embedder};
use instinct::engine::numeric::catalogue::Catalogue;
use instinct::engine::numeric::matching::{Matched, Matcher, without_symbols};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

fn embedder() -> Arc<dyn Embedder> {
    let config = embed::Config { runtime_dir: project().join("runtime"), ..embed::Config::default() };
    embed::open(&config).unwrap()
}

async fn vector(embedder: &dyn Embedder, text: &str) -> UnitVector {
    embedder
        .embed(&FreshText::new(&without_symbols(text)).unwrap(), Deadline::after(Duration::from_secs(60)))
        .await
        .unwrap()
        .vector
}

fn lines(file: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(project().join("tests/data").join(file)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn questions_find_their_case_by_what_they_mean_and_others_find_none() {
    let (embedder, catalogue) = (embedder(), Catalogue::built_in().unwrap());
    let mut matcher = Matcher::default();
    for case in catalogue.iter() {
        let mut samples = Vec::new();
        for question in &case.questions {
            samples.push((question.clone(), vector(&*embedder, question).await));
        }
        matcher.add(Arc::clone(&case.id), samples);
    }
    let all: Vec<_> = matcher.samples().map(|(case, text, vector)| (case.clone(), text.to_owned(), vector.clone())).collect();
    let nearest =
        |vector: &UnitVector, without: &str| matcher.ranked(vector, Some(without)).first().map(|near| near.case.clone());
    let right = all.iter().filter(|(case, text, vector)| nearest(vector, text).as_ref() == Some(case)).count();
    let own = right as f64 / all.len() as f64;
    println!("{} samples, each by the others: {own:.3} right", all.len());

    let (mut found, mut wrong, mut asked_back, mut count) = (0, 0, 0, 0);
    for line in lines("numeric_cases.ndjson") {
        let (text, case) = (line["text"].as_str().unwrap(), line["case"].as_str().unwrap());
        if catalogue.get(case).is_none() {
            continue;
        }
        count += 1;
        match matcher.of(&vector(&*embedder, text).await) {
            Matched::Case(near) if &*near.case == case => found += 1,
            Matched::Case(near) => {
                println!("{text:?} is for {case}, taken for {} ({:?}, {:.2})", near.case, near.question, near.similarity);
                wrong += 1;
            }
            other => {
                println!("{text:?} is for {case}, {other:?}");
                asked_back += 1;
            }
        }
    }
    println!("{count} questions of others: {found} right, {wrong} wrong, {asked_back} asked back");
    let mut taken = 0;
    let none: Vec<Value> = lines("triage.ndjson").into_iter().filter(|line| line["engine"] != "numeric").collect();
    for line in &none {
        if let Matched::Case(near) = matcher.of(&vector(&*embedder, line["text"].as_str().unwrap()).await) {
            println!("{} is for none, taken for {} ({:?}, {:.2})", line["text"], near.case, near.question, near.similarity);
            taken += 1;
        }
    }
    println!("{} texts for none: {taken} taken for a case", none.len());
    assert!(own >= 0.78, "{own}");
    assert!(wrong * 10 <= count, "{wrong} of {count}");
    assert!(found * 10 >= count * 7, "{found} of {count}");
    assert!(taken * 100 <= none.len() * 6, "{taken} of {}", none.len());
}
