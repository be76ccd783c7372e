//! The reader of expressions.

use super::expression::{Aggregate, Expression, Function, Operator};
use std::fmt;

/// How deep an expression may nest; a reader that recurses must have an end.
const DEPTH_MAX: usize = 32;

/// Reads an expression, or says what was expected.
pub(super) fn read(text: &str) -> Result<Expression, String> {
    let tokens = lex(text)?;
    let mut reader = Reader { tokens: &tokens, at: 0, depth: 0 };
    let read = reader.binary(0)?;
    match reader.peek() {
        None => Ok(read),
        Some(token) => Err(format!("`{token}` was not expected in `{text}`")),
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
