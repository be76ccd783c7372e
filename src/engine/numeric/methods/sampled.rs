//! Every built-in case whose sample data are there is fitted to them, checked against its own output schema, and put into its own words.

use super::super::catalogue::{Case, Catalogue, Moment, Scope};
use super::super::method::{FitInput, FitRun, Fitted};
use super::super::source::shape;
use super::trial;
use crate::domain::frame::Column;
use crate::domain::time::Timestamp;
use crate::limits::{FIT_CHART_BYTES_MAX, FIT_VALUES_BYTES_MAX};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::Path;

/// A value for every parameter that has to be given: the first that the sample has. Nothing where the sample can't tell.
fn given(case: &Case) -> Option<BTreeMap<String, Value>> {
    let needed = case.parameters.iter().filter(|(_, parameter)| parameter.required);
    needed
        .map(|(name, _)| {
            let (input, column) = case.inputs.values().find_map(|input| {
                let column = input.filter.iter().find(|(_, of)| *of == name).map(|(column, _)| column)?;
                Some((input, column))
            })?;
            let sample = trial::sample(&format!("{}.csv", input.dataset));
            match sample.column(column).unwrap() {
                Column::Text(texts) => Some((name.clone(), Value::from(texts.iter().flatten().next()?.as_ref()))),
                _ => None,
            }
        })
        .collect()
}

fn fit(case: &Case, parameters: &Map<String, Value>, as_of: Timestamp) -> Fitted {
    let frames = case.inputs.iter().filter(|(_, input)| !input.optional || is_sampled(&input.dataset)).map(|(name, input)| {
        let sample = trial::sample(&format!("{}.csv", input.dataset));
        (name.clone(), shape(&sample, input, (&case.parameters, parameters), as_of).unwrap().frame)
    });
    let frames = frames.collect();
    let input = FitInput { frames: &frames, parameters, settings: &case.settings, previous: None, as_of };
    case.method.fit(&input, &FitRun { seed: 7, stop: &|| false }).unwrap_or_else(|fault| panic!("{}: {fault}", case.id))
}

fn is_sampled(dataset: &str) -> bool {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("sample/datasets/{dataset}.csv")).exists()
}

#[test]
fn every_case_with_sample_data_fits_them_and_says_its_sentence() {
    let as_of = Timestamp::parse("2026-11-01T00:00:00Z").unwrap();
    let mut fitted_cases = 0;
    for case in Catalogue::built_in().unwrap().iter() {
        if !case.inputs.values().all(|input| input.optional || is_sampled(&input.dataset)) {
            continue;
        }
        let Some(given) = given(case) else { continue };
        let parameters = case.given(&given).unwrap();
        let fitted = fit(case, &parameters, as_of);
        trial::sound(&fitted);
        case.output.check(&fitted.values).unwrap_or_else(|error| panic!("{}: {error}", case.id));
        assert!(serde_json::to_string(&fitted.values).unwrap().len() < FIT_VALUES_BYTES_MAX, "{}", case.id);
        assert!(serde_json::to_string(&fitted.chart).unwrap().len() < FIT_CHART_BYTES_MAX, "{}", case.id);
        assert!(fitted.observations > 0, "{}", case.id);
        let moment = Moment { fitted_at: as_of, now: as_of.plus_seconds(7_200) };
        let said = case.sentence.say(&parameters, &fitted.values, moment).unwrap_or_else(|error| panic!("{}: {error}", case.id));
        assert!(said.contains("2h ago") && !said.contains(['{', '}']), "{}: {said}", case.id);
        if let Some(headline) = &case.headline {
            let scope = Scope::new(&parameters, &fitted.values);
            assert!(headline.value.find(&scope).is_some_and(Value::is_number), "{}", case.id);
        }
        println!("{}: {said}", case.id);
        fitted_cases += 1;
    }
    assert!(fitted_cases >= 6, "{fitted_cases} cases have sample data");
}

/// A case that nobody here has thought of: an entry alone, over a general method.
const OF_ONES_OWN: &str = r#"
id = "MY-01"
title = "Square root of size"
description = "Whether the impact of an order goes with the square root of its size."
category = "Mine"
method = "nonlinear-regression"
reference = "Least squares"
questions = ["Does impact follow a square root?"]
cadence = "24h"
fresh_for = "24h"
fit_within = "10s"
sentence = "{#coefficients}{name} = {estimate|number:2} ± {standard_error|number:2}{/} from {n_obs} executions in {symbol}. Last fit: {fitted_at|ago}."

[parameters.symbol]
type = "symbol"
description = "The market."
fit = true
required = true

[inputs.rows]
dataset = "executions"
columns = { time = "time", size = "size", impact = "impact_bps" }
where = { symbol = "symbol" }
order_by = "time"

[settings]
response = "impact"
formula = "a * (size / 1e6) ** b"
start = { a = 1.0, b = 0.5 }
covariance = "hc3"

[output]
type = "object"
required = ["coefficients", "n_obs"]
[output.properties]
coefficients = { type = "array", items = { type = "object" } }
n_obs = { type = "integer" }
"#;

#[test]
fn a_case_of_ones_own_is_an_entry_and_nothing_else() {
    let as_of = Timestamp::parse("2026-11-01T00:00:00Z").unwrap();
    let case = Case::read(OF_ONES_OWN, &super::named).unwrap();
    let parameters = case.given(&BTreeMap::from([("symbol".to_owned(), Value::from("SOL-PERP"))])).unwrap();
    let fitted = fit(&case, &parameters, as_of);
    case.output.check(&fitted.values).unwrap();
    let said = case.sentence.say(&parameters, &fitted.values, Moment { fitted_at: as_of, now: as_of }).unwrap();
    assert!(said.starts_with("a = ") && said.contains(", b = 0.") && said.contains("executions in SOL-PERP"), "{said}");
    let misspelt = OF_ONES_OWN.replace("** b\"", "** c\"");
    assert_eq!(Case::read(&misspelt, &super::named).unwrap_err().pointer, "/settings/formula");
}
