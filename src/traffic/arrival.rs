//! When requests are due: the arrival process of a phase.
//!
//! The process belongs to the phase, not to a worker: every worker goes through the same due times and takes those
//! whose turn is its own, so that together the workers send exactly what was asked for, however many they are.
//! Constant and varying rates find the time of request `n` by inverting the number of arrivals until then; a Poisson
//! process adds up gaps.

use super::Stream;
use crate::workload::plan::{Pace, Stretch};

const NS_PER_S: f64 = 1e9;

/// Due times of one worker of a phase, nanoseconds from its begin, in order.
#[derive(Debug, Clone)]
pub struct Arrivals {
    process: Process,
    /// Number of the next request among those of all workers.
    next: u64,
    workers: u64,
}

#[derive(Debug, Clone)]
enum Process {
    Constant { period_ns: f64 },
    Poisson(Poisson),
    Profile(Profile),
}

impl Arrivals {
    /// Due times of worker `worker` of `workers` under `pace`, with chance from `stream`, which must be the same for all
    /// workers; none on a closed loop, which has no due times.
    #[must_use]
    pub fn new(pace: &Pace, stream: Stream, worker: u64, workers: u64) -> Option<Self> {
        let process = match pace {
            Pace::Closed => return None,
            Pace::Rate(per_second) => Process::Constant {
                period_ns: NS_PER_S / per_second,
            },
            Pace::Poisson(per_second) => Process::Poisson(Poisson {
                mean_ns: NS_PER_S / per_second,
                stream,
                at_ns: 0.0,
                drawn: 0,
            }),
            Pace::Profile(stretches) => Process::Profile(Profile::new(stretches)),
        };
        Some(Self {
            process,
            next: worker,
            workers: workers.max(1),
        })
    }

    /// The next due time.
    #[inline]
    pub fn draw(&mut self) -> u64 {
        let number = self.next;
        self.next += self.workers;
        let due_ns = match &mut self.process {
            Process::Constant { period_ns } => number as f64 * *period_ns,
            Process::Poisson(poisson) => poisson.due_ns(number),
            Process::Profile(profile) => profile.due_ns(number as f64),
        };
        due_ns as u64
    }
}

/// A jump keeps so far from where it is headed, for what rounding may be wrong.
const SHORT_OF: f64 = 4.0;

impl Arrivals {
    /// Passes due times that are all before `end_ns`, at most `limit`, without going through them one by one: most of them
    /// where the process tells how many there are, none where it must be drawn. Says how many.
    pub fn skip(&mut self, end_ns: u64, limit: u64) -> u64 {
        let until = match &self.process {
            Process::Constant { period_ns } => end_ns as f64 / period_ns,
            Process::Poisson(_) => return 0,
            Process::Profile(profile) => profile.number_at(end_ns as f64),
        };
        let more =
            (until * (1.0 - f64::EPSILON) - SHORT_OF - self.next as f64) / self.workers as f64;
        let skipped = (more.max(0.0) as u64).min(limit);
        self.next += skipped * self.workers;
        skipped
    }
}

/// Independent, exponentially distributed gaps.
#[derive(Debug, Clone)]
struct Poisson {
    mean_ns: f64,
    stream: Stream,
    at_ns: f64,
    /// Arrivals so far.
    drawn: u64,
}

impl Poisson {
    /// When arrival `number` is due; numbers must grow.
    fn due_ns(&mut self, number: u64) -> f64 {
        while self.drawn <= number {
            // Above 0 and at most 1, so that the logarithm is finite.
            let chance = ((self.stream.word() >> 11) + 1) as f64 / (1_u64 << 53) as f64;
            self.at_ns -= chance.ln() * self.mean_ns;
            self.drawn += 1;
        }
        self.at_ns
    }
}

/// A rate that changes linearly within stretches; after the last one it stays as it was at its end.
#[derive(Debug, Clone)]
struct Profile(Vec<Piece>);

