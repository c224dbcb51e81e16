//! Every directive there is: name, type, default, and whether it may change while the node runs.
//!
//! Names and defaults are those of Redis 7.0, so that clients and test suites find what they ask for. Many are only
//! kept: they steer what this server does not have. Three defaults differ: `save` (nothing is saved
//! unasked), `bind` (this machine alone) and `enable-debug-command` (from this machine). `seed`, `lru-clock-resolution`
//! and the policy `allkeys-lru-exact` are this server's own.

use std::sync::OnceLock;

use super::kind::{Kind, Value};

/// A row of the table.
#[derive(Debug)]
pub struct Directive {
    /// As a configuration file and CONFIG GET name it.
    pub name: &'static str,
    /// What its values are.
    pub kind: Kind,
    /// As one would write it in a configuration file.
    pub default: &'static str,
    /// Whether CONFIG SET may change it.
    pub mutable: bool,
    /// The directive this is another name of; kind and default are that one's.
    pub alias_of: Option<&'static str>,
    /// Whether CONFIG GET tells it only where it is named in full.
    pub hidden: bool,
    /// Whether CONFIG SET changes it only where `enable-protected-configs` allows that.
    pub guarded: bool,
}

impl Directive {
    /// Whether its value may be several words, unquoted, on its line.
    #[must_use]
    pub fn takes_many_words(&self) -> bool {
        const NAMES: [&str; 3] = ["bind", "oom-score-adj-values", "replicaof"];
        let kinds = matches!(
            self.kind,
            Kind::SavePoints | Kind::OutputLimits | Kind::Percentiles | Kind::Choices(_)
        );
        kinds || NAMES.contains(&self.name)
    }

    /// Whether its values are for nobody else to see.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        const NAMES: [&str; 5] = [
            "masteruser",
            "masterauth",
            "requirepass",
            "tls-key-file-pass",
            "tls-client-key-file-pass",
        ];
        NAMES.contains(&self.name)
    }

    /// What the directive is unless set.
    #[must_use]
    pub fn default_value(&self) -> Value {
        self.kind
            .parse(self.default.as_bytes(), None)
            .unwrap_or(Value::Text(Vec::new()))
    }
}

/// A directive that may change while the node runs.
const fn live(name: &'static str, kind: Kind, default: &'static str) -> Directive {
    Directive {
        name,
        kind,
        default,
        mutable: true,
        alias_of: None,
        hidden: false,
        guarded: false,
    }
}

/// A directive that is settled when the node starts.
const fn fixed(name: &'static str, kind: Kind, default: &'static str) -> Directive {
    Directive {
        name,
        kind,
        default,
        mutable: false,
        alias_of: None,
        hidden: false,
        guarded: false,
    }
}

/// A directive that says where files are written.
const fn guarded(name: &'static str, kind: Kind, default: &'static str) -> Directive {
    Directive {
        guarded: true,
        ..live(name, kind, default)
    }
}

/// A directive for tests.
const fn hidden(name: &'static str, kind: Kind, default: &'static str) -> Directive {
    Directive {
        hidden: true,
        ..live(name, kind, default)
    }
}

/// Another name of a directive.
const fn alias(name: &'static str, of: &'static str) -> Directive {
    Directive {
        name,
        kind: Kind::Text,
        default: "",
        mutable: true,
        alias_of: Some(of),
        hidden: false,
        guarded: false,
    }
}

const fn int(min: i64, max: i64) -> Kind {
    Kind::Integer { min, max }
}

const fn mem(min: i64, max: i64) -> Kind {
    Kind::Memory { min, max }
}

const INT_MAX: i64 = i32::MAX as i64;
const UINT_MAX: i64 = u32::MAX as i64;
const LONG_MAX: i64 = i64::MAX;

