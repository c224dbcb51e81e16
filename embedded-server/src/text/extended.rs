//! The floating-point number behind `INCRBYFLOAT`: 80-bit extended precision, as x86's `long double` has it.
//!
//! Redis adds in `long double` and prints 17 decimals, so that `10.5 + 0.1` reads `10.6`. With 64-bit
//! doubles it would read `10.59999999999999964`. Rust has no such type; what is needed of it, reading, adding
//! and printing, each rounded once to the nearest (ties to even), is here.

use super::natural::Natural;

/// Longest text that is read as a number, as in Redis.
const TEXT_BYTES_MAX: usize = 5 * 1024 - 1;

/// Exponent of the smallest denormal, `2^-16445`.
const EXPONENT_MIN: i32 = -16_445;

/// Exponent of the largest finite number, `(2^64 - 1) * 2^16320`.
const EXPONENT_MAX: i32 = 16_320;

/// Decimal exponents beyond these over- or underflow whatever the digits are.
const DECIMAL_EXPONENT_LIMIT: i64 = 5_000;

/// How many decimals are printed, before trailing zeros are dropped.
const DECIMALS: usize = 17;

/// A number of 80-bit extended precision, never NaN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extended {
    /// `(-1)^negative * mantissa * 2^exponent`; the mantissa's top bit is set unless the number is zero or
    /// denormal.
    Finite {
        /// The sign; zero has one too.
        negative: bool,
        /// The 64 significant bits.
        mantissa: u64,
        /// The power of two they are scaled by.
        exponent: i32,
    },
    /// An infinity, which can be read and is then refused by the sum.
    Infinite,
}

impl Extended {
    /// Reads the whole of `text` as C's `strtold` does: decimal or hexadecimal, with optional exponent, or an
    /// infinity. `None` for anything else, for leading space, NaN, and numbers too large or too small to hold.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.len() > TEXT_BYTES_MAX {
            return None;
        }
        let (negative, magnitude) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        if magnitude.eq_ignore_ascii_case(b"inf") || magnitude.eq_ignore_ascii_case(b"infinity") {
            return Some(Self::Infinite);
        }
        match magnitude {
            [b'0', b'x' | b'X', digits @ ..] => Numeral::read(digits, 16)?.hexadecimal(negative),
            digits => Numeral::read(digits, 10)?.decimal(negative),
        }
    }

    /// The number that an integer is; exact.
    pub fn from_integer(integer: i64) -> Self {
        Self::rounded(integer < 0, u128::from(integer.unsigned_abs()), 0)
    }

    /// The sum, or `None` when it is infinite.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let (Self::Finite { .. }, Self::Finite { .. }) = (self, other) else {
            return None;
        };
        let (large, small) = if self.exponent() >= other.exponent() {
            (self, other)
        } else {
            (other, self)
        };
        let (a, b) = (large.signed_scaled(), small.signed_scaled());
        let aligned = shift_right_sticky(
            b.unsigned_abs(),
            large.exponent().abs_diff(small.exponent()),
        );
        let sum = if b < 0 {
            a - aligned as i128
        } else {
            a + aligned as i128
        };
        // An exact zero is positive unless both summands were negative.
        let negative = sum < 0 || (sum == 0 && large.is_negative() && small.is_negative());
        let rounded = Self::rounded(negative, sum.unsigned_abs(), large.exponent() - GUARD_BITS);
        (rounded != Self::Infinite).then_some(rounded)
    }

    fn exponent(self) -> i32 {
        match self {
            Self::Finite { mantissa: 0, .. } | Self::Infinite => EXPONENT_MIN,
            Self::Finite { exponent, .. } => exponent,
        }
    }

    fn is_negative(self) -> bool {
        matches!(self, Self::Finite { negative: true, .. })
    }

    /// The mantissa with its sign, and room below for the bits that decide rounding.
    fn signed_scaled(self) -> i128 {
        match self {
            Self::Finite {
                negative: true,
                mantissa,
                ..
            } => -(i128::from(mantissa) << GUARD_BITS),
            Self::Finite { mantissa, .. } => i128::from(mantissa) << GUARD_BITS,
            Self::Infinite => 0,
        }
    }

    /// `bits * 2^exponent`, rounded to the nearest number there is.
    fn rounded(negative: bool, bits: u128, exponent: i32) -> Self {
        let excess = 64 - bits.leading_zeros() as i32;
        // Denormals keep the smallest exponent and lose bits instead.
        let shift = excess.max(EXPONENT_MIN - exponent).min(128);
        let (mut mantissa, mut exponent) = match shift {
            ..=0 => (bits << -shift, exponent + shift),
            _ => (shift_right_to_even(bits, shift as u32), exponent + shift),
        };
        if mantissa >> 64 != 0 {
            (mantissa, exponent) = (mantissa >> 1, exponent + 1);
        }
        if bits != 0 && exponent > EXPONENT_MAX {
            return Self::Infinite;
        }
        Self::Finite {
            negative,
            mantissa: mantissa as u64,
            exponent: if mantissa == 0 {
                EXPONENT_MIN
            } else {
                exponent
            },
        }
    }

    /// The number with up to 17 decimals, no exponent and no trailing zeros.
    pub fn to_text(self) -> String {
        let Self::Finite {
            negative,
            mantissa,
            exponent,
        } = self
        else {
            return "inf".to_owned();
        };
        let magnitude = if exponent >= 0 {
            whole_text(mantissa, exponent as u32)
        } else {
            decimal_text(mantissa, exponent.unsigned_abs())
        };
        if negative && magnitude != "0" {
            format!("-{magnitude}")
        } else {
            magnitude
        }
    }
}

