//! Groups beside one another: which is first, what follows, which is last, and what they come to.

use super::super::super::compile::ColumnRole;
use super::super::super::layer::{End, Unit};
use super::super::figures::percent;
use super::super::phrases::{capital, limit, listed, plural, title};
use super::{Scene, Weight};

/// Groups that share an end and are named one by one.
pub(super) const NAMED_MAX: usize = 3;

/// What groups are ranked by, in words.
pub(super) struct Ranked {
    pub column: usize,
    /// What it is called.
    pub what: String,
    /// Things, of which one has the most rather than the highest.
    pub counts: bool,
    /// What stands behind a value.
    pub detail: fn(&Scene<'_>, usize) -> String,
}

impl Ranked {
    fn end(&self, end: End) -> String {
        let adjective = match (end, self.counts) {
            (End::High, true) => "most",
            (End::Low, true) => "fewest",
            (End::High, false) => "highest",
            (End::Low, false) => "lowest",
        };
        format!("the {adjective} {}", self.what)
    }
}

impl Scene<'_> {
    pub(super) fn groups(&mut self) {
        let column = self.first();
        let counts = self.unit(column) == Some(Unit::Count);
        let ranked = Ranked { column, what: self.measured(), counts, detail: |scene, row| scene.aside(row) };
        self.ranked(&ranked);
        if self.adds_up() {
            self.sum(column);
        }
    }

    /// What stands behind a value, and the second measure beside it.
    fn aside(&self, row: usize) -> String {
        let others = self.values().into_iter().skip(1).filter_map(|column| {
            let number = self.number(row, column)?;
            Some(format!(" ({} {})", title(&self.frame.columns[column].name), self.shown(number, column)))
        });
        self.support(row) + &others.collect::<String>()
    }

    /// The groups in words: `the 27 customer states`.
    pub(super) fn kinds(&self) -> String {
        let intent = &self.given.asked.intent;
        let level = intent.by_time.map(|level| super::super::super::compile::level_name(level).to_owned());
        match (intent.dimensions.as_slice(), &level) {
            ([only], None) => match self.layer().dimensions.get(only) {
                Some(dimension) if !dimension.steps.is_empty() => format!("steps of {}", title(only)),
                _ => plural(only),
            },
            ([], Some(level)) => plural(level),
            _ => "groups".to_owned(),
        }
    }

    pub(super) fn ranked(&mut self, ranked: &Ranked) {
        let first = self.given.asked.intent.ranking.as_ref().map_or(End::High, |ranking| ranking.first);
        let mut rows = self.present(ranked.column);
        rows.sort_by(|(_, a), (_, b)| if first == End::High { b.total_cmp(a) } else { a.total_cmp(b) });
        let (Some(&(top, best)), Some(&(last, least))) = (rows.first(), rows.last()) else { return };
        let scope = self.within_limits();
        let cut = self.is_cut();
        if rows.len() == 1 && !cut {
            let (value, detail) = (self.shown(best, ranked.column), (ranked.detail)(self, top));
            let lead = format!("Only {} has any {}{scope}", self.subject(top), ranked.what);
            self.say(Weight::Answer, format!("{lead}: {value}{detail} [Q1]."));
            return;
        }
        if best == least && rows.len() > 1 {
            let value = self.shown(best, ranked.column);
            let shown = if cut { " shown" } else { "" };
            let lead = format!("All {} {}{shown} have the same {}{scope}", rows.len(), self.kinds(), ranked.what);
            self.say(Weight::Answer, format!("{lead}, {value} [Q1 rows]."));
            return;
        }
        self.leading(ranked, &rows, (first, &scope));
        if rows.len() == 1 {
            return;
        }
        self.following(ranked, &rows);
        let other = if first == End::High { End::Low } else { End::High };
        self.trailing(ranked, &rows, (other, last, least));
    }

    /// The scope, with the limits that groups had to meet.
    pub(super) fn within_limits(&self) -> String {
        let intent = &self.given.asked.intent;
        let limits: Vec<String> = intent.thresholds.iter().map(limit).collect();
        match limits.is_empty() {
            true => self.scope.words.clone(),
            false => format!("{} among those with {}", self.scope.words, listed(&limits, "and")),
        }
    }

    /// What a value is of the whole: `, 41.9% of the total [Q1 share]`.
    fn part(&self, column: usize, value: f64) -> String {
        let whole: f64 = self.present(column).iter().map(|(_, value)| value).sum();
        match self.adds_up() && self.unit(column) != Some(Unit::Share) && whole > 0.0 && value >= 0.0 {
            true => format!(", {} of the total [Q1 share]", percent(value / whole)),
            false => String::new(),
        }
    }

