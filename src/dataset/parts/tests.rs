use super::*;
use proptest::prelude::*;

fn any_column(rows: usize) -> impl Strategy<Value = Column> {
    let number = prop_oneof![9 => -1e300_f64..1e300, 1 => Just(f64::NAN)];
    let time = prop::option::of((-30_000_000_000_000_000_i64..200_000_000_000_000_000).prop_map(Timestamp::from_micros));
    let text = prop::option::of("\\PC{0,12}".prop_map(|text| text.into()));
    prop_oneof![
        prop::collection::vec(number, rows).prop_map(Column::Number),
        prop::collection::vec(time, rows).prop_map(Column::Time),
        prop::collection::vec(text, rows).prop_map(Column::Text),
        prop::collection::vec(any::<Option<bool>>(), rows).prop_map(Column::Flag),
    ]
}

fn any_frame() -> impl Strategy<Value = Frame> {
    (0_usize..60).prop_flat_map(|rows| prop::collection::vec(any_column(rows), 1..5)).prop_map(|columns| {
        let named = columns.into_iter().enumerate().map(|(n, column)| (format!("c{n}").into(), column)).collect();
        Frame::new(named).unwrap()
    })
}

/// Debug prints NaN as NaN, which is not equal to itself.
fn told(frame: &Frame) -> String {
    format!("{frame:?}")
}

fn again(frame: &Frame) -> Frame {
    let parts: Vec<Packed> = packed(frame).collect::<Result<_, _>>().unwrap();
    unpacked(&DatasetColumn::all_of(frame), parts.iter().map(|part| &*part.data)).unwrap()
}

fn numbers(rows: usize) -> Frame {
    let values = (0..rows).map(|n| (n as f64).sin()).collect();
    Frame::new(vec![("n".into(), Column::Number(values))]).unwrap()
}

#[test]
fn a_large_frame_has_several_parts_of_at_most_their_size() {
    let frame = numbers(400_000);
    let parts: Vec<Packed> = packed(&frame).collect::<Result<_, _>>().unwrap();
    assert!((3..=5).contains(&parts.len()), "{}", parts.len());
    assert!(parts.iter().all(|part| part.data.len() <= DATASET_PART_BYTES_MAX));
    assert_eq!(parts.iter().map(|part| part.rows).sum::<u32>(), 400_000);
    assert_eq!(again(&frame), frame);
}

#[test]
fn a_frame_without_rows_has_no_part_and_keeps_its_columns() {
    let frame = numbers(0);
    assert_eq!((packed(&frame).count(), again(&frame)), (0, frame));
}

#[test]
fn the_same_rows_have_one_hash_and_any_other_value_name_or_order_has_another() {
    let frame = |name: &str, values: &[f64]| Frame::new(vec![(name.into(), Column::Number(values.to_vec()))]).unwrap();
    let hash = |name: &str, values: &[f64]| content_hash(&frame(name, values));
    let one = hash("a", &[1.0, f64::NAN, 0.0]);
    assert_eq!(one, hash("a", &[1.0, -f64::NAN, -0.0]));
    for other in [hash("b", &[1.0, f64::NAN, 0.0]), hash("a", &[f64::NAN, 1.0, 0.0]), hash("a", &[1.0, f64::NAN])] {
        assert_ne!(one, other);
    }
    // Where a text ends is part of what is hashed.
    let texts = |texts: &[&str]| {
        let column = Column::Text(texts.iter().map(|text| Some((*text).into())).collect());
        content_hash(&Frame::new(vec![("t".into(), column)]).unwrap())
    };
    assert_ne!(texts(&["ab", "c"]), texts(&["a", "bc"]));
}

#[test]
fn a_part_that_grows_beyond_all_bounds_is_refused() {
    let mut bomb = Vec::new();
    ZlibEncoder::new(std::io::repeat(0).take(64 << 20), Compression::new(9)).read_to_end(&mut bomb).unwrap();
    assert!(bomb.len() < 1 << 20);
    assert!(unpacked(&DatasetColumn::all_of(&numbers(1)), [&*bomb]).is_err());
}

proptest! {
    #[test]
    fn a_frame_reads_back_from_its_parts(frame in any_frame()) {
        prop_assert_eq!(told(&again(&frame)), told(&frame));
        prop_assert_eq!(content_hash(&again(&frame)), content_hash(&frame));
    }

    #[test]
    fn damaged_parts_never_make_the_reader_panic(frame in any_frame(), at: prop::sample::Index, bit in 0_u8..8) {
        let columns = DatasetColumn::all_of(&frame);
        for part in packed(&frame) {
            let mut data = part.unwrap().data;
            let at = at.index(data.len());
            data[at] ^= 1 << bit;
            let _ = unpacked(&columns, [&*data]);
            let _ = unpacked(&columns, [&data[..at]]);
        }
    }
}
