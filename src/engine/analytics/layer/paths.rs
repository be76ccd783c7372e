//! How one table is reached from another without counting a row twice, or where that can't be, over which table it must go.

use super::model::{Cardinality, ColumnName, Layer};
use std::collections::{BTreeMap, VecDeque};

/// One step from a table to another that has at most one row for each of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// The column here.
    pub from: ColumnName,
    /// The column there.
    pub to: ColumnName,
    /// Whether a row may have no partner and is kept.
    pub optional: bool,
}

/// A way that goes through a table with several rows for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bridge {
    /// From the measure's table to the table where the ways part.
    pub approach: Vec<Hop>,
    /// The column there.
    pub pivot: ColumnName,
    /// The column of the table with several rows.
    pub entry: ColumnName,
    /// From that table on.
    pub onward: Vec<Hop>,
}

impl Layer {
    fn hops_from(&self, table: &str) -> impl Iterator<Item = Hop> {
        self.joins.iter().filter_map(move |join| {
            if join.many.table == table {
                return Some(Hop { from: join.many.clone(), to: join.one.clone(), optional: join.optional });
            }
            let backwards = join.cardinality == Cardinality::OneToOne && join.one.table == table;
            // What stands on the other side of such a join may be missing only where the join says so.
            backwards.then(|| Hop { from: join.one.clone(), to: join.many.clone(), optional: join.optional })
        })
    }

    /// The shortest way from `from` to `to` on which no row is multiplied; empty where they are the same.
    pub fn way(&self, from: &str, to: &str) -> Option<Vec<Hop>> {
        let mut came: BTreeMap<String, Option<Hop>> = BTreeMap::from([(from.to_owned(), None)]);
        let mut waiting = VecDeque::from([from.to_owned()]);
        while let Some(here) = waiting.pop_front() {
            if here == to {
                break;
            }
            for hop in self.hops_from(&here) {
                if !came.contains_key(&hop.to.table) {
                    waiting.push_back(hop.to.table.clone());
                    came.insert(hop.to.table.clone(), Some(hop));
                }
            }
        }
        let mut way = Vec::new();
        let mut at = to.to_owned();
        while let Some(hop) = came.get(&at)? {
            way.push(hop.clone());
            at = hop.from.table.clone();
        }
        way.reverse();
        Some(way)
    }

    /// The shortest way from `from` to `to` that multiplies rows at one join, which a caller must undo.
    pub fn bridge(&self, from: &str, to: &str) -> Option<Bridge> {
        let bridges = self.joins.iter().filter(|join| join.cardinality == Cardinality::ManyToOne).filter_map(|join| {
            let approach = self.way(from, &join.one.table)?;
            let onward = self.way(&join.many.table, to)?;
            Some(Bridge { approach, pivot: join.one.clone(), entry: join.many.clone(), onward })
        });
        bridges.min_by_key(|bridge| bridge.approach.len() + bridge.onward.len())
    }
}

impl Layer {
    /// Whether rows of this table stand for those of another one to one: what is said without an owner is said of it.
    pub fn is_default_side(&self, table: &str) -> bool {
        self.joins
            .iter()
            .any(|join| join.cardinality == Cardinality::OneToOne && (join.one.table == table || join.many.table == table))
    }
}