/// Bits kept below the mantissa while adding: with a sticky bit, two are enough to round correctly.
const GUARD_BITS: i32 = 60;

/// `bits >> count`, with the lowest bit set when any bit was lost.
fn shift_right_sticky(bits: u128, count: u32) -> u128 {
    match bits.checked_shr(count) {
        Some(kept) => kept | u128::from(kept << count != bits),
        None => u128::from(bits != 0),
    }
}

/// `bits / 2^count`, rounded to the nearest, ties to even. `bits` is below `2^126` and `count` at least 1.
fn shift_right_to_even(bits: u128, count: u32) -> u128 {
    if count > 126 {
        return 0;
    }
    let (kept, lost, half) = (bits >> count, bits & ((1 << count) - 1), 1 << (count - 1));
    kept + u128::from(lost > half || (lost == half && kept & 1 == 1))
}

fn whole_text(mantissa: u64, exponent: u32) -> String {
    let mut number = Natural::from_word(mantissa);
    number.shift_left(exponent);
    number.to_decimal()
}

fn decimal_text(mantissa: u64, fraction_bits: u32) -> String {
    let scaled = u128::from(mantissa) * 10u128.pow(DECIMALS as u32);
    let digits = format!(
        "{:0width$}",
        shift_right_to_even(scaled, fraction_bits),
        width = DECIMALS + 1
    );
    let (whole, decimals) = digits.split_at(digits.len() - DECIMALS);
    match decimals.trim_end_matches('0') {
        "" => whole.to_owned(),
        decimals => format!("{whole}.{decimals}"),
    }
}

/// A number as written: `digits / radix^scale`, times ten or two to the `exponent`.
struct Numeral {
    digits: Natural,
    scale: i64,
    exponent: i64,
}

