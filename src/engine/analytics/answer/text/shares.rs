//! Parts of wholes.

use super::super::super::compile::ColumnRole;
use super::super::phrases::{capital, filters, title};
use super::groups::Ranked;
use super::{Scene, Weight};

impl Scene<'_> {
    /// The part and the whole of a row: ` (563 of 1,343)`.
    fn part_of_whole(&self, row: usize) -> String {
        let asides = self.frame.places(ColumnRole::Aside);
        let [part, whole] = asides[..] else { return String::new() };
        match (self.number(row, part), self.number(row, whole)) {
            (Some(a), Some(b)) => format!(" ({} of {})", self.shown(a, part), self.shown(b, whole)),
            _ => String::new(),
        }
    }

    /// One share.
    pub(super) fn share_of_whole(&mut self) {
        let intent = &self.given.asked.intent;
        let name = self.measured();
        let of = intent.share.as_ref().map(|share| filters(&share.of)).unwrap_or_default();
        let scope = self.scope.words.strip_prefix(&filters(&intent.filters)).unwrap_or_default().to_owned();
        let column = self.first();
        let Some(share) = self.number(0, column) else { return };
        let (part, share) = (filters(&intent.filters), self.shown(share, column));
        let detail = self.part_of_whole(0);
        let sentence = format!("{}{part} made up {share} of all {name}{of}{scope}{detail} [Q1].", capital(&name));
        self.say(Weight::Answer, sentence);
    }

    /// A share for each group.
    pub(super) fn shares(&mut self) {
        let intent = &self.given.asked.intent;
        let name = intent.measures.first().map(|name| title(name)).unwrap_or_default();
        let what = format!("share of {name}");
        let ranked = Ranked { column: self.first(), what, counts: false, detail: |scene, row| scene.part_of_whole(row) };
        self.ranked(&ranked);
    }
}
