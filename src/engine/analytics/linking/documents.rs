//! What a question can be linked to, as short texts: tables, columns, values, what the layer defines, and questions that were answered.

use super::super::layer::Layer;
use super::super::layer::expression::Expression;
use crate::warehouse::TableInfo;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Characters of one text: an embedder reads some hundred words, and a comment may be a page.
const TEXT_CHARS_MAX: usize = 1_200;

/// Sample values of one column that are read.
const SAMPLES_MAX: usize = 24;

/// Characters of one sample value.
const SAMPLE_CHARS_MAX: usize = 60;

/// What a document stands for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Place {
    /// A measure of the layer.
    Measure {
        /// Its name.
        name: String,
    },
    /// A dimension of the layer.
    Dimension {
        /// Its name.
        name: String,
    },
    /// A value of a dimension.
    Value {
        /// The dimension.
        dimension: String,
        /// The value.
        value: String,
    },
    /// A term of the glossary.
    Term {
        /// Its name.
        name: String,
    },
    /// A moment of the layer.
    Time {
        /// Its name.
        name: String,
    },
    /// A table.
    Table {
        /// Its name.
        table: String,
    },
    /// A column.
    Column {
        /// Its table.
        table: String,
        /// Its name.
        column: String,
    },
    /// A question that was answered and found right.
    Pair {
        /// The name of the pair.
        id: String,
    },
}

/// One text with what it stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Document {
    /// What it stands for.
    pub place: Place,
    /// How a question calls it.
    pub called: String,
    /// What is searched, and what is to be embedded.
    pub text: String,
    /// The columns that a query of it reads, with their tables.
    pub columns: BTreeSet<(String, String)>,
}

/// A question that was answered and found right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// Its name.
    pub id: String,
    /// The question.
    pub question: String,
    /// The SQL that answered it.
    pub sql: String,
    /// The columns that the SQL reads, with their tables.
    pub columns: BTreeSet<(String, String)>,
}

/// Documents, each place once, in one order whatever they were gathered from first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Documents {
    all: BTreeMap<Place, Document>,
}

impl Documents {
    /// With all that a layer defines.
    #[must_use]
    pub fn with_layer(mut self, layer: &Layer) -> Self {
        for (name, table) in &layer.tables {
            self.table(name, &table.comment, table.columns.keys().map(String::as_str));
            for column in table.columns.keys() {
                let comment = table.comments.get(column).map_or("", String::as_str);
                self.column((name, column), comment, &[]);
            }
        }
        for (name, measure) in &layer.measures {
            let mut columns = BTreeSet::new();
            let inner = measure.per.iter().flat_map(|per| per.values.values());
            for expression in [&measure.value].into_iter().chain(&measure.filter).chain(inner) {
                columns.extend(read_by(expression));
            }
            columns.extend(measure.per.iter().map(|per| (per.key.table.clone(), per.key.column.clone())));
            let names = measure.synonyms.iter().chain(&measure.share_synonyms);
            self.defined(Place::Measure { name: name.clone() }, (name, names), &measure.comment, columns);
        }
        for (name, dimension) in &layer.dimensions {
            let columns = read_by(&dimension.value);
            let place = Place::Dimension { name: name.clone() };
            self.defined(place, (name, dimension.synonyms.iter()), &dimension.comment, columns.clone());
            for (value, synonyms) in &dimension.values {
                let place = Place::Value { dimension: name.clone(), value: value.clone() };
                self.defined(place, (value, synonyms.iter()), &words(name), columns.clone());
            }
        }
        for (name, term) in &layer.glossary {
            let place = Place::Term { name: name.clone() };
            self.defined(place, (name, term.synonyms.iter()), &term.comment, read_by(&term.filter));
        }
        for (name, time) in &layer.times {
            let columns = BTreeSet::from([(time.column.table.clone(), time.column.column.clone())]);
            self.defined(Place::Time { name: name.clone() }, (name, time.synonyms.iter()), &time.comment, columns);
        }
        self
    }

    /// With the tables that a warehouse has, and some values of their columns where those are known.
    #[must_use]
    pub fn with_tables(mut self, tables: &[TableInfo], samples: &BTreeMap<(String, String), Vec<String>>) -> Self {
        for table in tables {
            self.table(&table.name, &table.comment, table.columns.iter().map(|column| column.name.as_str()));
            for column in &table.columns {
                let known = samples.get(&(table.name.clone(), column.name.clone())).map_or(&[][..], Vec::as_slice);
                self.column((&table.name, &column.name), &column.comment, known);
            }
        }
        self
    }

    /// With questions that were answered and found right.
    #[must_use]
    pub fn with_pairs(mut self, pairs: &[Pair]) -> Self {
        for pair in pairs {
            let place = Place::Pair { id: pair.id.clone() };
            self.add(place, pair.question.clone(), &pair.question, pair.columns.clone());
        }
        self
    }

    /// The documents, in order.
    pub fn into_vec(self) -> Vec<Document> {
        self.all.into_values().collect()
    }

    fn table<'c>(&mut self, name: &str, comment: &str, columns: impl Iterator<Item = &'c str>) {
        let columns: Vec<String> = columns.map(words).collect();
        let text = format!("{}. {comment} Columns: {}.", words(name), columns.join(", "));
        self.add(Place::Table { table: name.to_owned() }, words(name), &text, BTreeSet::new());
    }

    fn column(&mut self, (table, column): (&str, &str), comment: &str, samples: &[String]) {
        let place = Place::Column { table: table.to_owned(), column: column.to_owned() };
        let short = |value: &String| value.chars().take(SAMPLE_CHARS_MAX).collect::<String>();
        let samples: Vec<String> = samples.iter().take(SAMPLES_MAX).map(short).collect();
        let text = format!("{} of {}. {comment} {}", words(column), words(table), samples.join(", "));
        self.add(place, words(column), &text, BTreeSet::from([(table.to_owned(), column.to_owned())]));
    }

    fn defined<'s>(
        &mut self,
        place: Place,
        (name, synonyms): (&str, impl Iterator<Item = &'s String>),
        comment: &str,
        columns: BTreeSet<(String, String)>,
    ) {
        let synonyms: Vec<&str> = synonyms.map(String::as_str).collect();
        // The reader of questions knows a thing by its first synonym for sure, and by its name where it has one.
        let called = synonyms.first().map_or_else(|| words(name), |first| (*first).to_owned());
        let text = format!("{}: {}. {comment}", words(name), synonyms.join(", "));
        self.add(place, called, &text, columns);
    }

    /// A place that is there already has its text added to what is known of it.
    fn add(&mut self, place: Place, called: String, text: &str, columns: BTreeSet<(String, String)>) {
        let entry = self.all.entry(place.clone());
        let document = entry.or_insert_with(|| Document { place, called, text: String::new(), columns: BTreeSet::new() });
        document.columns.extend(columns);
        if document.text.contains(text) {
            return;
        }
        let joined = format!("{} {text}", document.text);
        document.text = joined.trim().chars().take(TEXT_CHARS_MAX).collect();
    }
}

fn words(name: &str) -> String {
    name.replace('_', " ")
}

/// The columns that an expression of a checked layer reads.
pub(super) fn read_by(expression: &Expression) -> BTreeSet<(String, String)> {
    let mut columns = BTreeSet::new();
    expression.walk(&mut |part| {
        if let Expression::Column { table: Some(table), name } = part {
            columns.insert((table.clone(), name.clone()));
        }
    });
    columns
}
