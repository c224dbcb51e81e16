//! Drawing elements at random: what HRANDFIELD, SRANDMEMBER and ZRANDMEMBER have in common.

use rand::rngs::StdRng;
use rand::{RngExt, seq::index};

use super::outcome::Refusal;
use super::typed::integer_between;

/// How many elements to draw, and whether one may be drawn again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Draw {
    count: usize,
    again: bool,
}

impl Draw {
    /// Reads a count; negative where elements may be drawn again. With values beside them there may be half as many.
    pub(super) fn parse(argument: &[u8], with_values: bool) -> Result<Self, Refusal> {
        let count = integer_between(argument, -i64::MAX..=i64::MAX, None)?;
        if with_values && count.unsigned_abs() > (i64::MAX / 2).unsigned_abs() {
            return Err("ERR value is out of range".into());
        }
        Ok(Self {
            count: usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX),
            again: count < 0,
        })
    }

    /// How many elements it draws of `len`.
    pub(super) fn size(self, len: usize) -> usize {
        if self.again && len > 0 {
            self.count
        } else {
            self.count.min(len)
        }
    }

    /// Calls `visit` with the number of each element drawn of `len`. All of them come in order; some, in none. Those that may
    /// be drawn again may be more than anybody can be sent, so `visit` says of them whether to go on.
    pub(super) fn each(
        self,
        len: usize,
        random: &mut StdRng,
        mut visit: impl FnMut(usize) -> bool,
    ) {
        let size = self.size(len);
        if self.again {
            (0..size).all(|_| visit(random.random_range(0..len)));
        } else if size == len {
            (0..len).all(visit);
        } else {
            index::sample(random, len, size).into_iter().all(visit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use std::collections::BTreeSet;

    fn drawn(count: &str, len: usize) -> Vec<usize> {
        let mut numbers = Vec::new();
        Draw::parse(count.as_bytes(), false).unwrap().each(
            len,
            &mut StdRng::seed_from_u64(5),
            |number| {
                numbers.push(number);
                numbers.len() < 30
            },
        );
        numbers
    }

    #[test]
    fn distinct_unless_negative_and_never_beyond_the_end() {
        for (count, len, size) in [
            ("3", 10, 3),
            ("30", 10, 10),
            ("0", 10, 0),
            ("-1000000000", 10, 30),
            ("-5", 0, 0),
            ("5", 0, 0),
        ] {
            let numbers = drawn(count, len);
            assert_eq!(numbers.len(), size);
            assert!(numbers.iter().all(|&number| number < len));
            let distinct: BTreeSet<_> = numbers.iter().collect();
            assert_eq!(distinct.len(), size.min(len));
        }
        assert!(Draw::parse(b"4611686018427387904", true).is_err());
        assert!(Draw::parse(b"-9223372036854775808", false).is_err());
    }
}
