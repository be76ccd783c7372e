//! The cones that convex functions become, against the functions themselves.

use super::{expand, model, small};
use crate::modelling::Model;
use crate::solver::program::{Affine, Cone, ConeKind};
use std::collections::BTreeMap;

/// Whether the members are in the cone, within rounding.
fn holds(cone: &Cone, columns: &[f64]) -> bool {
    let at = |affine: &Affine| affine.at(columns);
    let members: Vec<f64> = cone.members.iter().map(at).collect();
    let slack = 1e-9;
    match cone.kind {
        ConeKind::SecondOrder => members[0] + slack >= members[1..].iter().map(|value| value * value).sum::<f64>().sqrt(),
        ConeKind::Exponential => members[1] > 0.0 && members[1] * (members[0] / members[1]).exp() <= members[2] + slack,
        ConeKind::Power(a) => {
            members[0] >= 0.0 && members[1] >= 0.0 && members[0].powf(a) * members[1].powf(1.0 - a) + slack >= members[2].abs()
        }
        ConeKind::Semidefinite(_) => false,
    }
}

/// Whether the rows and cones hold where the one helping column is what the function is bounded by.
fn written_out(model: &Model, values: [f64; 3]) -> bool {
    let program = expand(model).program;
    let [x, y, r] = values;
    assert!(program.columns.len() <= 4, "one helping column at most");
    // What is at least a negative number may be helped by 0.
    [r, r.max(0.0)].into_iter().any(|help| {
        let mut columns = vec![x, y, r];
        columns.resize(program.columns.len(), help);
        let rows = program.rows.iter().all(|row| row.lower - 1e-9 <= row.at(&columns) && row.at(&columns) <= row.upper + 1e-9);
        rows && program.cones.iter().all(|cone| holds(cone, &columns))
    })
}

#[test]
fn a_cone_holds_exactly_where_its_function_says() {
    let variables = [r#""name": "x", "lb": 0, "ub": 4"#, r#""name": "y", "lb": 0, "ub": 4"#, r#""name": "r""#];
    for constraint in [
        "norm(x, y, 1) <= r",
        "norm(abs(x), 2 * y) <= r",
        "exp(x - y) <= r",
        "inv_pos(x + 1) <= r",
        "(x + y)^1.5 <= r",
        "(x - y)^4 <= r",
        "pow(x + 1, -2) <= r",
        "square(x - 2 * y) <= r",
        "x^2 + x*y + y^2 <= r",
        "2 * x * x + 1 <= r",
        "log(x + y + 1) >= r",
        "sqrt(x + 2 * y) >= r",
        "pow(x, 0.3) >= r",
        "entropy(x + 0.5) >= r",
        "geo_mean(x, y) >= r",
        "r <= 3 - square(x)",
    ] {
        let model = model(&small("convex", &variables, "minimize r", &[constraint]));
        let mut both = [0, 0];
        for x in 0..=8 {
            for y in 0..=8 {
                for r in -20..=60 {
                    let values = [f64::from(x) / 2.0, f64::from(y) / 2.0, f64::from(r) / 4.0 + 1e-3];
                    let named: BTreeMap<String, f64> =
                        ["x", "y", "r"].iter().map(|name| (*name).to_owned()).zip(values).collect();
                    let says = model.check(&named, 1e-7).unwrap().passed;
                    assert_eq!(written_out(&model, values), says, "{constraint} at {values:?}");
                    both[usize::from(says)] += 1;
                }
            }
        }
        assert!(both[0] > 100 && both[1] > 100, "{constraint} says the same everywhere: {both:?}");
    }
}
