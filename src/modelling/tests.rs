//! The model language, from the outside.

use super::{Expanded, Model};
use crate::solver::program::{Class, Row, Sense};
use std::collections::BTreeMap;

fn model(json: &str) -> Model {
    Model::parse(json.as_bytes()).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

fn stored(name: &str) -> Model {
    let path = format!("{}/tests/data/models/{name}.json", env!("CARGO_MANIFEST_DIR"));
    model(&std::fs::read_to_string(path).unwrap())
}

fn expand(model: &Model) -> Expanded {
    model.expand().unwrap_or_else(|errors| panic!("{errors:#?}"))
}

fn values(pairs: &[(&str, f64)]) -> BTreeMap<String, f64> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
}

fn row<'e>(expanded: &'e Expanded, name: &str) -> &'e Row {
    expanded.program.rows.iter().find(|row| row.name == name).unwrap_or_else(|| panic!("no row {name}"))
}

mod seed {
    use super::*;

    #[test]
    fn the_insurance_fund_is_read_as_it_is_printed() {
        let model = stored("insurance_fund");
        assert_eq!((model.class(), model.sense()), (Class::Convex, Sense::Minimize));
        let names: Vec<String> = model.constraints().into_iter().map(|constraint| constraint.name).collect();
        assert_eq!(names, ["budget", "min_pct", "max_pct"]);
        let expanded = expand(&model);
        let program = &expanded.program;
        assert_eq!(program.objective, [(0, 0.18), (1, 0.31), (2, 0.42)]);
        assert_eq!(program.rows.len(), 7);
        let budget = row(&expanded, "budget");
        assert_eq!((budget.terms.clone(), budget.lower, budget.upper), (vec![(0, 1.0), (1, 1.0), (2, 1.0)], 5e7, 5e7));
        let ceiling = row(&expanded, "max_pct[eth]");
        assert_eq!((ceiling.terms.clone(), ceiling.upper), (vec![(1, 1.0)], 2e7));
        let floor = row(&expanded, "min_pct[sol]");
        assert_eq!((floor.terms.clone(), floor.lower), (vec![(2, 1.0)], 2.5e6));
        assert!(expanded.variables.iter().all(|variable| variable.family.as_deref() == Some("x")));
    }

    #[test]
    fn the_printed_plan_of_the_insurance_fund_passes_and_costs_14_million() {
        let model = stored("insurance_fund");
        let plan = values(&[("x_btc", 2e7), ("x_eth", 2e7), ("x_sol", 1e7)]);
        let report = model.check(&plan, 1e-9).unwrap();
        assert!(report.passed, "{report:?}");
        assert_eq!(report.objective, Some(14_000_000.0));
        let equal = 5e7 / 3.0;
        let third = values(&[("x_btc", equal), ("x_eth", equal), ("x_sol", equal)]);
        assert!((model.objective_at(&third).unwrap() - 15_166_666.67).abs() < 1.0);
        let over = values(&[("x_btc", 2.5e7), ("x_eth", 2e7), ("x_sol", 5e6)]);
        let report = model.check(&over, 1e-9).unwrap();
        assert_eq!(report.violations.len(), 1);
        assert_eq!(report.violations[0].constraint, "max_pct[btc]");
        assert_eq!((report.violations[0].left, report.violations[0].right), (2.5e7, 2e7));
    }
}
