//! LCS: the longest common subsequence of two strings, by the textbook table of common lengths.

use super::lookup;
use crate::command::outcome::{Outcome, Refusal, integer_in};
use crate::command::{Arguments, Context, is, refusal};
use crate::keyspace::Access;

/// What is to be answered.
#[derive(Debug, Default)]
struct Options {
    length_only: bool,
    indexes: bool,
    match_lengths: bool,
    shortest_match: usize,
}

impl Options {
    fn parse(words: &Arguments<'_>) -> Result<Self, Refusal> {
        let mut options = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if is(word, "idx") {
                options.indexes = true;
            } else if is(word, "len") {
                options.length_only = true;
            } else if is(word, "withmatchlen") {
                options.match_lengths = true;
            } else if is(word, "minmatchlen") {
                let length = integer_in(words.next().ok_or(refusal::SYNTAX)?)?;
                options.shortest_match = usize::try_from(length).unwrap_or(0);
            } else {
                return Err(refusal::SYNTAX.into());
            }
        }
        if options.indexes && options.length_only {
            return Err("ERR If you want both the length and indexes, please just use IDX.".into());
        }
        Ok(options)
    }
}

pub(super) fn lcs(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let (a, b) = (
        operand(context, &arguments[1])?,
        operand(context, &arguments[2])?,
    );
    let options = Options::parse(&arguments.from(3))?;
    let table = Lengths::new(&a, &b, context.server.config.proto_max_bulk_len)
        .ok_or("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len")?;
    if options.indexes {
        answer_matches(context, &options, &table);
    } else if options.length_only {
        context.reply.count(table.of_all());
    } else {
        let matches = table.matches();
        let common: Vec<u8> = matches
            .iter()
            .rev()
            .flat_map(|found| table.bytes(found))
            .copied()
            .collect();
        context.reply.bulk(&common);
    }
    Ok(())
}

fn operand(context: &mut Context<'_>, key: &[u8]) -> Result<Vec<u8>, Refusal> {
    let db = context.db();
    let found = lookup(&mut context.server.keyspace, db, key, Access::Read);
    let found = found.map_err(|_| "ERR The specified keys must contain string values")?;
    let text = found.map(<[u8]>::to_vec);
    if text.is_none() {
        context.missed(key);
    }
    Ok(text.unwrap_or_default())
}

fn answer_matches(context: &mut Context<'_>, options: &Options, table: &Lengths<'_>) {
    let mut matches = table.matches();
    matches.retain(|found| found.length >= options.shortest_match);
    let reply = &mut *context.reply;
    reply.map(2);
    reply.bulk(b"matches");
    reply.array(matches.len());
    for found in matches {
        reply.array(2 + usize::from(options.match_lengths));
        for start in [found.start_a, found.start_b] {
            reply.array(2);
            reply.count(start);
            reply.count(start + found.length - 1);
        }
        if options.match_lengths {
            reply.count(found.length);
        }
    }
    reply.bulk(b"len");
    reply.count(table.of_all());
}

/// A stretch that stands in both strings and is part of the subsequence.
#[derive(Debug, PartialEq, Eq)]
struct Match {
    start_a: usize,
    start_b: usize,
    length: usize,
}

/// The length of the longest common subsequence of every pair of beginnings of `a` and `b`.
struct Lengths<'s> {
    a: &'s [u8],
    b: &'s [u8],
    rows: Vec<Vec<u32>>,
}

impl<'s> Lengths<'s> {
    /// Fills the table; `None` when it would take more than `bytes_max`.
    fn new(a: &'s [u8], b: &'s [u8], bytes_max: usize) -> Option<Self> {
        let cells = (a.len() + 1).checked_mul(b.len() + 1)?;
        cells
            .checked_mul(size_of::<u32>())
            .filter(|&bytes| bytes <= bytes_max)?;
        let mut rows = vec![vec![0; b.len() + 1]];
        for &byte in a {
            let next = rows.last().map(|above| Self::next_row(above, byte, b))?;
            rows.push(next);
        }
        Some(Self { a, b, rows })
    }

    fn next_row(above: &[u32], byte: u8, b: &[u8]) -> Vec<u32> {
        let mut left = 0;
        let corners = above.windows(2).zip(b).map(|(corner, &other)| {
            left = match corner {
                [diagonal, _] if byte == other => diagonal + 1,
                [_, up] => left.max(*up),
                _ => left,
            };
            left
        });
        std::iter::once(0).chain(corners).collect()
    }

    fn at(&self, i: usize, j: usize) -> u32 {
        self.rows
            .get(i)
            .and_then(|row| row.get(j))
            .copied()
            .unwrap_or(0)
    }

    fn of_all(&self) -> usize {
        self.at(self.a.len(), self.b.len()) as usize
    }

    /// The stretches that make up the subsequence, from the last to the first.
    fn matches(&self) -> Vec<Match> {
        let mut found: Vec<Match> = Vec::new();
        let (mut i, mut j) = (self.a.len(), self.b.len());
        while let (Some(above), Some(before)) = (i.checked_sub(1), j.checked_sub(1)) {
            if self.a.get(above) == self.b.get(before) {
                match found.last_mut() {
                    Some(last) if (last.start_a, last.start_b) == (i, j) => {
                        *last = Match {
                            start_a: above,
                            start_b: before,
                            length: last.length + 1,
                        };
                    }
                    _ => found.push(Match {
                        start_a: above,
                        start_b: before,
                        length: 1,
                    }),
                }
                (i, j) = (above, before);
            } else if self.at(above, j) > self.at(i, before) {
                i = above;
            } else {
                j = before;
            }
        }
        found
    }

    fn bytes(&self, found: &Match) -> &[u8] {
        self.a
            .get(found.start_a..found.start_a + found.length)
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_subsequence_is_found_with_its_places() {
        let table = Lengths::new(b"ohmytext", b"mynewtext", 1 << 20).unwrap();
        assert_eq!(table.of_all(), 6);
        let [text, my] = &table.matches()[..] else {
            panic!("two stretches")
        };
        assert_eq!((table.bytes(text), text.start_b), (&b"text"[..], 5));
        assert_eq!((table.bytes(my), my.start_b), (&b"my"[..], 0));
        assert!(Lengths::new(&[0; 1000], &[0; 1000], 4_000_000).is_none());
    }
}
