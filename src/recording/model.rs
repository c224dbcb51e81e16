//! The recording's model, schema `cachebench.recording/1`. Times are seconds, sizes bytes, unless a name says otherwise.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::workload::plan::{Directive, Plan};

/// The schema that this version writes.
pub const SCHEMA: &str = "cachebench.recording/1";

/// Everything one run leaves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Recording {
    /// [`SCHEMA`].
    pub schema: String,
    /// Version of cachebench that wrote it.
    pub cachebench: String,
    /// When the run started, RFC 3339, UTC.
    pub started_at: String,
    /// The command line that repeats it, passwords left out.
    pub command: Vec<String>,
    /// Whether the run came to its end.
    pub outcome: Outcome,
    /// The workload as resolved.
    pub plan: Plan,
    /// The server that was driven.
    pub server: Server,
    /// The machine it was driven from.
    pub machine: Machine,
    /// One record per cell, in the plan's order.
    pub cells: Vec<CellRecord>,
    /// The plan's expectations with what was observed, a row per expectation and cell.
    pub expectations: Vec<Verdict>,
    /// What a reader must know before believing the figures; each names its cure.
    pub warnings: Vec<String>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every cell, every repetition.
    Complete,
    /// Stopped by the user; what was measured before is here.
    Interrupted,
    /// Stopped by an error; what was measured before is here.
    Failed(String),
}

/// The server that was driven.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Server {
    /// `embedded`, `spawn:redis-server`, `redis://host:port/0`; no password.
    pub target: String,
    /// `cachebench`, `redis`, `valkey` or what INFO says.
    pub name: String,
    /// Version of that server.
    pub version: String,
    /// `virtual` or `real`.
    pub clock: String,
    /// The directives that matter to a cache, as CONFIG GET answered in the first cell.
    pub configuration: BTreeMap<String, String>,
}

/// The machine that drove.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Machine {
    /// Operating system and kernel release.
    pub system: String,
    /// Processor model.
    pub processor: String,
    /// Cores that this process may use.
    pub cores: u32,
    /// Physical memory, bytes.
    pub memory_bytes: u64,
}

/// A cell and its repetitions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CellRecord {
    /// [`crate::workload::plan::Cell::label`].
    pub label: String,
    /// The directives that set it apart.
    pub directives: Vec<Directive>,
    /// One record per repetition.
    pub repetitions: Vec<Repetition>,
}

/// One run of one cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Repetition {
    /// Begin, seconds since the run began (real time); tells in which order repetitions were interleaved.
    pub started_s: f64,
    /// `maxmemory` in force, bytes; 0 for no limit.
    pub maxmemory_bytes: u64,
    /// One record per phase that was begun.
    pub phases: Vec<PhaseRecord>,
    /// Intervals of the load, phase by phase, each in time order; those of phases beside one another overlap.
    pub timeline: Vec<Interval>,
    /// What was done to the cluster meanwhile, in time order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<EventRecord>,
    /// How requests spread over the nodes and slots of a cluster; absent for one server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterLoad>,
    /// What the server said of itself, in time order.
    pub samples: Vec<Sample>,
    /// Which keys were still there after the last phase; absent where it was not asked for or not reached.
    pub survival: Option<SurvivalRecord>,
    /// What became of acknowledged writes; absent where it was not asked for or not reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_back: Option<ReadBackRecord>,
}

/// Something that was done to nodes of a cluster while it was driven.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EventRecord {
    /// When it began, seconds since the repetition began.
    pub at_s: f64,
    /// When it ended, of what takes time; absent of what is done at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_s: Option<f64>,
    /// What, in words.
    pub what: String,
    /// Why it could not be done; absent where it was.
    #[serde(default)]
    pub failure: Option<String>,
}

