//! What a node counts: commands, errors, connections, bytes.
//!
//! Calls are counted exactly. Time is measured where it costs nothing beside the work: every call of a command whose
//! work may grow with its input, and of a command that takes constant time the first and then one in [`SAMPLE_EVERY`] (two readings of
//! the clock would cost as much as a GET); the totals of the latter are scaled up. With `slowlog-log-slower-than` below
//! [`EXACT_BELOW_US`] every call is timed.

use std::collections::BTreeMap;

use crate::command::table::{Command, table};
use crate::histogram::Histogram;

/// Of a constant-time command, one call in so many is timed.
const SAMPLE_EVERY: u64 = 64;
/// The first calls of a command are all timed, so that what is seldom called is told exactly.
const EXACT_CALLS: u64 = 64;
/// A slow log that notes calls this short needs every call timed, in microseconds.
const EXACT_BELOW_US: i64 = 1000;
/// The most error codes counted by name; clients can make up codes no more than scripts can, but a limit is a limit.
const ERROR_CODES_MAX: usize = 128;
/// Readings kept to tell the rate of something.
const RATE_READINGS: usize = 16;

/// What was counted of one command.
#[derive(Debug, Clone, Default)]
pub struct CommandStats {
    /// Calls that ran.
    pub calls: u64,
    /// Calls refused before they ran: wrong arity, no memory, no right.
    pub rejected: u64,
    /// Calls that ran and answered with an error.
    pub failed: u64,
    /// Calls that were timed.
    pub timed: u64,
    /// Nanoseconds those took.
    pub timed_ns: u64,
    /// How long they took; there once one was timed.
    pub histogram: Option<Box<Histogram>>,
}

impl CommandStats {
    /// Nanoseconds that all calls took: measured, or scaled up from those timed.
    #[must_use]
    pub fn total_ns(&self) -> u64 {
        let scaled =
            u128::from(self.timed_ns) * u128::from(self.calls) / u128::from(self.timed.max(1));
        u64::try_from(scaled).unwrap_or(u64::MAX)
    }

    /// Counts a timed call that took `ns`.
    pub fn time(&mut self, ns: u64, with_histogram: bool) {
        self.timed += 1;
        self.timed_ns += ns;
        // CONFIG RESETSTAT forgets its own call while it runs.
        self.calls = self.calls.max(self.timed);
        if with_histogram {
            self.histogram.get_or_insert_default().record(ns);
        }
    }
}

/// How fast a count goes up, averaged over the latest readings.
#[derive(Debug, Clone, Default)]
pub struct Rate {
    readings: [u64; RATE_READINGS],
    next: usize,
    last: u64,
}

impl Rate {
    /// Notes that the count stands at `count`, `elapsed_ms` after the reading before.
    pub fn read(&mut self, count: u64, elapsed_ms: u64) {
        let per_second = count.saturating_sub(self.last) * 1000 / elapsed_ms.max(1);
        if let Some(reading) = self.readings.get_mut(self.next % RATE_READINGS) {
            *reading = per_second;
        }
        self.next += 1;
        self.last = count;
    }

    /// By how much the count goes up in a second.
    #[must_use]
    pub fn per_second(&self) -> u64 {
        self.readings.iter().sum::<u64>() / RATE_READINGS as u64
    }
}

/// What a node counts; CONFIG RESETSTAT begins anew.
#[derive(Debug, Clone)]
pub struct Stats {
    /// Commands that ran.
    pub commands: u64,
    /// Connections taken.
    pub connections: u64,
    /// Replicas that were given everything.
    pub full_syncs: u64,
    /// Replicas that were given what they had missed.
    pub partial_syncs: u64,
    /// Connections refused for `maxclients`.
    pub rejected_connections: u64,
    /// Bytes received.
    pub input_bytes: u64,
    /// Bytes sent.
    pub output_bytes: u64,
    /// Reads of a socket that brought something.
    pub reads: u64,
    /// Writes to a socket.
    pub writes: u64,
    /// Error replies.
    pub error_replies: u64,
    /// Clients closed because what they did not read outgrew its limit.
    pub output_limit_disconnections: u64,
    /// Clients closed because all clients together took too much memory.
    pub evicted_clients: u64,
    /// Clients closed because their unfinished command outgrew its limit.
    pub query_limit_disconnections: u64,
    /// Refused passwords.
    pub auth_failures: u64,
    /// The most memory the keyspace has used, in bytes.
    pub peak_memory: u64,
    /// Commands a second.
    pub command_rate: Rate,
    /// Bytes received a second.
    pub input_rate: Rate,
    /// Bytes sent a second.
    pub output_rate: Rate,
    errors: BTreeMap<Box<[u8]>, u64>,
    by_command: Vec<CommandStats>,
}

