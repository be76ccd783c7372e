//! What follows from the rows of queries.

use super::super::super::compile::ColumnRole;
use super::super::super::layer::Unit;
use super::super::super::reconcile::{Cell, Frame, reconcile};
use super::super::phrases::key_forms;
use super::Derived;
use super::numbers::{Kind, Written, places};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Range;

/// Rows of which every pair is tried where a sentence names none.
const PAIRED_ROWS_MAX: usize = 200;

/// The rows of the queries, and how texts name them.
pub(super) struct Sources<'a> {
    frames: Vec<Option<Source<'a>>>,
}

struct Source<'a> {
    frame: &'a Frame,
    /// For each row, for each of its keys, the ways in which it is written.
    forms: Vec<Vec<Vec<String>>>,
}

/// The rows of one query that a sentence names.
#[derive(Debug, Clone, Default)]
pub(super) struct Naming {
    rows: Vec<usize>,
}

impl<'a> Sources<'a> {
    pub(super) fn new(frames: &[Option<&'a Frame>]) -> Self {
        let source = |frame: &'a Frame| {
            let keys = frame.places(ColumnRole::Key);
            let form = |row: &Vec<Cell>| keys.iter().map(|place| key_forms(&frame.columns[*place], row.get(*place))).collect();
            Source { frame, forms: frame.rows.iter().map(form).collect() }
        };
        Self { frames: frames.iter().map(|frame| frame.map(source)).collect() }
    }

    /// Whether there is such a query and it brought rows.
    pub(super) fn has(&self, query: usize) -> bool {
        self.frames.get(query).is_some_and(Option::is_some)
    }

    fn source(&self, query: usize) -> Option<&Source<'a>> {
        self.frames.get(query)?.as_ref()
    }

    /// The names of groups that a text has, with where they stand.
    pub(super) fn named_in(&self, text: &str) -> BTreeMap<&str, Vec<Range<usize>>> {
        let forms = self.frames.iter().flatten().flat_map(|source| source.forms.iter().flatten().flatten());
        let mut named = BTreeMap::new();
        let mut seen = HashSet::new();
        for form in forms.filter(|form| seen.insert(form.as_str())) {
            let places = places(text, form);
            if !places.is_empty() {
                named.insert(form.as_str(), places);
            }
        }
        named
    }

    /// The rows that a sentence names, query by query.
    pub(super) fn naming(&self, named: &BTreeMap<&str, Vec<Range<usize>>>, sentence: &Range<usize>) -> Vec<Naming> {
        let inside = |place: &Range<usize>| place.start >= sentence.start && place.end <= sentence.end;
        let here: HashSet<&str> = named.iter().filter(|(_, places)| places.iter().any(inside)).map(|(form, _)| *form).collect();
        let naming = |source: &Option<Source<'a>>| {
            let rows = source.iter().flat_map(|source| source.forms.iter().enumerate());
            let said = |forms: &Vec<String>| forms.iter().any(|form| here.contains(form.as_str()));
            let named = rows.filter(|(_, keys)| !keys.is_empty() && keys.iter().all(said)).map(|(row, _)| row);
            Naming { rows: named.collect() }
        };
        self.frames.iter().map(naming).collect()
    }

    /// Whether a number follows from the rows of these queries in this way.
    pub(super) fn supports(&self, number: &Written, by: Derived, queries: &[usize], naming: &[Naming]) -> bool {
        if by == Derived::Delta {
            return self.is_delta(number, queries);
        }
        queries.iter().any(|query| {
            let (Some(source), Some(naming)) = (self.source(*query), naming.get(*query)) else { return false };
            let rows: Vec<usize> =
                if naming.rows.is_empty() { (0..source.frame.rows.len()).collect() } else { naming.rows.clone() };
            let view = View { frame: source.frame, rows, named: &naming.rows };
            match by {
                Derived::Cell => view.is_cell(number),
                Derived::Sum => number.kind == Kind::Plain && view.sums().any(|sum| number.fits(sum)),
                Derived::Share => view.is_share(number),
                Derived::Difference | Derived::Change | Derived::Ratio => view.is_of_pair(number, by),
                Derived::Rows => view.is_count(number),
                Derived::Rank => view.is_rank(number),
                Derived::Delta => false,
            }
        })
    }

    fn is_delta(&self, number: &Written, queries: &[usize]) -> bool {
        let [one, other] = queries else { return false };
        let (Some(one), Some(other)) = (self.source(*one), self.source(*other)) else { return false };
        let result = reconcile(one.frame, other.frame);
        number.kind == Kind::Percent && result.delta.is_some_and(|delta| number.fits(delta))
    }
}

/// The rows of one query as a sentence looks at them.
struct View<'v> {
    frame: &'v Frame,
    /// Those that it may speak of.
    rows: Vec<usize>,
    /// Those that it names.
    named: &'v [usize],
}

