//! The workload as meant: every default filled in, every name resolved, every unit a type.
//!
//! A [`Plan`] is what the rest of the program works from and what a recording carries, so it serialises.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use super::commands::effect_of;
pub use super::event::{ClusterNode, Deed, Event, SlotMove};
pub use super::operation::{Effect, Follow, KeyChoice, Operation, Part, When, Word};

/// A whole workload, ready to be driven.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// Short name, used for files and titles.
    pub name: String,
    /// The question that the workload answers, one sentence; empty where the file asks none.
    pub question: String,
    /// Every random draw of a run comes from this seed.
    pub seed: u64,
    /// What is driven.
    pub target: Target,
    /// How long to wait for it.
    #[serde(default)]
    pub timeouts: Timeouts,
    /// Threads that drive it.
    #[serde(default)]
    pub threads: Threads,
    /// Server directives for every cell, before the cell's own. Names as in `CONFIG SET`.
    pub directives: Vec<Directive>,
    /// How much the server may hold.
    pub capacity: Capacity,
    /// The keys there are.
    pub keys: KeySpace,
    /// What is stored under them.
    pub values: Values,
    /// Pause between phases (virtual on a server with a virtual clock).
    pub settle: Duration,
    /// What happens, in order.
    pub phases: Vec<Phase>,
    /// What is done to the cluster meanwhile, by phase and in the order of time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Event>,
    /// Whether acknowledged writes are read back after the last phase.
    #[serde(default)]
    pub read_back: bool,
    /// Whether and in which groups survival is probed after the last phase.
    pub survival: Survival,
    /// The matrix of `compare`, multiplied out; never empty. Each cell gets a fresh server or an emptied one.
    pub cells: Vec<Cell>,
    /// How often every cell is run; repetitions of different cells are interleaved.
    pub repeat: u32,
    /// What must hold, decided after the run.
    pub expect: Vec<Expectation>,
    /// What of the file has no meaning here, a sentence each.
    #[serde(default)]
    pub notes: Vec<String>,
}

impl Plan {
    /// What `load` is about and what it sends: keys and their values, or channels and messages.
    #[must_use]
    pub fn subjects_of<'a>(&'a self, load: &'a Load) -> (&'a KeySpace, &'a Values) {
        match &load.fan_out {
            Some(fan_out) => (&fan_out.channels, &fan_out.messages),
            None => (&self.keys, &self.values),
        }
    }

    /// How long the phases take at the least: the times that are told, of those that begin together the first's.
    #[must_use]
    pub fn length_min(&self) -> Duration {
        let in_turn = self.phases.iter().filter(|phase| !phase.beside);
        in_turn
            .map(|phase| match &phase.action {
                Action::Load(Load {
                    until: Until::Elapsed(length),
                    ..
                }) => *length,
                // A virtual clock makes nothing of a pause.
                Action::Load(_) | Action::Pause(_) => Duration::ZERO,
            })
            .sum()
    }

    /// What is driven in a cell.
    #[must_use]
    pub fn target_of(&self, cell: Option<&Cell>) -> Target {
        let mut target = self.target.clone();
        if let (Target::EmbeddedCluster { masters, replicas }, Some(cell)) = (&mut target, cell) {
            *masters = cell.masters.unwrap_or(*masters);
            *replicas = cell.replicas.unwrap_or(*replicas);
        }
        target
    }

    /// The most clients that there are at a time: those of phases beside one another add up.
    #[must_use]
    pub fn most_clients(&self) -> u64 {
        let (mut now, mut most) = (0, 0);
        for phase in &self.phases {
            let clients = match &phase.action {
                Action::Load(load) => {
                    let fan_out = load.fan_out.as_ref();
                    let subscribers = fan_out.map_or(0, |fan_out| fan_out.subscribers);
                    u64::from(load.clients) + u64::from(subscribers)
                }
                Action::Pause(_) => 0,
            };
            now = if phase.beside { now + clients } else { clients };
            most = most.max(now);
        }
        most
    }
}