/// Every directive, by subject.
#[rustfmt::skip]
pub static DIRECTIVES: &[Directive] = &[
    // Network and clients
    live("bind", Kind::Text, "127.0.0.1 -::1"),
    live("port", int(0, 65_535), "6379"),
    fixed("tcp-backlog", int(0, INT_MAX), "511"),
    live("tcp-keepalive", int(0, INT_MAX), "300"),
    live("timeout", int(0, INT_MAX), "0"),
    live("maxclients", int(1, UINT_MAX), "10000"),
    live("protected-mode", Kind::Boolean, "yes"),
    fixed("unixsocket", Kind::Text, ""),
    fixed("unixsocketperm", Kind::Text, "0"),
    live("bind-source-addr", Kind::Text, ""),
    fixed("socket-mark-id", int(0, UINT_MAX), "0"),
    live("proto-max-bulk-len", mem(1_048_576, LONG_MAX), "536870912"),
    live("client-query-buffer-limit", mem(1_048_576, LONG_MAX), "1073741824"),
    live("client-output-buffer-limit", Kind::OutputLimits, "normal 0 0 0 slave 256mb 64mb 60 pubsub 32mb 8mb 60"),
    live("maxmemory-clients", Kind::MemoryOrPercent, "0"),
    live("tracking-table-max-keys", int(0, LONG_MAX), "1000000"),
    live("requirepass", Kind::Text, ""),
    fixed("io-threads", int(1, 128), "1"),
    fixed("io-threads-do-reads", Kind::Boolean, "no"),
    // The process
    fixed("daemonize", Kind::Boolean, "no"),
    fixed("supervised", Kind::Choice(&["upstart", "systemd", "auto", "no"]), "no"),
    fixed("pidfile", Kind::Text, ""),
    fixed("logfile", Kind::Text, ""),
    live("loglevel", Kind::Choice(&["debug", "verbose", "notice", "warning", "nothing"]), "notice"),
    fixed("syslog-enabled", Kind::Boolean, "no"),
    fixed("syslog-ident", Kind::Text, "redis"),
    fixed("syslog-facility", Kind::Choice(&["user", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"]), "local0"),
    fixed("always-show-logo", Kind::Boolean, "no"),
    fixed("set-proc-title", Kind::Boolean, "yes"),
    live("proc-title-template", Kind::Text, "{title} {listen-addr} {server-mode}"),
    live("crash-log-enabled", Kind::Boolean, "yes"),
    live("crash-memcheck-enabled", Kind::Boolean, "yes"),
    guarded("dir", Kind::Text, "."),
    fixed("databases", int(1, 65_535), "16"),
    live("hz", int(0, INT_MAX), "10"),
    live("dynamic-hz", Kind::Boolean, "yes"),
    live("oom-score-adj", Kind::Choice(&["no", "yes", "relative", "absolute"]), "no"),
    live("oom-score-adj-values", Kind::Text, "0 200 800"),
    fixed("disable-thp", Kind::Boolean, "yes"),
    live("shutdown-timeout", int(0, INT_MAX), "10"),
    live("shutdown-on-sigint", Kind::Choices(&["default", "save", "nosave", "now", "force"]), "default"),
    live("shutdown-on-sigterm", Kind::Choices(&["default", "save", "nosave", "now", "force"]), "default"),
    fixed("server_cpulist", Kind::Text, ""),
    fixed("bio_cpulist", Kind::Text, ""),
    fixed("aof_rewrite_cpulist", Kind::Text, ""),
    fixed("bgsave_cpulist", Kind::Text, ""),
    live("ignore-warnings", Kind::Text, ""),
    fixed("enable-protected-configs", Kind::Choice(&["no", "yes", "local"]), "no"),
    fixed("enable-debug-command", Kind::Choice(&["no", "yes", "local"]), "local"),
    fixed("enable-module-command", Kind::Choice(&["no", "yes", "local"]), "no"),
    live("jemalloc-bg-thread", Kind::Boolean, "yes"),
    Directive { hidden: true, ..fixed("seed", int(0, LONG_MAX), "0") },
    // Memory and eviction
    live("maxmemory", mem(0, LONG_MAX), "0"),
    live("maxmemory-policy", Kind::Policy, "noeviction"),
    live("maxmemory-samples", int(1, INT_MAX), "5"),
    live("maxmemory-eviction-tenacity", int(0, 100), "10"),
    live("lfu-log-factor", int(0, INT_MAX), "10"),
    live("lfu-decay-time", int(0, INT_MAX), "1"),
    live("lru-clock-resolution", int(1, 3_600_000), "1000"),
    live("active-expire-effort", int(1, 10), "1"),
    live("activerehashing", Kind::Boolean, "yes"),
    live("lazyfree-lazy-eviction", Kind::Boolean, "no"),
    live("lazyfree-lazy-expire", Kind::Boolean, "no"),
    live("lazyfree-lazy-server-del", Kind::Boolean, "no"),
    live("lazyfree-lazy-user-del", Kind::Boolean, "no"),
    live("lazyfree-lazy-user-flush", Kind::Boolean, "no"),
    live("replica-lazy-flush", Kind::Boolean, "no"),
    alias("slave-lazy-flush", "replica-lazy-flush"),
    live("activedefrag", Kind::Boolean, "no"),
    live("active-defrag-cycle-min", int(1, 99), "1"),
    live("active-defrag-cycle-max", int(1, 99), "25"),
    live("active-defrag-threshold-lower", int(0, 1_000), "10"),
    live("active-defrag-threshold-upper", int(0, 1_000), "100"),
    live("active-defrag-ignore-bytes", mem(1, LONG_MAX), "104857600"),
    live("active-defrag-max-scan-fields", int(1, LONG_MAX), "1000"),
    // Encodings of values
    live("hash-max-listpack-entries", int(0, LONG_MAX), "512"),
    alias("hash-max-ziplist-entries", "hash-max-listpack-entries"),
    live("hash-max-listpack-value", mem(0, LONG_MAX), "64"),
    alias("hash-max-ziplist-value", "hash-max-listpack-value"),
    live("list-max-listpack-size", int(i32::MIN as i64, INT_MAX), "-2"),
    alias("list-max-ziplist-size", "list-max-listpack-size"),
    live("list-compress-depth", int(0, INT_MAX), "0"),
    live("set-max-intset-entries", int(0, LONG_MAX), "512"),
    live("zset-max-listpack-entries", int(0, LONG_MAX), "128"),
    alias("zset-max-ziplist-entries", "zset-max-listpack-entries"),
    live("zset-max-listpack-value", mem(0, LONG_MAX), "64"),
    alias("zset-max-ziplist-value", "zset-max-listpack-value"),
    live("hll-sparse-max-bytes", mem(0, LONG_MAX), "3000"),
    live("stream-node-max-bytes", mem(0, LONG_MAX), "4096"),
    live("stream-node-max-entries", int(0, LONG_MAX), "100"),
    live("sanitize-dump-payload", Kind::Choice(&["no", "yes", "clients"]), "no"),
    // Observing
    live("slowlog-log-slower-than", int(-1, LONG_MAX), "10000"),
    live("slowlog-max-len", int(0, LONG_MAX), "128"),
    live("latency-monitor-threshold", int(0, LONG_MAX), "0"),
    live("latency-tracking", Kind::Boolean, "yes"),
    live("latency-tracking-info-percentiles", Kind::Percentiles, "50 99 99.9"),
    live("notify-keyspace-events", Kind::Events, ""),
    live("acllog-max-len", int(0, LONG_MAX), "128"),
    live("acl-pubsub-default", Kind::Choice(&["allchannels", "resetchannels"]), "resetchannels"),
    fixed("aclfile", Kind::Text, ""),
    live("busy-reply-threshold", int(0, LONG_MAX), "5000"),
    alias("lua-time-limit", "busy-reply-threshold"),
    // Persistence
    live("save", Kind::SavePoints, ""),
    guarded("dbfilename", Kind::Text, "dump.rdb"),
    hidden("rdb-key-save-delay", int(i32::MIN as i64, INT_MAX), "0"),
    hidden("key-load-delay", int(i32::MIN as i64, INT_MAX), "0"),
    live("rdbcompression", Kind::Boolean, "yes"),
    fixed("rdbchecksum", Kind::Boolean, "yes"),
    live("rdb-save-incremental-fsync", Kind::Boolean, "yes"),
    live("rdb-del-sync-files", Kind::Boolean, "no"),
    live("stop-writes-on-bgsave-error", Kind::Boolean, "yes"),
    live("appendonly", Kind::Boolean, "no"),
    fixed("appendfilename", Kind::Text, "appendonly.aof"),
    fixed("appenddirname", Kind::Text, "appendonlydir"),
    live("appendfsync", Kind::Choice(&["everysec", "always", "no"]), "everysec"),
    live("no-appendfsync-on-rewrite", Kind::Boolean, "no"),
    live("auto-aof-rewrite-percentage", int(0, INT_MAX), "100"),
    live("auto-aof-rewrite-min-size", mem(0, LONG_MAX), "67108864"),
    live("aof-load-truncated", Kind::Boolean, "yes"),
    live("aof-use-rdb-preamble", Kind::Boolean, "yes"),
    live("aof-timestamp-enabled", Kind::Boolean, "no"),
    live("aof-disable-auto-gc", Kind::Boolean, "no"),
    live("aof-rewrite-incremental-fsync", Kind::Boolean, "yes"),
    // Replication
    fixed("replicaof", Kind::Text, ""),
    alias("slaveof", "replicaof"),
    live("masteruser", Kind::Text, ""),
    live("masterauth", Kind::Text, ""),
    live("replica-serve-stale-data", Kind::Boolean, "yes"),
    alias("slave-serve-stale-data", "replica-serve-stale-data"),
    live("replica-read-only", Kind::Boolean, "yes"),
    alias("slave-read-only", "replica-read-only"),
    live("replica-ignore-maxmemory", Kind::Boolean, "yes"),
    alias("slave-ignore-maxmemory", "replica-ignore-maxmemory"),
    live("replica-announced", Kind::Boolean, "yes"),
    live("replica-ignore-disk-write-errors", Kind::Boolean, "no"),
    live("replica-announce-ip", Kind::Text, ""),
    alias("slave-announce-ip", "replica-announce-ip"),
    live("replica-announce-port", int(0, 65_535), "0"),
    alias("slave-announce-port", "replica-announce-port"),
    live("replica-priority", int(0, INT_MAX), "100"),
    alias("slave-priority", "replica-priority"),
    live("repl-diskless-sync", Kind::Boolean, "yes"),
    live("repl-diskless-sync-delay", int(0, INT_MAX), "5"),
    live("repl-diskless-sync-max-replicas", int(0, INT_MAX), "0"),
    live("repl-diskless-load", Kind::Choice(&["disabled", "on-empty-db", "swapdb"]), "disabled"),
    live("repl-ping-replica-period", int(1, INT_MAX), "10"),
    alias("repl-ping-slave-period", "repl-ping-replica-period"),
    live("repl-timeout", int(1, INT_MAX), "60"),
    live("repl-disable-tcp-nodelay", Kind::Boolean, "no"),
    live("repl-backlog-size", mem(1, LONG_MAX), "1048576"),
    live("repl-backlog-ttl", int(0, LONG_MAX), "3600"),
    live("min-replicas-to-write", int(0, INT_MAX), "0"),
    alias("min-slaves-to-write", "min-replicas-to-write"),
    live("min-replicas-max-lag", int(0, INT_MAX), "10"),
    alias("min-slaves-max-lag", "min-replicas-max-lag"),
    live("propagation-error-behavior", Kind::Choice(&["ignore", "panic", "panic-on-replicas"]), "ignore"),
    // Cluster
    fixed("cluster-enabled", Kind::Boolean, "no"),
    fixed("cluster-config-file", Kind::Text, "nodes.conf"),
    live("cluster-node-timeout", int(0, LONG_MAX), "15000"),
    fixed("cluster-port", int(0, 65_535), "0"),
    live("cluster-announce-ip", Kind::Text, ""),
    live("cluster-announce-hostname", Kind::Text, ""),
    live("cluster-announce-port", int(0, 65_535), "0"),
    live("cluster-announce-bus-port", int(0, 65_535), "0"),
    live("cluster-announce-tls-port", int(0, 65_535), "0"),
    live("cluster-require-full-coverage", Kind::Boolean, "yes"),
    live("cluster-allow-reads-when-down", Kind::Boolean, "no"),
    live("cluster-allow-pubsubshard-when-down", Kind::Boolean, "yes"),
    live("cluster-allow-replica-migration", Kind::Boolean, "yes"),
    live("cluster-migration-barrier", int(0, INT_MAX), "1"),
    live("cluster-replica-validity-factor", int(0, INT_MAX), "10"),
    alias("cluster-slave-validity-factor", "cluster-replica-validity-factor"),
    live("cluster-replica-no-failover", Kind::Boolean, "no"),
    alias("cluster-slave-no-failover", "cluster-replica-no-failover"),
    live("cluster-link-sendbuf-limit", mem(0, LONG_MAX), "0"),
    live("cluster-preferred-endpoint-type", Kind::Choice(&["ip", "hostname", "unknown-endpoint"]), "ip"),
    // TLS
    live("tls-port", int(0, 65_535), "0"),
    live("tls-cluster", Kind::Boolean, "no"),
    live("tls-replication", Kind::Boolean, "no"),
    live("tls-auth-clients", Kind::Choice(&["no", "yes", "optional"]), "yes"),
    live("tls-cert-file", Kind::Text, ""),
    live("tls-key-file", Kind::Text, ""),
    live("tls-key-file-pass", Kind::Text, ""),
    live("tls-client-cert-file", Kind::Text, ""),
    live("tls-client-key-file", Kind::Text, ""),
    live("tls-client-key-file-pass", Kind::Text, ""),
    live("tls-dh-params-file", Kind::Text, ""),
    live("tls-ca-cert-file", Kind::Text, ""),
    live("tls-ca-cert-dir", Kind::Text, ""),
    live("tls-protocols", Kind::Text, ""),
    live("tls-ciphers", Kind::Text, ""),
    live("tls-ciphersuites", Kind::Text, ""),
    live("tls-prefer-server-ciphers", Kind::Boolean, "no"),
    live("tls-session-caching", Kind::Boolean, "yes"),
    live("tls-session-cache-size", int(0, INT_MAX), "20480"),
    live("tls-session-cache-timeout", int(0, INT_MAX), "300"),
];

/// The directive of that name, in whatever case, and its place in the table; an alias leads to what it stands for.
#[must_use]
pub fn find(name: &str) -> Option<(usize, &'static Directive)> {
    let lower = name.to_ascii_lowercase();
    let by_name = by_name();
    let at = by_name
        .binary_search_by_key(&lower.as_str(), |&index| name_at(index))
        .ok()?;
    let index = by_name.get(at).copied()?;
    let directive = DIRECTIVES.get(index)?;
    match directive.alias_of {
        Some(of) => find(of),
        None => Some((index, directive)),
    }
}

/// The places of the directives, sorted by name.
fn by_name() -> &'static [usize] {
    static ORDER: OnceLock<Vec<usize>> = OnceLock::new();
    ORDER.get_or_init(|| {
        let mut order: Vec<usize> = (0..DIRECTIVES.len()).collect();
        order.sort_unstable_by_key(|&index| name_at(index));
        order
    })
}

fn name_at(index: usize) -> &'static str {
    DIRECTIVES.get(index).map_or("", |directive| directive.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_a_value_of_its_kind_and_every_name_is_found() {
        for (index, directive) in DIRECTIVES.iter().enumerate() {
            let found = find(directive.name).map(|(_, found)| found.name);
            assert_eq!(found, Some(directive.alias_of.unwrap_or(directive.name)));
            let parsed = directive.kind.parse(directive.default.as_bytes(), None);
            assert!(parsed.is_ok(), "{}: {parsed:?}", directive.name);
            assert!(by_name().contains(&index));
        }
    }

    #[test]
    fn no_name_stands_twice() {
        let names: Vec<_> = by_name().iter().map(|&index| name_at(index)).collect();
        assert!(
            names.is_sorted_by(|before, after| before < after),
            "{names:?}"
        );
    }
}
