use super::*;
use crate::domain::dataset::{ColumnType, DatasetColumn};
use crate::domain::time::Timestamp;
use ::parquet::data_type::{ByteArrayType, DoubleType, Int64Type};
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::parser::parse_message_type;
use proptest::prelude::*;
use std::sync::Arc;

fn of(format: Format, text: &str) -> Result<ReadRows, ReadError> {
    read(Bytes::copy_from_slice(text.as_bytes()), &ReadOptions::new(format))
}

fn csv(text: &str) -> ReadRows {
    of(Format::Csv, text).unwrap()
}

fn types(read: &ReadRows) -> Vec<(String, &'static str)> {
    DatasetColumn::all_of(&read.frame).iter().map(|column| (column.name.to_string(), column.holds.as_str())).collect()
}

fn pairs(list: &[(&str, &'static str)]) -> Vec<(String, &'static str)> {
    list.iter().map(|(name, holds)| ((*name).to_owned(), *holds)).collect()
}

#[test]
fn a_csv_is_read_with_its_names_types_and_quotes() {
    let read = csv("time,symbol,depth_usd,open\n2025-03-14T12:30:00Z,\"BTC,PERP\",1e3,true\n2025-03-14T12:31:00Z,,,false\n");
    assert_eq!(types(&read), pairs(&[("time", "time"), ("symbol", "text"), ("depth_usd", "number"), ("open", "flag")]));
    assert_eq!(read.frame.texts("symbol").unwrap(), [Some("BTC,PERP".into()), None]);
    assert_eq!(read.frame.numbers("depth_usd").unwrap()[0], 1_000.0);
    assert_eq!((read.report.rows_read, read.report.bad_rows), (2, 0));
    assert!(read.report.notes.is_empty(), "{:?}", read.report.notes);
}

#[test]
fn a_delimiter_and_a_missing_heading_are_found_and_told() {
    let read = csv("\u{feff}a;b\n1;2\n3;4\n");
    assert_eq!(types(&read), pairs(&[("a", "number"), ("b", "number")]));
    assert!(read.report.notes[0].contains("`;`"), "{:?}", read.report.notes);
    let read = csv("1\t2\n3\t4\n");
    assert_eq!((types(&read), read.frame.rows()), (pairs(&[("column_1", "number"), ("column_2", "number")]), 2));
    assert_eq!(read.report.notes.len(), 2);
    let told = ReadOptions { header: Some(true), ..ReadOptions::new(Format::Csv) };
    let read = super::read("2024,2025\n1,2\n".into(), &told).unwrap();
    assert_eq!(types(&read), pairs(&[("2024", "number"), ("2025", "number")]));
}

#[test]
fn bad_rows_are_told_by_number_and_column_and_the_others_stay() {
    let mut text = "n,s\n".to_owned();
    (0..30).for_each(|n| text += &format!("{n},x\n"));
    text += "oops,y\n1,2,3\ninf,z\n4,w\n";
    let read = csv(&text);
    assert_eq!((read.frame.rows(), read.report.rows_read, read.report.bad_rows, read.report.infinite), (31, 34, 3, 1));
    let told: Vec<_> = read.report.bad.iter().map(|bad| (bad.row, bad.column.as_deref())).collect();
    assert_eq!(told, [(31, Some("n")), (32, None), (33, Some("n"))]);
    assert!(read.report.notes[0].contains("`n`"), "{:?}", read.report.notes);
    assert_eq!(read.frame.texts("s").unwrap().last().unwrap().as_deref(), Some("w"), "columns stay of one length");
    let strict = ReadOptions { strict: true, ..ReadOptions::new(Format::Csv) };
    let Err(ReadError::NotAllowed(errors)) = super::read(text.into(), &strict) else { panic!("strict took them") };
    let pointers: Vec<&str> = errors.iter().map(|error| &*error.pointer).collect();
    assert_eq!(pointers, ["/rows/31/n", "/rows/32", "/rows/33/n"]);
}

#[test]
fn no_more_than_a_hundred_bad_rows_are_told_and_all_are_counted() {
    let mut text = "a,b\n1,2\n".to_owned();
    (0..500).for_each(|_| text += "1,2,3\n");
    let read = csv(&text);
    assert_eq!((read.report.bad_rows, read.report.bad.len(), read.frame.rows()), (500, DATASET_BAD_SHOWN_MAX, 1));
}

#[test]
fn times_without_an_offset_are_read_in_the_told_zone_and_else_in_utc_which_is_told() {
    let text = "time,n\n2024-10-27 02:30:00,1\n2024-06-01 00:00:00,2\n";
    let read = csv(text);
    assert!(read.report.notes[0].contains("UTC"), "{:?}", read.report.notes);
    let mut options = ReadOptions::new(Format::Csv);
    options.settings.time_zone = Some("Europe/Zurich".into());
    let read = super::read(text.into(), &options).unwrap();
    assert_eq!(read.frame.times("time").unwrap()[1].unwrap().to_string(), "2024-05-31T22:00:00Z");
    assert!(read.report.notes[0].starts_with("1 times are there twice"), "{:?}", read.report.notes);
}

#[test]
fn counted_times_are_known_in_the_column_that_says_when_or_where_they_are_told() {
    let read = csv("ts,id\n1741955400000,1741955400000\n");
    assert_eq!(types(&read), pairs(&[("ts", "time"), ("id", "number")]));
    assert!(read.report.notes[0].contains("milliseconds"), "{:?}", read.report.notes);
    let mut options = ReadOptions::new(Format::Csv);
    options.types.insert("id".into(), ToldType::EpochMillis);
    options.types.insert("ts".into(), ToldType::Text);
    let read = super::read("ts,id\n007,1741955400000\n".into(), &options).unwrap();
    assert_eq!(types(&read), pairs(&[("ts", "text"), ("id", "time")]));
}

#[test]
fn lines_of_ndjson_are_rows_whatever_names_they_have() {
    let read = of(
        Format::Ndjson,
        r#"{"at":"2025-03-14T12:30:00+02:00","n":1.5,"ok":true}

           {"n":"NaN","id":9007199254740993,"at":null}
           {"n":2,"nested":[1,{"a":2}]}
           {"n":3,"n":4}
           not json
           {"n":1e999}
           {"n":-0.5,"id":9007199254740995}"#,
    )
    .unwrap();
    assert_eq!(types(&read), pairs(&[("at", "time"), ("n", "number"), ("ok", "flag"), ("id", "text"), ("nested", "text")]));
    assert_eq!(read.frame.texts("id").unwrap()[1].as_deref(), Some("9007199254740993"), "no digit is lost");
    assert_eq!((read.report.rows_read, read.report.bad_rows), (7, 4));
    let rows: Vec<u64> = read.report.bad.iter().map(|bad| bad.row).collect();
    assert_eq!((rows, read.frame.numbers("n").unwrap().last()), (vec![3, 4, 5, 6], Some(&-0.5)));
}

#[test]
fn what_is_no_table_is_refused() {
    for (format, text) in [(Format::Csv, ""), (Format::Ndjson, "[1]\n2"), (Format::Ndjson, ""), (Format::Parquet, "PAR1PAR1")] {
        assert!(matches!(of(format, text), Err(ReadError::Unreadable(_))), "{format:?} {text}");
    }
    assert!(matches!(of(Format::Csv, "a,a\n1,2\n"), Ok(read) if read.frame.rows() == 2), "names that are not distinct are data");
    let told = ReadOptions { header: Some(true), ..ReadOptions::new(Format::Csv) };
    let Err(ReadError::NotAllowed(errors)) = read("a,a\n1,2\n".into(), &told) else { panic!("two columns of one name") };
    assert_eq!(errors[0].pointer, "/columns/1");
    let mut options = ReadOptions::new(Format::Csv);
    options.types.insert("x".into(), ToldType::Text);
    assert!(matches!(read("a,b\n1,2\n".into(), &options), Err(ReadError::NotAllowed(errors)) if errors[0].pointer == "/types"));
    let wide = format!("{}\n1\n", (0..300).map(|n| format!("c{n}")).collect::<Vec<_>>().join(","));
    assert!(matches!(of(Format::Csv, &wide), Err(ReadError::NotAllowed(errors)) if errors[0].pointer == "/columns"));
}

#[test]
fn what_gzip_compressed_is_read_and_a_bomb_is_not() {
    let gz = |bytes: &[u8], times: u64| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        (0..times).for_each(|_| std::io::Write::write_all(&mut encoder, bytes).unwrap());
        Bytes::from(encoder.finish().unwrap())
    };
    let rows = read(gz(b"a,b\n1,2\n", 1), &ReadOptions::new(Format::Csv)).unwrap();
    assert_eq!(rows.frame.rows(), 1);
    let bomb = gz(&vec![b'1'; 1 << 20], 257);
    assert!(matches!(plain(bomb), Err(ReadError::TooLarge(_))));
}

/// Values of all the kinds that people write, those that a number, a flag or a time would spoil among them.
fn written_value() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "1",
        "12",
        "20040",
        "-3",
        "0",
        "0.5",
        "1.50",
        "-0",
        "1e5",
        "12E3",
        "1.5e-7",
        "0.30000000000000004",
        "+5",
        "NaN",
        "NA",
        "",
        "null",
        "01310",
        "007",
        "00.5",
        "9007199254740993",
        "12345678901234567890",
        "0.12345678901234567890",
        "1e-400",
        "+49309018200",
        "1,234",
        "1 234",
        "1.234,5",
        "A17",
        "5%",
        "$5",
        "12.3.4",
        "true",
        "False",
        "yes",
        "NO",
        "unknown",
        "-",
        "2025-03-14",
        "2025-03-14T10:00:00+02:00",
        "14.03.2025",
        "1741955400",
        "inf",
        "1e999",
        "0x1F",
        "½",
        " 7 ",
        "1_000",
    ])
}

