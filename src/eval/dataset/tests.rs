use super::*;
use crate::eval::decision::label;
use proptest::prelude::*;

fn read_as(bytes: &str) -> (Kind, Rows, Vec<BadLine>) {
    let kind = Kind::of(bytes.as_bytes()).unwrap();
    let (rows, bad) = parse(bytes.as_bytes(), kind, &Reading::default());
    (kind, rows, bad)
}

fn labels(rows: &Rows) -> Vec<(String, String)> {
    let Rows::Stream(rows) = rows else { panic!("these are pairs") };
    rows.iter().map(|row| (row.text.as_str().to_owned(), label(&row.decision))).collect()
}

fn pairs(rows: &Rows) -> Vec<(&str, &str, bool, &str)> {
    let Rows::Pairs(pairs) = rows else { panic!("this is a stream") };
    pairs.iter().map(|pair| (pair.a.as_str(), pair.b.as_str(), pair.same, &*pair.class)).collect()
}

#[test]
fn a_bad_line_is_named_by_its_number_and_the_rest_is_read() {
    let (kind, rows, bad) = read_as(
        "{\"text\":\"a\",\"label\":\"x\"}\n\nnonsense\n{\"text\":\"  \",\"label\":\"x\"}\n{\"text\":\"b\",\"label\":7}\n",
    );
    assert_eq!(kind, Kind::Stream);
    assert_eq!(labels(&rows), [("a".to_owned(), "x".to_owned()), ("b".to_owned(), "7".to_owned())]);
    assert_eq!(bad.iter().map(|b| b.line).collect::<Vec<_>>(), [3, 4]);
}

#[test]
fn a_bad_first_line_does_not_hide_what_the_file_is() {
    assert_eq!(Kind::of(b"{\"text\n{\"a\":\"x\",\"b\":\"y\"}\n"), Some(Kind::Pairs));
    assert_eq!(Kind::of(b""), None);
    assert_eq!(Kind::of(b"a poem\nin two lines"), None);
}

#[test]
fn pairs_are_read_in_either_spelling() {
    let (_, rows, bad) = read_as(
        "{\"a\":\"x\",\"b\":\"y\",\"same\":true,\"class\":\"flip\"}\n{\"text_a\":\"u\",\"text_b\":\"v\",\"label\":0}\n{\"a\":\"x\",\"b\":\"y\",\"same\":3}",
    );
    assert_eq!(pairs(&rows), [("x", "y", true, "flip"), ("u", "v", false, "pairs")]);
    assert_eq!(bad.len(), 1);
}

#[test]
fn pairs_that_do_not_say_whether_they_are_the_same_want_to_be_told() {
    let line = b"{\"a\":\"x\",\"b\":\"y\"}";
    let (rows, bad) = parse(line, Kind::Pairs, &Reading::default());
    assert_eq!((rows.len(), bad.len()), (0, 1));
    let told = Reading { same: Some(false), class: Some("traps".to_owned()), ..Reading::default() };
    assert_eq!(pairs(&parse(line, Kind::Pairs, &told).0), [("x", "y", false, "traps")]);
}

#[test]
fn a_table_of_commas_and_one_of_tabs_are_read_with_their_quotation_marks() {
    let (kind, rows, bad) = read_as("text,category\n\"How, then?\",how\nshort\n");
    assert_eq!((kind, labels(&rows)), (Kind::Csv, vec![("How, then?".to_owned(), "how".to_owned())]));
    assert_eq!(bad.len(), 1, "{bad:?}");
    let (kind, rows, bad) = read_as("Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n1\t1\t2\tHe \"said\tso\" he\n9\t1\t2\ta\tb\n");
    assert_eq!((kind, pairs(&rows)), (Kind::Mrpc, vec![("He \"said", "so\" he", true, "pairs")]));
    assert_eq!(bad.iter().map(|b| b.line).collect::<Vec<_>>(), [3]);
}

