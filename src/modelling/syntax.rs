//! What an expression says, before any name in it is looked up.

use super::error::Fault;
use super::token::{Kind, Token, tokens};
use crate::limits::EXPRESSION_DEPTH_MAX;
use std::ops::Range;

/// A part of an expression with the characters that it was read from.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Syntax {
    pub(super) kind: Form,
    pub(super) at: Range<usize>,
}

/// How a part of an expression is made.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Form {
    Number(f64),
    Text(String),
    Name(String),
    /// `x[i, j]`
    At(String, Vec<Syntax>),
    /// `(i, j)`
    Tuple(Vec<Syntax>),
    /// `[a, b]`
    List(Vec<Syntax>),
    /// Terms, each with whether it is taken away.
    Sum(Vec<(bool, Syntax)>),
    /// Factors, each with whether it divides.
    Product(Vec<(bool, Syntax)>),
    Power(Box<Syntax>, Box<Syntax>),
    /// `f(i in s: a, b)`, `f(a for i in s)`, `f(a, b)`
    Call {
        name: String,
        over: Vec<Binder>,
        of: Vec<Syntax>,
    },
    /// `a <= b <= c`
    Compare(Vec<Syntax>, Vec<Relation>),
    /// `i in s`
    Among(Box<Syntax>, String),
    Not(Box<Syntax>),
    And(Vec<Syntax>),
    Or(Vec<Syntax>),
    Implies(Box<Syntax>, Box<Syntax>),
    Same(Box<Syntax>, Box<Syntax>),
    If(Box<Syntax>, Box<Syntax>, Option<Box<Syntax>>),
}

/// How two sides compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Relation {
    Less,
    AtMost,
    Equal,
    Differs,
    AtLeast,
    More,
}

impl Relation {
    pub(super) const fn sign(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Equal => "==",
            Self::Differs => "!=",
            Self::AtLeast => ">=",
            Self::More => ">",
        }
    }

    /// The relation with its sides changed over.
    pub(super) const fn turned(self) -> Self {
        match self {
            Self::Less => Self::More,
            Self::AtMost => Self::AtLeast,
            Self::AtLeast => Self::AtMost,
            Self::More => Self::Less,
            same => same,
        }
    }

    /// What holds where this does not.
    pub(super) const fn negated(self) -> Self {
        match self {
            Self::Less => Self::AtLeast,
            Self::AtMost => Self::More,
            Self::Equal => Self::Differs,
            Self::Differs => Self::Equal,
            Self::AtLeast => Self::Less,
            Self::More => Self::AtMost,
        }
    }
}

/// `i in s`, `(i, j) in s`, `i in 1..5`, each with a condition where it has one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Binder {
    pub(super) names: Vec<(String, Range<usize>)>,
    pub(super) set: BinderSet,
    pub(super) set_at: Range<usize>,
    pub(super) filter: Option<Syntax>,
}

/// What a binder runs over.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum BinderSet {
    Name(String),
    Range(i64, i64),
}

/// Reads an expression, and the index sets that it is stated for, as in `x[i] <= 3 for i in s`.
pub(super) fn read(text: &str) -> Result<(Syntax, Vec<Binder>), Fault> {
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens: &tokens, next: 0, depth: 0 };
    let syntax = parser.statement()?;
    let over = if parser.take("for") { parser.binders()? } else { Vec::new() };
    parser.end("an operator such as `+`, `*` or `<=`")?;
    Ok((syntax, over))
}

/// Reads index sets alone, as in `i in s, j in t if i != j`.
pub(super) fn read_binders(text: &str) -> Result<Vec<Binder>, Fault> {
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens: &tokens, next: 0, depth: 0 };
    parser.take("for");
    let over = parser.binders()?;
    parser.end("`,` and another index")?;
    Ok(over)
}

