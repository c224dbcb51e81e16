//! The workload as written: the structs that the YAML is read into and that the JSON schema is made from.
//!
//! What is left out here gets its default in [`check`](super::check); the defaults that the schema names stand beside their keys
//! and are proved against the checker's by a test over `workloads/reference.yaml`.

pub(super) mod distribution;
mod event;
pub(super) mod values;

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};
use serde_json::{Value, json};

use super::plan::{Effect, KeyChoice, ReadFrom, Subscription};
use super::reader::{At, Entries, Given, ONE_OR_NAMED, SCALAR_OR_MAP};
use super::units::{
    self, Command, Count, Flag, FromText, KeyRange, Name, Plain, Portion, Rate, Setting, Size,
    Speed, Text, Threads, Time, Weight,
};
use distribution::Distribution;
pub(super) use event::{Event, SlotMove};
use values::{DrawnTtl, Values};

/// A workload: what is driven, with which keys and values, in which phases, and what must hold afterwards.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(
    rename = "workload",
    default,
    deny_unknown_fields,
    expecting = "a map with the keys of a workload"
)]
#[schemars(title = "cachebench workload", extend("required" = ["keys", "phases"]))]
pub(super) struct Workload {
    /// Short name, for files and titles. Left out: the name of the file.
    pub(super) name: Given<Name>,
    /// The question that the workload answers, one sentence, for titles.
    #[schemars(extend("default" = ""))]
    pub(super) question: Given<Plain>,
    /// Every random draw comes from this seed: the same seed sends the same requests.
    #[schemars(extend("default" = 42))]
    pub(super) seed: Given<Count>,
    /// What is driven; `--target` on the command line stands above it.
    #[schemars(extend("default" = "embedded"))]
    pub(super) target: Given<Target>,
    /// How long to wait for what does not come.
    pub(super) timeouts: Given<Timeouts>,
    /// Threads that the clients of a phase are spread over. `auto`: as many as there are cores, less one for a server on this
    /// machine; one for an embedded server on its virtual clock, so that a counted run repeats exactly.
    #[schemars(extend("default" = "auto"))]
    pub(super) threads: Given<Threads>,
    /// How much the server may hold. Left out: as the server is configured.
    #[schemars(extend("default" = "as_configured"))]
    pub(super) capacity: Given<Capacity>,
    /// The keys there are.
    pub(super) keys: Given<Keys>,
    /// What is stored under them.
    #[schemars(extend("default" = { "fixed": "100b" }))]
    pub(super) values: Given<Values>,
    /// Pause between two phases. On a server with a virtual clock it takes no time. Redis's LRU clock ticks once a second: phases
    /// less than a second apart look the same to it.
    #[schemars(extend("default" = "0s"))]
    pub(super) settle: Given<Time>,
    /// What happens, in order.
    #[schemars(length(min = 1))]
    pub(super) phases: Given<Vec<At<Phase>>>,
    /// What is done to the nodes of a cluster meanwhile.
    #[schemars(extend("default" = []))]
    pub(super) events: Given<Vec<At<Event>>>,
    /// Which keys are still there after the last phase: every key is probed, without touching what is measured. Left out:
    /// probed only where an expectation asks for it.
    pub(super) survival: Given<Survival>,
    /// Whether every key is read after the last phase, to see that what was acknowledged is there. Left out: where there are `events`.
    pub(super) read_back: Given<Flag>,
    /// Directives with the values to compare; of `embedded-cluster` also `masters` and `replicas`. Every combination is a cell,
    /// on a fresh server each; cells of one repetition get
    /// the same requests.
    #[schemars(extend("default" = {}))]
    pub(super) compare: Given<Entries<Vec<At<Setting>>>>,
    /// How often every cell is run; repetitions of different cells are interleaved.
    #[schemars(extend("default" = 1))]
    pub(super) repeat: Given<Count>,
    /// What must hold after the run: `mix.latency.p99 < 1ms` for every cell, `allkeys-lru: survival.read > 90%` for the cells named.
    #[schemars(extend("default" = []))]
    pub(super) expect: Given<Vec<At<Expect>>>,
}

