use super::super::compile::{Column, ColumnRole};
use super::super::layer::Unit;
use super::super::reconcile::{Cell, Frame};
use super::{FrameCodecError, ROLES, UNITS, VERSION, decode, digest, encode};
use proptest::prelude::*;

fn sample() -> Frame {
    let column = |name: &str, role, unit, range| Column { name: name.to_owned(), role, unit, range };
    let row = |town: &str, takings: Cell, loans: Cell| vec![Cell::Text(town.to_owned()), takings, loans, Cell::Null];
    Frame {
        columns: vec![
            column("town", ColumnRole::Key, None, None),
            column("takings", ColumnRole::Value, Some(Unit::Money), Some((0.0, 1e6))),
            column("loans", ColumnRole::Support, Some(Unit::Count), None),
            column("nothing", ColumnRole::Aside, Some(Unit::Share), Some((-1.0, f64::INFINITY))),
        ],
        rows: vec![
            row("Aldham", Cell::Number(12.5), Cell::Integer(3)),
            row("", Cell::Null, Cell::Number(4.0)),
            row("Børley \u{1f4da}", Cell::Number(-0.0), Cell::Text("many".to_owned())),
        ],
    }
}

#[test]
fn a_frame_of_the_first_version_reads_for_ever() {
    let frame = decode(include_bytes!("fixtures/frame.v1.arrow")).expect("it is read");
    assert_eq!(frame, sample());
}

#[test]
#[ignore = "writes the fixture of a new version; run by hand, once, when VERSION is raised"]
fn write_fixtures() {
    let name = format!("src/engine/analytics/frames/fixtures/frame.v{VERSION}.arrow");
    std::fs::write(name, encode(&sample()).expect("it is written")).expect("a file");
}

#[test]
fn a_frame_without_columns_keeps_its_rows_and_one_without_rows_its_columns() {
    let none = Frame { columns: Vec::new(), rows: vec![Vec::new(), Vec::new()] };
    assert_eq!(decode(&encode(&none).expect("written")).expect("read"), none);
    let empty = Frame { rows: Vec::new(), ..sample() };
    assert_eq!(decode(&encode(&empty).expect("written")).expect("read"), empty);
}

#[test]
fn a_row_that_lacks_a_cell_is_not_written() {
    let mut frame = sample();
    frame.rows[1].pop();
    assert!(matches!(encode(&frame), Err(FrameCodecError::NoFrame(_))));
}

#[test]
fn bytes_of_another_version_are_refused_by_its_number() {
    let bytes = encode(&sample()).expect("written");
    let mut stream = bytes[..bytes.len() - 32].to_vec();
    let at = stream.windows(b"instinct.version".len()).position(|window| window == b"instinct.version").expect("it is there");
    let mut changed = false;
    // The value stands near its key; whichever of the bytes around is the number one becomes nine.
    for place in at.saturating_sub(64)..(at + 64).min(stream.len()) {
        let before = stream.clone();
        if stream[place] == b'1' {
            stream[place] = b'9';
            let whole = [&stream[..], blake3::hash(&stream).as_bytes()].concat();
            changed |= matches!(decode(&whole), Err(FrameCodecError::Version(version)) if version == "9");
            stream = before;
        }
    }
    assert!(changed, "no byte was the version");
}

#[test]
fn what_repeats_is_compressed() {
    let mut frame = sample();
    frame.rows = (0..1_000)
        .map(|at| vec![Cell::Text("the same town again".to_owned()), Cell::Number(1.0), Cell::Integer(at % 3), Cell::Null])
        .collect();
    let bytes = encode(&frame).expect("written");
    assert!(bytes.len() < 12_000, "{} bytes", bytes.len());
}

fn cells() -> impl Strategy<Value = Cell> {
    prop_oneof![
        Just(Cell::Null),
        any::<i64>().prop_map(Cell::Integer),
        prop::num::f64::NORMAL.prop_map(Cell::Number),
        ".{0,12}".prop_map(Cell::Text),
    ]
}

fn frames() -> impl Strategy<Value = Frame> {
    let column = (
        ".{0,12}",
        prop::sample::select(ROLES.to_vec()),
        prop::option::of(prop::sample::select(UNITS.to_vec())),
        prop::option::of((-1e9_f64..1e9, 0.0_f64..1e9)),
    )
        .prop_map(|(name, role, unit, range)| Column { name, role, unit, range });
    (prop::collection::vec(column, 0..5), any::<bool>()).prop_flat_map(|(columns, mixed)| {
        let width = columns.len();
        let one = prop_oneof![any::<i64>().prop_map(Cell::Integer), Just(Cell::Null)].boxed();
        let cell = if mixed { cells().boxed() } else { one };
        prop::collection::vec(prop::collection::vec(cell, width), 0..8)
            .prop_map(move |rows| Frame { columns: columns.clone(), rows })
    })
}

proptest! {
    #[test]
    fn every_frame_comes_back_as_it_was(frame in frames()) {
        let bytes = encode(&frame).expect("it is written");
        let read = decode(&bytes).expect("it is read");
        prop_assert_eq!(digest(&read), digest(&frame));
        prop_assert_eq!(read, frame);
    }

    #[test]
    fn bytes_that_are_cut_or_changed_are_refused(frame in frames(), at in any::<prop::sample::Index>(), put in any::<u8>(), cut in any::<bool>()) {
        let mut bytes = encode(&frame).expect("it is written");
        let place = at.index(bytes.len());
        if cut {
            bytes.truncate(place);
        } else {
            prop_assume!(bytes[place] != put);
            bytes[place] = put;
        }
        prop_assert!(matches!(decode(&bytes), Err(FrameCodecError::Damaged)));
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let whole = [&bytes[..], blake3::hash(&bytes).as_bytes()].concat();
        prop_assert!(decode(&bytes).is_err());
        prop_assert!(decode(&whole).is_err(), "even with the right digest");
    }
}
