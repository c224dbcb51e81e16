//! Double-precision numbers as Redis 7.0 reads and prints them: C's `strtod` and `%.17g`.

use std::io::Write;

/// Significant digits: as many as tell any two numbers apart.
const DIGITS: usize = 17;

/// The text of a number.
#[derive(Debug, Clone, Copy)]
pub struct Text {
    bytes: [u8; 32],
    len: usize,
}

impl Text {
    const EMPTY: Self = Self {
        bytes: [0; 32],
        len: 0,
    };

    fn push(&mut self, bytes: &[u8]) {
        if let Some(room) = self.bytes.get_mut(self.len..self.len + bytes.len()) {
            room.copy_from_slice(bytes);
            self.len += bytes.len();
        }
    }

    /// The characters.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// `value` with up to 17 significant digits: `0.10000000000000001`, `1e+21`, `3`, `inf`.
#[must_use]
pub fn print(value: f64) -> Text {
    let mut text = Text::EMPTY;
    if value.is_nan() {
        text.push(b"nan");
    } else if value.is_infinite() {
        text.push(if value > 0.0 { b"inf" } else { b"-inf" });
    } else if value.fract() == 0.0 && value.abs() < 1e17 {
        if value.is_sign_negative() {
            text.push(b"-");
        }
        text.push(itoa::Buffer::new().format(value.abs() as u64).as_bytes());
    } else {
        print_rounded(value, &mut text);
    }
    text
}

/// Prints what is neither whole nor without digits.
fn print_rounded(value: f64, text: &mut Text) {
    // `d.dddddddddddddddde-x`, correctly rounded.
    let mut scientific = [0; 32];
    let mut rest = scientific.as_mut_slice();
    // It fits: a sign, 18 characters, and an exponent of at most five.
    let _ = write!(rest, "{:.*e}", DIGITS - 1, value.abs());
    let (digits, exponent) = split(&scientific);
    let significant = digits
        .iter()
        .rposition(|&digit| digit != b'0')
        .map_or(1, |last| last + 1);
    let digits = digits.get(..significant).unwrap_or_default();
    if value < 0.0 {
        text.push(b"-");
    }
    match exponent {
        -4..=-1 => {
            text.push(b"0.");
            text.push(
                b"000"
                    .get(..exponent.unsigned_abs() as usize - 1)
                    .unwrap_or_default(),
            );
            text.push(digits);
        }
        0..17 => print_with_point(digits, exponent.unsigned_abs() as usize + 1, text),
        _ => {
            print_with_point(digits, 1, text);
            text.push(if exponent < 0 { b"e-" } else { b"e+" });
            if exponent.unsigned_abs() < 10 {
                text.push(b"0");
            }
            text.push(
                itoa::Buffer::new()
                    .format(exponent.unsigned_abs())
                    .as_bytes(),
            );
        }
    }
}

/// The 17 digits and the exponent of Rust's scientific notation.
fn split(scientific: &[u8]) -> ([u8; DIGITS], i32) {
    let mut digits = [b'0'; DIGITS];
    let e = scientific
        .iter()
        .position(|&byte| byte == b'e')
        .unwrap_or(0);
    let mantissa = scientific
        .iter()
        .take(e)
        .filter(|byte| byte.is_ascii_digit());
    digits
        .iter_mut()
        .zip(mantissa)
        .for_each(|(digit, &byte)| *digit = byte);
    let exponent = scientific.get(e + 1..).unwrap_or_default();
    let negative = exponent.first() == Some(&b'-');
    let magnitude = exponent.iter().filter(|byte| byte.is_ascii_digit());
    let magnitude = magnitude.fold(0, |number, byte| number * 10 + i32::from(byte - b'0'));
    (digits, if negative { -magnitude } else { magnitude })
}

/// Digits with a point behind the first `whole` of them, if any follow; zeros where there are fewer.
fn print_with_point(digits: &[u8], whole: usize, text: &mut Text) {
    match digits.split_at_checked(whole) {
        Some((whole, [])) => text.push(whole),
        Some((whole, fraction)) => {
            text.push(whole);
            text.push(b".");
            text.push(fraction);
        }
        None => {
            text.push(digits);
            (digits.len()..whole).for_each(|_| text.push(b"0"));
        }
    }
}

/// Reads the whole of `bytes` as C's `strtod` does: decimal or hexadecimal, with optional exponent, or an infinity. `None`
/// for anything else, for leading space, NaN, and numbers too large or too small to hold.
#[must_use]
pub fn parse(bytes: &[u8]) -> Option<f64> {
    let magnitude = match bytes {
        [b'-' | b'+', rest @ ..] => rest,
        rest => rest,
    };
    if let [b'0', b'x' | b'X', digits @ ..] = magnitude {
        let value = hexadecimal(digits)?;
        return Some(if bytes.starts_with(b"-") {
            -value
        } else {
            value
        });
    }
    let value: f64 = std::str::from_utf8(bytes).ok()?.parse().ok()?;
    let mantissa = magnitude.split(|byte| matches!(byte, b'e' | b'E')).next()?;
    let spelled_out = mantissa.iter().any(u8::is_ascii_digit);
    let overflown = value.is_infinite() && spelled_out;
    let underflown = value == 0.0 && mantissa.iter().any(|byte| (b'1'..=b'9').contains(byte));
    (!value.is_nan() && !overflown && !underflown).then_some(value)
}

/// Reads hexadecimal digits with an optional point and an optional power of two; as many digits as a double holds.
fn hexadecimal(text: &[u8]) -> Option<f64> {
    let mut parts = text.splitn(2, |byte| matches!(byte, b'p' | b'P'));
    let (mantissa, power) = (parts.next()?, parts.next());
    let power: i32 = power.map_or(Some(0), |power| {
        std::str::from_utf8(power).ok()?.parse().ok()
    })?;
    let (mut value, mut scale, mut digits, mut points) = (0f64, 0i32, 0, 0);
    for &byte in mantissa {
        if byte == b'.' && points == 0 {
            points = 1;
            continue;
        }
        value = value * 16.0 + f64::from(char::from(byte).to_digit(16)?);
        scale -= 4 * points;
        digits += 1;
    }
    let value = value * f64::from(power.checked_add(scale)?).exp2();
    (digits > 0 && value.is_finite()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn printed(value: f64) -> String {
        String::from_utf8(print(value).as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn as_c_prints_seventeen_digits() {
        let cases = [
            (0.0, "0"),
            (-0.0, "-0"),
            (3.0, "3"),
            (-1.5, "-1.5"),
            (0.1, "0.10000000000000001"),
            (3.1, "3.1000000000000001"),
            (1e-4, "0.0001"),
            (1e-5, "1.0000000000000001e-05"),
            (1e-7, "9.9999999999999995e-08"),
            (1e16, "10000000000000000"),
            (1e17, "1e+17"),
            (1.2345678901234568e17, "1.2345678901234568e+17"),
            (1e21, "1e+21"),
            (1.5e300, "1.5000000000000001e+300"),
            (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
            (12345678.9, "12345678.9"),
            (f64::NEG_INFINITY, "-inf"),
        ];
        for (value, text) in cases {
            assert_eq!(printed(value), text);
        }
    }

    #[test]
    fn as_c_reads() {
        for (text, value) in [
            ("+5", 5.0),
            (".5", 0.5),
            ("5.", 5.0),
            ("1e3", 1000.0),
            ("0x1.8p1", 3.0),
            ("-0x10", -16.0),
        ] {
            assert_eq!(parse(text.as_bytes()), Some(value), "{text}");
        }
        for text in ["inf", "+INF", "infinity"] {
            assert_eq!(parse(text.as_bytes()), Some(f64::INFINITY), "{text}");
        }
        for bad in [
            "", " 1", "1 ", "nan", "1e400", "1e-400", "1x", "0x", "--1", ".",
        ] {
            assert_eq!(parse(bad.as_bytes()), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(bits: u64) {
            let value = f64::from_bits(bits);
            if !value.is_nan() {
                prop_assert_eq!(parse(printed(value).as_bytes()), Some(value));
            }
        }
    }
}
