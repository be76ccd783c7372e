use super::*;
use crate::domain::time::Timestamp;
use proptest::prelude::*;

fn minute(n: i64) -> Option<Timestamp> {
    Some(Timestamp::from_micros(n * 60_000_000))
}

fn frame(rows: &[(i64, &str, f64)]) -> Frame {
    let texts = rows.iter().map(|(_, text, _)| Some((*text).into())).collect();
    let columns = vec![
        ("time".into(), Column::Time(rows.iter().map(|(n, _, _)| minute(*n)).collect())),
        ("symbol".into(), Column::Text(texts)),
        ("close".into(), Column::Number(rows.iter().map(|(_, _, close)| *close).collect())),
    ];
    Frame::new(columns).unwrap()
}

fn settings(key: &[&str]) -> DatasetSettings {
    let key = key.iter().map(|name| (*name).to_owned()).collect();
    DatasetSettings { time_column: Some("time".into()), key, ..DatasetSettings::default() }
}

fn arranged_by(rows: &[(i64, &str, f64)], settings: &DatasetSettings) -> (Frame, DatasetReport) {
    let mut report = DatasetReport::default();
    let frame = arranged(frame(rows), settings, &mut report).unwrap();
    (frame, report)
}

#[test]
fn of_two_rows_with_one_key_the_later_holds_and_both_are_counted() {
    let rows = [(0, "BTC", 1.0), (1, "BTC", 2.0), (0, "BTC", 3.0), (0, "ETH", 4.0)];
    let (frame, report) = arranged_by(&rows, &settings(&["time", "symbol"]));
    assert_eq!(frame.numbers("close").unwrap(), [3.0, 4.0, 2.0]);
    assert_eq!((report.duplicates, report.out_of_order), (1, 2));
}

#[test]
fn rows_without_a_part_of_their_key_are_like_no_other() {
    let columns = vec![("k".into(), Column::Number(vec![f64::NAN, f64::NAN, 1.0, 1.0]))];
    let mut report = DatasetReport::default();
    let settings = DatasetSettings { key: vec!["k".into()], ..DatasetSettings::default() };
    let frame = arranged(Frame::new(columns).unwrap(), &settings, &mut report).unwrap();
    assert_eq!((frame.rows(), report.duplicates, report.missing), (3, 1, vec![("k".to_owned(), 2)]));
}

#[test]
fn rows_that_came_late_are_counted_and_put_in_their_place() {
    let (frame, report) = arranged_by(&[(2, "a", 2.0), (0, "a", 0.0), (1, "a", 1.0), (3, "a", 3.0)], &settings(&[]));
    assert_eq!(frame.numbers("close").unwrap(), [0.0, 1.0, 2.0, 3.0]);
    assert_eq!(report.out_of_order, 2);
}

#[test]
fn gaps_in_the_step_that_most_rows_keep_are_told_for_each_market_apart() {
    let mut rows: Vec<(i64, &str, f64)> = (0..20).filter(|n| ![5, 6].contains(n)).map(|n| (n, "BTC", 1.0)).collect();
    rows.extend((0..20).filter(|n| *n != 9).map(|n| (n, "ETH", 1.0)));
    let (_, report) = arranged_by(&rows, &settings(&["time", "symbol"]));
    let gaps = report.gaps.unwrap();
    assert_eq!((gaps.step_sec, gaps.count, gaps.missing), (60.0, 2, 3));
    assert_eq!(gaps.shown[0], [minute(4).unwrap(), minute(7).unwrap()]);
    let (_, report) = arranged_by(&rows, &settings(&["time"]));
    assert!(report.gaps.is_none(), "together the markets have no gap");
}

#[test]
fn a_step_that_is_told_holds_where_none_could_be_found() {
    let rows = [(0, "a", 1.0), (1, "a", 1.0), (5, "a", 1.0)];
    assert!(arranged_by(&rows, &settings(&[])).1.gaps.is_none());
    let told = DatasetSettings { step_sec: Some(60), ..settings(&[]) };
    assert_eq!(arranged_by(&rows, &told).1.gaps.unwrap().missing, 3);
}

#[test]
fn a_number_far_from_the_others_is_flagged_and_stays() {
    let mut rows: Vec<(i64, &str, f64)> = (0..30).map(|n| (n, "a", f64::from(u8::try_from(n).unwrap() % 7))).collect();
    rows[17].2 = 1_000.0;
    let (frame, report) = arranged_by(&rows, &settings(&[]));
    assert_eq!(frame.rows(), 30);
    let [outliers] = &report.outliers[..] else { panic!("{:?}", report.outliers) };
    // Median 3, median distance 2: by hand from the definition.
    assert_eq!((outliers.count, outliers.shown[0].0), (1, 18));
    assert!((outliers.shown[0].1 - 0.6745 * 997.0 / 2.0).abs() < 1e-9, "{:?}", outliers.shown);
    let constant: Vec<(i64, &str, f64)> = (0..30).map(|n| (n, "a", if n == 3 { 9.0 } else { 1.0 })).collect();
    assert!(arranged_by(&constant, &settings(&[])).1.outliers.is_empty(), "without a spread nothing is far");
}

#[test]
fn settings_that_name_no_column_are_refused_by_their_place() {
    let refused = |settings: DatasetSettings| {
        arranged(frame(&[(0, "a", 1.0)]), &settings, &mut DatasetReport::default()).unwrap_err().pointer
    };
    assert_eq!(refused(settings(&["time", "market"])), "/key/1");
    assert_eq!(refused(DatasetSettings { time_column: Some("close".into()), ..DatasetSettings::default() }), "/time_column");
    assert_eq!(refused(DatasetSettings { order: vec!["x".into()], ..DatasetSettings::default() }), "/order/0");
}

#[test]
fn what_is_appended_must_have_the_same_columns() {
    let held = frame(&[(0, "a", 1.0)]);
    assert_eq!(appended(&held, frame(&[(1, "a", 2.0)])).unwrap().rows(), 2);
    let other = Frame::new(vec![("time".into(), Column::Time(vec![None]))]).unwrap();
    assert_eq!(appended(&held, other).unwrap_err().pointer, "/columns/symbol");
    let typed = |close: Column| {
        let mut columns = frame(&[(1, "a", 2.0)]).columns().to_vec();
        columns[2].1 = close;
        appended(&held, Frame::new(columns).unwrap())
    };
    assert_eq!(typed(Column::Text(vec![Some("x".into())])).unwrap_err().pointer, "/columns/close");
    assert!(typed(Column::Text(vec![None])).unwrap().numbers("close").unwrap()[1].is_nan(), "nothing fits everywhere");
}

proptest! {
    #[test]
    fn arranging_what_was_arranged_changes_nothing(rows in prop::collection::vec((0_i64..40, 0_u8..3, -9.0_f64..9.0), 0..80)) {
        let names = ["BTC", "ETH", "SOL"];
        let rows: Vec<_> = rows.into_iter().map(|(n, symbol, close)| (n, names[usize::from(symbol)], close)).collect();
        let by = settings(&["time", "symbol"]);
        let (once, first) = arranged_by(&rows, &by);
        let mut report = DatasetReport::default();
        let twice = arranged(once.clone(), &by, &mut report).unwrap();
        prop_assert_eq!(&twice, &once);
        prop_assert_eq!((report.duplicates, report.out_of_order), (0, 0));
        prop_assert_eq!(once.rows() as u64 + first.duplicates, rows.len() as u64);
        prop_assert!(once.times("time").unwrap().is_sorted());
        prop_assert_eq!((report.gaps, report.outliers), (first.gaps, first.outliers));
    }
}