/// What is driven.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// The reference server, in this process, on a free loopback port.
    Embedded {
        /// Which clock its TTLs, idle times and LRU ticks follow.
        clock: ClockKind,
    },
    /// A cluster of reference servers, in this process, on free loopback ports.
    EmbeddedCluster {
        /// How many masters share the slots.
        masters: u32,
        /// How many replicas each has.
        replicas: u32,
    },
    /// A server binary that is started on a free port in a temporary folder and stopped afterwards.
    Spawn {
        /// Name on `PATH`, or path.
        program: PathBuf,
    },
    /// A server that somebody else runs.
    Endpoint(Endpoint),
}

impl Target {
    /// Whether it is a cluster, whose nodes share the keys.
    #[must_use]
    pub fn is_cluster(&self) -> bool {
        match self {
            Self::EmbeddedCluster { .. } => true,
            Self::Endpoint(endpoint) => endpoint.cluster,
            Self::Embedded { .. } | Self::Spawn { .. } => false,
        }
    }
}

/// The clock of the embedded server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClockKind {
    /// Stands still but for `settle` and `pause`, which advance it at once: a counted run repeats exactly.
    Virtual,
    /// The machine's clock; pauses are waited for.
    Real,
}

/// A server by address, how it is reached, and what may be done to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Endpoint {
    /// Where it is.
    pub address: Address,
    /// ACL user; empty for the default user.
    pub user: String,
    /// Password; empty for none. Never written to a recording.
    #[serde(skip)]
    pub password: String,
    /// The environment variable that the password is taken from; empty for none.
    pub password_env: String,
    /// Database number.
    pub database: u32,
    /// Whether and how connections are encrypted.
    pub tls: Tls,
    /// The protocol that connections ask for.
    pub protocol: Protocol,
    /// The name of every connection, as CLIENT LIST shows it; empty for none.
    pub client_name: String,
    /// FLUSHALL and FLUSHDB are permitted.
    pub allow_flush: bool,
    /// CONFIG SET is permitted.
    pub allow_config: bool,
    /// Slots may be moved and replicas made masters.
    #[serde(default)]
    pub allow_cluster: bool,
    /// It is a node of a cluster, all of which is driven.
    #[serde(default)]
    pub cluster: bool,
}

impl Endpoint {
    /// A server that asks for nothing and permits nothing, reached in the plainest way.
    #[must_use]
    pub fn at(address: Address) -> Self {
        Self {
            address,
            user: String::new(),
            password: String::new(),
            password_env: String::new(),
            database: 0,
            tls: Tls::Off,
            protocol: Protocol::Resp2,
            client_name: "cachebench".to_owned(),
            allow_flush: false,
            allow_config: false,
            allow_cluster: false,
            cluster: false,
        }
    }
}

impl fmt::Display for Endpoint {
    /// As a URL, without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.tls {
            Tls::Off => "redis",
            Tls::On(_) => "rediss",
        };
        match &self.address {
            Address::Unix(path) => write!(f, "unix://{}?db={}", path.display(), self.database),
            Address::Tcp { host, port } if host.contains(':') => {
                write!(f, "{scheme}://[{host}]:{port}/{}", self.database)
            }
            Address::Tcp { host, port } => write!(f, "{scheme}://{host}:{port}/{}", self.database),
        }
    }
}

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Address {
    /// Over TCP.
    Tcp {
        /// Host name or address.
        host: String,
        /// Port.
        port: u16,
    },
    /// A socket in the file system.
    Unix(PathBuf),
}

/// Whether and how connections are encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tls {
    /// They are not.
    Off,
    /// They are.
    On(Box<TlsSettings>),
}

/// What an encrypted connection checks and shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TlsSettings {
    /// Who must have signed the server's certificate.
    pub authority: Authority,
    /// What the server is shown.
    pub identity: Identity,
    /// The name that the server is asked for and must prove; empty for that of the host.
    pub server_name: String,
    /// What of this is checked.
    pub verification: Verification,
}

/// Who must have signed a server's certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Authority {
    /// Someone whom this system trusts.
    System,
    /// Someone whose certificate is in this PEM file.
    File(PathBuf),
}