impl Default for Stats {
    fn default() -> Self {
        Self {
            commands: 0,
            connections: 0,
            full_syncs: 0,
            partial_syncs: 0,
            rejected_connections: 0,
            input_bytes: 0,
            output_bytes: 0,
            reads: 0,
            writes: 0,
            error_replies: 0,
            output_limit_disconnections: 0,
            evicted_clients: 0,
            query_limit_disconnections: 0,
            auth_failures: 0,
            peak_memory: 0,
            command_rate: Rate::default(),
            input_rate: Rate::default(),
            output_rate: Rate::default(),
            errors: BTreeMap::new(),
            by_command: vec![CommandStats::default(); table().all().len()],
        }
    }
}

impl Stats {
    /// Counts an error reply whose first word is `code`.
    pub fn count_error(&mut self, code: &[u8]) {
        self.error_replies += 1;
        if let Some(count) = self.errors.get_mut(code) {
            *count += 1;
        } else if self.errors.len() < ERROR_CODES_MAX {
            self.errors.insert(code.into(), 1);
        }
    }

    /// The error codes that were answered, with how often.
    pub fn errors(&self) -> impl Iterator<Item = (&[u8], u64)> {
        self.errors
            .iter()
            .map(|(code, count)| (code.as_ref(), *count))
    }

    /// What was counted of `command`.
    #[must_use]
    pub fn of(&self, command: &Command) -> Option<&CommandStats> {
        self.by_command.get(command.id)
    }

    /// What was counted of `command`.
    #[inline]
    pub fn of_mut(&mut self, command: &Command) -> Option<&mut CommandStats> {
        self.by_command.get_mut(command.id)
    }

    /// The commands that were called or refused, with what was counted.
    pub fn by_command(&self) -> impl Iterator<Item = (&'static Command, &CommandStats)> {
        let rows = table().all().iter().zip(&self.by_command);
        rows.filter(|(_, stats)| stats.calls + stats.rejected > 0)
    }

    /// Counts a call of `command` and says whether to time it.
    #[inline]
    pub fn begin(&mut self, command: &Command, slowlog_us: i64) -> bool {
        self.commands += 1;
        let Some(stats) = self.by_command.get_mut(command.id) else {
            return false;
        };
        let nth = stats.calls;
        stats.calls += 1;
        !command.is_brief
            || nth < EXACT_CALLS
            || nth.is_multiple_of(SAMPLE_EVERY)
            || (0..EXACT_BELOW_US).contains(&slowlog_us)
    }

    /// Notes where the counts stand, `elapsed_ms` after the time before.
    pub fn read_rates(&mut self, elapsed_ms: u64) {
        self.command_rate.read(self.commands, elapsed_ms);
        self.input_rate.read(self.input_bytes, elapsed_ms);
        self.output_rate.read(self.output_bytes, elapsed_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brief_commands_are_timed_now_and_then_and_their_time_scaled_up() {
        let mut stats = Stats::default();
        let ping = table().find(b"ping").unwrap();
        let timed = (0..192).filter(|_| stats.begin(ping, 10_000)).count();
        assert_eq!(timed, 64 + 2);
        stats.of_mut(ping).unwrap().time(500, true);
        assert_eq!(stats.of(ping).unwrap().total_ns(), 192 * 500);
        assert!(
            stats.begin(ping, 0),
            "a slow log of everything needs every call timed"
        );
        let info = table().find(b"info").unwrap();
        assert!((0..10).all(|_| stats.begin(info, 10_000)));
    }

    #[test]
    fn errors_are_counted_by_their_code() {
        let mut stats = Stats::default();
        [&b"ERR"[..], b"OOM", b"ERR"]
            .iter()
            .for_each(|code| stats.count_error(code));
        assert_eq!(
            stats.errors().collect::<Vec<_>>(),
            [(&b"ERR"[..], 2), (b"OOM", 1)]
        );
        assert_eq!(stats.error_replies, 3);
    }

    #[test]
    fn a_rate_is_the_mean_of_its_readings() {
        let mut rate = Rate::default();
        (1..=16).for_each(|second| rate.read(second * 100, 100));
        assert_eq!(rate.per_second(), 1000);
    }
}
