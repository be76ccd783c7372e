//! How far answers can be trusted: what is served for paraphrases, which should be, and for near misses, which must not be.

use crate::Failure;
use crate::client::Connection;
use crate::open_loop::ANSWERED_WITHIN;
use crate::questions::{decide, read};
use crate::report::{percent, table as lay_out};
use crate::sample::Sample;
use serde::Serialize;
use std::net::SocketAddr;

/// The kinds of requests in the sample, and whether an answer is expected.
const KINDS: [(&str, bool); 4] = [("exact", true), ("paraphrase", true), ("near_miss", false), ("unrelated", false)];

/// What was served, by kind.
#[derive(Debug, Serialize)]
pub(crate) struct TrustReport {
    kinds: Vec<Kind>,
}

#[derive(Debug, Default, Serialize)]
struct Kind {
    kind: &'static str,
    expects_a_hit: bool,
    asked: u64,
    served: u64,
    /// From the entry that the request names: the right one for a paraphrase, the tempting one for a near miss.
    from_the_named_entry: u64,
    /// From an entry that doesn't answer the request.
    false_reuse: u64,
    abstained: u64,
    errors: u64,
}

/// Asks every request of the sample once.
pub(crate) async fn run(address: SocketAddr, sample: &Sample) -> Result<TrustReport, Failure> {
    let mut connection = Connection::new(address);
    let mut kinds = Vec::new();
    for (name, expects_a_hit) in KINDS {
        let mut kind = Kind { kind: name, expects_a_hit, ..Kind::default() };
        for request in sample.of_kind(name) {
            kind.asked += 1;
            let named = request.entry_text.as_ref().or(request.near_text.as_ref()).and_then(|text| sample.entry_of(text));
            let reply = connection.ask(&decide(&request.text, &request.tags), ANSWERED_WITHIN).await;
            match reply.and_then(|reply| read(&reply).map(|answer| answer.served(sample))) {
                Err(_) => kind.errors += 1,
                Ok(Ok(None)) => kind.abstained += 1,
                Ok(served) => {
                    let from_named = named.is_some() && served == Ok(named);
                    kind.served += 1;
                    kind.from_the_named_entry += u64::from(from_named);
                    kind.false_reuse += u64::from(!expects_a_hit || !from_named);
                }
            }
        }
        kinds.push(kind);
    }
    Ok(TrustReport { kinds })
}

impl TrustReport {
    pub(crate) fn errors(&self) -> u64 {
        self.kinds.iter().map(|kind| kind.errors).sum()
    }

    pub(crate) fn table(&self) -> String {
        let head = ["kind", "expected", "asked", "served", "share", "from named entry", "false reuse", "abstained", "errors"];
        let row = |kind: &Kind| {
            vec![
                kind.kind.to_owned(),
                if kind.expects_a_hit { "hit" } else { "miss" }.to_owned(),
                kind.asked.to_string(),
                kind.served.to_string(),
                percent(kind.served, kind.asked),
                kind.from_the_named_entry.to_string(),
                format!("{} ({})", kind.false_reuse, percent(kind.false_reuse, kind.asked)),
                kind.abstained.to_string(),
                kind.errors.to_string(),
            ]
        };
        lay_out(&head, &self.kinds.iter().map(row).collect::<Vec<_>>())
    }
}
