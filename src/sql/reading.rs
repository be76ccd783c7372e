//! A text as one syntax tree, by the parser of the dialect.
//!
//! Three things of ClickHouse that the parser does not know are taken out of the tokens first, at the outermost query only: expressions
//! that are named in WITH or in GROUP BY, which stand for themselves wherever their name does, and a LIMIT after a LIMIT BY.

use super::dialect::Dialect;
use super::refusal::{RefusalKind, Refused, refuse};
use crate::limits::SQL_NESTING_MAX;
use sqlparser::ast::{Expr, Ident, Query, Select, SelectItem, Statement, VisitMut, VisitorMut};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError, ParserOptions};
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};
use std::ops::{ControlFlow, Range};

/// Named expressions of one statement.
const NAMED_MAX: usize = 12;
/// Characters of a named expression once those before it stand in it.
const NAMED_CHARACTERS_MAX: usize = 2_048;

/// One statement read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reading {
    pub(super) query: Query,
    /// The rows of a LIMIT that stands after a LIMIT BY.
    pub(super) last_limit: Option<u64>,
}

pub(super) fn read(sql: &str, dialect: Dialect) -> Result<Reading, Refused> {
    let mut tokens = Tokenizer::new(dialect.grammar(), sql)
        .tokenize_with_location()
        .map_err(|error| Refused::new(RefusalKind::Syntax, error.to_string()))?;
    tokens.retain(|token| !matches!(token.token, Token::Whitespace(_) | Token::EOF));
    while tokens.last().is_some_and(|token| token.token == Token::SemiColon) {
        tokens.pop();
    }
    let first = tokens.iter().find(|token| token.token != Token::LParen);
    if !first.is_some_and(|token| is(token, Keyword::SELECT) || is(token, Keyword::WITH)) {
        return refuse(RefusalKind::Statement, "the statement does not begin with SELECT or WITH");
    }
    let (mut named, mut last_limit) = (Vec::new(), None);
    if dialect == Dialect::ClickHouse {
        last_limit = take_last_limit(&mut tokens);
        take_named_of_with(&mut tokens, &mut named);
        take_named_of_group(&mut tokens, &mut named);
    }
    let mut query = parse(tokens, dialect)?;
    if !named.is_empty() {
        put_in(&mut query, named, dialect)?;
    }
    Ok(Reading { query, last_limit })
}

fn parser(tokens: Vec<TokenWithSpan>, dialect: Dialect) -> Parser<'static> {
    Parser::new(dialect.grammar())
        .with_recursion_limit(SQL_NESTING_MAX * 2)
        .with_options(ParserOptions::new().with_trailing_commas(false))
        .with_tokens_with_locations(tokens)
}

fn unread(error: &ParserError) -> Refused {
    match error {
        ParserError::RecursionLimitExceeded => Refused::new(RefusalKind::Size, "the statement nests too deep"),
        ParserError::TokenizerError(says) | ParserError::ParserError(says) => Refused::new(RefusalKind::Syntax, says.clone()),
    }
}

fn parse(tokens: Vec<TokenWithSpan>, dialect: Dialect) -> Result<Query, Refused> {
    let mut statements = parser(tokens, dialect).parse_statements().map_err(|error| unread(&error))?;
    match (statements.pop(), statements.is_empty()) {
        (Some(Statement::Query(query)), true) => Ok(*query),
        (_, true) => refuse(RefusalKind::Statement, "the statement is not a SELECT"),
        (_, false) => refuse(RefusalKind::Statement, "there is more than one statement"),
    }
}

/// An expression alone, as row filters are written.
pub(super) fn read_expression(sql: &str, dialect: Dialect) -> Result<Expr, Refused> {
    let tokens = Tokenizer::new(dialect.grammar(), sql)
        .tokenize_with_location()
        .map_err(|error| Refused::new(RefusalKind::Syntax, error.to_string()))?;
    expression(tokens, dialect)
}

fn expression(tokens: Vec<TokenWithSpan>, dialect: Dialect) -> Result<Expr, Refused> {
    let mut parser = parser(tokens, dialect);
    let expression = parser.parse_expr().map_err(|error| unread(&error))?;
    if parser.peek_token().token != Token::EOF {
        return refuse(RefusalKind::Syntax, "an expression does not end where it should");
    }
    Ok(expression)
}

fn is(token: &TokenWithSpan, keyword: Keyword) -> bool {
    matches!(&token.token, Token::Word(word) if word.quote_style.is_none() && word.keyword == keyword)
}

fn name(token: &TokenWithSpan) -> Option<String> {
    match &token.token {
        Token::Word(word) => Some(word.value.clone()),
        _ => None,
    }
}

/// The places of tokens that stand outside every bracket.
fn outermost(tokens: &[TokenWithSpan]) -> Vec<usize> {
    let mut depth = 0_usize;
    let mut places = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match token.token {
            Token::LParen | Token::LBracket => depth += 1,
            Token::RParen | Token::RBracket => depth = depth.saturating_sub(1),
            _ if depth == 0 => places.push(at),
            _ => {}
        }
    }
    places
}