/// One phase of one repetition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PhaseRecord {
    /// [`crate::workload::plan::Phase::name`].
    pub name: String,
    /// Begin, seconds since the repetition began (real time).
    pub started_s: f64,
    /// Length, seconds of real time.
    pub elapsed_s: f64,
    /// Requests answered, error replies included, writes after a miss included.
    pub operations: u64,
    /// Requests answered, by operation (`get`, `set`, …).
    pub operations_by_kind: BTreeMap<String, u64>,
    /// Latency by operation, as `latency`; empty where the phase has only one operation.
    #[serde(default)]
    pub latency_by_kind: BTreeMap<String, Latency>,
    /// Errors by kind: the first word of the error reply (`OOM`, `ERR`, …), `timeout`, `disconnected`. Of a cluster also
    /// `node_lost` and `node_unreachable`, which count as error replies.
    pub errors: BTreeMap<String, u64>,
    /// The first error that begins with `ERR`, which does not say what is wrong, in full; absent where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unspecific_error: Option<String>,
    /// Requests that fell due, writes after a miss included: always `operations`, plus the `timeout` and
    /// `disconnected` errors among `errors`, plus `in_flight`.
    pub due: u64,
    /// Requests sent or due without an answer when the phase ended; their age then is in `latency`.
    pub in_flight: u64,
    /// Reads that found their key.
    pub hits: u64,
    /// Reads that did not.
    pub misses: u64,
    /// The same by key space; empty where keys are all of one kind.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reads_by_space: BTreeMap<String, Reads>,
    /// Values that were read and held against what had been written; absent where values are not verified.
    #[serde(default)]
    pub verified: Option<Verified>,
    /// What became of messages that were published; absent where none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fan_out: Option<FanOutRecord>,
    /// Requests per second that were due, the mean where the rate changed; absent for a closed loop.
    pub offered_rate: Option<f64>,
    /// Requests per second that were answered.
    pub throughput: f64,
    /// Latency: from the due time on an open loop, from the send on a closed one.
    pub latency: Latency,
    /// From the send, on an open loop; absent for a closed one, where `latency` is that.
    pub service_time: Option<Latency>,
    /// How late requests were sent after they were due and could be; absent for a closed loop. What a request waited because
    /// every connection had its pipeline full, or was lost, is in `latency` alone.
    pub lateness: Option<Latency>,
    /// Requests that waited so.
    #[serde(default)]
    pub queued: u64,
    /// Threads that drove; 0 where a recording does not tell.
    #[serde(default)]
    pub client_threads: u64,
    /// CPU seconds that the driving threads used.
    pub client_cpu_s: f64,
    /// Of these, seconds spent watching the clock for the next due time with nothing else to do.
    pub client_spin_s: f64,
    /// Seconds that the driving threads were ready to run while others held their cores; 0 where the system does not tell.
    #[serde(default)]
    pub client_delayed_s: f64,
    /// Connections that were lost and made again; what was in flight on them is among `errors`.
    #[serde(default)]
    pub reconnects: u64,
    /// What clients of a cluster met; absent for one server, and for a phase beside others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterRecord>,
    /// CPU seconds that the server used, where it can be read; absent for a phase beside others.
    pub server_cpu_s: Option<f64>,
    /// What was really drawn; absent for a pause, and where the run was cut short.
    #[serde(default)]
    pub drawn: Option<Drawn>,
}

