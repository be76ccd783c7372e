//! The small language of the layer's expressions: columns, numbers, texts, comparisons, a few functions and the usual aggregates.
//!
//! An expression is read into a tree and written anew for each dialect, so no text of a layer ever reaches a warehouse as it stands.

use serde::{Deserialize, Deserializer, de};
use std::fmt;

/// How deep an expression may nest; a reader that recurses must have an end.
const DEPTH_MAX: usize = 32;

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    /// A column; without a table until the layer is checked, and for good where it names a value of a measure's inner step.
    Column {
        /// Of this table.
        table: Option<String>,
        /// Its name.
        name: String,
    },
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
    /// Two operands.
    Binary(Operator, Box<Expression>, Box<Expression>),
    /// The opposite.
    Not(Box<Expression>),
    /// Is, or is not, null.
    IsNull {
        /// What.
        of: Box<Expression>,
        /// Is not.
        negated: bool,
    },
    /// Is, or is not, one of some constants.
    In {
        /// What.
        of: Box<Expression>,
        /// The constants.
        list: Vec<Expression>,
        /// Is not.
        negated: bool,
    },
    /// A function of one row.
    Call(Function, Vec<Expression>),
    /// A function of many rows; a count of rows has no operand.
    Aggregate(Aggregate, Option<Box<Expression>>),
}

/// An operator of two operands, the loosest binding first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// Either.
    Or,
    /// Both.
    And,
    /// Equal.
    Equal,
    /// Not equal.
    NotEqual,
    /// Less.
    Less,
    /// Less or equal.
    LessOrEqual,
    /// Greater.
    Greater,
    /// Greater or equal.
    GreaterOrEqual,
    /// Sum.
    Add,
    /// Difference.
    Subtract,
    /// Product.
    Multiply,
    /// Quotient; null where the divisor is nought.
    Divide,
}

impl Operator {
    /// How tightly it binds.
    fn binding(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And => 2,
            Self::Add | Self::Subtract => 5,
            Self::Multiply | Self::Divide => 6,
            _ => 4,
        }
    }

    /// As SQL writes it.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Or => "OR",
            Self::And => "AND",
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
        }
    }
}

/// A function of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// The first that is not null.
    Coalesce,
    /// Null where both are equal.
    NullIf,
    /// `if(condition, then, else)`.
    If,
    /// `days(from, to)`: days between two moments, with their fraction.
    Days,
    /// `calendar_days(from, to)`: midnights between two moments.
    CalendarDays,
}

/// A function of many rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    /// Sum.
    Sum,
    /// How many rows, or how many that are not null.
    Count,
    /// How many different ones.
    CountDistinct,
    /// Mean.
    Avg,
    /// Least.
    Min,
    /// Greatest.
    Max,
}

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    /// What was expected, and where.
    pub fn read(text: &str) -> Result<Self, String> {
        let tokens = lex(text)?;
        let mut reader = Reader { tokens: &tokens, at: 0, depth: 0 };
        let read = reader.binary(0)?;
        match reader.peek() {
            None => Ok(read),
            Some(token) => Err(format!("`{token}` was not expected in `{text}`")),
        }
    }

    /// Calls `visit` for this expression and all within it.
    pub fn walk<'a>(&'a self, visit: &mut impl FnMut(&'a Self)) {
        visit(self);
        match self {
            Self::Column { .. } | Self::Number(_) | Self::Text(_) | Self::Aggregate(_, None) => {}
            Self::Binary(_, left, right) => {
                left.walk(visit);
                right.walk(visit);
            }
            Self::Not(of) | Self::IsNull { of, .. } | Self::Aggregate(_, Some(of)) => of.walk(visit),
            Self::In { of, list, .. } => {
                of.walk(visit);
                list.iter().for_each(|item| item.walk(visit));
            }
            Self::Call(_, operands) => operands.iter().for_each(|operand| operand.walk(visit)),
        }
    }

    /// Calls `change` for this expression and all within it.
    pub fn walk_mut(&mut self, change: &mut impl FnMut(&mut Self)) {
        change(self);
        match self {
            Self::Column { .. } | Self::Number(_) | Self::Text(_) | Self::Aggregate(_, None) => {}
            Self::Binary(_, left, right) => {
                left.walk_mut(change);
                right.walk_mut(change);
            }
            Self::Not(of) | Self::IsNull { of, .. } | Self::Aggregate(_, Some(of)) => of.walk_mut(change),
            Self::In { of, list, .. } => {
                of.walk_mut(change);
                list.iter_mut().for_each(|item| item.walk_mut(change));
            }
            Self::Call(_, operands) => operands.iter_mut().for_each(|operand| operand.walk_mut(change)),
        }
    }

    /// The tables whose columns it reads, each once.
    pub fn tables(&self) -> Vec<&str> {
        let mut tables = Vec::new();
        self.walk(&mut |part| {
            if let Self::Column { table: Some(table), .. } = part
                && !tables.contains(&table.as_str())
            {
                tables.push(table);
            }
        });
        tables
    }
}

