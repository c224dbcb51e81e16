//! Writing the names of keys that may be of several spaces.

use super::key::NumberedText;
use crate::workload::plan::KeySpace;

/// How the keys of a key space are spelt.
#[derive(Debug, Clone)]
pub struct KeyNames {
    only: NumberedText,
    /// The first key of each space, ascending, and how its keys are spelt; empty where there is but one kind.
    spaces: Box<[(u64, NumberedText)]>,
}

impl KeyNames {
    /// As `keys` are spelt.
    #[must_use]
    pub fn new(keys: &KeySpace) -> Self {
        let spaces = keys.spaces.iter();
        Self {
            only: NumberedText::new(&keys.name),
            spaces: spaces
                .map(|space| (space.keys.start, NumberedText::new(&space.spelt)))
                .collect(),
        }
    }

    /// The text that all names are, where there is but one.
    #[inline]
    #[must_use]
    pub fn only(&self) -> Option<&NumberedText> {
        self.spaces.is_empty().then_some(&self.only)
    }

    /// The number of `key` within its space.
    #[inline]
    #[must_use]
    pub fn number(&self, key: u64) -> u64 {
        self.of(key).1
    }

    /// Length of the name of `key`, bytes.
    #[inline]
    #[must_use]
    pub fn length(&self, key: u64) -> usize {
        let (text, number) = self.of(key);
        text.length(number)
    }

    /// Appends the name of `key` to `buffer`, which does not allocate where it has the room.
    #[inline]
    pub fn append(&self, key: u64, buffer: &mut Vec<u8>) {
        let (text, number) = self.of(key);
        text.append(number, buffer);
    }

    /// The text of `key` and the number in it.
    #[inline]
    fn of(&self, key: u64) -> (&NumberedText, u64) {
        let after = self.spaces.partition_point(|(start, _)| *start <= key);
        match after
            .checked_sub(1)
            .and_then(|place| self.spaces.get(place))
        {
            Some((start, text)) => (text, key - start),
            None => (&self.only, key),
        }
    }
}

impl From<NumberedText> for KeyNames {
    fn from(only: NumberedText) -> Self {
        let spaces = Box::default();
        Self { only, spaces }
    }
}

#[cfg(test)]
mod tests {
    use crate::workload;

    use super::*;

    #[test]
    fn each_space_counts_from_its_first_key() {
        let plan = workload::parse(
            "keys: { user: { count: 3, name: 'u{i:02}' }, item: { count: 12 } }\nphases: [ save ]",
        );
        let names = KeyNames::new(&plan.unwrap().keys);
        let name = |key| {
            let mut name = Vec::new();
            names.append(key, &mut name);
            assert_eq!(name.len(), names.length(key));
            String::from_utf8(name).unwrap()
        };
        assert_eq!([0, 2, 3, 14].map(name), ["u00", "u02", "item:0", "item:11"]);
        assert_eq!(names.number(14), 11);
        assert!(names.only().is_none());
    }
}
