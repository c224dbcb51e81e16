//! Deadlines as commands write them: in seconds or milliseconds, from now or as a date.

use super::outcome::{Refusal, integer_in};

/// The unit of a written time, and what it counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TimeForm {
    unit_ms: i64,
    from_now: bool,
}

impl TimeForm {
    /// EX, EXPIRE.
    pub(super) const SECONDS: Self = Self {
        unit_ms: 1000,
        from_now: true,
    };
    /// PX, PEXPIRE.
    pub(super) const MILLISECONDS: Self = Self {
        unit_ms: 1,
        from_now: true,
    };
    /// EXAT, EXPIREAT.
    pub(super) const UNIX_SECONDS: Self = Self {
        unit_ms: 1000,
        from_now: false,
    };
    /// PXAT, PEXPIREAT.
    pub(super) const UNIX_MILLISECONDS: Self = Self {
        unit_ms: 1,
        from_now: false,
    };

    /// The deadline written as `text`, in Unix milliseconds; it may lie in the past.
    pub(super) fn deadline_ms(
        self,
        text: &[u8],
        now_ms: i64,
        command: &str,
    ) -> Result<i64, Refusal> {
        let milliseconds = integer_in(text)?.checked_mul(self.unit_ms);
        let base = if self.from_now { now_ms } else { 0 };
        milliseconds
            .and_then(|time| time.checked_add(base))
            .ok_or_else(|| Refusal::expire_time(command))
    }

    /// As [`Self::deadline_ms`], for the commands that accept only positive numbers.
    pub(super) fn positive_deadline_ms(
        self,
        text: &[u8],
        now_ms: i64,
        command: &str,
    ) -> Result<i64, Refusal> {
        if integer_in(text)? <= 0 {
            return Err(Refusal::expire_time(command));
        }
        self.deadline_ms(text, now_ms, command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_stay_within_the_calendar() {
        let day = TimeForm::SECONDS.deadline_ms(b"86400", 1_000, "expire");
        assert_eq!(day, Ok(86_401_000));
        assert_eq!(
            TimeForm::UNIX_SECONDS.deadline_ms(b"-1", 1_000, "expireat"),
            Ok(-1_000)
        );
        let beyond = TimeForm::MILLISECONDS.deadline_ms(b"9223372036854775807", 1, "pexpire");
        assert_eq!(beyond, Err(Refusal::expire_time("pexpire")));
        assert!(
            TimeForm::SECONDS
                .positive_deadline_ms(b"0", 1, "setex")
                .is_err()
        );
    }
}