impl View<'_> {
    fn number(&self, row: usize, column: usize) -> Option<f64> {
        self.frame.rows.get(row)?.get(column)?.number()
    }

    /// Columns of numbers that are not what tells the rows apart.
    fn measured(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.frame.columns.len()).filter(|column| self.frame.columns[*column].role != ColumnRole::Key)
    }

    fn unit(&self, column: usize) -> Option<Unit> {
        self.frame.columns[column].unit
    }

    /// Columns whose values may be added up: things and money, and not what they are held against.
    fn summed(&self) -> impl Iterator<Item = usize> + '_ {
        self.measured().filter(|column| matches!(self.unit(*column), Some(Unit::Count | Unit::Money)))
    }

    fn column_sum(&self, column: usize) -> f64 {
        (0..self.frame.rows.len()).filter_map(|row| self.number(row, column)).sum()
    }

    fn named_sum(&self, column: usize) -> f64 {
        self.named.iter().filter_map(|row| self.number(*row, column)).sum()
    }

    fn is_cell(&self, number: &Written) -> bool {
        let of_column = |column: usize| {
            let values = self.rows.iter().filter_map(|row| self.number(*row, column));
            let share = self.unit(column) == Some(Unit::Share);
            let fits = match number.kind {
                Kind::Plain | Kind::Word => true,
                Kind::Percent => share,
                Kind::Points => share && self.frame.columns[column].role == ColumnRole::Aside,
                Kind::Ordinal => false,
            };
            // Of what changed a text says the direction in words.
            let changed = self.frame.columns[column].role == ColumnRole::Aside;
            fits && values.into_iter().any(|value| if changed { number.fits_either_way(value) } else { number.fits(value) })
        };
        (0..self.frame.columns.len()).any(of_column)
    }

    fn sums(&self) -> impl Iterator<Item = f64> + '_ {
        self.summed().flat_map(|column| {
            let named = (self.named.len() > 1).then(|| self.named_sum(column));
            std::iter::once(self.column_sum(column)).chain(named)
        })
    }

    fn is_share(&self, number: &Written) -> bool {
        let fits = |part: f64, whole: f64| whole != 0.0 && number.fits(part / whole);
        matches!(number.kind, Kind::Plain | Kind::Percent)
            && self.summed().any(|column| {
                let whole = self.column_sum(column);
                let named = self.named.len() > 1 && fits(self.named_sum(column), whole);
                named || self.rows.iter().filter_map(|row| self.number(*row, column)).any(|part| fits(part, whole))
            })
    }

    /// The pairs of values that a sentence may hold against one another: of one column over two rows, or of one row over two columns.
    fn is_of_pair(&self, number: &Written, by: Derived) -> bool {
        let rows = &self.rows[..self.rows.len().min(PAIRED_ROWS_MAX)];
        let columns: Vec<usize> = self.measured().collect();
        let along = columns.iter().any(|column| {
            let values: Vec<f64> = rows.iter().filter_map(|row| self.number(*row, *column)).collect();
            let share = self.unit(*column) == Some(Unit::Share);
            values.iter().enumerate().any(|(at, one)| {
                values.iter().enumerate().any(|(other_at, other)| at != other_at && is_between(number, by, (*one, *other), share))
            })
        });
        let across = rows.iter().any(|row| {
            columns.iter().any(|one| {
                columns.iter().any(|other| {
                    let alike = one != other && self.unit(*one) == self.unit(*other);
                    let share = self.unit(*one) == Some(Unit::Share);
                    match (self.number(*row, *one), self.number(*row, *other)) {
                        (Some(a), Some(b)) => alike && is_between(number, by, (a, b), share),
                        _ => false,
                    }
                })
            })
        });
        along || across
    }

    fn is_count(&self, number: &Written) -> bool {
        let rows = 0..self.frame.rows.len();
        let mut counts: BTreeSet<usize> = BTreeSet::from([rows.len(), self.named.len()]);
        for column in self.measured() {
            let values: Vec<f64> = rows.clone().filter_map(|row| self.number(row, column)).collect();
            let of = |sort: &dyn Fn(f64) -> bool| values.iter().filter(|value| sort(**value)).count();
            counts.extend([rows.len() - values.len(), values.len()]);
            counts.extend([of(&|value| value > 0.0), of(&|value| value < 0.0), of(&|value| value == 0.0)]);
            // How many are alike at either end.
            for end in [values.iter().copied().fold(f64::NAN, f64::max), values.iter().copied().fold(f64::NAN, f64::min)] {
                counts.insert(of(&|value| value == end));
            }
        }
        matches!(number.kind, Kind::Plain | Kind::Word) && counts.into_iter().any(|count| number.fits(whole(count)))
    }

    fn is_rank(&self, number: &Written) -> bool {
        let ranks = self.rows.iter().flat_map(|row| {
            let by_value = self.measured().filter_map(|column| {
                let own = self.number(*row, column)?;
                let values = (0..self.frame.rows.len()).filter_map(|other| self.number(other, column));
                let (above, below) = values
                    .fold((0, 0), |(above, below), value| (above + usize::from(value > own), below + usize::from(value < own)));
                Some([above + 1, below + 1])
            });
            std::iter::once(row + 1).chain(by_value.flatten().collect::<Vec<_>>())
        });
        let as_place = Written { kind: Kind::Plain, ..number.clone() };
        !matches!(number.kind, Kind::Percent | Kind::Points) && ranks.into_iter().any(|rank| as_place.fits(whole(rank)))
    }
}

fn is_between(number: &Written, by: Derived, (one, other): (f64, f64), share: bool) -> bool {
    match (by, number.kind) {
        // Percentages are apart by points, and everything else by its own unit.
        (Derived::Difference, Kind::Points) => share && number.fits_either_way(one - other),
        (Derived::Difference, Kind::Plain) => number.fits_either_way(one - other),
        (Derived::Change, Kind::Percent) => other != 0.0 && number.fits_either_way((one - other) / other.abs()),
        (Derived::Ratio, Kind::Plain | Kind::Word) => other != 0.0 && number.fits(one / other),
        _ => false,
    }
}

#[expect(clippy::cast_precision_loss, reason = "rows are at most a thousand")]
fn whole(count: usize) -> f64 {
    count as f64
}
