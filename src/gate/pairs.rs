//! The decision of an A/B: two servers that took turns in short slices of one load, second for second.
//!
//! What the machine does meets both alike, so that the logarithm of their ratio is what is left: its Hodges-Lehmann estimate
//! with the exact signed-rank interval ([`signed_rank`]), step by step over the metrics so that all verdicts together are
//! wrong as seldom as one alone would be (S. Holm, 1979). Where the intervals are too wide, more pairs are asked for, up to
//! [`LOOKS`]; looking three times at [`ALPHA`] is wrong as seldom as looking once at 5 % (S. J. Pocock, Group sequential
//! methods in the design and analysis of clinical trials, Biometrika 64:2, 1977).
//!
//! The baseline takes part twice. If it differs from itself, the machine is unfit to tell, and nothing is called worse.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::stats::signed_rank;

/// Pairs after which is looked.
pub const LOOKS: [usize; 3] = [30, 60, 120];
/// Chance of a false difference in a look, over all metrics.
pub const ALPHA: f64 = 0.022;

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Requests answered per second.
    Throughput,
    /// Mean latency.
    Mean,
    /// Median latency.
    P50,
    /// 99th percentile of the latency.
    P99,
    /// Memory in use on the server.
    Memory,
}

impl Metric {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 5] = [
        Self::Throughput,
        Self::Mean,
        Self::P50,
        Self::P99,
        Self::Memory,
    ];

    /// As reports call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Throughput => "throughput",
            Self::Mean => "mean latency",
            Self::P50 => "p50 latency",
            Self::P99 => "p99 latency",
            Self::Memory => "memory",
        }
    }

    /// Changes up to this share do not matter.
    #[must_use]
    pub fn floor(self) -> f64 {
        match self {
            Self::Throughput | Self::Mean | Self::P50 => 0.03,
            Self::P99 => 0.15,
            Self::Memory => 0.01,
        }
    }

    fn of(self, figures: &Figures) -> Option<f64> {
        match self {
            Self::Throughput => Some(figures.throughput),
            Self::Mean => Some(figures.mean_s),
            Self::P50 => Some(figures.p50_s),
            Self::P99 => Some(figures.p99_s),
            Self::Memory => figures.used_memory_bytes.map(|bytes| bytes as f64),
        }
    }

    /// How much of it one side had for each of what another had; nothing where that cannot be told.
    #[must_use]
    pub fn ratio(self, one: &Figures, other: &Figures) -> Option<f64> {
        let ratio = self.of(one)? / self.of(other)?;
        (ratio.is_finite() && ratio > 0.0).then_some(ratio)
    }

    /// 1 where more is worse, -1 where less is.
    fn worse(self) -> f64 {
        if self == Self::Throughput { -1.0 } else { 1.0 }
    }
}

/// What one server did in its slices of one pair.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Figures {
    /// Requests answered per second of its slices.
    pub throughput: f64,
    /// Mean latency, seconds.
    pub mean_s: f64,
    /// Median latency, seconds.
    pub p50_s: f64,
    /// 99th percentile, seconds.
    pub p99_s: f64,
    /// Memory in use at the end of the pair, bytes, where the server tells.
    pub used_memory_bytes: Option<u64>,
}

/// A second of load in which all sides took turns.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Pair {
    /// The baseline.
    pub baseline: Figures,
    /// The baseline once more.
    pub again: Figures,
    /// What is judged.
    pub candidate: Figures,
}

/// What can be said of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The interval lies wholly beyond the floor on the bad side.
    Worse,
    /// The interval lies wholly within the floor.
    Same,
    /// The interval lies wholly beyond the floor on the good side.
    Better,
    /// The interval crosses the floor.
    CannotTell,
}

/// A metric of the candidate beside the baseline. Changes are shares of the baseline: 0.05 is 5 % more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Compared {
    /// Which metric.
    pub metric: Metric,
    /// The Hodges-Lehmann estimate of the change.
    pub change: f64,
    /// Lower end of the interval of the change.
    pub low: f64,
    /// Upper end of the interval of the change.
    pub high: f64,
    /// How sure the interval is, after Holm's correction.
    pub level: f64,
    /// Changes up to this share do not matter.
    pub floor: f64,
    /// What can be said.
    pub verdict: Verdict,
    /// The smallest change for the worse that an interval this wide would have shown.
    pub smallest_shown: f64,
}

/// What an A/B comes to after some pairs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Decision {
    /// How many pairs were looked at.
    pub pairs: usize,
    /// The candidate beside the baseline, a metric each.
    pub candidate: Vec<Compared>,
    /// The baseline beside itself.
    pub again: Vec<Compared>,
    /// The metrics in which the baseline differs from itself.
    pub unfit: Vec<Metric>,
}

