//! An expression with every name looked up: what the checker walks and what is expanded.

use super::function::Function;
use super::syntax::Relation;
use std::ops::Range;

/// A part of an expression.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) kind: NodeKind,
    pub(super) at: Range<usize>,
    /// Whether a variable is in it.
    pub(super) varies: bool,
}

/// What a part of an expression is.
#[derive(Debug, Clone)]
pub(super) enum NodeKind {
    Number(f64),
    /// The whole number that an index is.
    Index(usize),
    Param(Pick),
    Var(Pick),
    /// Terms, each with whether it is taken away.
    Sum(Vec<(bool, Node)>),
    Product {
        times: Vec<Node>,
        over: Vec<Node>,
    },
    Power(Box<Node>, Box<Node>),
    Call(Function, Vec<Items>),
    /// A function of `x` through points, in straight lines between them.
    Piecewise(Box<Node>, Vec<Items>),
    /// The same amount in another unit: by what it is multiplied, and which unit.
    To(Box<Node>, f64, String),
    /// A condition without variables, and what is taken where it holds and where not.
    Choose(Box<Node>, Box<Node>, Box<Node>),
    // From here on what can hold or not hold.
    Compare(Vec<Node>, Vec<Relation>),
    /// Members of sets.
    CompareMembers(Chosen, Relation, Chosen),
    Among(Chosen, usize),
    Not(Box<Node>),
    And(Vec<Node>),
    Or(Vec<Node>),
    Implies(Box<Node>, Box<Node>),
    Same(Box<Node>, Box<Node>),
}

/// Bodies taken over indices; one of each where there are no indices.
#[derive(Debug, Clone)]
pub(super) struct Items {
    pub(super) over: Vec<Over>,
    pub(super) of: Vec<Node>,
}

/// Indices that run over a set.
#[derive(Debug, Clone)]
pub(super) struct Over {
    /// One, or one for each part of the set's tuples.
    pub(super) slots: Vec<usize>,
    pub(super) set: usize,
    pub(super) filter: Option<Node>,
}

/// One variable or one value of a parameter, chosen by indices.
#[derive(Debug, Clone)]
pub(super) struct Pick {
    /// The position of the first.
    pub(super) base: u32,
    pub(super) dims: Vec<Dim>,
    /// The positions, where they don't follow one another.
    pub(super) list: Option<Vec<u32>>,
    /// The number of the variable or parameter that it belongs to.
    pub(super) of: usize,
}

/// One index of several.
#[derive(Debug, Clone)]
pub(super) struct Dim {
    pub(super) set: usize,
    pub(super) stride: u32,
    pub(super) look: Look,
}

/// How the place in a set is found.
#[derive(Debug, Clone)]
pub(super) enum Look {
    /// It is that of an index which runs over the same set.
    Same(usize),
    Fixed(u32),
    Find(Chosen),
}

/// A member of a set.
#[derive(Debug, Clone)]
pub(super) enum Chosen {
    Slot(usize),
    Fixed(u32),
    /// The whole number that an expression is.
    Whole(Box<Node>),
    Tuple(Vec<Chosen>),
}

impl Node {
    pub(super) fn new(kind: NodeKind, at: &Range<usize>) -> Self {
        let varies = kind.varies();
        Self { kind, at: at.clone(), varies }
    }

    /// Whether it says something that holds or doesn't.
    pub(super) fn is_statement(&self) -> bool {
        match &self.kind {
            NodeKind::Compare(..)
            | NodeKind::CompareMembers(..)
            | NodeKind::Among(..)
            | NodeKind::Not(_)
            | NodeKind::And(_)
            | NodeKind::Or(_)
            | NodeKind::Implies(..)
            | NodeKind::Same(..) => true,
            NodeKind::Call(function, _) => function.is_rule(),
            NodeKind::Choose(_, then, _) => then.is_statement(),
            _ => false,
        }
    }
}

impl NodeKind {
    fn varies(&self) -> bool {
        matches!(self, Self::Var(_)) || self.parts().iter().any(|part| part.varies)
    }

    /// The parts that it is made of, indices left out.
    pub(super) fn parts(&self) -> Vec<&Node> {
        match self {
            Self::Number(_) | Self::Index(_) | Self::Param(_) | Self::Var(_) | Self::CompareMembers(..) | Self::Among(..) => {
                Vec::new()
            }
            Self::Sum(terms) => terms.iter().map(|(_, term)| term).collect(),
            Self::Product { times, over } => times.iter().chain(over).collect(),
            Self::Power(a, b) | Self::Implies(a, b) | Self::Same(a, b) => vec![a, b],
            Self::Call(_, items) => items.iter().flat_map(|item| &item.of).collect(),
            Self::Piecewise(x, points) => std::iter::once(&**x).chain(points.iter().flat_map(|item| &item.of)).collect(),
            Self::To(inner, ..) | Self::Not(inner) => vec![inner],
            Self::Choose(when, then, other) => vec![when, then, other],
            Self::Compare(sides, _) | Self::And(sides) | Self::Or(sides) => sides.iter().collect(),
        }
    }
}
