//! Expressions of any words whatever are read, refused or written out, and never bring the process down.

use super::super::Model;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// An expression that is mostly well made, of the names of [`document`] and all functions.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("x".to_owned()),
        Just("y".to_owned()),
        Just("n".to_owned()),
        Just("b".to_owned()),
        Just("z[i]".to_owned()),
        Just("z[a]".to_owned()),
        Just("z".to_owned()),
        Just("v_i".to_owned()),
        Just("v".to_owned()),
        Just("m[i,j]".to_owned()),
        Just("p".to_owned()),
        Just("q[i]".to_owned()),
        Just("q_i".to_owned()),
        Just("w[i,j]".to_owned()),
        Just("i".to_owned()),
        Just("t".to_owned()),
        (-3_i32..4).prop_map(|value| value.to_string()),
        Just("0.5".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let function = prop::sample::select(vec![
            "sum",
            "abs",
            "min",
            "max",
            "norm",
            "norm1",
            "norm_inf",
            "square",
            "sum_squares",
            "quad_form",
            "exp",
            "log",
            "sqrt",
            "pow",
            "inv_pos",
            "entropy",
            "log_sum_exp",
            "geo_mean",
            "piecewise",
            "all_different",
            "no_overlap",
            "cumulative",
            "semidefinite",
            "any_of",
            "all_of",
            "at_most_one",
            "exactly_one",
            "to",
            "nothing",
        ]);
        let binder = prop::sample::select(vec![
            "",
            "i in s: ",
            "i in s, j in s if i != j: ",
            "(i, j) in pair: ",
            "i in 1..3: ",
            "k in t: ",
        ]);
        let operator = prop::sample::select(vec!["+", "-", "*", "/", "^", "<=", "==", ">=", "<", "!=", "and", "or", "=>", "<=>"]);
        prop_oneof![
            (inner.clone(), operator, inner.clone()).prop_map(|(a, sign, b)| format!("({a} {sign} {b})")),
            (function.clone(), binder, prop::collection::vec(inner.clone(), 1..4))
                .prop_map(|(name, binder, of)| format!("{name}({binder}{})", of.join(", "))),
            (inner.clone(), inner.clone()).prop_map(|(x, value)| format!("piecewise({x}, [[0, 0], [1, {value}], [3, 2]])")),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("(if {a} then {b} else {c})")),
            (function, inner.clone()).prop_map(|(name, of)| format!("{name}({of} for i in s)")),
            inner.prop_map(|of| format!("not -{of}")),
        ]
    })
}

fn document(class: &str, objective: &str, constraint: &str, bound: &str) -> String {
    let kind = if class == "mip" || class == "cp" { "integer" } else { "continuous" };
    let binary = if class == "mip" || class == "cp" { "binary" } else { "continuous" };
    serde_json::json!({
        "model_type": class,
        "sets": {"s": ["a", "c", "d"], "t": {"from": 1, "to": 3}, "pair": [["a", "c"], ["c", "d"]]},
        "parameters": {"p": 2, "q": [1, 0, -1], "w": {"a": {"a": 1, "c": 2}, "c": {"d": 3}}},
        "decision_variables": [
            {"name": "x", "type": kind, "lb": 0, "ub": bound}, {"name": "y", "type": kind, "lb": -2, "ub": 2}, {"name": "n", "type": kind, "lb": 1, "ub": 5},
            {"name": "b", "type": binary, "lb": 0, "ub": 1}, {"name": "z", "type": kind, "index": "s", "lb": 0, "ub": 4},
            {"name": "m", "type": kind, "index": ["s", "s"], "lb": 0, "ub": 1}, {"name": "v_a", "type": kind, "lb": 0, "ub": 1},
            {"name": "v_c", "type": kind, "lb": 0, "ub": 1}
        ],
        "objective": {"sense": "minimize", "expression": objective},
        "constraints": [constraint, {"name": "again", "expression": constraint, "for": "i in s"}, format!("{constraint} <= {objective}")]
    })
    .to_string()
}

fn runs(json: &str) {
    let model = match Model::parse(json.as_bytes()) {
        Ok(model) => model,
        Err(errors) => return assert!(!errors.is_empty() && errors.iter().all(|error| !error.detail.is_empty())),
    };
    let named = |names: Vec<String>| names.into_iter().map(|name| (name, 1.0)).collect::<BTreeMap<_, _>>();
    if let Ok(expanded) = model.expand() {
        let report = model.check(&named(expanded.variables.iter().map(|variable| variable.name.clone()).collect()), 1e-6);
        assert!(report.is_ok(), "{json}: {report:?}");
        let finite = expanded.program.rows.iter().all(|row| row.terms.iter().all(|(_, value)| value.is_finite()));
        assert!(finite && expanded.variables.len() <= expanded.program.columns.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_expression_brings_the_reader_down(
        class in prop::sample::select(vec!["lp", "mip", "convex", "cp"]),
        objective in expression(),
        constraint in expression(),
        bound in prop_oneof![4 => Just("4".to_owned()), 1 => expression()],
    ) {
        runs(&document(class, &objective, &constraint, &bound));
        // A constraint that is one, more often than not.
        runs(&document(class, "x", &format!("{constraint} <= {objective}"), "4"));
    }

    #[test]
    fn no_text_brings_the_reader_down(text in "\\PC{0,60}", words in "([a-z]|sum|if|then|for|in|=>|<=|[\\[\\](),:*^/+-]|[0-9.]| ){0,60}") {
        runs(&document("mip", &text, &words, "4"));
    }
}