#[derive(Debug, Clone, Copy)]
struct Piece {
    began_ns: f64,
    /// Arrivals before this piece.
    before: f64,
    /// Arrivals per nanosecond when it begins.
    rate: f64,
    /// By how much the rate grows in a nanosecond.
    slope: f64,
}

impl Profile {
    fn new(stretches: &[Stretch]) -> Self {
        let (mut began_ns, mut before) = (0.0, 0.0);
        let mut pieces = Vec::with_capacity(stretches.len() + 1);
        let mut last = 0.0;
        for stretch in stretches {
            let length_ns = stretch.length.as_nanos() as f64;
            let (rate, end) = (stretch.from / NS_PER_S, stretch.to / NS_PER_S);
            let slope = (end - rate) / length_ns.max(1.0);
            pieces.push(Piece {
                began_ns,
                before,
                rate,
                slope,
            });
            began_ns += length_ns;
            before += length_ns * (rate + end) / 2.0;
            last = end;
        }
        pieces.push(Piece {
            began_ns,
            before,
            rate: last,
            slope: 0.0,
        });
        Self(pieces)
    }

    /// Arrivals until `at_ns`, the area under the rate.
    fn number_at(&self, at_ns: f64) -> f64 {
        let after = self.0.partition_point(|piece| piece.began_ns <= at_ns);
        let Some(piece) = self.0.get(after.saturating_sub(1)) else {
            return 0.0;
        };
        let more_ns = at_ns - piece.began_ns;
        piece.before + more_ns * (piece.rate + piece.slope * more_ns / 2.0)
    }