/// What is driven: `embedded`, `spawn:PROGRAM`, `redis://[user:password@]host[:port][/database]`, `rediss://` for TLS,
/// `unix:///path`, or a map with settings.
#[derive(Debug)]
pub(super) enum Target {
    /// As on the command line.
    Text(String),
    /// With settings.
    Map(TargetMap),
}

/// A target with settings.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "target", rename_all = "snake_case")]
pub(super) enum TargetMap {
    /// The reference server, in this process, with directives as `CONFIG SET` takes them.
    Embedded(EmbeddedSettings),
    /// A cluster of reference servers, in this process, with directives for each of them.
    #[serde(rename = "embedded-cluster")]
    EmbeddedCluster(ClusterSettings),
    /// A server binary that is started on a free port in a temporary folder and stopped afterwards, with directives.
    Spawn(Spawn),
    /// A server that somebody else runs.
    Endpoint(Box<Endpoint>),
}

/// A program, or a map with `program` and directives.
#[derive(Debug)]
pub(super) enum Spawn {
    /// The program alone.
    Program(String),
    /// `program` and directives.
    Settings(Entries<Setting>),
}

/// A server that somebody else runs. Only keys under `cachebench:NAME:` are written there, and nothing is flushed or configured
/// unless `allow` says so.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(
    rename = "endpoint",
    default,
    deny_unknown_fields,
    expecting = "a map with the keys of an endpoint"
)]
#[schemars(extend("required" = ["url"]))]
pub(super) struct Endpoint {
    /// `redis://[user:password@]host[:port][/database]`, `rediss://` for TLS, `unix:///path[?db=database]`.
    pub(super) url: Given<Plain>,
    /// The environment variable that holds the password, so that it stands in no file.
    pub(super) password_env: Given<Plain>,
    /// What a `rediss://` connection checks and shows.
    #[schemars(extend("default" = {}))]
    pub(super) tls: Given<TlsSettings>,
    /// The protocol that connections ask for.
    #[schemars(extend("default" = "resp2"))]
    pub(super) protocol: Given<Protocol>,
    /// The name of every connection, as CLIENT LIST shows it; empty for none.
    #[schemars(extend("default" = "cachebench"))]
    pub(super) client_name: Given<Plain>,
    /// What may be done to the server: `flush` (FLUSHALL, FLUSHDB between cells and repetitions), `config` (CONFIG SET),
    /// `cluster` (CLUSTER FAILOVER, and moving slots).
    #[schemars(extend("default" = []))]
    pub(super) allow: Given<Vec<At<Permission>>>,
    /// The address is that of a node of a cluster, all of which is driven.
    #[schemars(extend("default" = false))]
    pub(super) cluster: Given<Flag>,
    /// Directives to set, which needs `allow: [config]`.
    #[schemars(extend("default" = {}))]
    pub(super) directives: Given<Entries<Setting>>,
}

/// What an encrypted connection checks and shows. Files are PEM files.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(
    rename = "tls",
    default,
    deny_unknown_fields,
    expecting = "a map that may hold `ca`, `certificate` and `key`, `server_name`, `verify`"
)]
pub(super) struct TlsSettings {
    /// The certificate of the authority that signed the server's. Left out: those that this system trusts.
    pub(super) ca: Given<Plain>,
    /// Our certificate, for a server that wants to know its clients.
    pub(super) certificate: Given<Plain>,
    /// Its key.
    pub(super) key: Given<Plain>,
    /// The name that the server is asked for (SNI) and must prove. Left out: the host's.
    pub(super) server_name: Given<Plain>,
    /// `full`; or `none`: whoever answers is taken for the server.
    #[schemars(extend("default" = "full"))]
    pub(super) verify: Given<Verification>,
}

/// What is checked of a server's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename = "verify", rename_all = "snake_case")]
pub(super) enum Verification {
    /// Everything.
    Full,
    /// Nothing.
    None,
}

