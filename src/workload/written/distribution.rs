//! Distributions over keys, as written.

use schemars::JsonSchema;
use serde::Deserialize;

use super::or_bare_name;
use crate::workload::reader::{At, Given};
use crate::workload::units::{Flag, KeyRange, Number, Plain, Portion};

/// How keys are drawn from a range: in `keys`, with the range, or in `order`, beside it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "distribution", rename_all = "snake_case")]
#[schemars(transform = or_bare_name)]
pub(in crate::workload) enum Distribution {
    /// First to last, and round again.
    Sequential(Sequential),
    /// Every key equally likely.
    Uniform(Uniform),
    /// Zipf's law: few keys hot, many cold; the first key is the hottest.
    Zipfian(Zipfian),
    /// As YCSB's `zipfian` picks records: a rank over 10^10 items, hashed into the range. Flatter than Zipf's law: a tenth of
    /// 1 M keys gets 54% of the requests, where `zipfian` gives it 83%.
    YcsbZipfian(Uniform),
    /// The first keys get most of the requests, evenly, and the others the rest.
    Hotspot(Hotspot),
    /// The newest keys are the hottest, by Zipf's law: the last key of the range, until one is inserted behind it.
    Latest(Latest),
    /// A bell over the range.
    Gaussian(Gaussian),
    /// The newest keys are the hottest, each less so than the next newer one by the same factor: YCSB's `exponential`.
    Exponential(Exponential),
    /// Any popularity, in pieces of the range, listed or from a file.
    Popularity(Popularity),
}

impl Distribution {
    /// The names of those that need no settings.
    pub(in crate::workload) const NAMES: [&str; 8] = [
        "sequential",
        "uniform",
        "zipfian",
        "ycsb_zipfian",
        "hotspot",
        "latest",
        "gaussian",
        "exponential",
    ];

    /// The one called `name`, over all keys, without settings.
    pub(in crate::workload) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "sequential" => Self::Sequential(Sequential::default()),
            "uniform" => Self::Uniform(Uniform::default()),
            "zipfian" => Self::Zipfian(Zipfian::default()),
            "ycsb_zipfian" => Self::YcsbZipfian(Uniform::default()),
            "hotspot" => Self::Hotspot(Hotspot::default()),
            "latest" => Self::Latest(Latest::default()),
            "gaussian" => Self::Gaussian(Gaussian::default()),
            "exponential" => Self::Exponential(Exponential::default()),
            _ => return None,
        })
    }

    /// The keys that may be drawn.
    pub(in crate::workload) fn range(&self) -> &Given<KeyRange> {
        match self {
            Self::Sequential(of) => &of.range,
            Self::Uniform(of) | Self::YcsbZipfian(of) => &of.range,
            Self::Zipfian(of) => &of.range,
            Self::Hotspot(of) => &of.range,
            Self::Latest(of) => &of.range,
            Self::Gaussian(of) => &of.range,
            Self::Exponential(of) => &of.range,
            Self::Popularity(of) => &of.range,
        }
    }

    /// Whether hot keys are spread over the range; nothing for those that cannot be told to.
    pub(in crate::workload) fn scattered(&self) -> Option<&Given<Flag>> {
        match self {
            Self::Sequential(of) => Some(&of.scattered),
            Self::Zipfian(of) => Some(&of.scattered),
            Self::Hotspot(of) => Some(&of.scattered),
            Self::Gaussian(of) => Some(&of.scattered),
            Self::Popularity(of) => Some(&of.scattered),
            Self::Uniform(_) | Self::YcsbZipfian(_) | Self::Latest(_) | Self::Exponential(_) => {
                None
            }
        }
    }
}

/// First to last, and round again.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(
    rename = "sequential",
    default,
    deny_unknown_fields,
    expecting = "a map that may hold `range` and `scattered`"
)]
pub(in crate::workload) struct Sequential {
    /// The keys that may be drawn.
    #[schemars(extend("default" = "all"))]
    range: Given<KeyRange>,
    /// In an order of the seed's own, in which every key comes once before any comes again.
    #[schemars(extend("default" = false))]
    scattered: Given<Flag>,
}

/// A range without further settings.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(
    rename = "drawn_from",
    default,
    deny_unknown_fields,
    expecting = "a map that may hold `range`"
)]
pub(in crate::workload) struct Uniform {
    /// The keys that may be drawn.
    #[schemars(extend("default" = "all"))]
    range: Given<KeyRange>,
}