/// A decimal as its sign, its digits without noughts at either end, and the power of ten of the first.
fn decimal(text: &str) -> (bool, String, i64) {
    let (mantissa, power) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let negative = mantissa.starts_with('-');
    let mantissa = mantissa.trim_start_matches(['-', '+']);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let first = digits.len() - digits.trim_start_matches('0').len();
    let digits = digits.trim_matches('0').to_owned();
    match digits.is_empty() {
        true => (false, digits, 0),
        false => (negative, digits, power.parse::<i64>().unwrap() + whole.len() as i64 - first as i64),
    }
}

fn says_the_same(column: &Column, row: usize, written: &str) -> bool {
    let nothing = ["", "na", "nan", "null"].contains(&&*written.to_lowercase());
    match column {
        Column::Text(values) => values[row].as_deref().unwrap_or_default() == written,
        _ if column.is_missing(row) || nothing => column.is_missing(row) && nothing,
        Column::Number(values) => decimal(&values[row].to_string()) == decimal(written.trim()),
        Column::Flag(values) => values[row] == Some(["true", "yes"].contains(&&*written.to_lowercase())),
        Column::Time(values) => {
            let whole = if written.len() == 10 { format!("{written}T00:00:00Z") } else { written.to_owned() };
            values[row] == Timestamp::parse(&whole).ok()
        }
    }
}