/// What a server is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// Nothing.
    None,
    /// A certificate.
    Files {
        /// PEM file of the certificate, and of those between it and its authority.
        certificate: PathBuf,
        /// PEM file of its key.
        key: PathBuf,
    },
}

/// What is checked of a server's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verification {
    /// Everything.
    Full,
    /// Nothing: whoever answers is taken for the server.
    None,
}

/// The protocol that connections ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// RESP2, which needs no asking.
    Resp2,
    /// RESP3, by HELLO 3.
    Resp3,
}

/// Threads that clients are spread over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Threads {
    /// As many as there are cores, less one for a server on this machine; one on a virtual clock.
    #[default]
    Auto,
    /// So many, but not more than clients.
    Fixed(u32),
}

/// How long to wait for what does not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Timeouts {
    /// For a connection.
    pub connect: Duration,
    /// For a reply, before its connection is given up and made again.
    pub request: Duration,
    /// For any reply at all, while connections are being made again, before the run is given up.
    pub unreachable: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            request: Duration::from_secs(10),
            unreachable: Duration::from_secs(10),
        }
    }
}

/// One server directive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Directive {
    /// Name as in `CONFIG SET`, lower case.
    pub name: String,
    /// Value as in `CONFIG SET`.
    pub value: String,
}

/// How much the server may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Capacity {
    /// `maxmemory` is left as it is.
    AsConfigured,
    /// `maxmemory` is calibrated, in the first cell, so that this many of the workload's keys fit.
    Keys(u64),
    /// `maxmemory`, bytes.
    Bytes(u64),
}

/// The keys `0..count`, and how key `i` is spelt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KeySpace {
    /// The name of key `i`; where there are spaces, of the numbers of a trace alone.
    pub name: Template,
    /// How many keys there are.
    pub count: u64,
    /// Named parts, one after another and together all keys; empty where the keys are all of one kind.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spaces: Vec<Space>,
}

/// A part of the keys that is named, spelt and filled in a way of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Space {
    /// Unique in the plan.
    pub name: String,
    /// Its keys.
    pub keys: Range<u64>,
    /// The name of its key `i`, counted from the first of its keys.
    pub spelt: Template,
    /// How often a phase that draws from all keys picks it, in proportion to the others.
    pub weight: f64,
    /// What is stored under its keys.
    pub values: Values,
}

impl KeySpace {
    /// The spaces that `load` picks by their weights, before it draws a key of one: where it draws, at random, from all.
    #[must_use]
    pub fn picked_by(&self, load: &Load) -> &[Space] {
        if load.order != Order::Sequential && load.keys == (0..self.count) {
            &self.spaces
        } else {
            &[]
        }
    }

    /// The keys behind `keys` that are of the same space.
    #[must_use]
    pub fn behind(&self, keys: &Range<u64>) -> Range<u64> {
        let last = keys.end.saturating_sub(1);
        let space = self.spaces.iter().find(|space| space.keys.contains(&last));
        keys.end..space.map_or(self.count, |space| space.keys.end)
    }

    /// How keys are spelt.
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        std::iter::once(&self.name).chain(self.spaces.iter().map(|space| &space.spelt))
    }
}

/// A text with one number in it: `before`, the number in decimal, zero-padded to `width`, `after`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Template {
    /// Bytes before the number.
    pub before: String,
    /// Least number of digits; 0 and 1 mean no padding.
    pub width: u8,
    /// Bytes after the number.
    pub after: String,
}

/// What is stored under key `i`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Values {
    /// The number of the key in a text.
    Template(Template),
    /// Filler of a drawn size. The size of key `i` depends on the seed and `i` alone.
    Sized(Filler),
}

impl Values {
    /// Whether they are verified when they are read.
    #[must_use]
    pub fn are_verified(&self) -> bool {
        matches!(self, Self::Sized(filler) if filler.verify)
    }
}

/// Values that mean nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Filler {
    /// How long they are.
    #[serde(flatten)]
    pub sizes: SizeDistribution,
    /// What fills them.
    #[serde(default)]
    pub contents: Contents,
    /// Whether they are sealed when they are written and verified when they are read.
    #[serde(default)]
    pub verify: bool,
}

