//! Sums, products, powers, calls and index sets.

use super::{Binder, BinderSet, Form, Parser, Syntax};
use crate::modelling::error::Fault;
use crate::modelling::token::Kind;

impl Parser<'_> {
    pub(super) fn sum(&mut self) -> Result<Syntax, Fault> {
        let start = self.peek().at.start;
        let mut terms = vec![(false, self.product()?)];
        loop {
            let minus = self.is(0, "-");
            if !minus && !self.is(0, "+") {
                break;
            }
            self.next += 1;
            terms.push((minus, self.product()?));
        }
        if terms.len() == 1 {
            return Ok(terms.swap_remove(0).1);
        }
        Ok(self.from(start, Form::Sum(terms)))
    }

    fn product(&mut self) -> Result<Syntax, Fault> {
        let start = self.peek().at.start;
        let mut factors = vec![(false, self.signed()?)];
        loop {
            let divides = self.is(0, "/");
            if !divides && !self.is(0, "*") {
                break;
            }
            self.next += 1;
            factors.push((divides, self.signed()?));
        }
        if factors.len() == 1 {
            return Ok(factors.swap_remove(0).1);
        }
        Ok(self.from(start, Form::Product(factors)))
    }

    fn signed(&mut self) -> Result<Syntax, Fault> {
        let start = self.peek().at.start;
        if self.take("-") {
            let inner = self.deeper(Self::signed)?;
            // A negative number is a number: `x ^ -2`, `[-1, 3]`.
            let form = match inner.kind {
                Form::Number(value) => Form::Number(-value),
                _ => Form::Sum(vec![(true, inner)]),
            };
            return Ok(self.from(start, form));
        }
        if self.take("+") {
            return self.deeper(Self::signed);
        }
        let base = self.primary()?;
        if self.take("^") {
            let exponent = self.deeper(Self::signed)?;
            return Ok(self.from(start, Form::Power(Box::new(base), Box::new(exponent))));
        }
        Ok(base)
    }

    fn primary(&mut self) -> Result<Syntax, Fault> {
        let token = self.peek().clone();
        let start = token.at.start;
        match token.kind {
            Kind::Number(value) => {
                self.next += 1;
                Ok(self.from(start, Form::Number(value)))
            }
            Kind::Text(text) => {
                self.next += 1;
                Ok(self.from(start, Form::Text(text)))
            }
            Kind::Name(name) => {
                self.next += 1;
                if self.take("[") {
                    let index = self.list("]")?;
                    return Ok(self.from(start, Form::At(name, index)));
                }
                if self.take("(") {
                    return self.call(start, name);
                }
                Ok(self.from(start, Form::Name(name)))
            }
            Kind::Symbol("(") => {
                self.next += 1;
                let mut inner = self.list(")")?;
                if inner.len() == 1 {
                    let mut only = inner.swap_remove(0);
                    only.at = start..self.tokens[self.next - 1].at.end;
                    return Ok(only);
                }
                Ok(self.from(start, Form::Tuple(inner)))
            }
            Kind::Symbol("[") => {
                self.next += 1;
                let inner = self.list("]")?;
                Ok(self.from(start, Form::List(inner)))
            }
            _ => Err(self.unexpected("a number, a name or `(`")),
        }
    }

    /// Expressions up to `close`, which is taken; at least one.
    fn list(&mut self, close: &str) -> Result<Vec<Syntax>, Fault> {
        let mut found = vec![self.statement()?];
        while self.take(",") {
            found.push(self.statement()?);
        }
        self.need(close, "or `,`")?;
        Ok(found)
    }

    fn call(&mut self, start: usize, name: String) -> Result<Syntax, Fault> {
        let mut over = Vec::new();
        if self.is_binder() {
            over = self.binders()?;
            self.need(":", "between the indices and what is taken over them")?;
        }
        let mut of = vec![self.statement()?];
        while self.take(",") {
            of.push(self.statement()?);
        }
        if over.is_empty() && self.take("for") {
            over = self.binders()?;
        }
        self.need(")", "or `,`")?;
        Ok(self.from(start, Form::Call { name, over, of }))
    }

    /// Whether `i in`, `i, j in` or `(i, j) in` comes next.
    fn is_binder(&self) -> bool {
        let mut at = usize::from(self.is(0, "("));
        let bracketed = at == 1;
        loop {
            if !matches!(self.ahead(at).kind, Kind::Name(_)) {
                return false;
            }
            at += 1;
            if bracketed && self.is(at, ")") {
                return self.is(at + 1, "in");
            }
            if !bracketed && self.is(at, "in") {
                return true;
            }
            if !self.is(at, ",") {
                return false;
            }
            at += 1;
        }
    }

    pub(super) fn binders(&mut self) -> Result<Vec<Binder>, Fault> {
        let mut found = vec![self.binder()?];
        while self.take(",") {
            found.push(self.binder()?);
        }
        Ok(found)
    }

    fn binder(&mut self) -> Result<Binder, Fault> {
        let bracketed = self.take("(");
        let mut names = Vec::new();
        loop {
            let token = self.peek().clone();
            let Kind::Name(name) = token.kind else {
                return Err(self.unexpected("the name of an index, as in `i in s`,"));
            };
            self.next += 1;
            names.push((name, token.at));
            if !self.take(",") {
                break;
            }
        }
        if bracketed {
            self.need(")", "after the indices")?;
        }
        self.need("in", "and a set after the index")?;
        let token = self.peek().clone();
        let set = match token.kind {
            Kind::Name(name) => {
                self.next += 1;
                BinderSet::Name(name)
            }
            _ => {
                let from = self.whole()?;
                self.need("..", "between the first and the last number")?;
                BinderSet::Range(from, self.whole()?)
            }
        };
        let set_at = token.at.start..self.tokens[self.next - 1].at.end;
        let filter = if self.take("if") || self.take("where") { Some(self.deeper(Self::either)?) } else { None };
        Ok(Binder { names, set, set_at, filter })
    }

    fn whole(&mut self) -> Result<i64, Fault> {
        let minus = self.take("-");
        let token = self.peek().clone();
        match token.kind {
            #[expect(clippy::cast_possible_truncation, reason = "a whole number below 1e9 is kept as it is")]
            Kind::Number(value) if value.fract() == 0.0 && value.abs() < 1e9 => {
                self.next += 1;
                Ok(if minus { -(value as i64) } else { value as i64 })
            }
            _ => Err(self.unexpected("the name of a set or a range of whole numbers such as `1..5`")),
        }
    }
}