impl Decision {
    /// The verdict over all metrics: one that is worse decides, then one that cannot be told, then one that is better. What
    /// the machine is unfit to tell cannot be told.
    #[must_use]
    pub fn overall(&self) -> Verdict {
        let has = |wanted| self.candidate.iter().any(|one| self.of(one) == wanted);
        let order = [Verdict::Worse, Verdict::CannotTell, Verdict::Better];
        order
            .into_iter()
            .find(|verdict| has(*verdict))
            .unwrap_or(if self.candidate.is_empty() {
                Verdict::CannotTell
            } else {
                Verdict::Same
            })
    }

    /// The verdict on one metric, the machine's fitness considered.
    #[must_use]
    pub fn of(&self, compared: &Compared) -> Verdict {
        if self.is_unfit_for(compared.metric) {
            Verdict::CannotTell
        } else {
            compared.verdict
        }
    }

    /// Whether the machine cannot be trusted with `metric`: a baseline that differs from itself in one time may do so in all.
    #[must_use]
    pub fn is_unfit_for(&self, metric: Metric) -> bool {
        let is_time = |metric: &Metric| *metric != Metric::Memory;
        self.unfit
            .iter()
            .any(|one| is_time(one) == is_time(&metric))
    }

    /// Whether more pairs could tell more: something cannot be told that the machine is fit to tell, and nothing is worse.
    #[must_use]
    pub fn wants_more(&self) -> bool {
        self.overall() == Verdict::CannotTell
    }
}

/// The number of pairs to have before the next look, after `pairs` of them; none after the last look.
#[must_use]
pub fn next_look(pairs: usize) -> Option<usize> {
    LOOKS.into_iter().find(|look| *look > pairs)
}

/// Decides all metrics that every pair has.
#[must_use]
pub fn decide(pairs: &[Pair]) -> Decision {
    let candidate = compare(pairs, |pair| pair.candidate);
    let again = compare(pairs, |pair| pair.again);
    let differs = |one: &&Compared| matches!(one.verdict, Verdict::Worse | Verdict::Better);
    let unfit = again.iter().filter(differs).map(|one| one.metric).collect();
    Decision {
        pairs: pairs.len(),
        candidate,
        again,
        unfit,
    }
}

/// Log ratios of one metric, turned so that more is worse.
struct Series {
    metric: Metric,
    costs: Vec<f64>,
    /// The chance of such ratios if the change were just at the floor.
    p_value: f64,
}

fn compare(pairs: &[Pair], side: impl Fn(&Pair) -> Figures) -> Vec<Compared> {
    let of = |metric| series(metric, pairs, &side);
    let mut series: Vec<Series> = Metric::ALL.into_iter().filter_map(of).collect();
    series.sort_by(|a, b| a.p_value.total_cmp(&b.p_value));
    let (mut left, mut compared) = (series.len(), Vec::new());
    for one in &series {
        let found = one.compared(1.0 - ALPHA / left.max(1) as f64);
        // Holm: once something cannot be told, what is less certain is held to the same level.
        if found
            .as_ref()
            .is_some_and(|found| found.verdict != Verdict::CannotTell)
        {
            left = left.saturating_sub(1);
        }
        compared.extend(found);
    }
    compared.sort_by_key(|one| Metric::ALL.iter().position(|metric| *metric == one.metric));
    compared
}

/// Nothing where a pair lacks the metric, or has nothing of it.
fn series(metric: Metric, pairs: &[Pair], side: &impl Fn(&Pair) -> Figures) -> Option<Series> {
    let cost = |pair: &Pair| {
        let ratio = metric.ratio(&side(pair), &pair.baseline)?;
        Some(metric.worse() * ratio.ln())
    };
    let costs: Vec<f64> = pairs.iter().map(cost).collect::<Option<_>>()?;
    let floor = metric.floor().ln_1p();
    let beside = |edge: f64| {
        let shifted: Vec<f64> = costs.iter().map(|cost| cost - edge).collect();
        signed_rank::p_value(&shifted)
    };
    let p_value = beside(floor)?.max(beside(-floor)?);
    Some(Series {
        metric,
        p_value,
        costs,
    })
}