impl Numeral {
    /// Reads all of `text`: digits with at most one point among them, then perhaps an exponent.
    fn read(text: &[u8], radix: u64) -> Option<Self> {
        let is_marker =
            |byte: &u8| byte.eq_ignore_ascii_case(if radix == 16 { &b'p' } else { &b'e' });
        let (significand, exponent) = match text.iter().position(is_marker) {
            Some(marker) => (text.get(..marker)?, read_exponent(text.get(marker + 1..)?)?),
            None => (text, 0),
        };
        let (whole, fraction) = match significand.iter().position(|&byte| byte == b'.') {
            Some(point) => (significand.get(..point)?, significand.get(point + 1..)?),
            None => (significand, &[][..]),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let mut digits = Natural::from_word(0);
        for &byte in whole.iter().chain(fraction) {
            let digit = char::from(byte).to_digit(radix as u32)?;
            digits.multiply_add(radix, u64::from(digit));
        }
        Some(Self {
            digits,
            scale: fraction.len() as i64,
            exponent,
        })
    }

    fn decimal(mut self, negative: bool) -> Option<Extended> {
        let exponent = self.exponent.saturating_sub(self.scale);
        // log10(2) is a little less than 1233 / 4096.
        let decade =
            i64::from(self.digits.bits()) * 1233 / 4096 + exponent.clamp(-100_000, 100_000);
        if self.digits.is_zero() {
            return Some(Extended::rounded(negative, 0, 0));
        }
        if decade.abs() > DECIMAL_EXPONENT_LIMIT {
            return None;
        }
        if exponent >= 0 {
            self.digits.multiply_power(10, exponent as u32);
            return binary(negative, &self.digits, 0);
        }
        let mut divisor = Natural::from_word(1);
        divisor.multiply_power(10, exponent.unsigned_abs() as u32);
        let (quotient, shift) = self.digits.divide(divisor);
        representable(Extended::rounded(negative, quotient, shift))
    }

    fn hexadecimal(self, negative: bool) -> Option<Extended> {
        if self.digits.is_zero() {
            return Some(Extended::rounded(negative, 0, 0));
        }
        let exponent = self.exponent.saturating_sub(4 * self.scale);
        binary(
            negative,
            &self.digits,
            exponent.clamp(-100_000, 100_000) as i32,
        )
    }
}

/// The digits of an exponent with their sign; numbers too large to matter are cut short.
fn read_exponent(text: &[u8]) -> Option<i64> {
    let (sign, digits) = match text {
        [b'-', digits @ ..] => (-1, digits),
        [b'+', digits @ ..] | digits => (1, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let magnitude = digits.iter().fold(0i64, |number, digit| {
        (number * 10 + i64::from(digit - b'0')).min(1_000_000)
    });
    Some(sign * magnitude)
}

/// `number * 2^exponent` as the nearest number there is, or `None` when that is zero or infinite.
fn binary(negative: bool, number: &Natural, exponent: i32) -> Option<Extended> {
    let (bits, shift) = number.leading_bits();
    representable(Extended::rounded(negative, bits, exponent + shift as i32))
}

/// Refuses what a number other than zero must not round to.
fn representable(number: Extended) -> Option<Extended> {
    match number {
        Extended::Infinite | Extended::Finite { mantissa: 0, .. } => None,
        number => Some(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sum(a: &str, b: &str) -> String {
        let (a, b) = (
            Extended::parse(a.as_bytes()).unwrap(),
            Extended::parse(b.as_bytes()).unwrap(),
        );
        a.checked_add(b)
            .map_or("infinite".to_owned(), Extended::to_text)
    }

    #[test]
    fn sums_read_as_in_long_double() {
        // Every result was printed by redis-server 7.0.15 on x86-64.
        for (a, b, expected) in [
            ("10.5", "0.1", "10.6"),
            ("3.0", "1.1", "4.1"),
            ("0.1", "0.2", "0.3"),
            ("5.0e3", "2.0e2", "5200"),
            ("1", "-1", "0"),
            ("-0", "-0", "0"),
            ("0x1p3", ".5", "8.5"),
            ("9223372036854775807", "1", "9223372036854775808"),
            ("18446744073709551615", "2", "18446744073709551616"),
            ("1e-18", "0", "0"),
            ("1e4932", "1e4932", "infinite"),
            ("inf", "1", "infinite"),
        ] {
            assert_eq!(sum(a, b), expected, "{a} + {b}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for bad in [
            "", " 1", "1 ", "abc", "1e", "0x", ".", "nan", "1e5000", "1e-5000", "--1", "1.2.3",
            "1e1.5", "in",
        ] {
            assert_eq!(Extended::parse(bad.as_bytes()), None, "{bad:?}");
        }
        assert_eq!(
            Extended::parse("1".repeat(TEXT_BYTES_MAX + 1).as_bytes()),
            None
        );
    }

    proptest! {
        #[test]
        fn integers_survive(integer: i64) {
            prop_assert_eq!(Extended::from_integer(integer).to_text(), integer.to_string());
            prop_assert_eq!(Extended::parse(integer.to_string().as_bytes()), Some(Extended::from_integer(integer)));
        }

        #[test]
        fn doubles_are_read_exactly(double in -1e15..1e15f64) {
            let text = format!("{double:.17}");
            let expected = text.trim_end_matches('0').trim_end_matches('.');
            let exact = Extended::parse(format!("{double:.60}").as_bytes()).unwrap();
            prop_assert_eq!(exact.to_text(), expected);
        }

        #[test]
        fn no_text_breaks_the_reader(text in "[-+0-9a-fxpeEinfty. ]{0,40}") {
            if let Some(number) = Extended::parse(text.as_bytes()) {
                let _ = number.to_text();
            }
        }
    }
}
