//! From text to operations, by recursive descent with a bound on its depth.

use super::super::double_double::{DoubleDouble, Real};
use super::{Formula, FormulaError, Function, Operation};
use crate::limits::{FORMULA_BYTES_MAX, FORMULA_DEPTH_MAX, FORMULA_OPERATIONS_MAX, FORMULA_PARAMETERS_MAX};

/// The largest whole power that is multiplied out.
const WHOLE_POWER_MAX: f64 = 64.0;

pub(super) fn parse(text: &str, parameters: &[&str]) -> Result<Formula, FormulaError> {
    let refused = |why: String| Err(FormulaError { at: 1, why });
    if text.len() > FORMULA_BYTES_MAX {
        return refused(format!("more than {FORMULA_BYTES_MAX} bytes"));
    }
    if parameters.len() > FORMULA_PARAMETERS_MAX {
        return refused(format!("more than {FORMULA_PARAMETERS_MAX} parameters"));
    }
    for (at, name) in parameters.iter().enumerate() {
        if !is_name(name) || Function::named(name).is_some() || *name == "pi" || parameters[..at].contains(name) {
            return refused(format!("`{name}` can't name a parameter"));
        }
    }
    let mut reader =
        Reader { text: text.as_bytes(), at: 0, depth: 0, parameters, variables: Vec::new(), operations: Vec::new(), last: 0 };
    reader.last = reader.sum()?;
    reader.blank();
    if reader.at < reader.text.len() {
        return Err(reader.wrong("nothing more was expected"));
    }
    reader.finish()
}

/// Whether a text is a letter or `_`, then letters, digits and `_`.
fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
    parameters: &'a [&'a str],
    variables: Vec<String>,
    operations: Vec<Operation>,
    last: usize,
}

