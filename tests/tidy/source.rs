//! Reads a Rust file as tokens: its functions with their lengths, and the paths it names outside tests.
//!
//! Tokens and not text, so that comments, strings and the layout of a `use` make no difference; tokens and not a
//! syntax tree, so that what stands inside a macro's braces is seen as well.

use std::str::FromStr;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The tokens of one file.
pub(crate) struct Source {
    tokens: Vec<TokenTree>,
}

/// A function that has a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    /// Its name, without the type that it belongs to.
    pub(crate) name: String,
    /// Where its `fn` stands.
    pub(crate) line: usize,
    /// From there to the closing brace, both included.
    pub(crate) lines: usize,
}

/// A path as it is written, and the line of its last name.
type Path = (usize, String);

impl Source {
    /// Reads `text`, which must be Rust.
    pub(crate) fn parse(text: &str) -> Self {
        let stream =
            TokenStream::from_str(text).unwrap_or_else(|error| panic!("not Rust: {error}\n{text}"));
        Self {
            tokens: stream.into_iter().collect(),
        }
    }

    /// Every function, those in tests included.
    pub(crate) fn functions(&self) -> Vec<Function> {
        let mut found = Vec::new();
        functions_in(&self.tokens, &mut found);
        found
    }

    /// Every path of two or more names outside tests, the groups of a `use` multiplied out.
    pub(crate) fn paths(&self) -> Vec<Path> {
        let mut found = Vec::new();
        paths_in(&self.tokens, &mut found);
        found
    }
}

fn functions_in(tokens: &[TokenTree], found: &mut Vec<Function>) {
    let mut rest = tokens;
    while let [token, after @ ..] = rest {
        found.extend(function_at(token, after));
        if let TokenTree::Group(group) = token {
            functions_in(&tokens_of(group.stream()), found);
        }
        rest = after;
    }
}

fn function_at(token: &TokenTree, after: &[TokenTree]) -> Option<Function> {
    let [TokenTree::Ident(name), rest @ ..] = after else {
        return None;
    };
    let is_fn = matches!(token, TokenTree::Ident(word) if word == "fn");
    let line = token.span().start().line;
    let body = if is_fn { body_of(rest)? } else { return None };
    Some(Function {
        name: name.to_string(),
        line,
        lines: body.span().end().line - line + 1,
    })
}

/// The body behind a signature; nothing for a declaration.
fn body_of(rest: &[TokenTree]) -> Option<&TokenTree> {
    rest.iter()
        .find(|token| is_braces(token) || is_punct(token, ';'))
        .filter(|token| is_braces(token))
}

fn paths_in(tokens: &[TokenTree], found: &mut Vec<Path>) {
    let mut at = 0;
    while let Some(rest) = tokens.get(at..).filter(|rest| !rest.is_empty()) {
        at += match rest {
            _ if opens_test(rest) => item_length(rest),
            [TokenTree::Ident(_), ..] => path_at(rest, "", found),
            [TokenTree::Group(group), ..] => {
                paths_in(&tokens_of(group.stream()), found);
                1
            }
            _ => 1,
        };
    }
}

/// Reads the path that opens `tokens`, written behind `before`, and says how many tokens it took.
fn path_at(tokens: &[TokenTree], before: &str, found: &mut Vec<Path>) -> usize {
    let mut path = before.to_owned();
    let mut at = 0;
    while let Some(TokenTree::Ident(name)) = tokens.get(at) {
        path += &name.to_string();
        at += 1;
        if !matches!(tokens.get(at..), Some([a, b, ..]) if is_punct(a, ':') && is_punct(b, ':')) {
            if path.contains("::") {
                found.push((name.span().start().line, path));
            }
            return at;
        }
        path += "::";
        at += 2;
    }
    // Behind `::` comes a group, a star, or a type's parameters.
    match tokens.get(at) {
        Some(TokenTree::Group(group)) => {
            for part in tokens_of(group.stream()).split(|token| is_punct(token, ',')) {
                path_at(part, &path, found);
            }
            at += 1;
        }
        Some(other) => found.push((
            other.span().start().line,
            path.trim_end_matches("::").to_owned(),
        )),
        None => {}
    }
    at.max(1)
}

/// Whether a `#[cfg(test)]` stands here.
fn opens_test(tokens: &[TokenTree]) -> bool {
    let [hash, TokenTree::Group(attribute), ..] = tokens else {
        return false;
    };
    is_punct(hash, '#') && attribute.stream().to_string().replace(' ', "") == "cfg(test)"
}

/// Tokens of the item that an attribute opens: through its braces, or its semicolon.
fn item_length(tokens: &[TokenTree]) -> usize {
    let last = tokens
        .iter()
        .position(|token| is_braces(token) || is_punct(token, ';'));
    // `use a::{b, c};` goes on behind its braces.
    last.map_or(tokens.len(), |last| {
        last + 1 + usize::from(tokens.get(last + 1).is_some_and(|t| is_punct(t, ';')))
    })
}

fn tokens_of(stream: TokenStream) -> Vec<TokenTree> {
    stream.into_iter().collect()
}

fn is_punct(token: &TokenTree, wanted: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == wanted)
}

fn is_braces(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace)
}
