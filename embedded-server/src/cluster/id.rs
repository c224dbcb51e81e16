//! What names a node: forty characters, drawn at random when the node first starts.

use std::fmt;

use rand::RngExt;
use rand::rngs::StdRng;

/// Characters of a name.
pub const ID_BYTES: usize = 40;

/// A node's name: lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId([u8; ID_BYTES]);

impl NodeId {
    /// A name nobody has.
    #[must_use]
    pub fn draw(random: &mut StdRng) -> Self {
        Self(std::array::from_fn(|_| {
            let digit = random.random_range(0..16_u8);
            digit + if digit < 10 { b'0' } else { b'a' - 10 }
        }))
    }

    /// The name that `bytes` spell, if they do.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let digits: [u8; ID_BYTES] = bytes.try_into().ok()?;
        let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        digits.iter().all(is_digit).then_some(Self(digits))
    }

    /// Its characters.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(std::str::from_utf8(&self.0).unwrap_or_default())
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}
