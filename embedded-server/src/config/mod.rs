//! The node's configuration: every directive in one table, and the typed fields that the hot path reads.
//!
//! A configuration file, command-line arguments, CONFIG GET, CONFIG SET and CONFIG REWRITE all go through
//! [`Directive`](directives::Directive), so a default, a range or a unit is written down once.

pub mod directives;
mod file;
pub mod kind;

pub use directives::Directive;
pub use file::{ConfigTextError, Scope, rewritten};
pub use kind::{Value, ValueError};

use thiserror::Error;

use crate::command::{RenameError, Renames};
use crate::keyspace::Settings;
use crate::notify::Events;
use crate::types::Limits;

/// What may wait for a client whose class has no hard limit, as nothing here is without one.
pub const REPLY_BYTES_MAX: usize = 1 << 30;

/// Not in the table, as it has no value to be asked for or changed.
const RENAME: &str = "rename-command";

/// The limits of one class of clients: `client-output-buffer-limit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OutputLimit {
    /// Disconnect at once beyond so many bytes; 0 for never.
    pub hard_bytes: u64,
    /// Disconnect when beyond so many bytes for [`OutputLimit::soft_seconds`]; 0 for never.
    pub soft_bytes: u64,
    /// See [`OutputLimit::soft_bytes`].
    pub soft_seconds: u64,
}

/// The limits of every class of clients, in the order of [`ClientClass`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OutputLimits(pub [OutputLimit; 3]);

impl OutputLimits {
    /// The limits of one class.
    #[must_use]
    pub fn of(&self, class: ClientClass) -> OutputLimit {
        let [normal, replica, pubsub] = self.0;
        match class {
            ClientClass::Normal => normal,
            ClientClass::Replica => replica,
            ClientClass::PubSub => pubsub,
        }
    }
}

/// A refused change of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// There is no such directive.
    #[error("Unknown option or number of arguments for CONFIG SET - '{0}'")]
    Unknown(String),
    /// The value does not fit the directive, the directive cannot change any more, or is named twice.
    #[error("CONFIG SET failed (possibly related to argument '{name}') - {reason}")]
    Refused {
        /// The directive, as the client wrote it.
        name: String,
        /// Why, in Redis's words.
        reason: ValueError,
    },
}

