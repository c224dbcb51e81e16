//! Keyspace events: which are published, as `notify-keyspace-events` chooses them by letters.

/// A set of event classes, and of the two kinds of channels they go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Events(u32);

/// A letter of `notify-keyspace-events` and what it stands for.
const LETTERS: &[(u8, Events)] = &[
    (b'g', Events::GENERIC),
    (b'$', Events::STRING),
    (b'l', Events::LIST),
    (b's', Events::SET),
    (b'h', Events::HASH),
    (b'z', Events::SORTED_SET),
    (b'x', Events::EXPIRED),
    (b'e', Events::EVICTED),
    (b't', Events::STREAM),
    (b'd', Events::MODULE),
    (b'K', Events::KEYSPACE),
    (b'E', Events::KEYEVENT),
    (b'm', Events::KEY_MISS),
    (b'n', Events::NEW),
];

impl Events {
    /// Nothing at all.
    pub const NONE: Self = Self(0);
    /// Publish on `__keyspace@<db>__:<key>`.
    pub const KEYSPACE: Self = Self(1);
    /// Publish on `__keyevent@<db>__:<event>`.
    pub const KEYEVENT: Self = Self(1 << 1);
    /// Commands of no one type: DEL, EXPIRE, RENAME...
    pub const GENERIC: Self = Self(1 << 2);
    /// String commands.
    pub const STRING: Self = Self(1 << 3);
    /// List commands.
    pub const LIST: Self = Self(1 << 4);
    /// Set commands.
    pub const SET: Self = Self(1 << 5);
    /// Hash commands.
    pub const HASH: Self = Self(1 << 6);
    /// Sorted-set commands.
    pub const SORTED_SET: Self = Self(1 << 7);
    /// A key expired.
    pub const EXPIRED: Self = Self(1 << 8);
    /// A key was evicted.
    pub const EVICTED: Self = Self(1 << 9);
    /// Stream commands.
    pub const STREAM: Self = Self(1 << 10);
    /// A key was looked up and not found.
    pub const KEY_MISS: Self = Self(1 << 11);
    /// Events of modules' types.
    pub const MODULE: Self = Self(1 << 12);
    /// A key was created.
    pub const NEW: Self = Self(1 << 13);
    /// What the letter `A` stands for: all but misses and new keys.
    pub const ALL: Self = Self(
        Self::GENERIC.0
            | Self::STRING.0
            | Self::LIST.0
            | Self::SET.0
            | Self::HASH.0
            | Self::SORTED_SET.0
            | Self::EXPIRED.0
            | Self::EVICTED.0
            | Self::STREAM.0
            | Self::MODULE.0,
    );

    /// Whether every event of `other` is in this set.
    #[must_use]
    #[inline]
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The events that the letters choose; `None` when a letter chooses none.
    #[must_use]
    pub fn parse(letters: &[u8]) -> Option<Self> {
        letters.iter().try_fold(Self::NONE, |events, letter| {
            let chosen = match letter {
                b'A' => Self::ALL,
                letter => LETTERS.iter().find(|(known, _)| known == letter)?.1,
            };
            Some(Self(events.0 | chosen.0))
        })
    }

    /// The letters that choose these events, in the order Redis prints them.
    #[must_use]
    pub fn print(self) -> String {
        let mut letters = String::new();
        let all = self.has(Self::ALL);
        if all {
            letters.push('A');
        }
        let spelled = LETTERS
            .iter()
            .filter(|(_, event)| self.has(*event) && !(all && Self::ALL.has(*event)));
        letters.extend(spelled.map(|&(letter, _)| char::from(letter)));
        letters
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_printed_in_redis_order() {
        let cases: &[(&[u8], &str)] = &[
            (b"", ""),
            (b"KEA", "AKE"),
            (b"Ex", "xE"),
            (b"KEg$lshzxetd", "AKE"),
            (b"EKmn", "KEmn"),
        ];
        for (letters, printed) in cases {
            assert_eq!(
                Events::parse(letters).map(Events::print).as_deref(),
                Some(*printed)
            );
        }
        assert_eq!(Events::parse(b"q"), None);
    }
}
