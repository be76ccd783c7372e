//! Members of sets, each known by a number, and the sets that they are in.

use std::collections::HashMap;

/// A member of a set. A text that is a whole number is that number, so `"1"` and `1` are one member.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Member {
    Whole(i64),
    Text(Box<str>),
    Tuple(Box<[u32]>),
}

impl Member {
    pub(super) fn from_text(text: &str) -> Self {
        match text.parse::<i64>() {
            // `+1` and `01` are texts of their own.
            Ok(value) if value.to_string() == text => Self::Whole(value),
            _ => Self::Text(text.into()),
        }
    }
}

/// All members of all sets of a model.
#[derive(Debug, Clone, Default)]
pub(super) struct Members {
    all: Vec<Member>,
    ids: HashMap<Member, u32>,
}

impl Members {
    #[expect(clippy::cast_possible_truncation, reason = "a model is refused long before it has 2^32 members")]
    pub(super) fn intern(&mut self, member: Member) -> u32 {
        if let Some(id) = self.ids.get(&member) {
            return *id;
        }
        let id = self.all.len() as u32;
        self.all.push(member.clone());
        self.ids.insert(member, id);
        id
    }

    pub(super) fn find(&self, member: &Member) -> Option<u32> {
        self.ids.get(member).copied()
    }

    pub(super) fn get(&self, id: u32) -> &Member {
        &self.all[id as usize]
    }

    /// A member as it is written in an index: `btc`, or `btc,eth` for a tuple.
    pub(super) fn text(&self, id: u32) -> String {
        match self.get(id) {
            Member::Whole(value) => value.to_string(),
            Member::Text(text) => text.to_string(),
            Member::Tuple(parts) => parts.iter().map(|part| self.text(*part)).collect::<Vec<_>>().join(","),
        }
    }
}

/// A set of members in an order.
#[derive(Debug, Clone)]
pub(super) struct Set {
    pub(super) name: String,
    pub(super) members: Vec<u32>,
    places: HashMap<u32, u32>,
    /// How many parts its members have: 1, or more where they are tuples.
    pub(super) arity: usize,
}

impl Set {
    #[expect(clippy::cast_possible_truncation, reason = "a model is refused long before a set has 2^32 members")]
    pub(super) fn new(name: impl Into<String>, members: Vec<u32>, arity: usize) -> Self {
        let places = members.iter().enumerate().map(|(place, id)| (*id, place as u32)).collect();
        Self { name: name.into(), members, places, arity }
    }

    pub(super) fn place(&self, member: u32) -> Option<u32> {
        self.places.get(&member).copied()
    }

    pub(super) fn len(&self) -> usize {
        self.members.len()
    }
}