impl Filler {
    /// Bytes that a seal takes of a value; no value that is verified is shorter.
    pub const SEAL_BYTES: u64 = 24;

    /// Text of these sizes.
    #[must_use]
    pub fn of(sizes: SizeDistribution) -> Self {
        Self {
            sizes,
            contents: Contents::default(),
            verify: false,
        }
    }
}

/// What fills values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Contents {
    /// Letters, digits, `-` and `_` at random: compresses to three quarters.
    #[default]
    Text,
    /// Any bytes at random: does not compress.
    Random,
    /// Random bytes and zeros by turns, so that it compresses by this ratio.
    Compressible(f64),
}

/// Sizes of values, bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SizeDistribution {
    /// Always the same.
    Fixed(u64),
    /// Each size from `min` to `max`, both included, equally likely.
    Uniform {
        /// Smallest size.
        min: u64,
        /// Largest size.
        max: u64,
    },
    /// Log-normal: half of the values are larger than `median`; never above `max`.
    Lognormal {
        /// Median size.
        median: u64,
        /// Standard deviation of the logarithm.
        sigma: f64,
        /// Sizes drawn above are cut to this.
        max: u64,
    },
    /// These sizes, by their weights.
    Histogram(Vec<Bar>),
}

/// A size and how often it comes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bar {
    /// Bytes.
    pub size: u64,
    /// How often, in proportion to the others.
    pub weight: f64,
}

/// One step of the workload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Phase {
    /// Unique in the plan; expectations and plots name the phase by it.
    pub name: String,
    /// Begins together with the phase before it, not after: a stream of several in parallel.
    #[serde(default)]
    pub beside: bool,
    /// What is done.
    pub action: Action,
}

/// What a phase does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Requests are sent.
    Load(Load),
    /// Nothing is sent for this long (virtual on a virtual clock).
    Pause(Duration),
}

/// Requests: which, on which keys, how many, how fast.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Load {
    /// What is sent, by shares, which add up to 1, and what follows that.
    #[serde(deserialize_with = "super::earlier::operations")]
    pub operations: Vec<Operation>,
    /// The keys that may be drawn, as a range of the key space.
    pub keys: Range<u64>,
    /// How keys are drawn from that range.
    pub order: Order,
    /// Whether the keys drawn are taken for others of the range by a bijection, the same in every phase, so that hot keys are
    /// no neighbours.
    #[serde(default)]
    pub scattered: bool,
    /// When the phase ends.
    pub until: Until,
    /// Connections.
    pub clients: u32,
    /// Requests in flight per connection, at the most.
    pub pipeline: u32,
    /// When requests are due.
    pub pace: Pace,
    /// Time to live, for the operations that tell one.
    pub ttl: Ttl,
    /// Which nodes of a cluster are asked what only reads.
    #[serde(default)]
    pub read_from: ReadFrom,
    /// Where requests come from that are not drawn; keys, order and pace mean nothing then.
    #[serde(default)]
    pub recorded: Option<Box<TraceSource>>,
    /// Who hears what is published; none where nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fan_out: Option<Box<FanOut>>,
}

/// Channels and those who listen to them. The channels stand where the load's keys would.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FanOut {
    /// The channels.
    pub channels: KeySpace,
    /// Connections that listen.
    pub subscribers: u32,
    /// How they subscribe.
    pub by: Subscription,
    /// The messages; none is shorter than [`FanOut::STAMP_BYTES`].
    pub messages: Values,
}

/// How a subscriber subscribes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename = "subscribe", rename_all = "snake_case")]
pub enum Subscription {
    /// SUBSCRIBE to one channel, evenly.
    Channel,
    /// SSUBSCRIBE to one channel, evenly.
    Shard,
    /// PSUBSCRIBE to all.
    Pattern,
}

impl FanOut {
    /// Bytes that a stamp takes of a message.
    pub const STAMP_BYTES: u64 = 32;

