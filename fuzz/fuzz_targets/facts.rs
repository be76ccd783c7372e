//! Two texts of a stranger, cut at the first line break, read and held against each other.
#![no_main]

use instinct::domain::facts::Facts;
use instinct::domain::time::Timestamp;
use instinct::facts::paraphrase::{Said, is_paraphrase};
use instinct::facts::{Lexicon, Rules, compare, read};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static LEXICON: LazyLock<Lexicon> = LazyLock::new(|| Lexicon::built_in().expect("the lexicon that is compiled in loads"));

fuzz_target!(|text: &str| {
    let rules = Rules::default();
    let now = Timestamp::from_micros(1_800_000_000_000_000);
    let (held, asked) = text.split_once('\n').unwrap_or((text, text));
    let (a, b) = (read(held, now, &LEXICON), read(asked, now, &LEXICON));
    let (held, asked) = (Said { text: held, facts: &a }, Said { text: asked, facts: &b });
    assert_eq!(is_paraphrase(held, asked, &rules, &LEXICON), is_paraphrase(asked, held, &rules, &LEXICON));
    assert!(compare(&a, &a, &rules).is_ok());
    assert_eq!(compare(&a, &b, &rules).is_ok(), compare(&b, &a, &rules).is_ok());
    let stored = serde_json::to_string(&a).expect("facts are JSON");
    assert_eq!(Facts::from_record(&stored).expect("what was stored reads back"), Some(a));
});