fn take_last_limit(tokens: &mut Vec<TokenWithSpan>) -> Option<u64> {
    let outermost = outermost(tokens);
    let limits: Vec<usize> = outermost.iter().copied().filter(|at| is(&tokens[*at], Keyword::LIMIT)).collect();
    let [.., earlier, last] = limits.as_slice() else { return None };
    if last + 2 != tokens.len() || !outermost.iter().any(|at| (earlier..last).contains(&at) && is(&tokens[*at], Keyword::BY)) {
        return None;
    }
    let Token::Number(number, false) = &tokens[last + 1].token else { return None };
    let rows = number.parse().ok()?;
    tokens.truncate(*last);
    Some(rows)
}

type Named = (Ident, Vec<TokenWithSpan>);

/// The items of a list between commas outside brackets.
fn items(tokens: &[TokenWithSpan], list: Range<usize>) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut begin = list.start;
    for at in outermost(&tokens[list.clone()]).into_iter().map(|at| at + list.start) {
        if tokens[at].token == Token::Comma {
            found.push(begin..at);
            begin = at + 1;
        }
    }
    found.push(begin..list.end);
    found
}

/// An item `expression AS name`.
fn named_item(item: &[TokenWithSpan]) -> Option<Named> {
    let [expression @ .., as_word, last] = item else { return None };
    (is(as_word, Keyword::AS) && !expression.is_empty()).then_some(())?;
    Some((Ident::new(name(last)?), expression.to_vec()))
}

fn take_named_of_with(tokens: &mut Vec<TokenWithSpan>, named: &mut Vec<Named>) {
    if !tokens.first().is_some_and(|token| is(token, Keyword::WITH)) {
        return;
    }
    let Some(select) = outermost(tokens).into_iter().find(|at| is(&tokens[*at], Keyword::SELECT)) else { return };
    let (mut kept, mut taken): (Vec<Vec<TokenWithSpan>>, Vec<Named>) = (Vec::new(), Vec::new());
    for item in items(tokens, 1..select) {
        let item = &tokens[item];
        match named_item(item) {
            Some(found) => taken.push(found),
            None => kept.push(item.to_vec()),
        }
    }
    if taken.is_empty() {
        return;
    }
    let mut head: Vec<TokenWithSpan> = Vec::new();
    for (at, item) in kept.into_iter().enumerate() {
        head.push(TokenWithSpan::wrap(if at == 0 { Token::make_keyword("WITH") } else { Token::Comma }));
        head.extend(item);
    }
    tokens.splice(..select, head);
    named.extend(taken);
}

fn take_named_of_group(tokens: &mut Vec<TokenWithSpan>, named: &mut Vec<Named>) {
    const AFTER: [Keyword; 8] = [
        Keyword::WITH,
        Keyword::HAVING,
        Keyword::WINDOW,
        Keyword::ORDER,
        Keyword::LIMIT,
        Keyword::QUALIFY,
        Keyword::UNION,
        Keyword::OFFSET,
    ];
    let places = outermost(tokens);
    let Some(group) = places.iter().copied().find(|at| is(&tokens[*at], Keyword::GROUP)) else { return };
    let end = places
        .iter()
        .copied()
        .find(|at| *at > group && AFTER.iter().any(|after| is(&tokens[*at], *after)))
        .unwrap_or(tokens.len());
    if group + 2 >= end {
        return;
    }
    for item in items(tokens, group + 2..end).into_iter().rev() {
        if let Some(found) = named_item(&tokens[item.clone()]) {
            tokens.drain(item.start..item.end - 1);
            named.push(found);
        }
    }
}

/// Puts named expressions where their names stand.
fn put_in(query: &mut Query, named: Vec<Named>, dialect: Dialect) -> Result<(), Refused> {
    if named.len() > NAMED_MAX {
        return refuse(RefusalKind::Size, format!("more than {NAMED_MAX} named expressions"));
    }
    let mut put = Put { expressions: Vec::new(), left: 200 };
    for (name, tokens) in named {
        let mut expression = expression(tokens, dialect)?;
        let _: ControlFlow<()> = expression.visit(&mut put);
        if expression.to_string().len() > NAMED_CHARACTERS_MAX {
            return refuse(RefusalKind::Size, "a named expression is too long").map_err(|refused| refused.at(name.span));
        }
        put.expressions.push((name, expression));
    }
    let _: ControlFlow<()> = query.visit(&mut put);
    if put.left == 0 {
        return refuse(RefusalKind::Size, "names of expressions stand in too many places");
    }
    Ok(())
}

struct Put {
    expressions: Vec<(Ident, Expr)>,
    left: usize,
}

impl Put {
    fn of(&self, expression: &Expr) -> Option<&Expr> {
        let Expr::Identifier(ident) = expression else { return None };
        self.expressions.iter().find(|(name, _)| name.value == ident.value).map(|(_, expression)| expression)
    }
}

impl VisitorMut for Put {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(expr @ Expr::Identifier(_)) = item
                && self.of(expr).is_some()
                && let Expr::Identifier(alias) = expr.clone()
            {
                *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        let Some(put) = self.of(expression) else { return ControlFlow::Continue(()) };
        if self.left == 0 {
            return ControlFlow::Break(());
        }
        *expression = Expr::Nested(Box::new(put.clone()));
        self.left -= 1;
        ControlFlow::Continue(())
    }
}
