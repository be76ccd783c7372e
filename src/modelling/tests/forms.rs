//! What the language can say.

use super::{best, expand, model, row, small, values};
use crate::modelling::Model;
use crate::solver::program::{ConeKind, RuleKind};

const TRANSPORT: &str = r#"{
    "model_type": "lp",
    "sets": {"plant": ["p1", "p2"], "market": ["m1", "m2", "m3"], "lane": [["p1", "m1"], ["p1", "m2"], ["p2", "m2"], ["p2", "m3"]]},
    "parameters": {
        "capacity": {"p1": 60, "p2": 50},
        "demand": {"m1": 30, "m2": 40, "m3": 20},
        "cost": {"value": {"p1,m1": 2, "p1,m2": 3, "p2,m2": 1, "p2,m3": 4}, "index": ["lane"]}
    },
    "decision_variables": [{"name": "ship", "index": ["lane"], "lb": 0}],
    "objective": {"sense": "minimize", "expression": "sum((p, m) in lane: cost[p,m] * ship[p,m])"},
    "constraints": [
        {"name": "supply", "expression": "sum((p, m) in lane if p == q: ship[p, m]) <= capacity[q]", "for": "q in plant"},
        {"name": "need", "expression": "sum(ship[p, m] for (p, m) in lane if m == k) >= demand[k]", "for": "k in market"}
    ]
}"#;

#[test]
fn a_set_of_tuples_indexes_what_exists_alone() {
    let transport = model(TRANSPORT);
    let expanded = expand(&transport);
    let names: Vec<&str> = expanded.variables.iter().map(|variable| variable.name.as_str()).collect();
    assert_eq!(names, ["ship[p1,m1]", "ship[p1,m2]", "ship[p2,m2]", "ship[p2,m3]"]);
    assert_eq!(row(&expanded, "need[m2]").terms, [(1, 1.0), (2, 1.0)]);
    let (cost, _) = best(&transport).unwrap();
    assert!((cost - (60.0 + 30.0 + 30.0 + 80.0)).abs() < 1e-6, "{cost}");
}

#[test]
fn a_name_with_an_index_letter_means_each_of_a_family() {
    let json = r#"{"model_type": "lp", "parameters": {"cap_a": 1, "cap_b": 2, "w": {"a": 3, "b": 4}},
        "decision_variables": [{"name": "x_a", "lb": 0}, {"name": "x_b", "lb": 0}, {"name": "y_a", "lb": 0}, {"name": "y_b", "lb": 0}],
        "objective": {"sense": "maximize", "expression": "sum(w_i * x_i) + sum(i in y: y[i])"},
        "constraints": ["x_i <= cap_i", "y_i <= x_i", "sum(x) <= 10"]}"#;
    let expanded = expand(&model(json));
    assert_eq!(expanded.program.objective, [(0, 3.0), (1, 4.0), (2, 1.0), (3, 1.0)]);
    let names: Vec<&str> = expanded.constraints.iter().map(|constraint| constraint.name.as_str()).collect();
    assert_eq!(names, ["cap_i[a]", "cap_i[b]", "x_i_y_i_max[a]", "x_i_y_i_max[b]", "x_max"]);
    assert_eq!(row(&expanded, "cap_i[b]").upper, 2.0);
    assert_eq!(row(&expanded, "x_max").terms, [(0, 1.0), (1, 1.0)]);
}

#[test]
fn indices_count_on_and_conditions_choose() {
    let json = r#"{"model_type": "lp", "sets": {"t": {"from": 1, "to": 4}},
        "parameters": {"demand": {"value": [5, 1, 7, 2], "index": "t"}, "start": 3},
        "decision_variables": [{"name": "stock", "index": ["t"], "lb": 0}, {"name": "make", "index": "t", "lb": 0, "ub": "demand[t] + 2"}],
        "objective": {"sense": "minimize", "expression": "sum(stock) + sum(k in t if k > 1: (if k == 2 then 3 else k) * make[k])"},
        "constraints": [
            {"name": "balance", "expression": "stock[k] == stock[k-1] + make[k] - demand[k]", "for": "k in t if k >= 2"},
            {"name": "first", "expression": "stock[1] == start + make[1] - demand[1]"},
            "make[k] + make[k+1] <= 9 for k in t where k < 4"
        ]}"#;
    let model = model(json);
    let expanded = expand(&model);
    assert_eq!(expanded.program.columns[4].upper, 7.0);
    assert_eq!(row(&expanded, "balance[3]").terms, [(1, -1.0), (2, 1.0), (6, -1.0)]);
    assert_eq!(expanded.constraints.len(), 7);
    assert!(expanded.program.objective.contains(&(5, 3.0)) && expanded.program.objective.contains(&(7, 4.0)));
    best(&model).unwrap();
}