    /// Whether every subscriber hears every channel.
    #[must_use]
    pub fn hears_all(&self) -> bool {
        self.by == Subscription::Pattern
    }
}

impl Load {
    /// Each of `keys` once, first to last, on one connection, each request after the reply before it.
    #[must_use]
    pub fn of(operations: Vec<Operation>, keys: Range<u64>) -> Self {
        Self {
            operations,
            until: Until::Count(keys.end.saturating_sub(keys.start)),
            keys,
            order: Order::Sequential,
            scattered: false,
            clients: 1,
            pipeline: 1,
            pace: Pace::Closed,
            ttl: Ttl::None,
            read_from: ReadFrom::Masters,
            recorded: None,
            fan_out: None,
        }
    }

    /// Whether requests are due at times of their own, whether or not replies have come.
    #[must_use]
    pub fn is_open_loop(&self) -> bool {
        match &self.recorded {
            Some(recorded) => recorded.speed != Speed::Unpaced,
            None => self.pace != Pace::Closed,
        }
    }
}

/// Which nodes of a cluster are asked what only reads. Replicas may be behind: what they answer may be older than what a master
/// has acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename = "read_from", rename_all = "snake_case")]
pub enum ReadFrom {
    /// The master of the slot.
    #[default]
    Masters,
    /// Its replicas in turn; the master where none can be reached.
    Replicas,
    /// Replicas and master in turn.
    Any,
}

/// Requests that somebody recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TraceSource {
    /// The trace.
    pub file: PathBuf,
    /// How it is written down.
    pub format: TraceFormat,
    /// When requests are due.
    pub speed: Speed,
    /// Stands before every key that the trace names.
    pub prefix: String,
}

/// How a trace is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TraceFormat {
    /// libCacheSim's oracleGeneral: 24-byte little-endian records of u32 time (s), u64 object id, u32 size (bytes),
    /// i64 next access.
    OracleGeneral,
    /// Comma-separated values under a line of column names.
    Csv(TraceColumns),
    /// Twitter's cluster traces: timestamp (s), key, key size, value size, client, operation, TTL (s).
    Twitter,
    /// One key a line.
    Ids,
    /// What `redis-cli MONITOR` prints.
    Monitor,
}

impl TraceFormat {
    /// Whether it tells when requests were made.
    #[must_use]
    pub fn has_times(&self) -> bool {
        match self {
            Self::OracleGeneral | Self::Twitter | Self::Monitor => true,
            Self::Csv(columns) => columns.time.is_some(),
            Self::Ids => false,
        }
    }
}

/// Which columns of a CSV file hold what. Only the key is needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TraceColumns {
    /// Key.
    pub key: String,
    /// Time of the request, seconds, decimals allowed.
    pub time: Option<String>,
    /// Size of the value, bytes.
    pub size: Option<String>,
    /// Operation, by its name in Redis or memcached.
    pub operation: Option<String>,
    /// Time to live, seconds; 0 or empty for none.
    pub ttl: Option<String>,
}

/// When recorded requests are due.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Speed {
    /// When they were recorded, so many times faster.
    Times(f64),
    /// When a reply has come: as fast as possible, on a closed loop.
    Unpaced,
}

/// How keys are drawn from a range.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// First to last, and round again.
    Sequential,
    /// Every key equally likely.
    Uniform,
    /// Rank `r` (from 1) with a probability proportional to `r^-exponent`; rank 1 is the first key of the range.
    Zipfian {
        /// 0 is uniform; 0.99 is YCSB's default.
        exponent: f64,
    },
    /// As YCSB's `zipfian` picks records: a rank over 10^10 items at the exponent 0.99, hashed into the range.
    YcsbZipfian,
    /// The first `keys` get `requests`, the others the rest; each key of both parts as likely as its neighbours.
    Hotspot(Piece),
    /// The range in pieces, the first key in the first.
    Popularity(Vec<Piece>),
    /// The newest key has rank 1 of Zipf's law, the one before it rank 2. The last key of the range is the newest until one
    /// is inserted behind it.
    Latest {
        /// As of [`Order::Zipfian`].
        exponent: f64,
    },
    /// As YCSB's `exponential`: each key less likely than the next newer one by the same factor, so that the newest `keys`
    /// (`exponential.frac`) get `requests` (`exponential.percentile`).
    Exponential(Piece),
    /// A bell over the range, cut off at its ends.
    Gaussian {
        /// Where its middle lies, as a share of the range.
        mean: f64,
        /// Its standard deviation, as a share of the range.
        deviation: f64,
    },
}

