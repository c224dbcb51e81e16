//! The unit that a figure is spoken of in.

use schemars::JsonSchema;
use serde::Serialize;

use crate::stats::human;
use crate::workload::plan::{Measure, Metric};

/// A unit. Figures are kept in the base unit: shares from 0 to 1, seconds, bytes, a number a second, a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// A share, said in percent.
    Share,
    /// A time.
    Seconds,
    /// A size.
    Bytes,
    /// So many a second.
    Rate,
    /// So many.
    Count,
}

impl Unit {
    /// `value` as people read it.
    #[must_use]
    pub fn say(self, value: f64) -> String {
        match self {
            Self::Share => human::percent(value),
            Self::Seconds => human::seconds(value),
            Self::Bytes => human::bytes(value),
            Self::Rate => format!("{}/s", human::short(value)),
            Self::Count if value.fract() == 0.0 || value >= 100.0 => {
                human::count(value.max(0.0).round() as u64)
            }
            Self::Count => human::short(value),
        }
    }

    /// The unit of something measured.
    #[must_use]
    pub fn of(metric: Metric) -> Self {
        match metric {
            Metric::GroupSurvival(_) | Metric::Fidelity => Self::Share,
            Metric::EvictedKeys | Metric::LostWrites => Self::Count,
            Metric::UsedMemory => Self::Bytes,
            Metric::Phase(_, measure)
            | Metric::Operation(_, _, measure)
            | Metric::Space(_, _, measure) => match measure {
                Measure::Operations
                | Measure::Errors
                | Measure::Hits
                | Measure::Misses
                | Measure::Corrupt
                | Measure::Foreign
                | Measure::Distinct
                | Measure::Delivered
                | Measure::Lost
                | Measure::Undetermined
                | Measure::OutOfOrder
                | Measure::Exponent => Self::Count,
                Measure::Throughput | Measure::BusiestNodeRate => Self::Rate,
                Measure::ErrorRate
                | Measure::HitRatio
                | Measure::HottestShare
                | Measure::BusiestNodeShare
                | Measure::IdealHitRatio => Self::Share,
                Measure::LatencyMean
                | Measure::LatencyMax
                | Measure::LatencyPercentile(_)
                | Measure::DeliveryMean
                | Measure::DeliveryMax
                | Measure::DeliveryPercentile(_) => Self::Seconds,
            },
        }
    }
}