#[test]
fn an_id_that_a_number_would_spoil_is_found_wherever_it_stands() {
    let mut text = "zip,amount\n".to_owned();
    (0..5_000).for_each(|n| text += &format!("{},{n}.5\n", 20_000 + n));
    text += "01310,7\n";
    let read = csv(&text);
    assert_eq!(types(&read), pairs(&[("zip", "text"), ("amount", "number")]));
    assert_eq!(read.frame.texts("zip").unwrap().last().unwrap().as_deref(), Some("01310"));
    assert_eq!((read.frame.rows(), read.report.bad_rows), (5_001, 0));
    assert_eq!(read.report.notes, ["Column `zip` was taken for texts: `01310` is more than a number would keep."]);
    let before = [("zip".to_owned(), ToldType::Number)].into();
    let appended = super::read("zip\n20001\n01310\n".into(), &ReadOptions { before, ..ReadOptions::new(Format::Csv) }).unwrap();
    let bad = &appended.report.bad[0];
    assert_eq!((appended.frame.rows(), bad.row, bad.column.as_deref()), (1, 2, Some("zip")));
    let types = [("zip".to_owned(), ToldType::Number)].into();
    let told = super::read("zip\n20001\n01310\n".into(), &ReadOptions { types, ..ReadOptions::new(Format::Csv) }).unwrap();
    assert!(told.frame.rows() == 2 && told.report.notes[0].starts_with("1 values have noughts"), "{:?}", told.report.notes);
}

#[test]
fn no_digit_of_a_number_in_json_is_lost() {
    let text = "{\"n\":1.5,\"wei\":1.000000000000000001,\"id\":1}\n{\"n\":0.1,\"wei\":2,\"id\":12345678901234567890123}\n";
    let read = of(Format::Ndjson, text).unwrap();
    assert_eq!(types(&read), pairs(&[("n", "number"), ("wei", "text"), ("id", "text")]));
    assert_eq!(read.frame.texts("wei").unwrap()[0].as_deref(), Some("1.000000000000000001"));
    assert_eq!(read.frame.texts("id").unwrap()[1].as_deref(), Some("12345678901234567890123"));
}

