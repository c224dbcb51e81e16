//! Figures as people read them: units, three digits that matter, thousands apart.

/// A count in full: `12,345`.
#[must_use]
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A size of anything in short: `850`, `12.3k`, `5M`.
#[must_use]
pub fn short(value: f64) -> String {
    let (scaled, suffix) = scale(value, 1000.0, &["", "k", "M", "G", "T"]);
    format!("{}{suffix}", three_digits(scaled))
}

/// Bytes: `123 B`, `1.25 MiB`.
#[must_use]
pub fn bytes(value: f64) -> String {
    let (scaled, suffix) = scale(value, 1024.0, &["B", "KiB", "MiB", "GiB", "TiB"]);
    format!("{} {suffix}", three_digits(scaled))
}

/// Seconds: `85.3 µs`, `1.2 ms`, `3.4 s`, `2 min 5 s`.
#[must_use]
pub fn seconds(value: f64) -> String {
    if value >= 60.0 {
        let whole = value.round() as u64;
        return match whole % 60 {
            0 => format!("{} min", whole / 60),
            rest => format!("{} min {rest} s", whole / 60),
        };
    }
    let (scaled, unit) = match value.abs() {
        0.0 => (0.0, "s"),
        small if small < 0.999_5e-6 => (value * 1e9, "ns"),
        small if small < 0.999_5e-3 => (value * 1e6, "µs"),
        small if small < 0.999_5 => (value * 1e3, "ms"),
        _ => (value, "s"),
    };
    format!("{} {unit}", three_digits(scaled))
}

/// A share from 0 to 1: `68.3%`. All and none are said only of all and none.
#[must_use]
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 0.1 {
        "<0.1%".to_owned()
    } else if percent > 99.9 && percent < 100.0 {
        ">99.9%".to_owned()
    } else {
        format!("{}%", trim(format!("{percent:.1}")))
    }
}

/// A change as a share of what was before: `+4.2%`, `−12%`, `±0%`.
#[must_use]
pub fn change(share: f64) -> String {
    let percent = three_digits((share.abs() * 1000.0).round() / 10.0);
    let sign = match percent.as_str() {
        "0" => "±",
        _ if share < 0.0 => "−",
        _ => "+",
    };
    format!("{sign}{percent}%")
}

fn scale<'a>(value: f64, base: f64, units: &[&'a str]) -> (f64, &'a str) {
    let mut scaled = value;
    let mut units = units.iter();
    let mut unit = units.next().copied().unwrap_or_default();
    // 999.5 would be printed as 1000.
    while scaled.abs() >= base * 0.999_5 {
        let Some(next) = units.next() else { break };
        (scaled, unit) = (scaled / base, next);
    }
    (scaled, unit)
}

/// Three digits that matter, without zeros after the last one: `12.3`, `5`, `0.04`.
fn three_digits(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return if value == 0.0 {
            "0".to_owned()
        } else {
            "?".to_owned()
        };
    }
    let before = value.abs().log10().floor() as i32 + 1;
    let places = usize::try_from((3 - before).clamp(0, 9)).unwrap_or_default();
    trim(format!("{value:.places$}"))
}

fn trim(text: String) -> String {
    if !text.contains('.') {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_sizes() {
        assert_eq!(
            ["0", "999", "1,000", "12,345,678"],
            [0, 999, 1000, 12_345_678]
                .map(count)
                .each_ref()
                .map(String::as_str)
        );
        assert_eq!(
            [
                short(0.0),
                short(999.0),
                short(999.9),
                short(12_345.0),
                short(5e6)
            ],
            ["0", "999", "1k", "12.3k", "5M"]
        );
        assert_eq!(
            [bytes(0.0), bytes(1023.9), bytes(1_310_720.0)],
            ["0 B", "1 KiB", "1.25 MiB"]
        );
    }

    #[test]
    fn times() {
        assert_eq!(
            [
                seconds(85.3e-6),
                seconds(0.999_9e-3),
                seconds(1.2),
                seconds(125.0)
            ],
            ["85.3 µs", "1 ms", "1.2 s", "2 min 5 s"]
        );
        assert_eq!(
            [seconds(0.0), seconds(15e-9), seconds(120.0)],
            ["0 s", "15 ns", "2 min"]
        );
    }

    #[test]
    fn shares_round_to_all_or_none_only_when_they_are() {
        assert_eq!(
            [
                percent(0.0),
                percent(0.0001),
                percent(0.683),
                percent(0.9999),
                percent(1.0)
            ],
            ["0%", "<0.1%", "68.3%", ">99.9%", "100%"]
        );
        assert_eq!(percent(0.5), "50%");
    }

    #[test]
    fn changes_have_a_sign() {
        assert_eq!(
            [change(0.042), change(-0.12), change(0.000_4), change(1.5)],
            ["+4.2%", "−12%", "±0%", "+150%"]
        );
    }

    #[test]
    fn nothing_is_printed_that_is_no_number() {
        assert_eq!([short(f64::NAN), bytes(f64::INFINITY)], ["?", "? TiB"]);
    }
}