/// A protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename = "protocol", rename_all = "snake_case")]
pub(super) enum Protocol {
    /// What every server speaks.
    Resp2,
    /// By HELLO 3.
    Resp3,
}

/// How long to wait for what does not come.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(
    rename = "timeouts",
    default,
    deny_unknown_fields,
    expecting = "a map that may hold `connect`, `request` and `unreachable`"
)]
pub(super) struct Timeouts {
    /// For a connection.
    #[schemars(extend("default" = "5s"))]
    pub(super) connect: Given<Time>,
    /// For a reply. What is not answered by then counts as the error `timeout`, and its connection is made again.
    #[schemars(extend("default" = "10s"))]
    pub(super) request: Given<Time>,
    /// For any reply at all, while lost connections are being made again; then the run ends.
    #[schemars(extend("default" = "10s"))]
    pub(super) unreachable: Given<Time>,
}

/// What may be done to a server that somebody else runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename = "permission", rename_all = "snake_case")]
pub(super) enum Permission {
    /// FLUSHALL and FLUSHDB.
    Flush,
    /// CONFIG SET.
    Config,
    /// Of a cluster: CLUSTER FAILOVER, and moving slots.
    Cluster,
}

/// How much the server may hold.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "capacity", rename_all = "snake_case")]
pub(super) enum Capacity {
    /// `maxmemory` is left as it is.
    AsConfigured,
    /// `maxmemory` is calibrated, in the first cell, so that this many of the workload's keys fit, on whichever server.
    Keys(At<Count>),
    /// `maxmemory` in bytes.
    Bytes(At<Size>),
}

/// The keys there are: of one kind, or in spaces with a name each.
#[derive(Debug)]
pub(super) enum Keys {
    /// Of one kind.
    One(OneKind),
    /// Spaces by their names, one after another.
    Spaces(Entries<Space>),
}

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(ONE_OR_NAMED, KeysVisitor)
    }
}

struct KeysVisitor;

impl<'de> Visitor<'de> for KeysVisitor {
    type Value = Keys;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map with `count` and perhaps `name`, or of key spaces with a name each")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, one: D) -> Result<Keys, D::Error> {
        OneKind::deserialize(one).map(Keys::One)
    }

    fn visit_some<D: Deserializer<'de>>(self, named: D) -> Result<Keys, D::Error> {
        Entries::deserialize(named).map(Keys::Spaces)
    }
}

impl JsonSchema for Keys {
    fn schema_name() -> Cow<'static, str> {
        "keys".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<OneKind>();
        let space = generator.subschema_for::<Space>();
        json_schema!({
            "description": "The keys there are: of one kind, or spaces by their names, one after another.",
            "anyOf": [one, {
                "type": "object",
                "propertyNames": { "pattern": "^[A-Za-z][A-Za-z0-9_-]*$" },
                "minProperties": 1,
                "additionalProperties": space
            }]
        })
    }
}

/// Keys of one kind: numbers from 0, and how key `i` is spelt.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(
    rename = "one_kind",
    default,
    deny_unknown_fields,
    expecting = "a map with `count` and perhaps `name`"
)]
#[schemars(extend("required" = ["count"]))]
pub(super) struct OneKind {
    /// The name of key number i, `{i}` where the number goes.
    #[schemars(extend("default" = "key-{i}"))]
    pub(super) name: Given<Text>,
    /// How many keys there are.
    pub(super) count: Given<Count>,
}

/// Some of the keys: a range and a survival group by its name, with a hit ratio of its own.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(
    rename = "key_space",
    default,
    deny_unknown_fields,
    expecting = "a map with the `count` of the key space and perhaps `name`, `weight` and `values`"
)]
#[schemars(extend("required" = ["count"]))]
pub(super) struct Space {
    /// The name of its key number i, `{i}` where the number goes. Left out: the name of the space before it, `sessions:{i}`.
    pub(super) name: Given<Text>,
    /// How many keys it has.
    pub(super) count: Given<Count>,
    /// How often a phase that draws from all keys picks this space, in proportion to the others.
    #[schemars(extend("default" = 1))]
    pub(super) weight: Given<Weight>,
    /// What is stored under its keys. Left out: what the workload says.
    pub(super) values: Given<Values>,
}

