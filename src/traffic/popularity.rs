//! Popularity in pieces: shares of the keys with the shares of the requests that they get. A hot spot is two such pieces.

use std::ops::Range;
use std::sync::Arc;

use super::alias::Alias;
use super::stream::{Stream, below};
use crate::workload::plan::Piece;

/// Keys of a range in pieces, the first key in the first piece, each key of a piece as likely as any other of it. Clones
/// share the tables.
#[derive(Debug, Clone)]
pub struct Popularity {
    alias: Arc<Alias>,
    pieces: Arc<[Keys]>,
}

/// A piece: its first key, and how many there are.
#[derive(Debug, Clone, Copy)]
struct Keys {
    first: u64,
    count: u64,
}

impl Popularity {
    /// Keys of `range`, cut and visited as `pieces` say. Where a piece ends between two keys, it ends at the nearer; a piece
    /// without a key gives its requests to the key where it stands, and no pieces are one.
    pub fn new(range: &Range<u64>, pieces: &[Piece]) -> Self {
        if pieces.is_empty() {
            return Self::new(range, &[Piece::ALL]);
        }
        let count = range.end.saturating_sub(range.start).max(1);
        let whole: f64 = pieces.iter().map(|piece| piece.keys).sum();
        let edge =
            |done: f64| range.start + ((done / whole).min(1.0) * count as f64).round() as u64;
        let cut = pieces.iter().scan(0.0, |done, piece| {
            let first = edge(*done).min(range.start + count - 1);
            *done += piece.keys;
            let count = edge(*done).saturating_sub(first).max(1);
            Some(Keys { first, count })
        });
        let requests: Vec<f64> = pieces.iter().map(|piece| piece.requests).collect();
        Self {
            pieces: cut.collect(),
            alias: Arc::new(Alias::new(&requests)),
        }
    }

    /// The next key number.
    #[inline]
    pub fn draw(&self, stream: &mut Stream) -> u64 {
        let piece = self.pieces[self.alias.draw(stream)];
        piece.first + below(stream.word(), piece.count).0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn piece(keys: f64, requests: f64) -> Piece {
        Piece { keys, requests }
    }

    /// The share of 1 M draws that falls to each key of `range`.
    fn drawn(range: Range<u64>, pieces: &[Piece]) -> Vec<f64> {
        let keys = Popularity::new(&range, pieces);
        let mut stream = Stream::new(9, 0, 0, 0);
        let mut shares = vec![0.0; (range.end - range.start) as usize];
        for _ in 0..1_000_000 {
            shares[(keys.draw(&mut stream) - range.start) as usize] += 1e-6;
        }
        shares
    }

    #[test]
    fn each_piece_gets_its_requests_evenly() {
        let shares = drawn(500..600, &[piece(0.2, 0.8), piece(0.8, 0.2)]);
        assert!(
            shares[..20]
                .iter()
                .all(|share| (share - 0.04).abs() < 0.001)
        );
        assert!(
            shares[20..]
                .iter()
                .all(|share| (share - 0.0025).abs() < 0.0003)
        );
    }

    #[test]
    fn popularity_need_not_fall() {
        let shares = drawn(0..4, &[piece(0.25, 0.1), piece(0.5, 0.0), piece(0.25, 0.9)]);
        assert!((shares[0] - 0.1).abs() < 0.002 && shares[1] + shares[2] == 0.0);
    }

    #[test]
    fn pieces_too_small_for_a_key_stay_within_the_range() {
        let tiny = [piece(0.001, 0.3), piece(0.998, 0.4), piece(0.001, 0.3)];
        assert_eq!(drawn(0..3, &tiny).len(), 3);
        assert_eq!(drawn(7..8, &tiny).len(), 1);
        let even = drawn(0..2, &[]);
        assert!((even[0] - 0.5).abs() < 0.003);
    }
}
