//! The smallest parts of the format: bytes in order, and lengths.
//!
//! A length's first byte says in its two top bits how the rest is to be read: `00` six bits, `01` fourteen
//! bits, `10` four or eight bytes follow (big-endian, as network order; everything else is little-endian),
//! `11` no length but a special string encoding.

const FOURTEEN_BITS: u8 = 0b0100_0000;
const FOUR_BYTES: u8 = 0b1000_0000;
const EIGHT_BYTES: u8 = 0b1000_0001;
pub(super) const SPECIAL: u8 = 0b1100_0000;

/// Bytes still to be read; every reader answers `None` when they do not suffice.
#[derive(Debug, Clone)]
pub(super) struct Input<'a> {
    left: &'a [u8],
    missing: usize,
}

/// What a length prefix holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Length {
    /// A length, or another number.
    Plain(u64),
    /// The six bits that name a special encoding.
    Special(u8),
}

impl<'a> Input<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            left: bytes,
            missing: 0,
        }
    }

    /// How many bytes are left.
    pub(super) fn len(&self) -> usize {
        self.left.len()
    }

    /// How many more there would have to be at least, after a reader has answered `None`; 0 where it was not for that.
    pub(super) fn missing(&self) -> usize {
        self.missing
    }

    pub(super) fn bytes(&mut self, count: u64) -> Option<&'a [u8]> {
        let count = usize::try_from(count).ok()?;
        self.missing = count.saturating_sub(self.left.len());
        let (taken, rest) = self.left.split_at_checked(count)?;
        self.left = rest;
        Some(taken)
    }

    pub(super) fn array<const COUNT: usize>(&mut self) -> Option<[u8; COUNT]> {
        self.bytes(COUNT as u64)?.try_into().ok()
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    /// Eight bytes, little-endian, as times are.
    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn length(&mut self) -> Option<Length> {
        let first = self.byte()?;
        let low = first & !SPECIAL;
        match first & SPECIAL {
            0 => Some(Length::Plain(u64::from(low))),
            FOURTEEN_BITS => Some(Length::Plain(u64::from(low) << 8 | u64::from(self.byte()?))),
            SPECIAL => Some(Length::Special(low)),
            _ if first == FOUR_BYTES => {
                Some(Length::Plain(u64::from(u32::from_be_bytes(self.array()?))))
            }
            _ if first == EIGHT_BYTES => Some(Length::Plain(u64::from_be_bytes(self.array()?))),
            _ => None,
        }
    }

    /// A length that is one: special encodings are refused.
    pub(super) fn plain_length(&mut self) -> Option<u64> {
        match self.length()? {
            Length::Plain(length) => Some(length),
            Length::Special(_) => None,
        }
    }
}

/// Bytes being written.
#[derive(Debug, Clone, Default)]
pub(super) struct Output {
    pub(super) bytes: Vec<u8>,
    /// Whether texts over 20 bytes are compressed where that saves anything.
    pub(super) compress: bool,
}

impl Output {
    pub(super) fn new(compress: bool) -> Self {
        Self {
            bytes: Vec::new(),
            compress,
        }
    }

    pub(super) fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Eight bytes, little-endian, as times are.
    pub(super) fn u64(&mut self, number: u64) {
        self.raw(&number.to_le_bytes());
    }

    /// A length in its shortest form.
    pub(super) fn length(&mut self, length: usize) {
        self.number(length as u64);
    }

    /// A number as lengths are written.
    pub(super) fn number(&mut self, number: u64) {
        match number {
            0..=63 => self.byte(number as u8),
            64..=16_383 => self.raw(&[FOURTEEN_BITS | (number >> 8) as u8, number as u8]),
            _ => match u32::try_from(number) {
                Ok(number) => {
                    self.byte(FOUR_BYTES);
                    self.raw(&number.to_be_bytes());
                }
                Err(_) => {
                    self.byte(EIGHT_BYTES);
                    self.raw(&number.to_be_bytes());
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_come_back_in_their_shortest_form() {
        for (length, bytes) in [
            (0, 1),
            (63, 1),
            (64, 2),
            (16_383, 2),
            (16_384, 5),
            (u64::from(u32::MAX), 5),
            (u64::MAX, 9),
        ] {
            let mut output = Output::default();
            output.number(length);
            assert_eq!(output.bytes.len(), bytes);
            assert_eq!(
                Input::new(&output.bytes).length(),
                Some(Length::Plain(length))
            );
        }
    }
}