impl<'de> Deserialize<'de> for Expression {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::read(&text).map_err(de::Error::custom)
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Lexeme {
    Name(String),
    Number(f64),
    Text(String),
    Symbol(&'static str),
}

impl fmt::Display for Lexeme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => write!(f, "'{text}'"),
            Self::Symbol(symbol) => f.write_str(symbol),
        }
    }
}

const SYMBOLS: [&str; 14] = ["<>", "!=", "<=", ">=", "<", ">", "=", "+", "-", "*", "/", "(", ")", ","];

fn lex(text: &str) -> Result<Vec<Lexeme>, String> {
    let mut lexemes = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let taken;
        if first == '\'' {
            let end = rest[1..].find('\'').ok_or_else(|| format!("a text in `{text}` has no end"))?;
            lexemes.push(Lexeme::Text(rest[1..=end].to_owned()));
            taken = end + 2;
        } else if first.is_ascii_digit() {
            taken = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
            let number = rest[..taken].parse().map_err(|_| format!("`{}` is not a number", &rest[..taken]))?;
            lexemes.push(Lexeme::Number(number));
        } else if first.is_ascii_alphabetic() || first == '_' {
            taken = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '.').unwrap_or(rest.len());
            lexemes.push(Lexeme::Name(rest[..taken].to_owned()));
        } else {
            let symbol = SYMBOLS.into_iter().find(|symbol| rest.starts_with(symbol));
            let symbol = symbol.ok_or_else(|| format!("`{first}` has no meaning in `{text}`"))?;
            lexemes.push(Lexeme::Symbol(symbol));
            taken = symbol.len();
        }
        rest = rest[taken..].trim_start();
    }
    Ok(lexemes)
}