#[test]
fn a_chain_is_one_row_and_a_bound_on_the_left_is_turned() {
    let json =
        small("lp", &[r#""name": "x""#, r#""name": "y""#], "minimize x", &["-1 <= x + y <= 4", "3 >= x - y", "x <= y <= 2 * x"]);
    let expanded = expand(&model(&json));
    let rows = &expanded.program.rows;
    assert_eq!((rows[0].lower, rows[0].upper, rows[0].terms.len()), (-1.0, 4.0, 2));
    assert_eq!((rows[1].terms.clone(), rows[1].upper), (vec![(0, 1.0), (1, -1.0)], 3.0));
    assert_eq!(expanded.constraints[2].rows, [2, 3]);
}

#[test]
fn convex_functions_become_cones() {
    let variables = [r#""name": "x", "lb": 0, "ub": 9"#, r#""name": "y", "lb": 0, "ub": 9"#];
    let constraints = [
        "norm(x, y) <= 3",
        "exp(x) <= y + 20",
        "log(y) >= 0.5 * x",
        "sqrt(x) >= y - 4",
        "x^1.5 + inv_pos(y) <= 8",
        "entropy(x) >= -2",
        "log_sum_exp(x, y) <= 6",
        "geo_mean(x, y, 3) >= 0.1",
        "square(x - y) + max(x, y) <= 7",
        "x^2 + x*y + y^2 <= 12",
    ];
    let model = model(&small("convex", &variables, "minimize sum_squares(x - 1, y - 2) + abs(x - y)", &constraints));
    let expanded = expand(&model);
    let kinds: Vec<ConeKind> = expanded.program.cones.iter().map(|cone| cone.kind).collect();
    let (soc, exp) = (ConeKind::SecondOrder, ConeKind::Exponential);
    let power = ConeKind::Power;
    assert_eq!(kinds, [soc, exp, exp, soc, power(1.0 / 1.5), soc, exp, exp, exp, power(0.5), power(2.0 / 3.0), soc, soc]);
    assert_eq!(expanded.program.quadratic, [(0, 0, 1.0), (1, 1, 1.0)]);
    assert_eq!(expanded.program.offset, 5.0);
    let report = model.check(&values(&[("x", 1.0), ("y", 2.0)]), 1e-9).unwrap();
    assert!(report.passed, "{report:#?}");
    let report = model.check(&values(&[("x", 3.0), ("y", 0.5)]), 1e-9).unwrap();
    let broken: Vec<&str> = report.violations.iter().map(|violation| violation.states.as_str()).collect();
    assert_eq!(broken.len(), 4, "{broken:?}");
}

#[test]
fn a_covariance_is_a_quadratic_objective_and_one_that_is_none_is_refused() {
    let portfolio = |middle: f64| {
        format!(
            r#"{{"model_type": "convex", "sets": {{"s": ["a", "b"]}}, "parameters": {{"cov": [[4, {middle}], [{middle}, 9]]}},
            "decision_variables": [{{"name": "w", "index": ["s"], "lb": 0}}],
            "objective": {{"sense": "minimize", "expression": "quad_form(w, cov)"}}, "constraints": ["sum(w) == 1"]}}"#
        )
    };
    let expanded = expand(&model(&portfolio(1.0)));
    assert_eq!(expanded.program.quadratic, [(0, 0, 4.0), (0, 1, 2.0), (1, 1, 9.0)]);
    let errors = Model::parse(portfolio(7.0).as_bytes()).unwrap().expand().unwrap_err();
    assert!(errors[0].detail.contains("are not convex"), "{errors:?}");
}

#[test]
fn scheduling_is_kept_as_rules() {
    let json = r#"{"model_type": "cp", "sets": {"job": ["a", "b", "c"]}, "parameters": {"length": {"a": 3, "b": 2, "c": 2}, "need": {"a": 1, "b": 2, "c": 1}},
        "decision_variables": [{"name": "start", "index": ["job"], "type": "integer", "lb": 0, "ub": 10}, {"name": "end", "type": "integer", "lb": 0, "ub": 20}],
        "objective": {"sense": "minimize", "expression": "end"},
        "constraints": ["no_overlap(start, length)", "cumulative(start, length, need, 2)", "all_different(start)",
            {"name": "last", "expression": "end >= start[j] + length[j]", "for": "j in job"}, "start[a] >= 1"]}"#;
    let model = model(json);
    let expanded = expand(&model);
    assert!(matches!(&expanded.program.rules[0].kind, RuleKind::NoOverlap(intervals) if intervals.len() == 3));
    assert!(matches!(&expanded.program.rules[1].kind, RuleKind::Cumulative { demands, .. } if demands[1].constant == 2.0));
    assert!(matches!(&expanded.program.rules[2].kind, RuleKind::AllDifferent(sums) if sums.len() == 3));
    let (end, plan) = best(&model).unwrap();
    assert_eq!(end, 7.0, "{plan:?}");
    let clash = values(&[("start[a]", 1.0), ("start[b]", 3.0), ("start[c]", 6.0), ("end", 8.0)]);
    assert_eq!(model.check(&clash, 1e-9).unwrap().violations.len(), 2);
}