/// Zipf's law.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(
    rename = "zipfian",
    default,
    deny_unknown_fields,
    expecting = "a map that may hold `exponent`, `range` and `scattered`"
)]
pub(in crate::workload) struct Zipfian {
    /// Rank r is drawn with a probability proportional to r^-exponent; 0 is uniform, 0.99 what YCSB uses, 3 the most.
    #[schemars(extend("default" = 0.99))]
    pub(in crate::workload) exponent: Given<Number>,
    /// The keys that may be drawn.
    #[schemars(extend("default" = "all"))]
    range: Given<KeyRange>,
    /// Hot keys are spread over the range, each to a place of its own, the same in every phase.
    #[schemars(extend("default" = false))]
    scattered: Given<Flag>,
}

/// Few keys with most of the requests.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(
    rename = "hotspot",
    default,
    deny_unknown_fields,
    expecting = "a map that may hold `keys`, `requests`, `range` and `scattered`"
)]
pub(in crate::workload) struct Hotspot {
    /// How many of the keys are hot: the first of the range.
    #[schemars(extend("default" = "20%"))]
    pub(in crate::workload) keys: Given<Portion>,
    /// How many of the requests they get.
    #[schemars(extend("default" = "80%"))]
    pub(in crate::workload) requests: Given<Portion>,
    /// The keys that may be drawn.
    #[schemars(extend("default" = "all"))]
    range: Given<KeyRange>,
    /// Hot keys are spread over the range, each to a place of its own, the same in every phase.
    #[schemars(extend("default" = false))]
    scattered: Given<Flag>,
}

/// The newest keys, by Zipf's law.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(
    rename = "latest",
    default,
    deny_unknown_fields,
    expecting = "a map that may hold `exponent` and `range`"
)]
pub(in crate::workload) struct Latest {
    /// The r-th newest key is drawn with a probability proportional to r^-exponent.
    #[schemars(extend("default" = 0.99))]
    pub(in crate::workload) exponent: Given<Number>,
    /// The keys that are there to begin with.
    #[schemars(extend("default" = "all"))]
    range: Given<KeyRange>,
}

/// A bell.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(
    rename = "gaussian",
    default,
    deny_unknown_fields,
    expecting = "a map that may hold `mean`, `deviation`, `range` and `scattered`"
)]
pub(in crate::workload) struct Gaussian {
    /// Where in the range the hottest key lies.
    #[schemars(extend("default" = "50%"))]
    pub(in crate::workload) mean: Given<Portion>,
    /// The standard deviation, as a share of the range: two thirds of the requests go to keys within it, on either side.
    #[schemars(extend("default" = "10%"))]
    pub(in crate::workload) deviation: Given<Portion>,
    /// The keys that may be drawn.
    #[schemars(extend("default" = "all"))]
    range: Given<KeyRange>,
    /// Hot keys are spread over the range, each to a place of its own, the same in every phase.
    #[schemars(extend("default" = false))]
    scattered: Given<Flag>,
}

/// The newest keys, by an exponential law.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(
    rename = "exponential",
    default,
    deny_unknown_fields,
    expecting = "a map that may hold `keys`, `requests` and `range`"
)]
pub(in crate::workload) struct Exponential {
    /// This share of the range, the newest of it, gets `requests`; YCSB calls it `exponential.frac`.
    #[schemars(extend("default" = "85.71428571%"))]
    pub(in crate::workload) keys: Given<Portion>,
    /// The share of the requests that these keys get; YCSB calls it `exponential.percentile`.
    #[schemars(extend("default" = "95%"))]
    pub(in crate::workload) requests: Given<Portion>,
    /// The keys that are there to begin with.
    #[schemars(extend("default" = "all"))]
    range: Given<KeyRange>,
}

/// Pieces of the range with their shares of the requests.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(
    rename = "popularity",
    default,
    deny_unknown_fields,
    expecting = "a map with `pieces` or `file`"
)]
pub(in crate::workload) struct Popularity {
    /// The pieces, the first key in the first; both shares add up to 100%.
    #[schemars(length(min = 1))]
    pub(in crate::workload) pieces: Given<Vec<At<Piece>>>,
    /// A file with a line for each piece, `10%,60%`: the share of the keys, and the share of the requests.
    pub(in crate::workload) file: Given<Plain>,
    /// The keys that may be drawn.
    #[schemars(extend("default" = "all"))]
    range: Given<KeyRange>,
    /// Hot keys are spread over the range, each to a place of its own, the same in every phase.
    #[schemars(extend("default" = false))]
    scattered: Given<Flag>,
}

/// A share of the keys and the share of the requests that they get.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(
    rename = "piece",
    default,
    deny_unknown_fields,
    expecting = "a map with `keys` and `requests`"
)]
#[schemars(extend("required" = ["keys", "requests"]))]
pub(in crate::workload) struct Piece {
    /// Share of the keys.
    pub(in crate::workload) keys: Given<Portion>,
    /// Share of the requests.
    pub(in crate::workload) requests: Given<Portion>,
}
