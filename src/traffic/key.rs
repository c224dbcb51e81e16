//! Writing the name of key `i`, digits in place.

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
    write_decimal(number, &mut buffer[at..]);
}

/// Writes `number` in decimal to the end of `place`, filling the front with zeros; digits that do not fit are lost.
#[inline]
pub fn write_decimal(mut number: u64, place: &mut [u8]) {
    let mut pairs = place.rchunks_exact_mut(2);
    for pair in &mut pairs {
        pair.copy_from_slice(&PAIRS[(number % 100) as usize]);
        number /= 100;
    }
    if let [first] = pairs.into_remainder() {
        *first = b'0' + (number % 10) as u8;
    }
}

/// `00` to `99`.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut number = 0;
    while number < 100 {
        pairs[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    pairs
};

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
