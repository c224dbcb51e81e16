//! Writing the name of key `i`, digits in place.

use std::ops::Range;

use crate::workload::plan::Template;

/// A text with a number in it, ready to be written many times: key names, template values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberedText {
    before: Box<[u8]>,
    least_digits: usize,
    after: Box<[u8]>,
}

impl NumberedText {
    /// The text that `template` describes.
    pub fn new(template: &Template) -> Self {
        Self {
            before: template.before.as_bytes().into(),
            least_digits: usize::from(template.width.max(1)),
            after: template.after.as_bytes().into(),
        }
    }

    /// Length of the text with `number` in it, bytes.
    #[inline]
    pub fn length(&self, number: u64) -> usize {
        self.before.len() + self.digits(number) + self.after.len()
    }

    /// The fewest digits that a number is written with.
    #[must_use]
    pub fn least_digits(&self) -> usize {
        self.least_digits
    }

    /// The text with so many zeros for the number, and where they stand.
    #[must_use]
    pub fn with_zeros(&self, digits: usize) -> (Vec<u8>, Range<usize>) {
        let start = self.before.len();
        let mut text = self.before.to_vec();
        text.resize(start + digits, b'0');
        text.extend_from_slice(&self.after);
        (text, start..start + digits)
    }

    /// Appends the text with `number` in it to `buffer`, which does not allocate where it has the room.
    #[inline]
    pub fn append(&self, number: u64, buffer: &mut Vec<u8>) {
        buffer.extend_from_slice(&self.before);
        append_decimal(number, self.digits(number), buffer);
        buffer.extend_from_slice(&self.after);
    }

    #[inline]
    fn digits(&self, number: u64) -> usize {
        decimal_digits(number).max(self.least_digits)
    }
}

/// Digits of `number` in decimal.
#[inline]
pub fn decimal_digits(number: u64) -> usize {
    number.checked_ilog10().map_or(1, |log| log as usize + 1)
}

/// Appends `number` in decimal, padded with zeros to `digits`, which must be at least its digits.
#[inline]
pub fn append_decimal(number: u64, digits: usize, buffer: &mut Vec<u8>) {
    let at = buffer.len();
    buffer.resize(at + digits, b'0');
    write_over_zeros(number, &mut buffer[at..]);
}

/// Writes `number` in decimal to the end of `place`, which is all zeros; digits that do not fit are lost.
#[inline]
pub fn write_over_zeros(mut number: u64, mut place: &mut [u8]) {
    const EIGHT: u64 = 100_000_000;
    while number > 0 {
        let digits = eight_digits(number % EIGHT);
        let (front, last) = place.split_at_mut(place.len().saturating_sub(digits.len()));
        last.copy_from_slice(&digits[digits.len() - last.len()..]);
        (number, place) = (number / EIGHT, front);
    }
}

/// The decimal digits of a number below 10^8, all at once: it is split in fours, pairs and digits within one word, each time
/// dividing all parts by one multiplication (P. Khuong, "How to print integers really fast", 2017).
#[inline]
fn eight_digits(number: u64) -> [u8; 8] {
    let fours = (number / 10_000) | ((number % 10_000) << 32);
    let hundreds = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let pairs = hundreds | ((fours - 100 * hundreds) << 16);
    let tens = ((pairs * 103) >> 10) & 0x000f_000f_000f_000f;
    let digits = tens | ((pairs - 10 * tens) << 8);
    (digits | 0x3030_3030_3030_3030).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn writes_what_format_writes(number: u64, shift in 0..64u32, width in 0..25u8) {
            let number = number >> shift;
            let text = NumberedText::new(&Template { before: "user:{".into(), width, after: "}".into() });
            let mut written = b"x".to_vec();
            text.append(number, &mut written);
            prop_assert_eq!(String::from_utf8(written).unwrap(), format!("xuser:{{{number:0width$}}}", width = usize::from(width)));
        }

        #[test]
        fn knows_the_length_beforehand(number: u64, shift in 0..64u32, width in 0..25u8) {
            let number = number >> shift;
            let text = NumberedText::new(&Template { before: "key-".into(), width, after: String::new() });
            let mut written = Vec::new();
            text.append(number, &mut written);
            prop_assert_eq!(written.len(), text.length(number));
        }
    }
}
