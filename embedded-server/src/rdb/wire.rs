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
pub(super) struct Input<'a>(&'a [u8]);

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
        Self(bytes)
    }

    pub(super) fn bytes(&mut self, count: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(count).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn array<const COUNT: usize>(&mut self) -> Option<[u8; COUNT]> {
        self.bytes(COUNT as u64)?.try_into().ok()
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
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

/// Appends a length in its shortest form.
pub(super) fn write_length(output: &mut Vec<u8>, length: usize) {
    match length {
        0..=63 => output.push(length as u8),
        64..=16_383 => {
            output.extend_from_slice(&[FOURTEEN_BITS | (length >> 8) as u8, length as u8])
        }
        _ => match u32::try_from(length) {
            Ok(length) => {
                output.push(FOUR_BYTES);
                output.extend_from_slice(&length.to_be_bytes());
            }
            Err(_) => {
                output.push(EIGHT_BYTES);
                output.extend_from_slice(&(length as u64).to_be_bytes());
            }
        },
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
            (u32::MAX as usize, 5),
            (1 << 40, 9),
        ] {
            let mut output = Vec::new();
            write_length(&mut output, length);
            assert_eq!(output.len(), bytes);
            assert_eq!(
                Input::new(&output).length(),
                Some(Length::Plain(length as u64))
            );
        }
    }
}