/// A reader by precedence climbing (Pratt, Top down operator precedence, 1973).
struct Reader<'a> {
    tokens: &'a [Lexeme],
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<&Lexeme> {
        self.tokens.get(self.at)
    }

    fn symbol(&mut self, symbol: &str) -> bool {
        let here = matches!(self.peek(), Some(Lexeme::Symbol(found)) if *found == symbol);
        self.at += usize::from(here);
        here
    }

    fn word(&mut self, word: &str) -> bool {
        let here = matches!(self.peek(), Some(Lexeme::Name(found)) if found.eq_ignore_ascii_case(word));
        self.at += usize::from(here);
        here
    }

    fn expect(&mut self, symbol: &str) -> Result<(), String> {
        if self.symbol(symbol) {
            return Ok(());
        }
        let found = self.peek().map_or_else(|| "the end".to_owned(), |token| format!("`{token}`"));
        Err(format!("`{symbol}` was expected, not {found}"))
    }

    fn operator(&self) -> Option<Operator> {
        Some(match self.peek()? {
            Lexeme::Name(name) if name.eq_ignore_ascii_case("or") => Operator::Or,
            Lexeme::Name(name) if name.eq_ignore_ascii_case("and") => Operator::And,
            Lexeme::Symbol(symbol) => match *symbol {
                "=" => Operator::Equal,
                "<>" | "!=" => Operator::NotEqual,
                "<" => Operator::Less,
                "<=" => Operator::LessOrEqual,
                ">" => Operator::Greater,
                ">=" => Operator::GreaterOrEqual,
                "+" => Operator::Add,
                "-" => Operator::Subtract,
                "*" => Operator::Multiply,
                "/" => Operator::Divide,
                _ => return None,
            },
            _ => return None,
        })
    }

    fn binary(&mut self, least: u8) -> Result<Expression, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("the expression nests too deeply".to_owned());
        }
        let mut left = self.unary()?;
        loop {
            left = self.tested(left)?;
            let Some(operator) = self.operator().filter(|operator| operator.binding() > least) else { break };
            self.at += 1;
            let right = self.binary(operator.binding())?;
            left = Expression::Binary(operator, Box::new(left), Box::new(right));
        }
        self.depth -= 1;
        Ok(left)
    }

    /// `is null`, `is not null`, `in (…)` and `not in (…)` behind an operand.
    fn tested(&mut self, of: Expression) -> Result<Expression, String> {
        if self.word("is") {
            let negated = self.word("not");
            return match self.word("null") {
                true => Ok(Expression::IsNull { of: Box::new(of), negated }),
                false => Err("`null` was expected after `is`".to_owned()),
            };
        }
        let before = self.at;
        let negated = self.word("not");
        if !self.word("in") {
            self.at = before;
            return Ok(of);
        }
        self.expect("(")?;
        let list = self.list()?;
        match list.iter().all(|item| matches!(item, Expression::Number(_) | Expression::Text(_))) && !list.is_empty() {
            true => Ok(Expression::In { of: Box::new(of), list, negated }),
            false => Err("`in` wants constants".to_owned()),
        }
    }

    fn unary(&mut self) -> Result<Expression, String> {
        if self.word("not") {
            // Tighter than `and`, looser than a comparison, as SQL has it.
            return Ok(Expression::Not(Box::new(self.binary(3)?)));
        }
        if self.symbol("-") {
            let Some(Lexeme::Number(number)) = self.peek() else { return Err("`-` stands before numbers only".to_owned()) };
            let number = -number;
            self.at += 1;
            return Ok(Expression::Number(number));
        }
        if self.symbol("(") {
            let inner = self.binary(0)?;
            self.expect(")")?;
            return Ok(inner);
        }
        let Some(token) = self.peek().cloned() else { return Err("the expression ends too early".to_owned()) };
        self.at += 1;
        match token {
            Lexeme::Number(number) => Ok(Expression::Number(number)),
            Lexeme::Text(text) => Ok(Expression::Text(text)),
            Lexeme::Symbol(symbol) => Err(format!("`{symbol}` was not expected")),
            Lexeme::Name(name) if self.symbol("(") => self.call(&name),
            Lexeme::Name(name) => match name.split_once('.') {
                Some((table, column)) => Ok(Expression::Column { table: Some(table.to_owned()), name: column.to_owned() }),
                None => Ok(Expression::Column { table: None, name }),
            },
        }
    }

    fn list(&mut self) -> Result<Vec<Expression>, String> {
        let mut list = Vec::new();
        if self.symbol(")") {
            return Ok(list);
        }
        loop {
            list.push(self.binary(0)?);
            if !self.symbol(",") {
                break;
            }
        }
        self.expect(")")?;
        Ok(list)
    }

    fn call(&mut self, name: &str) -> Result<Expression, String> {
        let operands = self.list()?;
        let function = match name {
            "coalesce" => Some((Function::Coalesce, 2)),
            "nullif" => Some((Function::NullIf, 2)),
            "if" => Some((Function::If, 3)),
            "days" => Some((Function::Days, 2)),
            "calendar_days" => Some((Function::CalendarDays, 2)),
            _ => None,
        };
        if let Some((function, wanted)) = function {
            return match operands.len() == wanted {
                true => Ok(Expression::Call(function, operands)),
                false => Err(format!("`{name}` takes {wanted} operands, not {}", operands.len())),
            };
        }
        let aggregate = match name {
            "sum" => Aggregate::Sum,
            "count" => Aggregate::Count,
            "count_distinct" => Aggregate::CountDistinct,
            "avg" => Aggregate::Avg,
            "min" => Aggregate::Min,
            "max" => Aggregate::Max,
            _ => return Err(format!("`{name}` is not a function of this language")),
        };
        let mut operands = operands.into_iter();
        match (aggregate, operands.next(), operands.next()) {
            (Aggregate::Count, None, None) => Ok(Expression::Aggregate(aggregate, None)),
            (_, Some(operand), None) => Ok(Expression::Aggregate(aggregate, Some(Box::new(operand)))),
            _ => Err(format!("`{name}` takes one operand")),
        }
    }
}
