//! One client that asks one new text after the other: what a single decision takes, and which part of it is the model.

use crate::Failure;
use crate::client::Connection;
use crate::measure::{Latencies, Quantiles};
use crate::open_loop::{ANSWERED_WITHIN, Tally};
use crate::questions::{Asker, Scenario, Verdict, read};
use crate::report::table as lay_out;
use crate::sample::Sample;
use serde::Serialize;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Instant;

/// Words of the texts that are asked, which makes 16 to 32 tokens of most of them.
const WORDS: RangeInclusive<usize> = 10..=24;

const WARM_UP_REQUESTS: usize = 100;

/// What was measured, in microseconds.
#[derive(Debug, Serialize)]
pub(crate) struct Latency {
    requests: usize,
    entries: u64,
    /// From the first byte sent to the last byte read.
    client_us: Quantiles,
    /// `timing_us.total` of the answers.
    total_us: Quantiles,
    /// `timing_us.embed` of the answers.
    embed_us: Quantiles,
    /// The difference of the two, answer by answer.
    total_less_embed_us: Quantiles,
    served: u64,
    abstained: u64,
    pub(crate) wrong: u64,
    pub(crate) errors: u64,
    pub(crate) examples: Vec<String>,
}

/// Asks `count` texts, each for the first time.
pub(crate) async fn run(address: SocketAddr, sample: &Arc<Sample>, count: usize, entries: u64) -> Result<Latency, Failure> {
    let mut asker = Asker::new(sample, Scenario::Semantic)?;
    let mut connection = Connection::new(address);
    for _ in 0..WARM_UP_REQUESTS {
        connection.ask(&asker.semantic_of(WORDS).request, ANSWERED_WITHIN).await?.ok()?;
    }
    let [mut client, mut total, mut embed, mut rest] =
        [Latencies::new()?, Latencies::new()?, Latencies::new()?, Latencies::new()?];
    let mut tally = Tally::default();
    for _ in 0..count {
        let question = asker.semantic_of(WORDS);
        let sent = Instant::now();
        let reply = connection.ask(&question.request, ANSWERED_WITHIN).await;
        client.record(sent.elapsed());
        tally.count(match reply {
            Err(failure) => Verdict::Error(failure.to_string()),
            Ok(reply) => match read(&reply) {
                Err(failure) => Verdict::Error(failure.to_string()),
                Ok(answer) => {
                    total.record_us(answer.timing_us.total);
                    embed.record_us(answer.timing_us.embed);
                    rest.record_us(answer.timing_us.total.saturating_sub(answer.timing_us.embed));
                    answer.judge(question.rule, sample)
                }
            },
        });
    }
    Ok(Latency {
        requests: count,
        entries,
        client_us: client.quantiles(),
        total_us: total.quantiles(),
        embed_us: embed.quantiles(),
        total_less_embed_us: rest.quantiles(),
        served: tally.served,
        abstained: tally.abstained,
        wrong: tally.wrong,
        errors: tally.errors,
        examples: tally.examples,
    })
}

impl Latency {
    pub(crate) fn table(&self) -> String {
        let row = |name: &str, quantiles: &Quantiles| {
            std::iter::once(name.to_owned()).chain(quantiles.cells()).collect::<Vec<String>>()
        };
        let rows = [
            row("client, whole", &self.client_us),
            row("timing_us.total", &self.total_us),
            row("timing_us.embed", &self.embed_us),
            row("total - embed", &self.total_less_embed_us),
        ];
        format!(
            "Latency of one client, {} new texts of {} to {} words, {} entries; times in ms.\n{}\nserved {}, abstained {}, wrong {}, errors {}",
            self.requests,
            WORDS.start(),
            WORDS.end(),
            self.entries,
            lay_out(&["time", "p50", "p90", "p99", "p99.9", "max"], &rows),
            self.served,
            self.abstained,
            self.wrong,
            self.errors
        )
    }
}