/// What became of messages that were published.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FanOutRecord {
    /// Messages that the server took.
    pub published: u64,
    /// Deliveries that these ask for: each message to every subscriber of its channel.
    pub expected: u64,
    /// Deliveries that the server said it would make, in its replies.
    pub reached: u64,
    /// Messages of which no reply says whether the server took them.
    #[serde(default)]
    pub unanswered: u64,
    /// Deliveries that these ask for, if it did.
    #[serde(default)]
    pub doubtful: u64,
    /// Deliveries that were made, of messages that the server took or may have taken.
    pub delivered: u64,
    /// Deliveries that were expected and not made, whatever became of unanswered messages.
    pub lost: u64,
    /// Other deliveries that were not made, which may be lost, or of messages that the server did not take: `expected` and
    /// `doubtful` are `delivered`, `lost` and `undetermined`.
    #[serde(default)]
    pub undetermined: u64,
    /// Deliveries that came after a later message of the same publisher.
    pub out_of_order: u64,
    /// Messages on the same channels that somebody else had published.
    pub foreign: u64,
    /// Subscribers whose connection was lost; it is not made again.
    pub disconnected: u64,
    /// From the due time of a publication to each delivery (on a closed loop, from the send).
    pub delivery: Latency,
    /// From the send of a publication to each delivery.
    pub transit: Latency,
    /// CPU seconds of the thread that listened.
    pub listener_cpu_s: f64,
}

/// What the clients of a cluster met.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClusterRecord {
    /// Requests that a node sent elsewhere for good (MOVED), and that went there.
    pub moved: u64,
    /// Requests that a node sent elsewhere for once (ASK), and that went there.
    pub asked: u64,
    /// Requests sent, by node; those sent elsewhere count at each.
    pub requests_by_node: BTreeMap<String, u64>,
    /// CPU seconds that each node used; empty but of a cluster of ours.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub cpu_s_by_node: BTreeMap<String, f64>,
}

impl ClusterRecord {
    /// Share of the requests that went to the node to which most went; none where there were none.
    #[must_use]
    pub fn busiest_share(&self) -> Option<f64> {
        let all: u64 = self.requests_by_node.values().sum();
        let most = self.requests_by_node.values().max()?;
        (all > 0).then(|| *most as f64 / all as f64)
    }

    /// CPU seconds of the node that used most; none where that is not known.
    #[must_use]
    pub fn most_cpu_s(&self) -> Option<f64> {
        let used = self.cpu_s_by_node.values().copied();
        used.reduce(f64::max).filter(|seconds| *seconds > 0.0)
    }
}

/// How requests spread over the nodes and slots of a cluster.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClusterLoad {
    /// The nodes, `master 1` where it is known what they were at first, else their addresses.
    pub nodes: Vec<String>,
    /// Slices of the time under load, in order.
    pub slices: Vec<ClusterSlice>,
    /// Slots whose requests are counted together over time.
    pub slots_per_range: u64,
    /// Requests by slice and, within it, by range of slots ([`super::keys::pack_numbers`]).
    pub requests_by_range: String,
    /// Which slots got another master, as clients learnt it: those that they began with first, then in time order.
    pub owners: Vec<SlotsRecord>,
    /// The slot of each phase that got most requests.
    pub hottest: Vec<HotSlot>,
}

/// What was sent to a cluster in a slice of time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClusterSlice {
    /// Begin, seconds since the repetition began.
    pub at_s: f64,
    /// Length, seconds.
    pub length_s: f64,
    /// Requests sent, by node; of nodes that were not known yet they are missing.
    pub requests: Vec<u64>,
}

/// Slots that have a master from some moment on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SlotsRecord {
    /// When clients knew, seconds since the repetition began.
    pub at_s: f64,
    /// The first slot.
    pub first: u16,
    /// The last slot.
    pub last: u16,
    /// Index into [`ClusterLoad::nodes`].
    pub node: usize,
}

/// The slot that got most requests of a phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HotSlot {
    /// Index of the phase; of those beside one another the first.
    pub phase: usize,
    /// The slot.
    pub slot: u16,
    /// Requests for keys in it.
    pub requests: u64,
    /// Requests for keys of all slots.
    pub of: u64,
    /// The phase's hottest key, where it is in this slot and was worked out.
    pub key: Option<String>,
}

/// Reads of a key space.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reads {
    /// Those that found their key.
    pub hits: u64,
    /// Those that did not.
    pub misses: u64,
}