macro_rules! hot_fields {
    ($($(#[$doc:meta])* $field:ident: $type:ty = $read:ident($directive:literal);)*) => {
        /// A node's configuration. Clone it freely; setting a directive keeps the typed fields in step.
        #[derive(Debug, Clone)]
        pub struct Config {
            /// One value a directive, in the order of the table.
            values: Vec<Value>,
            /// Commands under other names, or none.
            pub renames: Renames,
            $($(#[$doc])* pub $field: $type,)*
        }

        impl Config {
            fn blank(values: Vec<Value>) -> Self {
                let mut config = Self { values, renames: Renames::default(), $($field: Default::default(),)* };
                config.refresh();
                config
            }

            /// Reads the typed fields out of the values.
            fn refresh(&mut self) {
                $(self.$field = self.$read($directive);)*
            }
        }
    };
}

hot_fields! {
    /// The port to listen on; 0 for a free one.
    port: u16 = number("port");
    /// How many connections may wait to be accepted.
    backlog: i32 = number("tcp-backlog");
    /// Whether a node without a password serves its own machine alone.
    protected_mode: bool = boolean("protected-mode");
    /// How many databases there are.
    databases: u16 = number("databases");
    /// The most clients at a time.
    maxclients: usize = number("maxclients");
    /// Seconds of idleness after which a client is disconnected; 0 for never.
    timeout_seconds: u64 = number("timeout");
    /// Seconds between the probes of an idle connection; 0 for none.
    tcp_keepalive_seconds: u32 = number("tcp-keepalive");
    /// How often a second the node looks after expired keys and idle clients.
    hz: u32 = number("hz");
    /// The longest string, in bytes.
    proto_max_bulk_len: usize = number("proto-max-bulk-len");
    /// Whether DUMP compresses long strings.
    rdb_compression: bool = boolean("rdbcompression");
    /// The most bytes of replies to commands that arrive together.
    reply_bytes_max: usize = reply_bytes_max("client-output-buffer-limit");
    /// The most bytes of all clients together; negative for so many hundredths of `maxmemory`, 0 for no limit.
    maxmemory_clients: i64 = number("maxmemory-clients");
    /// Whether writes are refused when snapshots that were asked for fail.
    stops_writes: bool = boolean("stop-writes-on-bgsave-error");
    /// The most bytes of an unfinished command.
    client_query_buffer_limit: usize = number("client-query-buffer-limit");
    /// What the keyspace obeys; hand it over by [`Keyspace::configure`](crate::keyspace::Keyspace::configure) after a change.
    keyspace: Settings = settings("maxmemory");
    /// When a data type leaves its compact form.
    limits: Limits = limits("hash-max-listpack-entries");
    /// Longest sparse HyperLogLog, in bytes.
    hll_sparse_max_bytes: usize = number("hll-sparse-max-bytes");
    /// Commands of so many microseconds are noted in the slow log; negative for none.
    slowlog_log_slower_than_us: i64 = number("slowlog-log-slower-than");
    /// The most entries of the slow log.
    slowlog_max_len: usize = number("slowlog-max-len");
    /// Events of so many milliseconds are noted for LATENCY; 0 for none.
    latency_monitor_threshold_ms: u64 = number("latency-monitor-threshold");
    /// Which keyspace events are published.
    events: Events = events("notify-keyspace-events");
    /// Whether the latency of each command is counted.
    latency_tracking: bool = boolean("latency-tracking");
    /// The most keys remembered for clients that track what they read; 0 for no limit.
    tracking_table_max_keys: usize = number("tracking-table-max-keys");
    /// A master takes writes only while so many replicas follow closely; 0 for always.
    min_replicas_to_write: usize = number("min-replicas-to-write");
    /// How many seconds a replica may be silent and still follow closely.
    min_replicas_max_lag_s: i64 = number("min-replicas-max-lag");
    /// Every how many seconds a master shows its replicas that it is there.
    repl_ping_period_s: i64 = number("repl-ping-replica-period");
    /// Whether a replica refuses writes.
    replica_read_only: bool = boolean("replica-read-only");
    /// What a replica has is served while its master cannot be reached.
    replica_serve_stale_data: bool = boolean("replica-serve-stale-data");
    /// Every random draw comes from this seed; 0 draws one from the system.
    seed: u64 = number("seed");
}

impl Default for Config {
    fn default() -> Self {
        Self::blank(
            directives::DIRECTIVES
                .iter()
                .map(Directive::default_value)
                .collect(),
        )
    }
}

impl Config {
    /// The value of a directive, as CONFIG GET prints it; `None` when there is no such directive.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        let (index, directive) = directives::find(name)?;
        self.values
            .get(index)
            .map(|value| directive.kind.print(value))
    }

    /// Sets a directive, whether or not it may change while a node runs.
    ///
    /// # Errors
    /// When there is no such directive or the value does not fit it.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), ConfigError> {
        self.set_raw(name, value.as_bytes())
    }

    /// As [`Config::set`], of any bytes.
    ///
    /// # Errors
    /// As [`Config::set`].
    pub fn set_raw(&mut self, name: &str, value: &[u8]) -> Result<(), ConfigError> {
        let (index, directive) =
            directives::find(name).ok_or_else(|| ConfigError::Unknown(name.to_owned()))?;
        self.store(index, directive, name, value)?;
        self.refresh();
        Ok(())
    }

    /// Sets directives of a running node, all or none: CONFIG SET.
    ///
    /// # Errors
    /// As [`Config::set`]; also when a directive is named twice or may not change while a node runs.
    pub fn set_all(&mut self, pairs: &[(&str, &[u8])]) -> Result<(), ConfigError> {
        let mut changed = self.clone();
        let mut seen = Vec::with_capacity(pairs.len());
        for &(name, value) in pairs {
            let (index, directive) =
                directives::find(name).ok_or_else(|| ConfigError::Unknown(name.to_owned()))?;
            let refused = |reason| ConfigError::Refused {
                name: name.to_owned(),
                reason,
            };
            if !directive.mutable {
                return Err(refused(ValueError::Immutable));
            }
            if seen.contains(&index) {
                return Err(refused(ValueError::Duplicate));
            }
            seen.push(index);
            changed.store(index, directive, name, value)?;
        }
        changed.refresh();
        *self = changed;
        Ok(())
    }

    /// Has clients know the command `name` as `to`, or not at all where that is empty: `rename-command`.
    ///
    /// # Errors
    /// When there is no such command, or another has the new name.
    pub fn rename_command(&mut self, name: &[u8], to: &[u8]) -> Result<(), ConfigError> {
        let refused = |reason: RenameError| ConfigError::Refused {
            name: RENAME.to_owned(),
            reason: reason.into(),
        };
        self.renames.rename(name, to).map_err(refused)
    }

    /// What may wait to be sent to a client, by class.
    #[must_use]
    pub fn output_limits(&self) -> OutputLimits {
        match self.value("client-output-buffer-limit") {
            Some(Value::OutputLimits(limits)) => *limits,
            _ => OutputLimits::default(),
        }
    }

    /// The directives that differ from their defaults, with their values as CONFIG GET prints them.
    pub fn changed(&self) -> impl Iterator<Item = (&'static Directive, String)> {
        let is_default = |directive: &Directive, value: &str| {
            directive.kind.print(&directive.default_value()) == value
        };
        self.all()
            .filter(move |(directive, value)| !is_default(directive, value))
    }

    /// All directives, with their values as CONFIG GET prints them.
    pub fn all(&self) -> impl Iterator<Item = (&'static Directive, String)> {
        let each = directives::DIRECTIVES.iter().zip(&self.values);
        each.filter(|(directive, _)| directive.alias_of.is_none())
            .map(|(directive, value)| (directive, directive.kind.print(value)))
    }

    /// A text directive.
    #[must_use]
    pub fn text(&self, name: &str) -> &[u8] {
        match self.value(name) {
            Some(Value::Text(text)) => text,
            _ => b"",
        }
    }

    fn store(
        &mut self,
        index: usize,
        directive: &Directive,
        name: &str,
        value: &[u8],
    ) -> Result<(), ConfigError> {
        let value = directive
            .kind
            .parse(value, self.values.get(index))
            .map_err(|reason| ConfigError::Refused {
                name: name.to_owned(),
                reason,
            })?;
        if let Some(place) = self.values.get_mut(index) {
            *place = value;
        }
        Ok(())
    }

    fn value(&self, name: &str) -> Option<&Value> {
        directives::find(name).and_then(|(index, _)| self.values.get(index))
    }

    fn number<T: TryFrom<i64> + Default>(&self, name: &str) -> T {
        match self.value(name) {
            Some(Value::Integer(number)) => T::try_from(*number).unwrap_or_default(),
            _ => T::default(),
        }
    }

    fn events(&self, name: &str) -> Events {
        Events::parse(self.text(name)).unwrap_or_default()
    }

    fn reply_bytes_max(&self, name: &str) -> usize {
        let hard_bytes = match self.value(name) {
            Some(Value::OutputLimits(limits)) => limits.of(ClientClass::Normal).hard_bytes,
            _ => 0,
        };
        match hard_bytes {
            0 => REPLY_BYTES_MAX,
            bytes => usize::try_from(bytes).unwrap_or(REPLY_BYTES_MAX),
        }
    }

    fn boolean(&self, name: &str) -> bool {
        matches!(self.value(name), Some(Value::Boolean(true)))
    }

    /// `_first` only names where the directives that the data types obey begin.
    fn limits(&self, _first: &str) -> Limits {
        Limits {
            hash_max_listpack_entries: self.number("hash-max-listpack-entries"),
            hash_max_listpack_value: self.number("hash-max-listpack-value"),
            set_max_intset_entries: self.number("set-max-intset-entries"),
            zset_max_listpack_entries: self.number("zset-max-listpack-entries"),
            zset_max_listpack_value: self.number("zset-max-listpack-value"),
            list_max_listpack_size: self.number("list-max-listpack-size"),
            stream_node_max_bytes: self.number("stream-node-max-bytes"),
            stream_node_max_entries: self.number("stream-node-max-entries"),
            // The node draws the seed; a configuration has none.
            hash_seed: self.limits.hash_seed,
        }
    }

    /// `_first` only names where the directives that the keyspace obeys begin.
    fn settings(&self, _first: &str) -> Settings {
        Settings {
            maxmemory: self.number("maxmemory"),
            policy: match self.value("maxmemory-policy") {
                Some(Value::Choice(name)) => name.parse().unwrap_or(Settings::default().policy),
                _ => Settings::default().policy,
            },
            samples: self.number("maxmemory-samples"),
            eviction_tenacity: self.number("maxmemory-eviction-tenacity"),
            lfu_log_factor: self.number("lfu-log-factor"),
            lfu_decay_time_min: self.number("lfu-decay-time"),
            lru_clock_resolution_ms: self.number("lru-clock-resolution"),
            active_expire_effort: self.number("active-expire-effort"),
        }
    }
}

/// The classes of clients that have output limits of their own, in the order Redis lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientClass {
    /// Commands and replies.
    Normal,
    /// A replica.
    Replica,
    /// Subscribed to a channel.
    PubSub,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eviction::PolicyName;

    #[test]
    fn defaults_are_those_of_redis() {
        let config = Config::default();
        assert_eq!((config.databases, config.hz), (16, 10));
        assert_eq!(config.keyspace, Settings::default());
        assert_eq!(config.limits, Limits::default());
        assert_eq!(config.get("save").as_deref(), Some(""));
        assert_eq!(config.get("tcp-keepalive").as_deref(), Some("300"));
        assert_eq!(
            config.get("client-output-buffer-limit").as_deref(),
            Some("normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60")
        );
    }

    #[test]
    fn many_are_set_together_or_not_at_all() {
        let mut config = Config::default();
        config
            .set_all(&[("maxmemory", b"2mb"), ("maxmemory-policy", b"ALLKEYS-LRU")])
            .unwrap();
        assert_eq!(config.keyspace.maxmemory, 2 << 20);
        assert_eq!(config.keyspace.policy, PolicyName::AllKeysLru);
        let refused = config
            .set_all(&[("maxmemory", b"1mb"), ("hz", b"soon")])
            .unwrap_err()
            .to_string();
        assert!(
            refused.ends_with("argument couldn't be parsed into an integer"),
            "{refused}"
        );
        assert_eq!(config.keyspace.maxmemory, 2 << 20);
    }

    #[test]
    fn refusals_are_in_redis_words() {
        let mut config = Config::default();
        let mut refusal =
            |name: &str, value: &[u8]| config.set_all(&[(name, value)]).unwrap_err().to_string();
        assert_eq!(
            refusal("nix", b"1"),
            "Unknown option or number of arguments for CONFIG SET - 'nix'"
        );
        let reason = |text: String| text.split_once(" - ").unwrap().1.to_owned();
        assert_eq!(
            reason(refusal("databases", b"1")),
            "can't set immutable config"
        );
        assert_eq!(
            reason(refusal("hz", b"0x")),
            "argument couldn't be parsed into an integer"
        );
        assert_eq!(
            reason(refusal("maxmemory", b"1 gb")),
            "argument must be a memory value"
        );
        assert_eq!(
            reason(refusal("activedefrag", b"1")),
            "argument must be 'yes' or 'no'"
        );
        assert_eq!(
            reason(refusal("maxmemory-samples", b"0")),
            "argument must be between 1 and 2147483647 inclusive"
        );
        let choices = reason(refusal("maxmemory-policy", b"lru"));
        assert!(
            choices.starts_with("argument(s) must be one of the following: volatile-lru, "),
            "{choices}"
        );
    }

    #[test]
    fn aliases_show_and_set_the_same_value() {
        let mut config = Config::default();
        config.set("hash-max-ziplist-entries", "7").unwrap();
        assert_eq!(
            config.get("hash-max-listpack-entries").as_deref(),
            Some("7")
        );
    }
}