impl Reader<'_> {
    fn wrong(&self, why: &str) -> FormulaError {
        FormulaError { at: self.at + 1, why: why.to_owned() }
    }

    fn blank(&mut self) {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }

    /// Takes this sign if it is next.
    fn takes(&mut self, sign: &[u8]) -> bool {
        self.blank();
        let found = self.text[self.at..].starts_with(sign);
        self.at += if found { sign.len() } else { 0 };
        found
    }

    /// The place of this operation, which is written down once however often it occurs.
    fn place(&mut self, operation: Operation) -> Result<usize, FormulaError> {
        if let Some(at) = self.operations.iter().position(|other| *other == operation) {
            return Ok(at);
        }
        if self.operations.len() == FORMULA_OPERATIONS_MAX {
            return Err(self.wrong("too many operations"));
        }
        self.operations.push(operation);
        Ok(self.operations.len() - 1)
    }

    fn sum(&mut self) -> Result<usize, FormulaError> {
        let mut left = self.product()?;
        loop {
            left = if self.takes(b"+") {
                let right = self.product()?;
                self.place(Operation::Add(left, right))?
            } else if self.takes(b"-") {
                let right = self.product()?;
                self.place(Operation::Subtract(left, right))?
            } else {
                return Ok(left);
            };
        }
    }

    fn product(&mut self) -> Result<usize, FormulaError> {
        let mut left = self.signed()?;
        loop {
            left = if self.takes(b"*") {
                let right = self.signed()?;
                self.place(Operation::Multiply(left, right))?
            } else if self.takes(b"/") {
                let right = self.signed()?;
                self.place(Operation::Divide(left, right))?
            } else {
                return Ok(left);
            };
        }
    }

    fn signed(&mut self) -> Result<usize, FormulaError> {
        self.depth += 1;
        if self.depth > FORMULA_DEPTH_MAX {
            return Err(self.wrong("too many brackets and signs inside one another"));
        }
        let found = if self.takes(b"-") {
            let operand = self.signed()?;
            self.place(Operation::Negate(operand))
        } else if self.takes(b"+") {
            self.signed()
        } else {
            self.power()
        };
        self.depth -= 1;
        found
    }

    fn power(&mut self) -> Result<usize, FormulaError> {
        let base = self.atom()?;
        if !(self.takes(b"**") || self.takes(b"^")) {
            return Ok(base);
        }
        let exponent = self.signed()?;
        match self.whole(exponent) {
            Some(power) => self.place(Operation::WholePower(base, power)),
            None => self.place(Operation::Power(base, exponent)),
        }
    }

    /// The small whole number that an operation is, if it is one.
    fn whole(&self, at: usize) -> Option<i32> {
        let (constant, sign) = match self.operations[at] {
            Operation::Constant(constant) => (constant, 1),
            Operation::Negate(inner) => match self.operations[inner] {
                Operation::Constant(constant) => (constant, -1),
                _ => return None,
            },
            _ => return None,
        };
        let rounded = constant.rounded();
        (rounded.fract() == 0.0 && rounded.abs() <= WHOLE_POWER_MAX).then_some(sign * rounded as i32)
    }

    fn atom(&mut self) -> Result<usize, FormulaError> {
        for (open, close) in [(b"(", b")"), (b"[", b"]")] {
            if self.takes(open) {
                let inside = self.sum()?;
                return if self.takes(close) { Ok(inside) } else { Err(self.wrong("a bracket is not closed")) };
            }
        }
        match self.text.get(self.at) {
            Some(byte) if byte.is_ascii_digit() || *byte == b'.' => self.number(),
            Some(byte) if byte.is_ascii_alphabetic() || *byte == b'_' => self.name(),
            _ => Err(self.wrong("a number, a name or a bracket was expected")),
        }
    }

    fn number(&mut self) -> Result<usize, FormulaError> {
        let start = self.at;
        let digits = |reader: &mut Self| {
            while reader.text.get(reader.at).is_some_and(u8::is_ascii_digit) {
                reader.at += 1;
            }
        };
        digits(self);
        if self.text.get(self.at) == Some(&b'.') {
            self.at += 1;
            digits(self);
        }
        if matches!(self.text.get(self.at), Some(b'e' | b'E')) {
            let signed = usize::from(matches!(self.text.get(self.at + 1), Some(b'+' | b'-')));
            if self.text.get(self.at + 1 + signed).is_some_and(u8::is_ascii_digit) {
                self.at += 1 + signed;
                digits(self);
            }
        }
        let text = String::from_utf8_lossy(&self.text[start..self.at]);
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => self.place(Operation::Constant(DoubleDouble::decimal(number))),
            _ => Err(FormulaError { at: start + 1, why: format!("`{text}` is not a number") }),
        }
    }

    fn name(&mut self) -> Result<usize, FormulaError> {
        let start = self.at;
        while self.text.get(self.at).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') {
            self.at += 1;
        }
        let name = String::from_utf8_lossy(&self.text[start..self.at]).into_owned();
        if let Some(function) = Function::named(&name) {
            self.blank();
            if !matches!(self.text.get(self.at), Some(b'(' | b'[')) {
                return Err(self.wrong(&format!("a bracket was expected after `{name}`")));
            }
            let argument = self.atom()?;
            return self.place(Operation::Call(function, argument));
        }
        if name == "pi" {
            return self.place(Operation::Constant(DoubleDouble::PI));
        }
        if let Some(parameter) = self.parameters.iter().position(|known| *known == name) {
            return self.place(Operation::Parameter(parameter));
        }
        let known = self.variables.iter().position(|known| *known == name);
        let variable = known.unwrap_or_else(|| {
            self.variables.push(name);
            self.variables.len() - 1
        });
        self.place(Operation::Variable(variable))
    }

    fn finish(mut self) -> Result<Formula, FormulaError> {
        if let Some(unused) =
            (0..self.parameters.len()).find(|&parameter| !self.operations.contains(&Operation::Parameter(parameter)))
        {
            return Err(FormulaError { at: 1, why: format!("`{}` does not occur", self.parameters[unused]) });
        }
        // The value has to be the last operation, also where it was written down earlier, as in `x*y - x*y + …`.
        if self.last + 1 != self.operations.len() {
            self.operations.push(Operation::WholePower(self.last, 1));
        }
        let mut varies: Vec<bool> = Vec::with_capacity(self.operations.len());
        for operation in &self.operations {
            varies.push(match *operation {
                Operation::Constant(_) | Operation::Variable(_) => false,
                Operation::Parameter(_) => true,
                Operation::Negate(a) | Operation::WholePower(a, _) | Operation::Call(_, a) => varies[a],
                Operation::Add(a, b)
                | Operation::Subtract(a, b)
                | Operation::Multiply(a, b)
                | Operation::Divide(a, b)
                | Operation::Power(a, b) => varies[a] || varies[b],
            });
        }
        let parameters = self.parameters.iter().map(|name| (*name).to_owned()).collect();
        Ok(Formula { operations: self.operations, varies, parameters, variables: self.variables })
    }
}