/// Values that were read and held against what had been written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Verified {
    /// All of them.
    pub values: u64,
    /// Those that were not as anybody had written them.
    pub corrupt: u64,
    /// Those that had been written under another key.
    pub foreign: u64,
}

impl Verified {
    /// Adds what another worker verified.
    pub fn add(&mut self, other: &Self) {
        self.values += other.values;
        self.corrupt += other.corrupt;
        self.foreign += other.foreign;
    }
}

/// What the requests of a phase asked for, writes after a miss left aside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Drawn {
    /// Requests sent.
    pub requests: u64,
    /// Over the keys.
    pub census: Option<Census>,
    /// What the best cache could have made of it; absent where nothing was read, too.
    pub ideal: Option<Ideal>,
    /// Why something above was not worked out, if it was not.
    pub left_out: Option<String>,
}

/// How requests were spread over keys.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Census {
    /// Keys that were asked for at least once.
    pub distinct: u64,
    /// Share of the hottest key.
    pub hottest_share: f64,
    /// Share of the hottest 1 % of the distinct keys (of one key at least).
    pub hottest_percent_share: f64,
    /// Exponent of the nearest Zipf law; absent where too few keys were asked for often enough to tell.
    pub exponent: Option<f64>,
}

/// The best that any cache could have done: Belady's, which sees the future ([`crate::traffic::ideal`]). It may begin with
/// whatever earlier phases made, and nothing expires in it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ideal {
    /// Keys that it has room for: as many as the server was seen to hold, or were calibrated for, if those were more (a trace
    /// has values of its own sizes, so that there the former counts).
    pub room_keys: u64,
    /// Its hits per read.
    pub hit_ratio: f64,
}

/// A latency distribution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Latency {
    /// How many were recorded.
    pub count: u64,
    /// Mean, seconds.
    pub mean_s: f64,
    /// Smallest, seconds.
    pub min_s: f64,
    /// Largest, seconds.
    pub max_s: f64,
    /// Seconds at the percentiles `50`, `90`, `99`, `99.9`, `99.99`.
    pub percentiles_s: BTreeMap<String, f64>,
    /// The whole histogram in nanoseconds: HdrHistogram V2, compressed form not used, base64 ([`super::latency`]).
    pub histogram: String,
}

/// What was answered in one interval of the load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interval {
    /// Begin, seconds since the repetition began.
    pub at_s: f64,
    /// Length, seconds.
    pub length_s: f64,
    /// Index of the phase.
    pub phase: usize,
    /// Requests answered.
    pub operations: u64,
    /// Reads that found their key.
    pub hits: u64,
    /// Reads that did not.
    pub misses: u64,
    /// Errors.
    pub errors: u64,
    /// These by kind, as those of the phase.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub errors_by_kind: BTreeMap<String, u64>,
    /// Median latency, seconds.
    pub p50_s: f64,
    /// 99th percentile, seconds.
    pub p99_s: f64,
    /// Largest latency, seconds.
    pub max_s: f64,
    /// How often latencies were seen, by quarter of an octave: `[k, n]` is `n` of [`super::latency::quarter_s`] of `k` up to that
    /// of `k + 1` seconds, in rising order. Empty where a recording does not tell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub latencies: Vec<(u16, u64)>,
}

/// What the server said of itself at one moment (INFO), counters since the repetition began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sample {
    /// Seconds since the repetition began.
    pub at_s: f64,
    /// `used_memory`.
    pub used_memory_bytes: u64,
    /// `used_memory_rss`.
    pub rss_bytes: u64,
    /// Keys in all databases.
    pub keys: u64,
    /// `evicted_keys`.
    pub evicted_keys: u64,
    /// `expired_keys`.
    pub expired_keys: u64,
    /// `keyspace_hits`.
    pub hits: u64,
    /// `keyspace_misses`.
    pub misses: u64,
    /// CPU seconds of the server, user and system.
    pub cpu_s: f64,
}

