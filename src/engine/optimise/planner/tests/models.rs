//! The models of the seed's worked examples.

use crate::modelling::Model;
use serde_json::{Value, json};

pub(super) fn model(json: &Value) -> Model {
    Model::parse(json.to_string().as_bytes()).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

/// Worked example 3.1, as printed.
pub(super) fn fund() -> Value {
    json!({
        "model_type": "convex",
        "decision_variables": [
            {"name": "x_btc", "type": "continuous", "lb": 0},
            {"name": "x_eth", "type": "continuous", "lb": 0},
            {"name": "x_sol", "type": "continuous", "lb": 0}
        ],
        "parameters": {"cvar": [0.18, 0.31, 0.42], "budget": 50000000, "min_pct": 0.05, "max_pct": 0.40},
        "objective": {"sense": "minimize", "expression": "cvar_btc*x_btc + cvar_eth*x_eth + cvar_sol*x_sol"},
        "constraints": ["x_btc + x_eth + x_sol == budget", "x_i >= min_pct * budget", "x_i <= max_pct * budget"]
    })
}

pub(super) const INVESTIGATORS: [&str; 8] = ["alice", "bob", "carol", "dan", "eve", "frank", "grace", "henry"];

/// Worked example 3.2: how many cases of each kind each investigator gets. The seed names no hours of a case; these are those of the caller.
/// The risk of a breach grows with the cases that are not done by somebody with room to spare, so work is spread.
pub(super) fn routing(hours: [f64; 3]) -> Value {
    let [sar, kyc, audit] = hours;
    json!({
        "model_type": "mip",
        "title": "Compliance case routing",
        "sets": {"kind": ["sar", "kyc", "audit"], "who": INVESTIGATORS},
        "decision_variables": [
            {"name": "n", "index": ["kind", "who"], "type": "integer", "lb": 0, "ub": 12}
        ],
        "parameters": {
            "cases": {"sar": 12, "kyc": 8, "audit": 5},
            "hours": {"value": {"sar": sar, "kyc": kyc, "audit": audit}, "unit": "h"},
            "shift": {"value": 8, "unit": "h", "source": "roster"},
            "senior": {"alice": 1, "bob": 1, "carol": 1, "dan": 1, "eve": 0, "frank": 0, "grace": 0, "henry": 0},
            "risk": {"sar": 0.03, "kyc": 0.01, "audit": 0.02},
            "junior_risk": 0.01
        },
        "objective": {
            "sense": "minimize",
            "expression": "sum(k in kind, w in who: (risk[k] + junior_risk * (1 - senior[w])) * n[k, w])"
        },
        "constraints": [
            {"name": "every_case", "for": "k in kind", "expression": "sum(w in who: n[k, w]) == cases[k]"},
            {"name": "hours_available", "for": "w in who", "expression": "sum(k in kind: hours[k] * n[k, w]) <= shift"},
            {"name": "senior_only", "for": "w in who", "expression": "n['sar', w] <= 12 * senior[w]"}
        ]
    })
}

/// The plan that the seed prints for worked example 3.2: SAR drafts, KYC reviews and audits of each investigator.
pub(super) const PRINTED: [[u8; 3]; 8] = [[1, 2, 0], [1, 1, 1], [1, 2, 0], [1, 1, 1], [0, 2, 1], [1, 2, 0], [1, 2, 0], [1, 1, 2]];

/// Worked example 3.3 with the elasticity that it states; the volumes of the tiers, which it does not, are the caller's, in
/// millions, and add up to its 42.3 billion.
pub(super) fn fees() -> Value {
    json!({
        "model_type": "mip",
        "title": "Maker fee tiers",
        "sets": {"tier": ["t1", "t2", "t3", "t4", "t5"], "step": ["down2", "down1", "same", "up1", "up2"]},
        "decision_variables": [{"name": "choose", "index": ["tier", "step"], "type": "binary"}],
        "parameters": {
            "current": {"t1": 2.5, "t2": 1.5, "t3": 0.5, "t4": -1.0, "t5": -3.0},
            "move": {"down2": -1.0, "down1": -0.5, "same": 0.0, "up1": 0.5, "up2": 1.0},
            "volume": {"value": {"t1": 12000, "t2": 10000, "t3": 9000, "t4": 7000, "t5": 4300}, "unit": "MUSD", "source": "90-day baseline"},
            "elasticity": {"value": 0.012, "source": "NR-07"},
            "drop_max": 0.05
        },
        "objective": {
            "sense": "maximize",
            "expression": "sum(t in tier, s in step: (current[t] + move[s]) / 10000 * volume[t] * (1 - elasticity * move[s]) * choose[t, s])"
        },
        "constraints": [
            {"name": "one_fee", "for": "t in tier", "expression": "sum(s in step: choose[t, s]) == 1"},
            {"name": "retention", "expression": "sum(t in tier, s in step: volume[t] * (1 - elasticity * move[s]) * choose[t, s]) >= (1 - drop_max) * sum(t in tier: volume[t])"}
        ]
    })
}

/// Worked example 3.2 case by case, as the seed states its variables: `x[i,j]` is whether case i goes to investigator j. All in whole minutes.
pub(super) fn cases() -> Value {
    let kinds = [("sar", 12, 120), ("kyc", 8, 60), ("audit", 5, 90)];
    let all: Vec<(String, u32, bool)> = kinds
        .iter()
        .flat_map(|&(kind, count, minutes)| (1..=count).map(move |at| (format!("{kind}{at}"), minutes, kind == "sar")))
        .collect();
    let table = |of: &dyn Fn(&(String, u32, bool)) -> u32| -> Value {
        all.iter().map(|case| (case.0.clone(), json!(of(case)))).collect::<serde_json::Map<_, _>>().into()
    };
    json!({
        "model_type": "cp",
        "title": "Compliance case routing",
        "sets": {"case": all.iter().map(|case| case.0.as_str()).collect::<Vec<_>>(), "who": INVESTIGATORS},
        "decision_variables": [{"name": "x", "index": ["case", "who"], "type": "binary"}],
        "parameters": {
            "minutes": table(&|case| case.1),
            "draft": table(&|case| u32::from(case.2)),
            "shift": 480,
            "senior": {"alice": 1, "bob": 1, "carol": 1, "dan": 1, "eve": 0, "frank": 0, "grace": 0, "henry": 0},
            "risk": {"alice": 1, "bob": 2, "carol": 1, "dan": 3, "eve": 2, "frank": 4, "grace": 3, "henry": 5}
        },
        "objective": {"sense": "minimize", "expression": "sum(i in case, j in who: risk[j] * x[i, j])"},
        "constraints": [
            {"name": "once", "for": "i in case", "expression": "sum(j in who: x[i, j]) == 1"},
            {"name": "hours_available", "for": "j in who", "expression": "sum(i in case: minutes[i] * x[i, j]) <= shift"},
            {"name": "senior_only", "expression": "sum(i in case, j in who: draft[i] * (1 - senior[j]) * x[i, j]) == 0"}
        ]
    })
}