/// A Parquet file with three rows, by the writer of the crate that reads it.
fn parquet_file(compression: ::parquet::basic::Compression) -> Bytes {
    let schema =
        "message m { OPTIONAL INT64 at (TIMESTAMP(MICROS,true)); REQUIRED BYTE_ARRAY symbol (UTF8); OPTIONAL DOUBLE close;
                  OPTIONAL INT64 n; }";
    let properties = Arc::new(WriterProperties::builder().set_compression(compression).build());
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<Int64Type>().write_batch(&[1_741_955_400_000_000, 1_741_955_460_000_000], Some(&[1, 1, 0]), None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<ByteArrayType>().write_batch(&["BTC".into(), "BTC".into(), "ETH".into()], None, None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<DoubleType>().write_batch(&[83_120.5, f64::NAN, 1.25], Some(&[1, 1, 1]), None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<Int64Type>().write_batch(&[9_007_199_254_740_993, 7], Some(&[1, 0, 1]), None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.into_inner().unwrap().into()
}

#[test]
fn a_parquet_is_read_with_its_own_types_however_it_is_compressed() {
    use ::parquet::basic::{Compression, GzipLevel, ZstdLevel};
    for compression in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::ZSTD(ZstdLevel::default()),
        Compression::GZIP(GzipLevel::default()),
        Compression::LZ4_RAW,
    ] {
        let read = read(parquet_file(compression), &ReadOptions::new(Format::Parquet)).unwrap();
        assert_eq!(types(&read)[..3], pairs(&[("at", "time"), ("symbol", "text"), ("close", "number")]), "{compression:?}");
        let at = read.frame.times("at").unwrap();
        assert_eq!((at[0], at[2]), (Some(Timestamp::parse("2025-03-14T12:30:00Z").unwrap()), None));
        assert!(read.frame.numbers("close").unwrap()[1].is_nan());
        assert_eq!(read.report.bad_rows, 0);
    }
}

#[test]
fn a_page_that_claims_or_holds_gigabytes_is_refused_before_it_is_read() {
    let file = parquet_file(::parquet::basic::Compression::SNAPPY);
    // The first page's head follows the magic: a struct whose second field is its size when it is decompressed, as zigzag.
    let mut large = file.to_vec();
    let size = large[4..16].iter().position(|byte| *byte == 0x15).map(|n| 4 + n).unwrap();
    let second = large[size + 2..].iter().position(|byte| *byte == 0x15).map(|n| size + 3 + n).unwrap();
    large.splice(second..=second, [0xfe, 0xff, 0xff, 0xff, 0x0f]);
    let read = read(large.into(), &ReadOptions::new(Format::Parquet));
    assert!(read.is_err(), "{read:?}");
}

proptest! {
    #[test]
    fn what_is_written_as_csv_or_ndjson_reads_back_as_the_same_rows(
        rows in prop::collection::vec((any::<Option<i32>>(), -1e9_f64..1e9, "[a-zA-Z ,\"\u{e9};\n]{1,8}", any::<bool>()), 1..40),
    ) {
        let at = |n: &Option<i32>| n.map(|n| Timestamp::from_micros(i64::from(n) * 1_000_000));
        let columns = vec![
            ("time".into(), Column::Time(rows.iter().map(|(n, ..)| at(n)).collect())),
            ("value".into(), Column::Number(rows.iter().map(|(_, value, ..)| *value).collect())),
            ("text".into(), Column::Text(rows.iter().map(|(_, _, text, _)| Some(text.as_str().into())).collect())),
            ("flag".into(), Column::Flag(rows.iter().map(|(.., flag)| Some(*flag)).collect())),
        ];
        let frame = Frame::new(columns).unwrap();
        let mut options = ReadOptions::new(Format::Csv);
        options.types = DatasetColumn::all_of(&frame).into_iter().map(|c| (c.name.to_string(), c.holds.into())).collect();
        (options.header, options.delimiter) = (Some(true), Some(b','));
        let read = read(crate::dataset::csv_rows(&frame).unwrap().into(), &options).unwrap();
        prop_assert_eq!(&read.frame, &frame);
        options.format = Format::Ndjson;
        let read = super::read(crate::dataset::ndjson_rows(&frame).unwrap().into(), &options).unwrap();
        prop_assert_eq!(&read.frame, &frame);
    }

    #[test]
    fn what_is_read_is_what_was_written_or_exactly_as_much(
        columns in prop::collection::vec((prop::collection::vec(written_value(), 24), prop::collection::vec(0_u8..40, 24)), 1..4),
    ) {
        // Each column is of one value for the most part, and of others here and there.
        let written: Vec<Vec<&str>> = columns.iter().map(|(values, odd)| {
            values.iter().zip(odd).map(|(value, odd)| if *odd == 0 { *value } else { values[usize::from(odd % 2)] }).collect()
        }).collect();
        let mut writer = ::csv::Writer::from_writer(Vec::new());
        writer.write_record((0..written.len()).map(|n| format!("c{n}"))).unwrap();
        (0..24).for_each(|row| writer.write_record(written.iter().map(|column| column[row])).unwrap());
        let options = ReadOptions { header: Some(true), delimiter: Some(b','), ..ReadOptions::new(Format::Csv) };
        let read = read(writer.into_inner().unwrap().into(), &options).unwrap();
        let bad: Vec<u64> = read.report.bad.iter().map(|bad| bad.row).collect();
        let kept: Vec<usize> = (0..24).filter(|row| !bad.contains(&(*row as u64 + 1))).collect();
        prop_assert_eq!(kept.len(), read.frame.rows());
        for (n, (_, column)) in read.frame.columns().iter().enumerate() {
            for (at, row) in kept.iter().enumerate() {
                let written = written[n][*row];
                prop_assert!(says_the_same(column, at, written), "{:?} as {}", written, column.holds());
            }
        }
    }

    #[test]
    fn no_bytes_make_a_reader_panic_and_each_row_is_kept_or_told(bytes: Vec<u8>, text in "[a-z0-9,;\"\\n\\t{}:. -]{0,120}") {
        for bytes in [bytes, text.into_bytes()] {
            for format in [Format::Csv, Format::Ndjson, Format::Parquet] {
                if let Ok(read) = read(bytes.clone().into(), &ReadOptions::new(format)) {
                    prop_assert_eq!(read.report.rows_read, read.frame.rows() as u64 + read.report.bad_rows);
                }
            }
        }
    }

    #[test]
    fn damaged_parquet_never_makes_the_reader_panic(at: prop::sample::Index, byte: u8) {
        let mut file = parquet_file(::parquet::basic::Compression::SNAPPY).to_vec();
        let at = at.index(file.len());
        file[at] = byte;
        let _ = read(file.clone().into(), &ReadOptions::new(Format::Parquet));
        file.truncate(at);
        let _ = read(file.into(), &ReadOptions::new(Format::Parquet));
    }
}

#[test]
fn every_type_has_a_word_that_is_understood() {
    for holds in ColumnType::ALL {
        assert!(ToldType::parse(holds.as_str()).is_some());
    }
}

/// What the fuzzer begins with.
fn seeds() -> Vec<Vec<u8>> {
    let folders = ["dataset_csv", "dataset_ndjson", "datasets", "parquet"];
    let files = folders.iter().flat_map(|folder| {
        let path = format!("{}/fuzz/seeds/{folder}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_dir(path).unwrap().map(|file| std::fs::read(file.unwrap().path()).unwrap())
    });
    files.chain([parquet_file(::parquet::basic::Compression::SNAPPY).to_vec()]).collect()
}

#[test]
fn what_the_fuzzer_begins_with_is_read_stored_and_read_again() {
    for seed in seeds() {
        [crate::dataset::fuzz::csv, crate::dataset::fuzz::ndjson, crate::dataset::fuzz::parquet]
            .iter()
            .for_each(|run| run(&seed));
    }
}

proptest! {
    #[test]
    fn and_so_is_whatever_is_a_few_bytes_off(
        which: prop::sample::Index, changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), cut: prop::sample::Index,
    ) {
        let seeds = seeds();
        let mut seed = which.get(&seeds).clone();
        for (at, byte) in changes {
            let at = at.index(seed.len());
            seed[at] = byte;
        }
        let cut = seed[..cut.index(seed.len() + 1)].to_vec();
        for bytes in [seed, cut] {
            [crate::dataset::fuzz::csv, crate::dataset::fuzz::ndjson, crate::dataset::fuzz::parquet].iter().for_each(|run| run(&bytes));
        }
    }
}