/// Which keys were still there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SurvivalRecord {
    /// Keys that were ever written, which is what shares are of.
    pub written: u64,
    /// Of these, present at the end.
    pub present: u64,
    /// Share of the survivors that exact LRU would have kept: of the keys present, those among the `present` most
    /// recently touched. 1 where nothing was written.
    pub fidelity: f64,
    /// Per group of the plan.
    pub groups: Vec<GroupSurvival>,
    /// Buckets of keys by number, first to last.
    pub by_insertion: Vec<Bucket>,
    /// Buckets of keys by last touch, latest first; keys whose writes were refused are among them.
    /// Exact LRU would keep the first ones.
    pub by_last_access: Vec<Bucket>,
    /// Buckets of the same keys by number of touches, most first.
    pub by_popularity: Vec<Bucket>,
    /// One bit per key, key 0 the lowest bit of the first byte, base64 ([`super::keys::pack_bits`]): present at the end.
    pub present_bits: String,
    /// The same, for the keys that were ever written.
    pub written_bits: String,
    /// Rank of every key of the key space by last touch, 0 for the key touched last, `u32::MAX` for a key never
    /// touched ([`super::keys::pack_numbers`]).
    pub last_access_ranks: String,
    /// How often every key was touched, packed in the same way.
    pub touches: String,
}

/// What became of acknowledged writes. Of each key the last one is judged: it is lost where the key holds nothing, or the
/// value of a write that had been acknowledged before it was sent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReadBackRecord {
    /// Writes that were acknowledged; several keys of one request count each.
    pub acknowledged: u64,
    /// Keys with an acknowledged write that were read: the sum of the next four.
    pub keys: u64,
    /// Keys that hold it, or what was written at the same time or later.
    pub kept: u64,
    /// Keys whose last acknowledged write is lost.
    pub lost: u64,
    /// Keys of which that cannot be told: an older write that nobody acknowledged may have come late, or the server evicts.
    pub undetermined: u64,
    /// Keys that could not be read.
    pub unread: u64,
    /// Keys left aside: deleted or changed by other commands, or written with a time to live.
    pub left_out: u64,
    /// Every lost write.
    #[serde(default)]
    pub losses: Losses,
}

/// Lost writes, in the order of their keys, as columns ([`super::keys::pack_numbers`]).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Losses {
    /// Numbers of the keys.
    pub keys: String,
    /// When the lost write was sent: steps of 10 µs since the repetition began, plus 1.
    pub written: String,
    /// When what the key holds instead was sent, in the same way; 0 for a key that holds nothing, `u32::MAX` for one that holds
    /// what this run never wrote.
    pub found: String,
}

/// Survival of a named group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GroupSurvival {
    /// [`crate::workload::plan::Group::name`].
    pub name: String,
    /// Keys of the group that were ever written.
    pub written: u64,
    /// Keys of the group whose writes were all refused.
    #[serde(default)]
    pub refused: u64,
    /// Keys of the group that are present.
    pub present: u64,
}

impl GroupSurvival {
    /// Of the keys that a client wanted to be there, how many are; none where it wanted none.
    #[must_use]
    pub fn share(&self) -> Option<f64> {
        let wanted = self.written + self.refused;
        (wanted > 0).then(|| self.present as f64 / wanted as f64)
    }
}

/// Survival of the keys at ranks `from..to` of some order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bucket {
    /// First rank.
    pub from: u64,
    /// One past the last rank.
    pub to: u64,
    /// Keys among them that were ever written.
    pub written: u64,
    /// Of these, present.
    pub present: u64,
}

/// An expectation in one cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// As written.
    pub text: String,
    /// The cell's label.
    pub cell: String,
    /// Left side as observed; absent where it could not be.
    pub left: Option<f64>,
    /// Right side as observed or given.
    pub right: Option<f64>,
    /// Whether it held. What could not be observed did not hold.
    pub held: bool,
}
