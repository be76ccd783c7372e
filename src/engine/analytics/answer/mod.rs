//! What is said of a result: a table, a paragraph whose every number is held against the rows, a report, a chart, and what can be asked next.
//! Everything is by rule. Where a question has no answer, that is said, with the reason and with questions that do have one.

mod chart;
pub mod citations;
mod figures;
mod follow_ups;
mod model;
mod phrases;
mod refusal;
mod report;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod written;

pub use self::citations::{Claim, Derived};
pub use self::model::{
    AnswerColumn, AnswerTable, ChartHint, CitedQuery, Correction, DataAnswer, DataRefusal, DataReport, LabelReason, NumberFormat,
    NumberStyle, QueryPurpose, RefusalClass, ReportSource, UnplacedWords,
};
pub use self::refusal::{failed, refused};
pub use self::written::{confirmed, written};

use super::compile::{Compiled, Query};
use super::layer::Layer;
use super::reconcile::{Derivation, Frame};
use super::words::{Asked, Words};
use citations::{Evidence, check};
use jiff::civil::Date;

/// What an answer is made from.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// What reads questions about the layer.
    pub words: &'a Words,
    /// The question, as it was understood.
    pub asked: &'a Asked,
    /// Its SQL.
    pub compiled: &'a Compiled,
    /// The rows of the primary query.
    pub primary: &'a Frame,
    /// The rows of its siblings, in their order; none where one failed.
    pub siblings: &'a [Option<Frame>],
    /// The rows of the relaxed query, where there is one and it was run.
    pub relaxed: Option<&'a Frame>,
    /// What the result is worth.
    pub derivation: &'a Derivation,
    /// The chart that the caller asks for.
    pub hint: Option<ChartHint>,
    /// The day of asking.
    pub as_of: Date,
}

impl<'a> Given<'a> {
    pub(in crate::engine::analytics::answer) fn layer(&self) -> &'a Layer {
        self.words.layer()
    }

    /// What a text about the answer may rest on, whoever writes it.
    pub fn evidence(&self) -> Evidence<'a> {
        let frames = self.queries().into_iter().map(|(_, _, frame)| frame).collect();
        Evidence { frames, said: phrases::scope(self.layer(), &self.asked.intent).said }
    }

    /// Every query with its rows, in the order in which texts cite them.
    fn queries(&self) -> Vec<(QueryPurpose, &'a Query, Option<&'a Frame>)> {
        let mut all = vec![(QueryPurpose::Primary, &self.compiled.primary, Some(self.primary))];
        for (at, query) in self.compiled.siblings.iter().enumerate() {
            all.push((QueryPurpose::Sibling, query, self.siblings.get(at).and_then(Option::as_ref)));
        }
        all.extend(self.compiled.relaxed.iter().map(|query| (QueryPurpose::Relaxed, query, self.relaxed)));
        all
    }
}

/// The answer of a question that was understood and whose query ran.
pub fn answer(given: &Given<'_>) -> DataAnswer {
    let queries = given.queries();
    // A sentence with a number that the rows do not give is not said, whoever wrote it.
    let (text, claims) = check(&text::marked(given), &given.evidence()).sound();
    let reasons = given.derivation.reasons.iter();
    let mut assumptions = given.asked.assumptions.clone();
    assumptions.extend(given.compiled.primary.assumptions.iter().cloned());
    DataAnswer {
        label: given.derivation.label,
        reasons: reasons.map(|(allows, because)| LabelReason { allows: *allows, because: because.clone() }).collect(),
        report: report::report(given, &text),
        text,
        claims,
        table: Some(table::table(given)),
        further: Vec::new(),
        chart: chart::chart(given),
        queries: queries.iter().enumerate().map(|(at, (purpose, query, frame))| cited(at, *purpose, (query, *frame))).collect(),
        assumptions,
        corrections: corrections(given.asked),
        follow_ups: follow_ups::follow_ups(given),
        refusal: None,
    }
}

fn cited(at: usize, purpose: QueryPurpose, (query, frame): (&Query, Option<&Frame>)) -> CitedQuery {
    CitedQuery {
        id: format!("Q{}", at + 1),
        purpose,
        definition: query.definition.clone(),
        sql: query.sql.clone(),
        bindings: query.bindings.clone(),
        rows: frame.map(|frame| frame.rows.len() as u64),
    }
}

fn corrections(asked: &Asked) -> Vec<Correction> {
    let pair = |(written, read): &(String, String)| Correction { written: written.clone(), read: read.clone() };
    asked.corrections.iter().map(pair).collect()
}
