//! What is stored, and for how long, as written.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Deserializer, SeqAccess, Visitor};

use crate::workload::reader::{At, Given, SCALAR_OR_MAP};
use crate::workload::units::{Flag, Number, Plain, Size, Text, Time, Weight};

/// What is stored under the keys. The value of a key depends on the seed and the key alone.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(
    rename = "values",
    default,
    deny_unknown_fields,
    expecting = "a map that says how long values are, such as { fixed: 100b }"
)]
pub(in crate::workload) struct Values {
    /// The number of the key in a text.
    pub(in crate::workload) template: Given<Text>,
    /// Filler, always of this size.
    pub(in crate::workload) fixed: Given<Size>,
    /// Filler of a size from `min` to `max`, each as likely as any other.
    pub(in crate::workload) uniform: Given<UniformSizes>,
    /// Filler of a log-normally distributed size: many small values, few large ones.
    pub(in crate::workload) lognormal: Given<LognormalSizes>,
    /// Filler of the sizes listed, by their weights.
    pub(in crate::workload) histogram: Given<Histogram>,
    /// What filler is made of.
    #[schemars(extend("default" = "text"))]
    pub(in crate::workload) contents: Given<Contents>,
    /// Values carry their key, their length and a checksum (24 bytes, within their size), and every reply to GET is held against
    /// them: `PHASE.corrupt` and `PHASE.foreign` count those that are not what was written.
    #[schemars(extend("default" = false))]
    pub(in crate::workload) verify: Given<Flag>,
}

/// Sizes from `min` to `max`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(
    rename = "uniform_sizes",
    default,
    deny_unknown_fields,
    expecting = "a map with `min` and `max`"
)]
#[schemars(extend("required" = ["max"]))]
pub(in crate::workload) struct UniformSizes {
    /// Smallest size.
    #[schemars(extend("default" = "0b"))]
    pub(in crate::workload) min: Given<Size>,
    /// Largest size.
    pub(in crate::workload) max: Given<Size>,
}

/// Log-normally distributed sizes.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(
    rename = "lognormal_sizes",
    default,
    deny_unknown_fields,
    expecting = "a map with `median`, `sigma` and perhaps `max`"
)]
#[schemars(extend("required" = ["median", "sigma"]))]
pub(in crate::workload) struct LognormalSizes {
    /// Half of the values are larger.
    pub(in crate::workload) median: Given<Size>,
    /// Standard deviation of the size's logarithm: 0 is all the same, 1.1 spreads as web objects do.
    pub(in crate::workload) sigma: Given<Number>,
    /// Sizes drawn above are cut to this.
    #[schemars(extend("default" = "1mb"))]
    pub(in crate::workload) max: Given<Size>,
}

/// Sizes with their weights, listed or in a file.
#[derive(Debug)]
pub(in crate::workload) enum Histogram {
    /// In the workload.
    Listed(Vec<At<Bar>>),
    /// In a file.
    In(HistogramFile),
}

/// A size and how often it comes.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(
    rename = "bar",
    default,
    deny_unknown_fields,
    expecting = "a map with `size` and `weight`"
)]
#[schemars(extend("required" = ["size", "weight"]))]
pub(in crate::workload) struct Bar {
    /// Bytes.
    pub(in crate::workload) size: Given<Size>,
    /// How often, in proportion to the others: a share, or a count.
    pub(in crate::workload) weight: Given<Weight>,
}

/// A file of sizes.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(
    rename = "histogram_file",
    default,
    deny_unknown_fields,
    expecting = "a map with `file`"
)]
#[schemars(extend("required" = ["file"]))]
pub(in crate::workload) struct HistogramFile {
    /// A file with a line for each size, `100b,30`: the size, and how often it comes in proportion to the others.
    pub(in crate::workload) file: Given<Plain>,
}

const HISTOGRAM: &str =
    "a list of sizes such as [ { size: 100b, weight: 3 } ], or { file: sizes.csv }";

impl<'de> Deserialize<'de> for Histogram {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(SCALAR_OR_MAP, HistogramVisitor)
    }
}

struct HistogramVisitor;

impl<'de> Visitor<'de> for HistogramVisitor {
    type Value = Histogram;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HISTOGRAM)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, bars: A) -> Result<Histogram, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(bars)).map(Histogram::Listed)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, map: D) -> Result<Histogram, D::Error> {
        HistogramFile::deserialize(map).map(Histogram::In)
    }
}

impl JsonSchema for Histogram {
    fn schema_name() -> Cow<'static, str> {
        "histogram".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let bar = generator.subschema_for::<Bar>();
        let file = generator.subschema_for::<HistogramFile>();
        json_schema!({ "description": HISTOGRAM, "anyOf": [{ "type": "array", "minItems": 1, "items": bar }, file] })
    }
}

/// What filler is made of.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "contents", rename_all = "snake_case")]
pub(in crate::workload) enum Contents {
    /// Letters, digits, `-` and `_` at random: compresses to three quarters.
    Text,
    /// Any bytes at random: does not compress.
    Random,
    /// Random bytes and zeros by turns, so that it compresses by this ratio: `{ compressible: 3 }` to a third.
    Compressible(At<Number>),
}

/// Times to live that differ from write to write.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "ttl", rename_all = "snake_case")]
#[schemars(rename = "drawn_ttl")]
pub(in crate::workload) enum DrawnTtl {
    /// Any time from `min` to `max`, each as likely as any other.
    Uniform(UniformTtl),
    /// Log-normal: many short, few long.
    Lognormal(LognormalTtl),
    /// Exponential, as if every value were made stale at random, at the same rate.
    Exponential(ExponentialTtl),
}

/// Times from `min` to `max`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(
    rename = "uniform_ttl",
    default,
    deny_unknown_fields,
    expecting = "a map with `min` and `max`"
)]
#[schemars(extend("required" = ["max"]))]
pub(in crate::workload) struct UniformTtl {
    /// The shortest.
    #[schemars(extend("default" = "1ms"))]
    pub(in crate::workload) min: Given<Time>,
    /// The longest.
    pub(in crate::workload) max: Given<Time>,
}

/// Log-normally distributed times.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(
    rename = "lognormal_ttl",
    default,
    deny_unknown_fields,
    expecting = "a map with `median`, `sigma` and perhaps `max`"
)]
#[schemars(extend("required" = ["median", "sigma"]))]
pub(in crate::workload) struct LognormalTtl {
    /// Half of them are longer.
    pub(in crate::workload) median: Given<Time>,
    /// Standard deviation of the time's logarithm.
    pub(in crate::workload) sigma: Given<Number>,
    /// Times drawn above are cut to this.
    #[schemars(extend("default" = "30d"))]
    pub(in crate::workload) max: Given<Time>,
}

/// Exponentially distributed times.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(
    rename = "exponential_ttl",
    default,
    deny_unknown_fields,
    expecting = "a map with `mean` and perhaps `max`"
)]
#[schemars(extend("required" = ["mean"]))]
pub(in crate::workload) struct ExponentialTtl {
    /// Their mean.
    pub(in crate::workload) mean: Given<Time>,
    /// Times drawn above are cut to this.
    #[schemars(extend("default" = "30d"))]
    pub(in crate::workload) max: Given<Time>,
}
