//! The last second of a phase under way, from how far it had come at moments within it.

use std::collections::VecDeque;

use super::Progress;
use crate::drive::Advance;

/// How far back the last second goes, nanoseconds.
const SPAN_NS: u64 = 1_000_000_000;
/// Moments kept; the drive tells one about every tenth of a second and worker.
const MOMENTS_MAX: usize = 64;

/// The last second.
#[derive(Debug, Default)]
pub(super) struct Recent {
    /// Oldest first; the first is the last one that is at least [`SPAN_NS`] old, if any is.
    moments: VecDeque<Advance>,
}

impl Recent {
    /// The phase has come to `now`.
    pub(super) fn progress(&mut self, now: &Advance) -> Progress {
        let is_old = |moment: &Advance| now.elapsed_ns.saturating_sub(moment.elapsed_ns) >= SPAN_NS;
        while self.moments.len() >= MOMENTS_MAX || self.moments.get(1).is_some_and(is_old) {
            self.moments.pop_front();
        }
        let progress = match self.moments.front() {
            Some(before) => between(before, now),
            None => between(&Advance::default(), now),
        };
        self.moments.push_back(now.clone());
        progress
    }
}

fn between(before: &Advance, now: &Advance) -> Progress {
    let seconds = |ns: u64| ns as f64 * 1e-9;
    let counts = now.counts.since(&before.counts);
    let passed_s = seconds(now.elapsed_ns.saturating_sub(before.elapsed_ns));
    let per_second = |count: u64| {
        if passed_s > 0.0 {
            count as f64 / passed_s
        } else {
            0.0
        }
    };
    let reads = counts.hits + counts.misses;
    let latencies = now.latencies.since(&before.latencies);
    let deliveries = now.deliveries.since(&before.deliveries);
    Progress {
        elapsed_s: seconds(now.elapsed_ns),
        rate: per_second(counts.operations),
        due_rate: per_second(now.due.saturating_sub(before.due)),
        hit_ratio: (reads > 0).then(|| counts.hits as f64 / reads as f64),
        p50_s: latencies.quantile_ns(0.5).map(seconds),
        p99_s: latencies.quantile_ns(0.99).map(seconds),
        delivery_rate: per_second(deliveries.count()),
        delivery_p99_s: deliveries.quantile_ns(0.99).map(seconds),
        so_far: now.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drive::tally::Counts;

    fn at(elapsed_ms: u64, operations: u64, hits: u64, misses: u64) -> Advance {
        Advance {
            elapsed_ns: elapsed_ms * 1_000_000,
            counts: Counts {
                operations,
                hits,
                misses,
                errors: 0,
            },
            ..Advance::default()
        }
    }

    #[test]
    fn figures_are_of_the_last_second_only() {
        let mut recent = Recent::default();
        let first = recent.progress(&at(500, 1_000, 0, 100));
        assert_eq!((first.rate, first.hit_ratio), (2_000.0, Some(0.0)));
        for step in 1..=20 {
            recent.progress(&at(500 + step * 100, 1_000 + step * 10, step, 100));
        }
        let last = recent.progress(&at(2_600, 1_210, 21, 100));
        assert!((last.rate - 100.0).abs() < 1e-9, "{}", last.rate);
        assert_eq!((last.hit_ratio, last.p50_s), (Some(1.0), None));
        assert_eq!(last.so_far.counts.operations, 1_210);
    }
}