/// One step of the workload.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename = "phase", rename_all = "snake_case")]
#[schemars(transform = or_bare_name)]
pub(super) enum Phase {
    /// Writes keys; once each, first to last, unless told otherwise.
    Save(Load),
    /// Reads keys; once each, first to last, unless told otherwise.
    Read(Load),
    /// Writes keys, as `save` does; the name for what comes on top.
    Flood(Load),
    /// Draws operations by their shares, on keys drawn from all of them.
    Mix(Load),
    /// Sends again what somebody recorded.
    Replay(Replay),
    /// Publishes messages to subscribers, and measures how long each takes to come to them.
    FanOut(FanOut),
    /// Waits; on a server with a virtual clock, turns the clock.
    Pause(At<Pause>),
    /// Several of the others but `pause` at the same time, each with clients of its own, and a phase of its own for expectations
    /// and plots.
    Parallel(Vec<At<Phase>>),
}

/// Requests: which, on which keys, how many, how fast.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(
    rename = "load",
    default,
    deny_unknown_fields,
    expecting = "a map with the keys of a phase"
)]
pub(super) struct Load {
    /// The phase's name for expectations and plots. Left out: its kind, made unique (`flood`, `flood-2`).
    pub(super) name: Given<Name>,
    /// The keys: a range (`0..5000`), `all`, a key space by its name, or a distribution over them (`zipfian: { exponent: 0.99 }`).
    #[schemars(extend("default" = "all"))]
    pub(super) keys: Given<PhaseKeys>,
    /// How keys are drawn from the range.
    #[schemars(extend("default" = "sequential"))]
    pub(super) order: Given<Distribution>,
    /// What is sent: one operation or command (`get`, `"HSET user:{key} field {value}"`), or several with shares that add up to
    /// 100% (`{ get: 95%, set: 5% }`). `save` and `flood` set, `read` gets; `mix` has to be told.
    pub(super) operations: Given<Operations>,
    /// The phase ends after this many requests (those that follow another not counted). Left out, and no `for`: as many as there
    /// are keys in the range; `mix` has to be told one of both.
    pub(super) count: Given<Count>,
    /// The phase ends after this long.
    #[serde(rename = "for")]
    pub(super) for_: Given<Time>,
    /// Connections.
    #[schemars(extend("default" = 1))]
    pub(super) clients: Given<Count>,
    /// Requests in flight per connection, at the most.
    #[schemars(extend("default" = 1))]
    pub(super) pipeline: Given<Count>,
    /// When requests are due: `50k/s` over all clients, whether or not replies have come, and latency counts from the due time
    /// (open loop); `{ poisson: 50k/s }`: at random at that mean rate; `{ from: 1k/s, to: 100k/s, over: 60s }`: at a rate that
    /// changes; `closed`: when a reply has come (closed loop).
    #[schemars(extend("default" = "closed"))]
    pub(super) rate: Given<Pace>,
    /// Time to live of what is written.
    #[schemars(extend("default" = "none"))]
    pub(super) ttl: Given<Ttl>,
    /// What follows a read that misses: `nothing`, or `set` (or any operation) as a cache-aside client would after asking its
    /// database.
    #[schemars(extend("default" = "nothing"))]
    pub(super) on_miss: Given<Command>,
    /// Of a cluster, which nodes are asked what only reads: `masters`; `replicas`, in turn (READONLY); `any`, both in turn. What
    /// replicas answer may be older than what was acknowledged, and counts as it comes.
    #[schemars(extend("default" = "masters"))]
    pub(super) read_from: Given<ReadFrom>,
}