#[test]
fn a_key_is_that_of_the_question() {
    let key = |json: &str| model(json).intent_key();
    let base = r#"{"model_type": "lp", "parameters": {"a": 1, "b": {"p": 2, "q": 3}}, "decision_variables": [{"name": "x", "lb": 0}],
        "objective": {"sense": "minimize", "expression": "a*x"}, "constraints": ["x >= b_p"]}"#;
    let same = r#"{"title": "Other words", "constraints": ["x  ≥ b_p"], "objective": {"expression": "a * x", "sense": "minimize", "comment": "y"},
        "decision_variables": [{"lb": 0.0, "name": "x"}], "parameters": {"b": {"q": 3, "p": 2.0}, "a": 1}, "model_type": "lp"}"#;
    assert_eq!(key(base), key(same));
    for (from, to) in [
        ("\"a\": 1", "\"a\": 1.0000001"),
        ("\"lp\"", "\"mip\""),
        ("minimize", "maximize"),
        ("x >= b_p", "x >= b_q"),
        ("\"lb\": 0", "\"lb\": 1"),
        ("\"a\": 1", "\"a\": {\"value\": 1, \"unit\": \"1\"}"),
    ] {
        assert_ne!(key(base), key(&base.replace(from, to)), "{to}");
    }
    assert_ne!(model(base).intent_key(), model(base).with_parameter("a", &[], 2.0).unwrap().intent_key());
    assert_ne!(model(base).intent_key(), model(base).without(&["b_p"]).intent_key());
}

#[test]
fn a_hundred_thousand_variables_are_written_out() {
    let json = r#"{"model_type": "lp", "sets": {"i": {"from": 1, "to": 400}, "j": {"from": 1, "to": 250}},
        "decision_variables": [{"name": "x", "index": ["i", "j"], "lb": 0, "ub": "i + j"}],
        "objective": {"sense": "minimize", "expression": "sum(a in i, b in j: (a + 2 * b) * x[a, b])"},
        "constraints": [{"name": "r", "expression": "sum(b in j: x[a, b]) >= 10", "for": "a in i"}, {"name": "c", "expression": "sum(a in i: x[a, b]) <= 1000", "for": "b in j"}]}"#;
    let begin = std::time::Instant::now();
    let expanded = expand(&model(json));
    assert_eq!(
        (expanded.program.columns.len(), expanded.program.rows.len(), expanded.program.objective.len()),
        (100_000, 650, 100_000)
    );
    assert_eq!(expanded.program.columns[99_999].upper, 650.0);
    assert!(begin.elapsed().as_secs() < 30, "took {:?}", begin.elapsed());
}

#[test]
fn a_program_is_a_model_too() {
    let program = expand(&model(TRANSPORT)).program;
    let text = crate::modelling::mps::write(&program).unwrap();
    let read = Model::from_program(crate::modelling::mps::read(text.as_bytes()).unwrap());
    let (cost, plan) = best(&read).unwrap();
    assert!((cost - 200.0).abs() < 1e-6);
    assert_eq!(read.constraints()[0].states, "ship[p1,m1] + ship[p1,m2] <= 60");
    assert_eq!(read.check(&plan, 1e-9).unwrap().checked, 9);
    assert!(best(&read.without(&["need[m1]"])).unwrap().0 < cost);
}

#[test]
fn what_cancels_out_is_judged_by_what_it_is_made_of() {
    let json = small("lp", &[r#""name": "x""#, r#""name": "y""#], "minimize x", &["x - y == 0"]);
    let model = model(&json);
    let near = values(&[("x", 5e7), ("y", 5e7 + 0.5)]);
    assert!(model.check(&near, 1e-6).unwrap().passed);
    let far = values(&[("x", 5e7), ("y", 5e7 + 500.0)]);
    assert!(!model.check(&far, 1e-6).unwrap().passed);
    assert!(!model.check(&values(&[("x", 1.0), ("y", 1.1)]), 1e-6).unwrap().passed);
}

#[test]
fn a_bound_that_a_table_has_no_entry_for_is_one_error() {
    let json = r#"{"model_type": "mip", "sets": {"s": ["a", "b"]}, "parameters": {"cap": {"a": 1}},
        "decision_variables": [{"name": "z", "index": "s", "lb": 0, "ub": "cap[s]"}, {"name": "p", "type": "binary"}],
        "objective": {"sense": "maximize", "expression": "abs(sum(z))"}, "constraints": ["p == 1 => sum(z) <= 3"]}"#;
    let errors = Model::parse(json.as_bytes()).unwrap().expand().unwrap_err();
    assert_eq!((errors.len(), errors[0].pointer.as_str()), (1, "/decision_variables/0/ub"));
}
