//! Integers as Redis reads them: one spelling per number, so that a string can be kept as the number it
//! spells and given back unchanged.

/// Reads a signed 64-bit integer in its only accepted spelling: no plus sign, no leading zeros, no spaces,
/// no `-0`. `None` for everything else, including numbers out of range.
pub fn parse(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let magnitude = parse_unsigned(digits)?;
    match (negative, magnitude) {
        (true, 0) => None,
        (true, _) => 0i64.checked_sub_unsigned(magnitude),
        (false, _) => i64::try_from(magnitude).ok(),
    }
}

/// Reads an unsigned 64-bit integer in its only accepted spelling: digits alone, no leading zeros.
pub fn parse_unsigned(digits: &[u8]) -> Option<u64> {
    match digits {
        [] => None,
        [b'0'] => Some(0),
        [b'0', ..] => None,
        digits => digits.iter().try_fold(0u64, |number, &digit| {
            let value = digit.wrapping_sub(b'0');
            if value > 9 {
                return None;
            }
            number.checked_mul(10)?.checked_add(u64::from(value))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_one_spelling_is_accepted() {
        for bad in [
            "",
            "-",
            "+1",
            "01",
            "-0",
            "00",
            " 1",
            "1 ",
            "1.0",
            "0x1",
            "9223372036854775808",
            "-9223372036854775809",
        ] {
            assert_eq!(parse(bad.as_bytes()), None, "{bad:?}");
        }
        assert_eq!(parse_unsigned(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(parse_unsigned(b"18446744073709551616"), None);
    }

    proptest! {
        #[test]
        fn every_number_reads_back(number: i64) {
            prop_assert_eq!(parse(number.to_string().as_bytes()), Some(number));
        }
    }
}
