//! MPS, in and out.

use super::{read, write};
use crate::solver::Program;
use crate::solver::program::{Class, Column, Row, Sense};
use proptest::prelude::*;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/mps");

fn fixture(name: &str) -> Program {
    let bytes = std::fs::read(format!("{FIXTURES}/{name}.mps")).unwrap();
    read(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn every_fixture_is_read_and_written_so_that_it_reads_the_same() {
    let mut seen = 0;
    for item in std::fs::read_dir(FIXTURES).unwrap() {
        let path = item.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if path.extension().is_some_and(|e| e == "mps") {
            let program = fixture(&name);
            let mut again = read(write(&program).unwrap().as_bytes()).unwrap();
            for (a, b) in program.rows.iter().zip(&mut again.rows) {
                assert_eq!(a.name.replace(' ', "_"), b.name);
                b.name.clone_from(&a.name);
            }
            for (a, b) in program.columns.iter().zip(&mut again.columns) {
                b.name.clone_from(&a.name);
            }
            assert_eq!(program, again, "{name}");
            seen += 1;
        }
    }
    assert!(seen >= 4, "only {seen} fixtures were found");
}

#[test]
fn fixed_columns_may_have_blanks_in_names() {
    let program = fixture("blanks_in_names");
    assert_eq!(program.columns[0].name, "WHEAT A");
    assert_eq!(program.rows[1].name, "LAND 2");
    assert_eq!(program.rows[1].terms, [(0, 2.0), (1, 1.0)]);
}

#[test]
fn ranges_widen_a_row_the_way_that_its_kind_says() {
    let program = fixture("ranges");
    let bounds: Vec<(f64, f64)> = program.rows.iter().map(|row| (row.lower, row.upper)).collect();
    assert_eq!(bounds, [(6.0, 10.0), (10.0, 14.0), (10.0, 13.0), (7.0, 10.0), (f64::NEG_INFINITY, 8.0)]);
}

#[test]
fn every_kind_of_bound_is_what_other_readers_take_it_for() {
    let program = fixture("bounds");
    let (no, inf) = (f64::NEG_INFINITY, f64::INFINITY);
    let expected = [
        ("UNSAID", 0.0, inf, false),
        ("LOWER", 2.0, inf, false),
        ("UPPER", 0.0, 5.0, false),
        ("BELOW", no, -3.0, false),
        ("BETWEEN", -9.0, -3.0, false),
        ("FIXED", 4.0, 4.0, false),
        ("FREE", no, inf, false),
        ("MINUS", no, 7.0, false),
        ("PLUS", 0.0, inf, false),
        ("BINARY", 0.0, 1.0, true),
        ("WHOLELO", 3.0, inf, true),
        ("WHOLEUP", 0.0, 8.0, true),
        ("MARKED", 0.0, 1.0, true),
        ("MARKEDUP", 0.0, 40.0, true),
        ("MARKEDPL", 0.0, inf, true),
    ];
    for (column, (name, lower, upper, integer)) in program.columns.iter().zip(expected) {
        assert_eq!((column.name.as_str(), column.lower, column.upper, column.integer), (name, lower, upper, integer));
    }
    assert_eq!(program.class, Class::Mip);
}

#[test]
fn what_stands_on_the_right_of_the_objective_is_taken_from_it() {
    let program = fixture("offset_and_sense");
    assert_eq!((program.sense, program.offset), (Sense::Maximize, 12.5));
    assert_eq!(program.objective_at(&[2.0, 1.0]), 2.0 * 3.0 + 1.0 * 2.0 + 12.5);
    assert_eq!(program.rows.len(), 1, "the second objective is no constraint");
}

#[test]
fn a_wrong_line_is_named() {
    let text = "NAME X\nROWS\n N COST\n L LIM\nCOLUMNS\n    A COST 1 LIM oops\nENDATA\n";
    let error = read(text.as_bytes()).unwrap_err();
    assert_eq!((error.line, error.detail.as_str()), (6, "`oops` stands where a number would be right"));
    for (text, says) in [
        ("ROWS\n N C\nCOLUMNS\n    A C nan\nENDATA\n", "no number"),
        ("ROWS\n N C\nCOLUMNS\n    A C 1e999\nENDATA\n", "past what a solver"),
        ("ROWS\n N C\nCOLUMNS\n    A D 1\nENDATA\n", "no row `D`"),
        ("ROWS\n N C\n N C\nENDATA\n", "twice"),
        ("ROWS\n N C\nCOLUMNS\n    A C 1\n", "ends without"),
        ("ROWS\n N C\nCOLUMNS\n    A C 1\nQUADOBJ\nENDATA\n", "no section"),
        ("ROWS\n N C\nCOLUMNS\n    A C 1\nBOUNDS\n SC B A 3\nENDATA\n", "no bound"),
        ("ROWS\n N C\nCOLUMNS\n    A C 1\nBOUNDS\n LO B A 3\n UP B A 2\nENDATA\n", "above its upper"),
        ("", "ends without"),
    ] {
        let error = read(text.as_bytes()).unwrap_err();
        assert!(error.detail.contains(says), "{text:?} says {error}");
    }
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![(-1000_i32..1000).prop_map(f64::from), (-1e6..1e6_f64), (1e-9..1e-3_f64)]
}

prop_compose! {
    fn column(at: usize)(lower in prop::option::of(number()), width in prop::option::of(0.0..1e3_f64), integer in any::<bool>()) -> Column {
        let upper = width.map_or(f64::INFINITY, |width| lower.unwrap_or(0.0) + width);
        Column { name: format!("x[{at}]"), lower: lower.unwrap_or(f64::NEG_INFINITY), upper, integer }
    }
}

fn program() -> impl Strategy<Value = Program> {
    (1_usize..6, 0_usize..5).prop_flat_map(|(columns, rows)| {
        let terms = || prop::collection::vec(prop::option::of(number()), columns);
        let terms = move || {
            terms().prop_map(|all| {
                let pairs = all
                    .into_iter()
                    .enumerate()
                    .filter_map(|(at, value)| Some((u32::try_from(at).ok()?, value.filter(|v| *v != 0.0)?)));
                pairs.collect::<Vec<_>>()
            })
        };
        let row = (terms(), number(), 0_u8..4, -500_i32..500).prop_map(|(terms, side, kind, width)| {
            // Whole sides, so that a range is exact.
            let side = side.round();
            let (lower, upper) = match kind {
                0 => (side, side),
                1 => (f64::NEG_INFINITY, side),
                2 => (side, f64::INFINITY),
                _ => (side, side + f64::from(width.abs()) + 1.0),
            };
            Row { name: String::new(), terms, lower, upper, only_if: Vec::new() }
        });
        let columns: Vec<_> = (0..columns).map(column).collect();
        (columns, prop::collection::vec(row, rows), terms(), number(), any::<bool>()).prop_map(
            |(columns, mut rows, objective, offset, max)| {
                rows.iter_mut().enumerate().for_each(|(at, row)| row.name = format!("r_{at}"));
                let class = if columns.iter().any(|column| column.integer) { Class::Mip } else { Class::Lp };
                let sense = if max { Sense::Maximize } else { Sense::Minimize };
                Program { class, sense, columns, objective, offset, quadratic: vec![], rows, cones: vec![], rules: vec![] }
            },
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_is_written_reads_back_the_same(program in program()) {
        let text = write(&program).unwrap();
        prop_assert_eq!(read(text.as_bytes()).unwrap(), program, "{}", text);
    }

    #[test]
    fn no_text_brings_the_reader_down(text in "([A-Z]{1,8}|[ \\t\\n.0-9e*'-]|ROWS\\n|COLUMNS\\n|RHS\\n|BOUNDS\\n| N C\\n| UP B A 3){0,40}") {
        let _ = read(text.as_bytes());
    }
}