    /// When there have been `number` arrivals: within its piece the number after `t` is `rate t + slope t^2 / 2`, which
    /// is solved for `t` in the form that does not cancel.
    fn due_ns(&self, number: f64) -> f64 {
        let after = self.0.partition_point(|piece| piece.before <= number);
        let Some(piece) = self.0.get(after.saturating_sub(1)) else {
            return f64::INFINITY;
        };
        let more = number - piece.before;
        let root = (piece.rate * piece.rate + 2.0 * piece.slope * more).max(0.0);
        let divisor = piece.rate + root.sqrt();
        piece.began_ns
            + if more > 0.0 {
                2.0 * more / divisor
            } else {
                0.0
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    /// The due times of all workers below `end_ns`, in order.
    fn together(pace: &Pace, workers: u64, end_ns: u64) -> Vec<u64> {
        let mut all = Vec::new();
        for worker in 0..workers {
            let stream = Stream::of_arrivals(7, 0, 0);
            let mut arrivals = Arrivals::new(pace, stream, worker, workers).unwrap();
            all.extend(
                std::iter::from_fn(|| Some(arrivals.draw())).take_while(|due| *due < end_ns),
            );
        }
        all.sort_unstable();
        all
    }

    fn stretch(from: f64, to: f64, seconds: u64) -> Stretch {
        Stretch {
            from,
            to,
            length: Duration::from_secs(seconds),
        }
    }

    #[test]
    fn however_many_workers_they_send_the_same_together() {
        for pace in [
            Pace::Rate(1234.5),
            Pace::Poisson(1234.5),
            Pace::Profile(vec![stretch(100.0, 2000.0, 1), stretch(500.0, 500.0, 1)]),
        ] {
            let one = together(&pace, 1, 3_000_000_000);
            for workers in [2, 3, 7] {
                assert_eq!(one, together(&pace, workers, 3_000_000_000), "{pace:?}");
            }
        }
    }

    #[test]
    fn what_is_skipped_is_what_would_have_been_drawn() {
        for pace in [
            Pace::Rate(3e6),
            Pace::Poisson(3e6),
            Pace::Profile(vec![stretch(1e6, 9e6, 1), stretch(0.0, 5e6, 1)]),
        ] {
            let stream = Stream::of_arrivals(7, 0, 0);
            let mut arrivals = Arrivals::new(&pace, stream, 1, 3).unwrap();
            for end_ns in [5_000, 1_000_000, 999_999_999, 1_500_000_000, 2_500_000_001] {
                let mut all = arrivals.clone();
                let skipped = arrivals.skip(end_ns, u64::MAX);
                let last = (0..skipped).map(|_| all.draw()).last();
                assert!(last < Some(end_ns), "{pace:?}: {last:?} of {end_ns}");
                assert_eq!(arrivals.clone().draw(), all.draw());
                let left =
                    std::iter::from_fn(|| Some(arrivals.draw())).take_while(|due| *due < end_ns);
                assert!(
                    matches!(pace, Pace::Poisson(_)) || left.count() <= 8,
                    "{pace:?} before {end_ns}"
                );
            }
        }
    }

    #[test]
    fn a_ramp_sends_the_area_under_it() {
        let ramp = Pace::Profile(vec![stretch(1_000.0, 3_000.0, 10)]);
        let due = together(&ramp, 1, 20_000_000_000);
        let until = |seconds: f64| {
            due.iter()
                .filter(|ns| **ns < (seconds * 1e9) as u64)
                .count()
        };
        // 1,000 t + 100 t^2, and 3,000 a second from the tenth second on.
        for (seconds, expected) in [(1.0, 1_100), (5.0, 7_500), (10.0, 20_000), (20.0, 50_000)] {
            assert!(
                until(seconds).abs_diff(expected) <= 1,
                "{seconds}: {}",
                until(seconds)
            );
        }
    }

    #[test]
    fn steps_have_their_own_rates() {
        let steps = Pace::Profile(vec![
            stretch(1_000.0, 1_000.0, 2),
            stretch(5_000.0, 5_000.0, 2),
        ]);
        let due = together(&steps, 1, 4_000_000_000);
        assert_eq!(due.len(), 12_000);
        assert_eq!(due.iter().filter(|ns| **ns < 2_000_000_000).count(), 2_000);
        assert_eq!(
            (due[1] - due[0], due[2_001] - due[2_000]),
            (1_000_000, 200_000)
        );
    }

    #[test]
    fn poisson_arrivals_scatter_as_they_should() {
        let due = together(&Pace::Poisson(100_000.0), 1, 10_000_000_000);
        let counts = |width_ns: u64| {
            let mut counts = vec![0_u64; (10_000_000_000 / width_ns) as usize];
            due.iter()
                .for_each(|ns| counts[(ns / width_ns) as usize] += 1);
            counts
        };
        let counts = counts(1_000_000);
        let mean = counts.iter().sum::<u64>() as f64 / counts.len() as f64;
        let variance = counts
            .iter()
            .map(|n| (*n as f64 - mean).powi(2))
            .sum::<f64>()
            / counts.len() as f64;
        // A million arrivals: the mean is known to 0.1 %, the ratio of variance to mean to 1.4 %.
        assert!((mean - 100.0).abs() < 0.4, "{mean}");
        assert!((variance / mean - 1.0).abs() < 0.06, "{}", variance / mean);
    }

    proptest! {
        #[test]
        fn due_times_do_not_run_backwards(
            shape in prop::collection::vec((1.0..1e6_f64, 1.0..1e6_f64, 1_u64..1_000_000), 1..6),
        ) {
            let stretches = shape.iter().map(|(from, to, us)| Stretch {
                from: *from,
                to: *to,
                length: Duration::from_micros(*us),
            });
            let pace = Pace::Profile(stretches.collect());
            let mut arrivals = Arrivals::new(&pace, Stream::of_arrivals(1, 0, 0), 0, 1).unwrap();
            let mut before = arrivals.draw();
            for _ in 0..1_000 {
                let due = arrivals.draw();
                prop_assert!(due + 1 >= before, "{before} then {due}");
                before = due;
            }
        }
    }
}