/// A trace, sent again.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(
    rename = "replay",
    default,
    deny_unknown_fields,
    expecting = "a map with the keys of a replay"
)]
#[schemars(extend("required" = ["file", "format"]))]
pub(super) struct Replay {
    /// The phase's name. Left out: `replay`, made unique.
    pub(super) name: Given<Name>,
    /// The trace, beside this file; zstd and gzip are unpacked.
    pub(super) file: Given<Plain>,
    /// How it is written down.
    pub(super) format: Given<Format>,
    /// Of csv, the columns by their names in its first line.
    pub(super) columns: Given<Columns>,
    /// `as_recorded` where the trace has times (latency counts from the due time), `10x` as fast, or `as_fast_as_possible`.
    pub(super) speed: Given<Speed>,
    /// The phase ends after this many requests. Left out: with the trace.
    pub(super) limit: Given<Count>,
    /// The phase ends after this long.
    #[serde(rename = "for")]
    pub(super) for_: Given<Time>,
    /// Connections.
    #[schemars(extend("default" = 1))]
    pub(super) clients: Given<Count>,
    /// Requests in flight per connection, at the most.
    #[schemars(extend("default" = 1))]
    pub(super) pipeline: Given<Count>,
    /// Time to live of what is written, where the trace has none.
    #[schemars(extend("default" = "none"))]
    pub(super) ttl: Given<Ttl>,
    /// What follows a read that misses: `nothing` or `set`.
    #[schemars(extend("default" = "nothing"))]
    pub(super) on_miss: Given<Command>,
}

/// Publishers, channels and subscribers.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(
    rename = "fan_out",
    default,
    deny_unknown_fields,
    expecting = "a map with the keys of a fan_out"
)]
pub(super) struct FanOut {
    /// The phase's name. Left out: `fan_out`, made unique.
    pub(super) name: Given<Name>,
    /// Channels; each publication is on one of them, each as likely as any other.
    #[schemars(extend("default" = 1))]
    pub(super) channels: Given<Count>,
    /// Connections that listen. Left out: one a channel.
    pub(super) subscribers: Given<Count>,
    /// Each to a `channel` (SUBSCRIBE, evenly), to a `shard` channel (SSUBSCRIBE, evenly), or to all by `pattern` (PSUBSCRIBE).
    #[schemars(extend("default" = "channel"))]
    pub(super) subscribe: Given<Subscription>,
    /// The messages; 32 bytes of each tell when it was due. Left out: 100 bytes.
    pub(super) values: Given<Values>,
    /// The phase ends after this many publications.
    pub(super) count: Given<Count>,
    /// The phase ends after this long.
    #[serde(rename = "for")]
    pub(super) for_: Given<Time>,
    /// Connections that publish.
    #[schemars(extend("default" = 1))]
    pub(super) clients: Given<Count>,
    /// Publications in flight per connection, at the most.
    #[schemars(extend("default" = 1))]
    pub(super) pipeline: Given<Count>,
    /// When publications are due, as in any other phase.
    #[schemars(extend("default" = "closed"))]
    pub(super) rate: Given<Pace>,
}

/// How a trace is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename = "trace_format", rename_all = "snake_case")]
pub(super) enum Format {
    /// libCacheSim's: 24-byte records of time, object, size and next access.
    OracleGeneral,
    /// Values between commas under a line of column names.
    Csv,
    /// Twitter's cluster traces.
    Twitter,
    /// One key a line.
    Ids,
    /// What `redis-cli MONITOR` prints. Commands that could harm, or whose keys are not known, are left out.
    Monitor,
}

/// Columns of a CSV file.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(
    rename = "trace_columns",
    default,
    deny_unknown_fields,
    expecting = "a map of columns, `key` among them"
)]
#[schemars(extend("required" = ["key"]))]
pub(super) struct Columns {
    /// The key.
    pub(super) key: Given<Plain>,
    /// When, seconds.
    pub(super) time: Given<Plain>,
    /// Size of the value, bytes.
    pub(super) size: Given<Plain>,
    /// The operation, by its name in Redis or memcached. Left out: get.
    pub(super) operation: Given<Plain>,
    /// Time to live, seconds.
    pub(super) ttl: Given<Plain>,
}