pub(super) struct Parser<'a> {
    tokens: &'a [Token],
    next: usize,
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> &Token {
        self.ahead(0)
    }

    fn ahead(&self, by: usize) -> &Token {
        &self.tokens[(self.next + by).min(self.tokens.len() - 1)]
    }

    fn is(&self, by: usize, symbol: &str) -> bool {
        matches!(self.ahead(by).kind, Kind::Symbol(found) if found == symbol)
    }

    fn take(&mut self, symbol: &str) -> bool {
        let found = self.is(0, symbol);
        if found {
            self.next += 1;
        }
        found
    }

    fn need(&mut self, symbol: &str, after: &str) -> Result<(), Fault> {
        if self.take(symbol) {
            return Ok(());
        }
        Err(self.unexpected(&format!("`{symbol}` {after}")))
    }

    fn unexpected(&self, wanted: &str) -> Fault {
        let found = self.peek();
        Fault::new(&found.at, format!("found {} where {wanted} would be right", found.kind.shown()))
    }

    fn end(&self, wanted: &str) -> Result<(), Fault> {
        match self.peek().kind {
            Kind::End => Ok(()),
            _ => Err(self.unexpected(&format!("{wanted}, or the end of the expression"))),
        }
    }

    fn from(&self, start: usize, kind: Form) -> Syntax {
        let end = self.tokens[self.next.saturating_sub(1)].at.end;
        Syntax { kind, at: start..end.max(start) }
    }

    fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        self.depth += 1;
        if self.depth > EXPRESSION_DEPTH_MAX {
            let detail = format!("the expression is nested more than {EXPRESSION_DEPTH_MAX} levels deep here");
            return Err(Fault::new(&self.peek().at, detail));
        }
        let found = inner(self);
        self.depth -= 1;
        found
    }

    pub(super) fn statement(&mut self) -> Result<Syntax, Fault> {
        self.deeper(Self::implication)
    }

    fn implication(&mut self) -> Result<Syntax, Fault> {
        let start = self.peek().at.start;
        if self.take("if") {
            let when = self.either()?;
            self.need("then", "after the condition of `if`")?;
            let then = self.statement()?;
            let other = if self.take("else") { Some(Box::new(self.statement()?)) } else { None };
            return Ok(self.from(start, Form::If(Box::new(when), Box::new(then), other)));
        }
        let left = self.either()?;
        if self.take("=>") {
            let right = self.statement()?;
            return Ok(self.from(start, Form::Implies(Box::new(left), Box::new(right))));
        }
        if self.take("<=>") {
            let right = self.either()?;
            return Ok(self.from(start, Form::Same(Box::new(left), Box::new(right))));
        }
        Ok(left)
    }

    fn either(&mut self) -> Result<Syntax, Fault> {
        let start = self.peek().at.start;
        let mut parts = vec![self.both()?];
        while self.take("or") {
            parts.push(self.both()?);
        }
        Ok(self.one_or(start, parts, Form::Or))
    }

    fn both(&mut self) -> Result<Syntax, Fault> {
        let start = self.peek().at.start;
        let mut parts = vec![self.negation()?];
        while self.take("and") {
            parts.push(self.negation()?);
        }
        Ok(self.one_or(start, parts, Form::And))
    }

    fn one_or(&self, start: usize, mut parts: Vec<Syntax>, form: fn(Vec<Syntax>) -> Form) -> Syntax {
        match parts.pop() {
            Some(only) if parts.is_empty() => only,
            Some(last) => {
                parts.push(last);
                self.from(start, form(parts))
            }
            None => self.from(start, form(parts)),
        }
    }

    fn negation(&mut self) -> Result<Syntax, Fault> {
        let start = self.peek().at.start;
        if self.take("not") {
            let inner = self.deeper(Self::negation)?;
            return Ok(self.from(start, Form::Not(Box::new(inner))));
        }
        self.comparison()
    }

    fn relation(&mut self) -> Option<Relation> {
        let Kind::Symbol(symbol) = self.peek().kind else { return None };
        let relation = match symbol {
            "<" => Relation::Less,
            "<=" => Relation::AtMost,
            "==" => Relation::Equal,
            "!=" => Relation::Differs,
            ">=" => Relation::AtLeast,
            ">" => Relation::More,
            _ => return None,
        };
        self.next += 1;
        Some(relation)
    }

    fn comparison(&mut self) -> Result<Syntax, Fault> {
        let start = self.peek().at.start;
        let first = self.sum()?;
        if self.take("in") {
            let Kind::Name(set) = self.peek().kind.clone() else {
                return Err(self.unexpected("the name of a set after `in`"));
            };
            self.next += 1;
            return Ok(self.from(start, Form::Among(Box::new(first), set)));
        }
        let (mut sides, mut relations) = (vec![first], Vec::new());
        while let Some(relation) = self.relation() {
            relations.push(relation);
            sides.push(self.sum()?);
        }
        if relations.is_empty() {
            return Ok(sides.swap_remove(0));
        }
        Ok(self.from(start, Form::Compare(sides, relations)))
    }
}

mod arithmetic;
