//! Sets of integers: a sorted array as narrow as its widest member needs, searched by halves.

use super::heap::heap_bytes;

/// A sorted array of distinct integers of 16, 32 or 64 bits. It widens when it must and never narrows.
#[derive(Debug, Clone)]
pub struct IntSet(Repr);

#[derive(Debug, Clone)]
enum Repr {
    Narrow(Vec<i16>),
    Medium(Vec<i32>),
    Wide(Vec<i64>),
}

/// Runs the same code on whichever width.
macro_rules! each_width {
    ($repr:expr, $values:ident => $code:expr) => {
        match $repr {
            Repr::Narrow($values) => $code,
            Repr::Medium($values) => $code,
            Repr::Wide($values) => $code,
        }
    };
}

impl Default for IntSet {
    fn default() -> Self {
        IntSet(Repr::Narrow(Vec::new()))
    }
}

/// Inserts into a sorted vector; false if it was there.
fn insert_sorted<T: Ord>(values: &mut Vec<T>, value: T) -> bool {
    match values.binary_search(&value) {
        Ok(_) => false,
        Err(at) => {
            values.insert(at, value);
            true
        }
    }
}

/// Removes from a sorted vector; false if it was not there.
fn remove_sorted<T: Ord>(values: &mut Vec<T>, value: &T) -> bool {
    match values.binary_search(value) {
        Ok(at) => {
            values.remove(at);
            true
        }
        Err(_) => false,
    }
}

impl IntSet {
    /// How many integers it holds.
    #[inline]
    pub fn len(&self) -> usize {
        each_width!(&self.0, values => values.len())
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes held on the heap.
    pub fn memory_bytes(&self) -> usize {
        heap_bytes(self.width() * each_width!(&self.0, values => values.capacity()))
    }

    /// Whether it holds `value`.
    #[inline]
    pub fn contains(&self, value: i64) -> bool {
        match &self.0 {
            Repr::Narrow(values) => {
                i16::try_from(value).is_ok_and(|value| values.binary_search(&value).is_ok())
            }
            Repr::Medium(values) => {
                i32::try_from(value).is_ok_and(|value| values.binary_search(&value).is_ok())
            }
            Repr::Wide(values) => values.binary_search(&value).is_ok(),
        }
    }

    /// The integer at `index` in ascending order.
    #[inline]
    pub fn get(&self, index: usize) -> Option<i64> {
        match &self.0 {
            Repr::Narrow(values) => values.get(index).copied().map(i64::from),
            Repr::Medium(values) => values.get(index).copied().map(i64::from),
            Repr::Wide(values) => values.get(index).copied(),
        }
    }

    /// The integers in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = i64> {
        (0..self.len()).filter_map(|index| self.get(index))
    }

    /// Adds `value`; false if it was there.
    pub fn insert(&mut self, value: i64) -> bool {
        self.widen_for(value);
        match &mut self.0 {
            Repr::Narrow(values) => insert_sorted(values, value as i16),
            Repr::Medium(values) => insert_sorted(values, value as i32),
            Repr::Wide(values) => insert_sorted(values, value),
        }
    }

    /// Takes `value` out; false if it was not there.
    pub fn remove(&mut self, value: i64) -> bool {
        match &mut self.0 {
            Repr::Narrow(values) => {
                i16::try_from(value).is_ok_and(|value| remove_sorted(values, &value))
            }
            Repr::Medium(values) => {
                i32::try_from(value).is_ok_and(|value| remove_sorted(values, &value))
            }
            Repr::Wide(values) => remove_sorted(values, &value),
        }
    }

    /// Bytes of one integer: 2, 4 or 8.
    pub fn width(&self) -> usize {
        match self.0 {
            Repr::Narrow(_) => 2,
            Repr::Medium(_) => 4,
            Repr::Wide(_) => 8,
        }
    }

    /// Widens the array until `value` fits.
    fn widen_for(&mut self, value: i64) {
        let needed = match value {
            _ if i16::try_from(value).is_ok() => 2,
            _ if i32::try_from(value).is_ok() => 4,
            _ => 8,
        };
        if needed <= self.width() {
            return;
        }
        self.0 = if needed == 4 {
            Repr::Medium(self.iter().map(|value| value as i32).collect())
        } else {
            Repr::Wide(self.iter().collect())
        };
    }
}

/// The integer that `bytes` spell in the one way that Redis would write it: no sign for plus, no leading zero.
#[inline]
pub fn parse_integer(bytes: &[u8]) -> Option<i64> {
    let (negative, digits) = match bytes {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    match digits {
        [b'0'] if !negative => return Some(0),
        [b'1'..=b'9', ..] if digits.len() <= 19 => {}
        _ => return None,
    }
    let mut value = 0i128;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value * 10 + i128::from(digit - b'0');
    }
    i64::try_from(if negative { -value } else { value }).ok()
}

#[cfg(test)]
mod tests {
    use super::{IntSet, parse_integer};
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn value() -> impl Strategy<Value = i64> {
        prop_oneof![5 => -50i64..50, 1 => -40_000i64..40_000, 1 => any::<i64>()]
    }

    proptest! {
        #[test]
        fn behaves_as_a_sorted_set(ops in prop::collection::vec((any::<bool>(), value()), 1..200)) {
            let (mut set, mut model) = (IntSet::default(), BTreeSet::new());
            for (add, value) in ops {
                if add {
                    prop_assert_eq!(set.insert(value), model.insert(value));
                } else {
                    prop_assert_eq!(set.remove(value), model.remove(&value));
                }
                prop_assert_eq!(set.contains(value), model.contains(&value));
            }
            prop_assert!(set.iter().eq(model.iter().copied()));
            prop_assert!(set.memory_bytes() >= set.len() * set.width());
        }

        #[test]
        fn parses_what_it_would_print_and_nothing_else(value in any::<i64>(), text in "[-+]?[0-9]{0,21}") {
            prop_assert_eq!(parse_integer(value.to_string().as_bytes()), Some(value));
            let canonical = text.parse::<i64>().ok().filter(|value| value.to_string() == text);
            prop_assert_eq!(parse_integer(text.as_bytes()), canonical);
        }
    }
}
