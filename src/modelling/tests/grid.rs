//! What is written out against what the checker says of every choice of whole numbers: the two share no step after names are looked up.

use super::{best, model, small};
use std::collections::BTreeMap;

const VARIABLES: [&str; 4] = [
    r#""name": "a", "type": "integer", "lb": -2, "ub": 3"#,
    r#""name": "b", "type": "integer", "lb": 0, "ub": 4"#,
    r#""name": "p", "type": "binary""#,
    r#""name": "q", "type": "binary""#,
];

fn agrees(class: &str, objective: &str, constraints: &[&str]) {
    let json = small(class, &VARIABLES, objective, constraints);
    let model = model(&json);
    let mut wanted: Option<f64> = None;
    for a in -2..=3 {
        for b in 0..=4 {
            for (p, q) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                let pairs = [("a", a), ("b", b), ("p", p), ("q", q)];
                let values: BTreeMap<String, f64> =
                    pairs.into_iter().map(|(name, value)| (name.to_owned(), f64::from(value))).collect();
                let report = model.check(&values, 1e-9).unwrap();
                if !report.passed {
                    continue;
                }
                let value = report.objective.unwrap();
                let better = wanted.is_none_or(|best| if objective.starts_with("min") { value < best } else { value > best });
                wanted = if better { Some(value) } else { wanted };
            }
        }
    }
    let found = best(&model).map(|(objective, _)| objective);
    match (wanted, found) {
        (Some(wanted), Some(found)) => {
            assert!((wanted - found).abs() < 1e-6, "{json}: every choice says {wanted}, the solver {found}")
        }
        (wanted, found) => assert_eq!(wanted, found, "{json}"),
    }
}

const OBJECTIVES: [&str; 6] = [
    "maximize 3*a + 2*b - p - q",
    "minimize 2*a - b + p",
    "minimize b - a - 4*p",
    "maximize a - b + q",
    "minimize a + b + p + q",
    "maximize b",
];

#[test]
fn logic_means_the_same_to_the_checker_and_the_solver() {
    let constraints = [
        "p == 1 => a <= 1",
        "a >= 2 => b <= 1",
        "if a >= 1 then b >= 2 else p == 1",
        "not (a >= 1 and b >= 1)",
        "a <= -1 or b >= 3 or q == 1",
        "p == 1 <=> a >= 1",
        "(p and q) or a + b == 2",
        "a != b",
        "not (1 <= a <= 2)",
        "exactly_one(p, q, a >= 2)",
        "at_most_one(p, q, b >= 1)",
        "any_of(p == 1 and q == 1, a == 0)",
        "p <= q and (q == 1 => a == b)",
        "p => (q => a + b <= 2)",
        "not p or not q",
        "a < b",
        "a == 1 => p == 1",
    ];
    for class in ["mip", "cp"] {
        for (place, constraint) in constraints.iter().enumerate() {
            agrees(class, OBJECTIVES[place % 6], &[constraint]);
            agrees(class, OBJECTIVES[(place + 2) % 6], &[constraint, constraints[(place + 5) % constraints.len()]]);
        }
    }
}

#[test]
fn bent_functions_mean_the_same_to_the_checker_and_the_solver() {
    let constraints = [
        "abs(a) <= 1",
        "abs(a - b) >= 2",
        "max(a, b) == 2",
        "min(a, b) >= 1",
        "max(a, b, 1) - min(a, b) >= 3",
        "norm1(a, b) <= 2",
        "norm_inf(a, b) >= 3",
        "p * b <= 2",
        "a * b >= 2",
        "a * a + b * b <= 5",
        "square(a) >= 4",
        "a^3 <= 1",
        "p * q == 1",
        "piecewise(b, [[0, 0], [2, 4], [4, 2]]) >= 3",
        "piecewise(a, [[-2, 3], [0, 1], [1, 2], [3, 0]]) == 1",
        "piecewise(b, [[0, 0], [1, 3], [4, 6]]) >= 4",
        "1 <= a + b <= 2",
        "a * b * p <= 1",
        "abs(a) + max(b, 2) <= 4",
        "abs(max(a, -1)) >= 1",
    ];
    for class in ["mip", "cp"] {
        for (place, constraint) in constraints.iter().enumerate() {
            agrees(class, OBJECTIVES[place % 6], &[constraint]);
        }
    }
}

#[test]
fn bent_objectives_mean_the_same_to_the_checker_and_the_solver() {
    for class in ["mip", "cp"] {
        for objective in [
            "minimize abs(a - 1) + b",
            "maximize abs(a)",
            "maximize min(a, b) - p",
            "minimize min(a, b) + q",
            "maximize a * b",
            "minimize a * b - p",
            "maximize piecewise(b, [[0, 0], [2, 4], [4, 2]])",
            "minimize piecewise(b, [[0, 0], [2, 4], [4, 2]]) + a",
            "minimize square(a - b)",
        ] {
            agrees(class, objective, &["a + b >= 1"]);
        }
    }
}