/// A share of the keys and the share of the requests that they get.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Piece {
    /// Share of the keys, above 0, at most 1.
    pub keys: f64,
    /// Share of the requests, 0 to 1.
    pub requests: f64,
}

impl Piece {
    /// All keys with all requests.
    pub const ALL: Self = Self {
        keys: 1.0,
        requests: 1.0,
    };

    /// The other keys with the other requests.
    #[must_use]
    pub fn remainder(self) -> Self {
        Self {
            keys: 1.0 - self.keys,
            requests: 1.0 - self.requests,
        }
    }
}

/// When a phase ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    /// After this many requests (those that follow another not counted).
    Count(u64),
    /// After this long.
    Elapsed(Duration),
}

/// When requests are due. On an open loop latency counts from the due time, whether or not replies have come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pace {
    /// Closed loop: the next request is sent when a reply has come. Latency is service time.
    Closed,
    /// Open loop: requests are due at this constant rate (per second, over all clients).
    Rate(f64),
    /// Open loop: requests are due at random, independently of one another, at this mean rate (per second).
    Poisson(f64),
    /// Open loop at a rate that changes; after the last stretch it stays as it is at its end.
    Profile(Vec<Stretch>),
}

/// A stretch of time in which the rate changes linearly, or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Stretch {
    /// Requests per second at its begin.
    pub from: f64,
    /// Requests per second at its end.
    pub to: f64,
    /// How long it is.
    pub length: Duration,
}

/// Time to live of what is written, drawn anew for every write.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ttl {
    /// Values stay until they are deleted or evicted.
    None,
    /// Values expire after this long.
    After(Duration),
    /// Any time from `min` to `max`, each as likely as any other.
    Uniform {
        /// The shortest.
        min: Duration,
        /// The longest.
        max: Duration,
    },
    /// Log-normal: half of them are longer than `median`; never above `max`.
    Lognormal {
        /// The median.
        median: Duration,
        /// Standard deviation of the logarithm.
        sigma: f64,
        /// Times drawn above are cut to this.
        max: Duration,
    },
    /// Exponential: as if every value were made stale at random, at the same rate; never above `max`.
    Exponential {
        /// The mean, were there no `max`.
        mean: Duration,
        /// Times drawn above are cut to this.
        max: Duration,
    },
}

/// Whether and in which groups survival is probed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Survival {
    /// Every key of the key space is probed after the last phase.
    pub probe: bool,
    /// Named ranges of keys; they may overlap.
    pub groups: Vec<Group>,
}

/// A named range of keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Group {
    /// Name, as expectations use it.
    pub name: String,
    /// The keys.
    pub keys: Range<u64>,
}

/// One cell of the comparison: a name and the directives that set it apart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cell {
    /// The values that set it apart, joined by ` / `, each that does not speak for itself (`10`) after its directive's
    /// name; `run` where nothing is compared.
    pub label: String,
    /// Directives on top of the plan's.
    pub directives: Vec<Directive>,
    /// Masters of `embedded-cluster`, where cells differ in them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub masters: Option<u32>,
    /// Replicas of each of them, where cells differ in these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<u32>,
}

/// Something that must hold: `left comparison right`, in the cells listed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Expectation {
    /// As written, for people.
    pub text: String,
    /// Indices into [`Plan::cells`].
    pub cells: Vec<usize>,
    /// Left side.
    pub left: Operand,
    /// How the sides compare.
    pub comparison: Comparison,
    /// Right side.
    pub right: Operand,
}

/// One side of an expectation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Operand {
    /// A constant in the base unit: seconds, bytes, a ratio from 0 to 1, a count, operations per second.
    Number(f64),
    /// Something measured.
    Metric(Metric),
}