    fn leading(&mut self, ranked: &Ranked, rows: &[(usize, f64)], (end, scope): (End, &str)) {
        let best = rows[0].1;
        let alike: Vec<usize> = rows.iter().filter(|(_, value)| *value == best).map(|(row, _)| *row).collect();
        let value = self.shown(best, ranked.column);
        let end = ranked.end(end);
        let sentence = match alike.as_slice() {
            [only] => {
                let (detail, part) = ((ranked.detail)(self, *only), self.part(ranked.column, best));
                format!("{} has {end}{scope}: {value}{part}{detail} [Q1].", capital(&self.subject(*only)))
            }
            few if few.len() <= NAMED_MAX => {
                let names: Vec<String> = few.iter().map(|row| self.subject(*row)).collect();
                format!("{} share {end}{scope}: {value} [Q1].", capital(&listed(&names, "and")))
            }
            many => {
                let (count, rows, kinds) = (many.len(), self.frame.rows.len(), self.kinds());
                let kinds = if self.is_cut() { format!("{kinds} shown") } else { kinds };
                format!("{count} of the {rows} {kinds} share {end}{scope}: {value} [Q1 rows].")
            }
        };
        self.say(Weight::Answer, sentence);
    }

    fn following(&mut self, ranked: &Ranked, rows: &[(usize, f64)]) {
        let [(top, best), (second, next), (third, after), _, ..] = rows else { return };
        if best == next || after == &rows[rows.len() - 1].1 {
            return;
        }
        let (next, after_shown) = (self.shown(*next, ranked.column), self.shown(*after, ranked.column));
        let lead = format!("Next come {} ({next}) and {} ({after_shown}) [Q1]", self.short(*second), self.short(*third));
        let whole: f64 = rows.iter().map(|(_, value)| value).sum();
        let three: f64 = rows[..3].iter().map(|(_, value)| value).sum();
        // Where groups have several names, the names of three may be those of a fourth as well.
        let one_key = self.frame.places(ColumnRole::Key).len() == 1;
        let adds_up = self.adds_up() && one_key && self.unit(ranked.column) != Some(Unit::Share);
        let sentence = match adds_up && whole > 0.0 && rows.iter().all(|(_, value)| *value >= 0.0) {
            true => {
                let part = percent(three / whole);
                format!("{lead}; together with {} they make up {part} of the total [Q1 share].", self.short(*top))
            }
            false => format!("{lead}."),
        };
        self.say(Weight::Detail, sentence);
    }

    fn trailing(&mut self, ranked: &Ranked, rows: &[(usize, f64)], (end, last, least): (End, usize, f64)) {
        let alike: Vec<usize> = rows.iter().filter(|(_, value)| *value == least).map(|(row, _)| *row).collect();
        let (count, value, kinds) = (self.frame.rows.len(), self.shown(least, ranked.column), self.kinds());
        let (cut, end) = (self.is_cut(), ranked.end(end));
        let sentence = match (cut, alike.len()) {
            (true, 1) => {
                let detail = (ranked.detail)(self, last);
                format!("The last of the {count} {kinds} shown is {}: {value}{detail} [Q1 rows].", self.short(last))
            }
            (true, _) => return,
            (false, 1) => {
                let detail = (ranked.detail)(self, last);
                format!("Of the {count} {kinds}, {} has {end}: {value}{detail} [Q1 rows].", self.short(last))
            }
            (false, few) if few <= NAMED_MAX => {
                let names: Vec<String> = alike.iter().map(|row| self.short(*row)).collect();
                format!("Of the {count} {kinds}, {} share {end}: {value} [Q1 rows].", listed(&names, "and"))
            }
            (false, many) => format!("{many} of the {count} {kinds} share {end}: {value} [Q1 rows]."),
        };
        self.say(Weight::Detail, sentence);
    }

    /// What the groups come to.
    pub(super) fn sum(&mut self, column: usize) {
        let present = self.present(column);
        let whole: f64 = present.iter().map(|(_, value)| value).sum();
        if present.len() > 1 {
            let (count, kinds, whole) = (self.frame.rows.len(), self.kinds(), self.shown(whole, column));
            let name = if self.unit(column) == Some(Unit::Count) { format!(" {}", self.measured()) } else { String::new() };
            self.say(Weight::Detail, format!("The total over the {count} {kinds} is {whole}{name} [Q1 sum, rows]."));
        }
    }
}
