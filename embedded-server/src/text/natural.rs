//! Natural numbers of any size, with the few operations that turning decimal text into binary and back
//! takes. Schoolbook arithmetic: the numbers here have a few hundred words at most.

/// A natural number: words of 64 bits, the least significant first, without zero words at the top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Natural(Vec<u64>);

/// The largest power of ten in a word, and its exponent.
const TEN_TO_19: u64 = 10_000_000_000_000_000_000;

impl Natural {
    pub(super) fn from_word(word: u64) -> Self {
        Self(if word == 0 { Vec::new() } else { vec![word] })
    }

    pub(super) fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    /// How many bits the number takes; 0 for zero.
    pub(super) fn bits(&self) -> u32 {
        let words = self.0.len() as u32;
        self.0
            .last()
            .map_or(0, |top| words * 64 - top.leading_zeros())
    }

    /// `self * factor + summand`, in place.
    pub(super) fn multiply_add(&mut self, factor: u64, summand: u64) {
        let mut carry = u128::from(summand);
        for word in &mut self.0 {
            carry += u128::from(*word) * u128::from(factor);
            *word = carry as u64;
            carry >>= 64;
        }
        if carry != 0 {
            self.0.push(carry as u64);
        }
        self.trim();
    }

    /// `self * base^exponent`, in place.
    pub(super) fn multiply_power(&mut self, base: u64, exponent: u32) {
        for _ in 0..exponent {
            self.multiply_add(base, 0);
        }
    }

    /// `self << count`, in place.
    pub(super) fn shift_left(&mut self, count: u32) {
        if self.is_zero() {
            return;
        }
        self.multiply_add(1 << (count % 64), 0);
        self.0
            .splice(0..0, std::iter::repeat_n(0, (count / 64) as usize));
    }

    /// `self -= other` when that is not negative; false, and nothing changed, when it would be.
    pub(super) fn subtract(&mut self, other: &Self) -> bool {
        if self.is_less_than(other) {
            return false;
        }
        let mut borrow = false;
        let others = other.0.iter().copied().chain(std::iter::repeat(0));
        for (word, theirs) in self.0.iter_mut().zip(others) {
            let (difference, first) = word.overflowing_sub(theirs);
            let (difference, second) = difference.overflowing_sub(u64::from(borrow));
            *word = difference;
            borrow = first | second;
        }
        self.trim();
        true
    }

    fn is_less_than(&self, other: &Self) -> bool {
        let by_length = self.0.len().cmp(&other.0.len());
        by_length
            .then_with(|| self.0.iter().rev().cmp(other.0.iter().rev()))
            .is_lt()
    }

    /// The number in decimal digits.
    pub(super) fn to_decimal(&self) -> String {
        let mut rest = self.clone();
        let mut groups = Vec::new();
        while !rest.is_zero() {
            groups.push(rest.divide_by_word(TEN_TO_19));
        }
        let mut text = groups.pop().unwrap_or(0).to_string();
        for group in groups.iter().rev() {
            text.push_str(&format!("{group:019}"));
        }
        text
    }

    /// The top 126 bits as `(bits, shift)` with `self = bits * 2^shift`; the lowest bit is set when any bit
    /// below it was.
    pub(super) fn leading_bits(&self) -> (u128, u32) {
        let mut bits = 0u128;
        let mut lost = false;
        let dropped = self.bits().saturating_sub(126);
        for (index, &word) in self.0.iter().enumerate() {
            let position = index as i64 * 64 - i64::from(dropped);
            match position {
                ..=-64 => lost |= word != 0,
                -63..=-1 => {
                    bits |= u128::from(word >> -position);
                    lost |= word << (64 + position) != 0;
                }
                _ => bits |= u128::from(word) << position,
            }
        }
        (bits | u128::from(lost), dropped)
    }

    /// `self / divisor` to 71 bits, as `(bits, shift)` with the quotient `bits * 2^shift`; the lowest bit is
    /// set when there is more. Neither may be zero.
    pub(super) fn divide(mut self, mut divisor: Self) -> (u128, i32) {
        const STEPS: i32 = 70;
        let scale = divisor.bits() as i32 - self.bits() as i32;
        if scale >= 0 {
            self.shift_left(scale.unsigned_abs());
        } else {
            divisor.shift_left(scale.unsigned_abs());
        }
        let mut quotient = 0u128;
        for _ in 0..STEPS {
            quotient = quotient << 1 | u128::from(self.subtract(&divisor));
            self.shift_left(1);
        }
        (quotient << 1 | u128::from(!self.is_zero()), -scale - STEPS)
    }

    /// Divides in place; the remainder.
    fn divide_by_word(&mut self, divisor: u64) -> u64 {
        let mut remainder = 0u128;
        for word in self.0.iter_mut().rev() {
            let part = remainder << 64 | u128::from(*word);
            *word = (part / u128::from(divisor)) as u64;
            remainder = part % u128::from(divisor);
        }
        self.trim();
        remainder as u64
    }

    fn trim(&mut self) {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_agrees_with_words() {
        let mut number = Natural::from_word(7);
        number.multiply_power(10, 25);
        assert_eq!(number.to_decimal(), format!("7{}", "0".repeat(25)));
        number.shift_left(65);
        assert!(!Natural::from_word(1).subtract(&number));
        let (bits, shift) = number.divide(Natural::from_word(10_000_000_000));
        assert_eq!(bits >> -(shift - 65), 7_000_000_000_000_000);
    }
}