impl Series {
    fn compared(&self, level: f64) -> Option<Compared> {
        let found = signed_rank::estimate(&self.costs, level)?;
        let floor = self.metric.floor().ln_1p();
        let verdict = if found.low > floor {
            Verdict::Worse
        } else if found.high < -floor {
            Verdict::Better
        } else if found.low > -floor && found.high < floor {
            Verdict::Same
        } else {
            Verdict::CannotTell
        };
        let change = |cost: f64| (self.metric.worse() * cost).exp_m1();
        let ends = (change(found.low), change(found.high));
        Some(Compared {
            metric: self.metric,
            change: change(found.centre),
            low: ends.0.min(ends.1),
            high: ends.0.max(ends.1),
            level,
            floor: self.metric.floor(),
            verdict,
            smallest_shown: change(floor + (found.centre - found.low)).abs(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pairs whose candidate takes `cost` times as long, under a noise of that standard deviation, roughly normal.
    fn pairs(count: usize, cost: f64, noise: f64, seed: u64) -> Vec<Pair> {
        let mut stream = crate::traffic::Stream::new(seed, 0, 0, 0);
        let mut normal = move || {
            let sum: f64 = (0..12)
                .map(|_| stream.word() as f64 / u64::MAX as f64)
                .sum();
            sum - 6.0
        };
        let mut figures = move |cost: f64| {
            let factor = cost * (noise * normal()).exp();
            Figures {
                throughput: 100_000.0 / factor,
                mean_s: 10e-6 * factor,
                p50_s: 9e-6 * factor,
                p99_s: 40e-6 * factor * (2.0 * noise * normal()).exp(),
                used_memory_bytes: Some((1e6 * cost) as u64),
            }
        };
        (0..count)
            .map(|_| Pair {
                baseline: figures(1.0),
                again: figures(1.0),
                candidate: figures(cost),
            })
            .collect()
    }

    fn verdict(decision: &Decision, metric: Metric) -> Verdict {
        decision
            .candidate
            .iter()
            .find(|one| one.metric == metric)
            .unwrap()
            .verdict
    }

    #[test]
    fn a_large_change_is_worse_its_inverse_better_and_none_the_same() {
        let slower = decide(&pairs(30, 1.3, 0.02, 1));
        assert_eq!(
            (slower.overall(), verdict(&slower, Metric::Throughput)),
            (Verdict::Worse, Verdict::Worse)
        );
        let throughput = &slower.candidate[0];
        assert!(
            (throughput.change - (1.0 / 1.3 - 1.0)).abs() < 0.02,
            "{throughput:?}"
        );
        let faster = decide(&pairs(30, 1.0 / 1.3, 0.02, 2));
        assert_eq!(faster.overall(), Verdict::Better);
        let same = decide(&pairs(30, 1.0, 0.01, 3));
        assert_eq!(same.overall(), Verdict::Same, "{same:?}");
        assert!(
            same.candidate
                .iter()
                .all(|one| one.low <= one.change && one.change <= one.high)
        );
    }

    #[test]
    fn noise_cannot_tell_and_names_what_it_could_have_shown() {
        let noisy = decide(&pairs(30, 1.005, 0.15, 4));
        assert_eq!(noisy.overall(), Verdict::CannotTell);
        assert!(noisy.wants_more());
        let throughput = &noisy.candidate[0];
        assert!(
            throughput.smallest_shown > 0.06 && throughput.smallest_shown < 0.25,
            "{throughput:?}"
        );
    }

    #[test]
    fn a_baseline_that_differs_from_itself_makes_the_machine_unfit() {
        let mut pairs = pairs(30, 1.3, 0.01, 5);
        for pair in &mut pairs {
            pair.again.throughput *= 0.8;
        }
        let decision = decide(&pairs);
        assert_eq!(decision.unfit, [Metric::Throughput]);
        assert_eq!(decision.of(&decision.candidate[0]), Verdict::CannotTell);
        assert_eq!(verdict(&decision, Metric::Throughput), Verdict::Worse);
    }

    #[test]
    fn a_metric_that_a_server_does_not_tell_is_left_out() {
        let mut pairs = pairs(30, 1.0, 0.01, 6);
        pairs[7].candidate.used_memory_bytes = None;
        let decision = decide(&pairs);
        assert_eq!((decision.candidate.len(), decision.again.len()), (4, 5));
        assert_eq!(decide(&[]).overall(), Verdict::CannotTell);
    }

    /// The smallest p-value counts for all metrics, the next for all but one, and so on.
    #[test]
    fn levels_follow_holm() {
        let mut levels: Vec<f64> = decide(&pairs(30, 1.3, 0.02, 7))
            .candidate
            .iter()
            .map(|one| one.level)
            .collect();
        levels.sort_by(f64::total_cmp);
        let expected = [1.0, 2.0, 3.0, 4.0, 5.0].map(|left| 1.0 - ALPHA / left);
        assert!(
            levels
                .iter()
                .zip(expected)
                .all(|(found, expected)| (found - expected).abs() < 1e-12),
            "{levels:?}"
        );
    }

    #[test]
    fn looks_come_at_30_60_and_120() {
        assert_eq!(
            [0, 29, 30, 60, 119].map(next_look),
            [Some(30), Some(30), Some(60), Some(120), Some(120)]
        );
        assert_eq!(next_look(120), None);
    }

    /// Under noise as it was measured in 5 ms slices, whole gates with all their looks: few false alarms, most changes found.
    #[test]
    fn false_alarms_are_rare_and_changes_of_ten_percent_are_found() {
        let worse = |cost: f64, seed: u64| {
            let all = pairs(120, cost, 0.032, seed);
            let decided = LOOKS
                .iter()
                .map(|look| decide(&all[..*look]))
                .find(|one| !one.wants_more());
            decided.is_some_and(|one| one.overall() == Verdict::Worse)
        };
        let alarms = (0..200).filter(|seed| worse(1.0, *seed)).count();
        let found = (0..50).filter(|seed| worse(1.1, 1000 + *seed)).count();
        assert!(
            alarms <= 2 && found >= 48,
            "{alarms} false alarms of 200, {found} of 50 found"
        );
    }
}