/// A rate, or how it changes.
#[derive(Debug)]
pub(super) enum Pace {
    /// Constant, or a closed loop.
    Constant(Rate),
    /// A map.
    Shaped(ShapedRate),
}

/// Arrivals that are not constant: at random, on a ramp, or in steps.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(
    rename = "shaped_rate",
    default,
    deny_unknown_fields,
    expecting = "a map with `poisson`, with `from`, `to` and `over`, or with `steps`"
)]
pub(super) struct ShapedRate {
    /// Requests are due at random, independently of one another, at this mean rate.
    pub(super) poisson: Given<Rate>,
    /// The rate that a ramp begins with.
    pub(super) from: Given<Rate>,
    /// The rate that it ends with, and that stays.
    pub(super) to: Given<Rate>,
    /// How long it takes.
    pub(super) over: Given<Time>,
    /// Rates one after another; the last one stays.
    #[schemars(length(min = 1))]
    pub(super) steps: Given<Vec<At<Step>>>,
}

/// A rate and how long it lasts.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(
    rename = "step",
    default,
    deny_unknown_fields,
    expecting = "a map with `rate` and `for`"
)]
#[schemars(extend("required" = ["rate", "for"]))]
pub(super) struct Step {
    /// Requests per second over all clients.
    pub(super) rate: Given<Rate>,
    /// How long.
    #[serde(rename = "for")]
    pub(super) for_: Given<Time>,
}

/// A time to live, or a distribution of them.
#[derive(Debug)]
pub(super) enum Ttl {
    /// The same for all, or nearly.
    Text(units::Ttl),
    /// Drawn for every write.
    Drawn(DrawnTtl),
}

/// A range of keys, or a distribution over one.
#[derive(Debug)]
pub(super) enum PhaseKeys {
    /// A range, drawn in the phase's order.
    Range(KeyRange),
    /// A distribution and its range.
    Drawn(Distribution),
}

/// One operation, or several with their shares.
#[derive(Debug)]
pub(super) enum Operations {
    /// One for every request.
    One(String),
    /// Several, by share.
    Mix(Entries<Sent>),
}

/// The share of an operation, or a map with more.
#[derive(Debug)]
pub(super) enum Sent {
    /// Its share alone.
    Share(Portion),
    /// With settings.
    Settings(Box<Settings>),
}

/// An operation with settings.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(
    rename = "operation_settings",
    default,
    deny_unknown_fields,
    expecting = "a map with `share` and more of an operation"
)]
pub(super) struct Settings {
    /// Its share of the requests. Left out: all of them, where it is the only one.
    pub(super) share: Given<Portion>,
    /// The command, where the name is not one that is known.
    pub(super) send: Given<Plain>,
    /// How many keys `{keys}` and `{pairs}` are.
    #[schemars(extend("default" = 10))]
    pub(super) keys: Given<Count>,
    /// Which key it is sent for.
    #[schemars(extend("default" = "drawn"))]
    pub(super) key: Given<KeyChoice>,
    /// The key space that its keys are drawn from. Left out: the phase's keys.
    pub(super) keyspace: Given<Plain>,
    /// What a reply tells. Left out: what is known of the command; `other` where nothing is.
    pub(super) effect: Given<Effect>,
    /// What follows for the same key after a miss. Left out: what the phase says.
    pub(super) on_miss: Given<Command>,
    /// What follows for the same key after every reply but an error, as in read-modify-write.
    #[schemars(extend("default" = "nothing"))]
    pub(super) then: Given<Command>,
}

/// How long, or a map with `for` and `name`.
#[derive(Debug)]
pub(super) enum Pause {
    /// How long.
    Time(Time),
    /// With a name.
    Named(NamedPause),
}