/// Something measured in a cell, in the base unit; over repetitions, the mean (the pooled histogram for latency).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// `survival.GROUP`: share of a group still present; index into [`Survival::groups`].
    GroupSurvival(usize),
    /// `survival.fidelity`: share of the survivors that exact LRU would have kept.
    Fidelity,
    /// `PHASE.measure`; index into [`Plan::phases`].
    Phase(usize, Measure),
    /// `PHASE.OPERATION.measure`, of `operations` and latencies; indices into [`Plan::phases`] and [`Load::operations`].
    Operation(usize, usize, Measure),
    /// `PHASE.SPACE.measure`, of `hits`, `misses` and `hit_ratio`; indices into [`Plan::phases`] and [`KeySpace::spaces`].
    Space(usize, usize, Measure),
    /// `read_back.lost`: keys whose last acknowledged write was lost.
    LostWrites,
    /// `server.evicted_keys`.
    EvictedKeys,
    /// `server.used_memory`, bytes, the largest sample.
    UsedMemory,
}

/// What is measured in a phase.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Requests answered, errors included.
    Operations,
    /// Requests per second.
    Throughput,
    /// Error replies, timeouts and broken connections.
    Errors,
    /// Errors per request.
    ErrorRate,
    /// Reads that found their key.
    Hits,
    /// Reads that did not.
    Misses,
    /// Hits per read.
    HitRatio,
    /// Values read that were not as anybody had written them.
    Corrupt,
    /// Values read that had been written under another key.
    Foreign,
    /// Keys that were drawn at least once.
    Distinct,
    /// Share of the requests that were drawn for the hottest key.
    HottestShare,
    /// Exponent of the Zipf law nearest to the draws.
    Exponent,
    /// The most hits per read that any cache of that size could have had.
    IdealHitRatio,
    /// Mean latency, seconds.
    LatencyMean,
    /// Largest latency, seconds.
    LatencyMax,
    /// Latency at a percentile (0 to 100), seconds.
    LatencyPercentile(f64),
    /// Messages that subscribers heard.
    Delivered,
    /// Deliveries that were expected and not made.
    Lost,
    /// Deliveries that were not made, of messages that the server may not have taken: no reply came.
    Undetermined,
    /// Messages that came after a later one of the same publisher.
    OutOfOrder,
    /// Mean time from a publication's due time to its delivery, seconds.
    DeliveryMean,
    /// Largest such time, seconds.
    DeliveryMax,
    /// Share of the requests that went to the node of a cluster to which most went.
    BusiestNodeShare,
    /// Requests, to all nodes, per second of processor time of the node that used most of it.
    BusiestNodeRate,
    /// Such a time at a percentile (0 to 100), seconds.
    DeliveryPercentile(f64),
}

impl Measure {
    /// Whether it is about the delivery of messages.
    #[must_use]
    pub fn is_of_delivery(self) -> bool {
        matches!(
            self,
            Self::Delivered
                | Self::Lost
                | Self::Undetermined
                | Self::OutOfOrder
                | Self::DeliveryMean
                | Self::DeliveryMax
                | Self::DeliveryPercentile(_)
        )
    }

    /// Whether it is the latency of requests.
    #[must_use]
    pub fn is_latency(self) -> bool {
        matches!(
            self,
            Self::LatencyMean | Self::LatencyMax | Self::LatencyPercentile(_)
        )
    }
}

/// How two operands compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `>=`
    AtLeast,
    /// `>`
    Greater,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload;

    #[test]
    fn times_that_are_told_add_up_where_phases_follow_one_another() {
        let yaml = "keys: { count: 9 }\nphases:\n  - save: { keys: all }\n  - read: { for: 2s }\n  - pause: 5s\n  \
                    - parallel:\n      - read: { name: a, for: 3s }\n      - read: { name: b, for: 3s }\n";
        let plan = workload::parse(yaml).unwrap();
        assert_eq!(plan.length_min(), Duration::from_secs(5));
    }
}