#[test]
fn each_question_out_of_scope_is_a_label_of_its_own() {
    let (kind, rows, _) = read_as(r#"{"val": [["hello", "greet"], ["hi", "greet"]], "oos_val": [["x", "oos"], ["y", "oos"]]}"#);
    assert_eq!(kind, Kind::Clinc);
    let keys: std::collections::BTreeSet<_> = labels(&rows).into_iter().map(|(_, label)| label).collect();
    assert_eq!(keys.len(), 3, "{keys:?}");
}

#[test]
fn a_window_of_events_reads_the_same_from_the_list_and_from_the_prompt() {
    let prompt = "Column descriptions:\\n\\nsummary: Summary of the event.\\n\\nRow 1\\ndatetime_est: 2025-02-23 00:30:00\\ntype: major_event\\nsummary: One.\\n\\nMore of one.\\ncategory: c\\nevents_evolution: And then.\\nprice_change_1h: 0.1\\n\\nRow 2\\ndatetime_est: 2025-02-24 10:00:00\\nsummary: Two.\\ncategory: c\\n\\nYou are a strategist.";
    let raw =
        format!("{{\"datetime_est\":\"2025-03-01 03:00:00\",\"signal\":-1,\"conviction\":0.7,\"input_report\":\"{prompt}\"}}");
    let parsed = r#"{"datetime_est":"2025-03-01 03:00:00","signal":-1,"conviction":0.7,"events":[
        {"datetime_est":"2025-02-23 00:30:00","summary":"One.\n\nMore of one.","events_evolution":"And then."},{"datetime_est":"2025-02-24 10:00:00","summary":"Two."}]}"#
        .replace("\n        ", "");
    let (kind, from_prompt, bad) = read_as(&raw);
    assert_eq!((kind, bad), (Kind::Events, Vec::new()));
    let (_, from_list, _) = read_as(&parsed);
    assert_eq!(from_prompt, from_list);
    let Rows::Stream(rows) = from_prompt else { panic!("these are pairs") };
    assert_eq!(rows[0].at.unwrap().to_string(), "2025-03-01T08:00:00Z");
    assert_eq!(rows[0].pieces.iter().map(|p| p.text.as_str()).collect::<Vec<_>>(), ["One. More of one. And then.", "Two."]);
    assert_eq!(rows[0].headline.as_ref().unwrap().as_str(), "Two.");
}

#[test]
fn a_stream_with_times_is_put_in_their_order_and_one_without_is_shuffled_alike_each_time() {
    let timed = "{\"text\":\"late\",\"label\":\"x\",\"at\":\"2026-01-02T00:00:00Z\"}\n{\"text\":\"early\",\"label\":\"x\",\"at\":\"2026-01-01T00:00:00Z\"}\n{\"text\":\"none\",\"label\":\"x\"}";
    let mut bad = Vec::new();
    let (rows, ordering) = ordered(parse(timed.as_bytes(), Kind::Stream, &Reading::default()).0, 1, &mut bad);
    assert_eq!(labels(&rows).iter().map(|(text, _)| &**text).collect::<Vec<_>>(), ["early", "late"]);
    assert_eq!((ordering, bad.len()), (Ordering::Time, 1));
    let many: String = (0..50).map(|i| format!("{{\"text\":\"t{i}\",\"label\":\"x\"}}\n")).collect();
    let shuffled = |seed| ordered(parse(many.as_bytes(), Kind::Stream, &Reading::default()).0, seed, &mut Vec::new()).0;
    assert_eq!(shuffled(1), shuffled(1));
    assert_ne!(shuffled(1), shuffled(2));
}

#[test]
fn a_packed_file_is_unpacked_and_its_companion_is_heard() {
    use std::io::Write;
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("traps.ndjson.gz");
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(b"{\"a\":\"x\",\"b\":\"y\"}\n").unwrap();
    std::fs::write(&path, packer.finish().unwrap()).unwrap();
    std::fs::write(folder.path().join("traps.eval.toml"), "same = false").unwrap();
    let dataset = read(&path, &Reading::default()).unwrap();
    assert_eq!(pairs(&dataset.rows), [("x", "y", false, "traps")]);
    std::fs::write(folder.path().join("traps.eval.toml"), "sane = false").unwrap();
    assert!(matches!(read(&path, &Reading::default()), Err(ReadError::Sidecar { .. })));
}

const KINDS: [Kind; 6] = [Kind::Pairs, Kind::Mrpc, Kind::Stream, Kind::Csv, Kind::Clinc, Kind::Events];

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = Kind::of(&bytes);
        for kind in KINDS {
            let _ = parse(&bytes, kind, &Reading::default());
        }
        let _ = unpacked(&bytes);
    }

    #[test]
    fn no_text_of_the_shape_of_data_makes_a_reader_panic(
        text in "(Row [0-9]?|text,label|\\{\"(a|b|text|label|events|signal|datetime_est|input_report)\":|\\[|\\]|\\}|\"|,|\t|\n|-?1|\\PC){0,60}",
    ) {
        let _ = Kind::of(text.as_bytes());
        for kind in KINDS {
            let _ = parse(text.as_bytes(), kind, &Reading::default());
        }
    }
}

#[test]
fn pairs_of_one_decision_tie_texts_into_clusters_and_other_pairs_do_not() {
    let pair = |a: &str, b: &str, label: u8| format!("{{\"text_a\":\"{a}\",\"text_b\":\"{b}\",\"label\":{label}}}\n");
    let lines = [pair("a", "b", 1), pair("c", "d", 0), pair("d", "b", 1), pair("e", "c", 0), "nonsense\n".to_owned()].concat();
    let (rows, bad) = parse(lines.as_bytes(), Kind::Clusters, &Reading::default());
    let read = labels(&rows);
    let label = |text: &str| read.iter().find(|(of, _)| of == text).map(|(_, label)| label.clone()).unwrap();
    assert_eq!((read.len(), bad.len()), (5, 1));
    assert_eq!((label("a"), label("d")), (label("b"), label("b")));
    assert!(label("c") != label("a") && label("e") != label("c"));
}