/// A pause with a name.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(
    rename = "pause",
    default,
    deny_unknown_fields,
    expecting = "a duration, or a map with `for` and perhaps `name`"
)]
#[schemars(extend("required" = ["for"]))]
pub(super) struct NamedPause {
    /// The phase's name. Left out: `pause`, made unique.
    pub(super) name: Given<Name>,
    /// How long.
    #[serde(rename = "for")]
    pub(super) for_: Given<Time>,
}

/// Which keys are still there after the last phase.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(
    rename = "survival",
    default,
    deny_unknown_fields,
    expecting = "a map that may hold `groups`"
)]
pub(super) struct Survival {
    /// Named ranges of keys, which expectations and plots use; they may overlap.
    #[schemars(extend("default" = {}))]
    pub(super) groups: Given<Entries<KeyRange>>,
}

/// An expectation for every cell, or a map from a cell's label to one.
#[derive(Debug)]
pub(super) enum Expect {
    /// For every cell.
    Everywhere(String),
    /// For the cells named.
    In(Entries<Plain>),
}

/// Reads a type that is a scalar or a map: from its text, or as the struct or enum that the map is. The schema allows both.
macro_rules! scalar_or_map {
    ($type:ty, $name:literal, $wanted:literal, $visitor:ident, $scalar:ty, $map:ty, |$text:ident| $from_text:expr, $from_map:expr) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_newtype_struct(SCALAR_OR_MAP, $visitor)
            }
        }

        struct $visitor;

        impl<'de> Visitor<'de> for $visitor {
            type Value = $type;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($wanted)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<$type, E> {
                let $text = text.trim();
                $from_text.map_err(E::custom)
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, map: D) -> Result<$type, D::Error> {
                <$map>::deserialize(map).map($from_map)
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                let (scalar, map) = (generator.subschema_for::<$scalar>(), generator.subschema_for::<$map>());
                json_schema!({ "description": $wanted, "anyOf": [scalar, map] })
            }
        }
    };
}

scalar_or_map!(
    Target,
    "target",
    "a target: embedded, embedded-cluster, spawn:PROGRAM, redis://host:port/database, rediss://, unix:///path, or one of embedded, embedded-cluster, spawn, endpoint with settings",
    TargetVisitor,
    Plain,
    TargetMap,
    |text| Ok::<_, String>(Target::Text(text.to_owned())),
    Target::Map
);
scalar_or_map!(
    Ttl,
    "ttl",
    "a time to live such as 30s or 30s ± 10%, none, or a distribution such as { exponential: { mean: 5m } }",
    TtlVisitor,
    units::Ttl,
    DrawnTtl,
    |text| units::Ttl::from_text(text).map(Ttl::Text),
    Ttl::Drawn
);
scalar_or_map!(
    Spawn,
    "spawn",
    "a program such as redis-server, or a map with `program` and directives",
    SpawnVisitor,
    Plain,
    SpawnSettings,
    |text| Ok::<_, String>(Spawn::Program(text.to_owned())),
    |settings| Spawn::Settings(settings.0)
);
scalar_or_map!(
    Pace,
    "pace",
    "a rate such as 50k/s, closed, or a map such as { poisson: 50k/s } or { from: 1k/s, to: 100k/s, over: 60s }",
    PaceVisitor,
    Rate,
    ShapedRate,
    |text| Rate::from_text(text).map(Pace::Constant),
    Pace::Shaped
);
scalar_or_map!(
    PhaseKeys,
    "phase_keys",
    "a range of keys such as 0..5000, all, a key space by its name, or a distribution such as { zipfian: { exponent: 0.99 } }",
    PhaseKeysVisitor,
    RangeOrName,
    Distribution,
    |text| phase_keys(text),
    PhaseKeys::Drawn
);
scalar_or_map!(
    Operations,
    "operations",
    "an operation, a command, or a map of operations to shares such as { get: 95%, set: 5% }",
    OperationsVisitor,
    Command,
    Entries<Sent>,
    |text| Ok::<_, String>(Operations::One(text.to_owned())),
    Operations::Mix
);
scalar_or_map!(
    Sent,
    "sent",
    "a share such as 95% or 0.95, or a map with `share` and more of an operation",
    SentVisitor,
    Portion,
    Settings,
    |text| Portion::from_text(text).map(Sent::Share),
    |settings| Sent::Settings(Box::new(settings))
);
scalar_or_map!(
    Pause,
    "pause",
    "a duration such as 1200ms or 30s, or a map with `for` and perhaps `name`",
    PauseVisitor,
    Time,
    NamedPause,
    |text| Time::from_text(text).map(Pause::Time),
    Pause::Named
);
scalar_or_map!(
    Expect,
    "expectation",
    "an expectation such as mix.errors == 0, or a cell and an expectation such as allkeys-lru: survival.read > 90%",
    ExpectVisitor,
    Plain,
    Entries<Plain>,
    |text| Ok::<_, String>(Expect::Everywhere(text.to_owned())),
    Expect::In
);

/// A range; the bare name of a distribution is one over all keys.
fn phase_keys(text: &str) -> Result<PhaseKeys, String> {
    match Distribution::named(text) {
        Some(distribution) => Ok(PhaseKeys::Drawn(distribution)),
        None => KeyRange::from_text(text).map(PhaseKeys::Range),
    }
}

/// A map type of the user's own keys with a schema that tells some of them.
macro_rules! entries_with_schema {
    ($type:ident, $value:ty, $name:literal, $schema:tt) => {
        /// Entries with a schema that tells some of their keys.
        #[derive(Debug, Deserialize)]
        #[serde(transparent)]
        pub(super) struct $type(pub(super) Entries<$value>);

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

entries_with_schema!(EmbeddedSettings, Setting, "embedded_settings", {
    "description": "Directives as `CONFIG SET` takes them, and which clock the server follows.",
    "type": ["object", "null"],
    "properties": {
        "clock": {
            "description": "`virtual`: stands still but for `settle` and `pause`, which advance it at once, so that a counted run repeats exactly; \
                `real`: the machine's. Left out: virtual where every phase is counted and closed-loop, real otherwise.",
            "enum": ["virtual", "real"]
        }
    },
    "additionalProperties": { "type": ["string", "number", "boolean"] }
});

entries_with_schema!(ClusterSettings, Setting, "cluster_settings", {
    "description": "How many nodes, and directives as `CONFIG SET` takes them, for each of them.",
    "type": "object",
    "properties": {
        "masters": {
            "description": "How many masters share the slots.",
            "type": "integer", "minimum": 1, "maximum": 100, "default": 3
        },
        "replicas": {
            "description": "How many replicas each master has.",
            "type": "integer", "minimum": 0, "maximum": 5, "default": 0
        }
    },
    "additionalProperties": { "type": ["string", "number", "boolean"] }
});

entries_with_schema!(SpawnSettings, Setting, "spawn_settings", {
    "description": "The program, and directives as `CONFIG SET` takes them.",
    "type": "object",
    "required": ["program"],
    "properties": {
        "program": { "description": "Name on PATH, or path: `redis-server`, `valkey-server`, `./build/my-server`.", "type": "string" }
    },
    "additionalProperties": { "type": ["string", "number", "boolean"] }
});

/// A variant without settings may be written as its bare name: `- save` for `- save: {}`.
fn or_bare_name(schema: &mut Schema) {
    let Some(variants) = schema.get_mut("oneOf").and_then(Value::as_array_mut) else {
        return;
    };
    let names: Vec<Value> = variants
        .iter()
        .filter_map(|variant| variant.get("required")?.get(0).cloned())
        .collect();
    variants.push(json!({ "description": "Without settings.", "enum": names }));
}

/// The schema of a range, or of a distribution by its bare name.
struct RangeOrName;

impl JsonSchema for RangeOrName {
    fn schema_name() -> Cow<'static, str> {
        "range_or_name".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let range = generator.subschema_for::<KeyRange>();
        json_schema!({ "anyOf": [range, { "enum": Distribution::NAMES }] })
    }
}
