//! INFO: what operators and their tools read. Fields that this server has nothing to say about carry the value they
//! have on a Redis that does not use the feature, so that nobody's parser misses them.

use std::fmt::{Display, Write};

use crate::client::Client;
use crate::command::connection::REDIS_VERSION;
use crate::machine;
use crate::node::Server;
use crate::pubsub::Topic;
use crate::replication::Failover;
use crate::stats::Stats;
use crate::thread_time;

type Section = (&'static str, fn(&mut Lines, &Server, &Client));

/// The sections, in order, those of the default first among equals; the flag says whether INFO alone tells it.
const SECTIONS: &[(bool, Section)] = &[
    (true, ("server", server)),
    (true, ("clients", clients)),
    (true, ("memory", memory)),
    (true, ("persistence", persistence)),
    (true, ("stats", stats)),
    (true, ("replication", replication)),
    (true, ("cpu", cpu)),
    (true, ("modules", modules)),
    (false, ("commandstats", commandstats)),
    (true, ("errorstats", errorstats)),
    (false, ("latencystats", latencystats)),
    (true, ("cluster", cluster)),
    (true, ("keyspace", keyspace)),
];

/// The sections asked for, or those told by default. `default`, `all` and `everything` stand for several; a name that
/// is none is passed over.
#[must_use]
pub fn text(server: &Server, client: &Client, asked: &[Vec<u8>]) -> String {
    let has = |name: &str| asked.iter().any(|asked| asked == name.as_bytes());
    let (default, all) = (
        asked.is_empty() || has("default"),
        has("all") || has("everything"),
    );
    let mut lines = Lines::default();
    for (by_default, (name, write)) in SECTIONS {
        if all || (default && *by_default) || has(name) {
            lines.section(name);
            write(&mut lines, server, client);
        }
    }
    lines.0
}

/// `name:value` lines.
#[derive(Debug, Default)]
struct Lines(String);

impl Lines {
    fn section(&mut self, name: &str) {
        if !self.0.is_empty() {
            self.0.push_str("\r\n");
        }
        let mut letters = name.chars();
        let title: String = match name {
            "cpu" => "CPU".to_owned(),
            _ => letters
                .next()
                .into_iter()
                .flat_map(char::to_uppercase)
                .chain(letters)
                .collect(),
        };
        // Here and below: writing to a string does not fail.
        let _ = write!(self.0, "# {title}\r\n");
    }

    fn put(&mut self, name: &str, value: impl Display) {
        let _ = write!(self.0, "{name}:{value}\r\n");
    }

    /// The same value for each of many names.
    fn put_each(&mut self, names: &[&str], value: impl Display) {
        for name in names {
            self.put(name, &value);
        }
    }

    /// Bytes, and again as people read them.
    fn put_bytes(&mut self, name: &str, bytes: u64) {
        self.put(name, bytes);
        self.put(&format!("{name}_human"), human(bytes));
    }
}

/// `512B`, `1.50K`, `2.00M`...
#[must_use]
pub fn human(bytes: u64) -> String {
    const UNITS: [(u64, &str); 4] = [
        (1 << 40, "T"),
        (1 << 30, "G"),
        (1 << 20, "M"),
        (1 << 10, "K"),
    ];
    match UNITS.iter().find(|(size, _)| bytes >= *size) {
        Some((size, unit)) => format!("{:.2}{unit}", bytes as f64 / *size as f64),
        None => format!("{bytes}B"),
    }
}

fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

fn server(lines: &mut Lines, server: &Server, _: &Client) {
    let up_s = server.now_ms.saturating_sub(server.identity.started_ms) / 1000;
    lines.put("redis_version", REDIS_VERSION);
    lines.put("server_name", "cachebench");
    lines.put("cachebench_version", env!("CARGO_PKG_VERSION"));
    lines.put("redis_git_sha1", "00000000");
    lines.put("redis_git_dirty", 0);
    lines.put("redis_build_id", "0");
    lines.put("redis_mode", "standalone");
    lines.put("os", machine::system());
    lines.put("arch_bits", usize::BITS);
    lines.put("monotonic_clock", "POSIX clock_gettime");
    lines.put("multiplexing_api", "epoll");
    lines.put("atomicvar_api", "rust");
    lines.put("process_id", std::process::id());
    lines.put("process_supervised", "no");
    lines.put("run_id", &server.identity.run_id);
    lines.put("tcp_port", server.identity.port);
    lines.put("server_time_usec", server.now_us);
    lines.put("virtual_clock", u8::from(server.clock.is_virtual()));
    lines.put("uptime_in_seconds", up_s);
    lines.put("uptime_in_days", up_s / 86_400);
    lines.put("hz", server.config.hz);
    lines.put("configured_hz", server.config.hz);
    lines.put("lru_clock", (server.now_ms / 1000) & 0xff_ffff);
    lines.put("executable", machine::executable());
    let file = server
        .identity
        .config_file
        .as_deref()
        .map(|path| path.display().to_string());
    lines.put("config_file", file.unwrap_or_default());
    lines.put("io_threads_active", 0);
    if let Some(ms) = server.ends_in_ms() {
        lines.put("shutdown_in_milliseconds", ms);
    }
}

fn clients(lines: &mut Lines, server: &Server, client: &Client) {
    let each = || server.clients.iter().chain([client]);
    lines.put("connected_clients", server.clients.len());
    lines.put("cluster_connections", 0);
    lines.put("maxclients", server.config.maxclients);
    lines.put(
        "client_recent_max_input_buffer",
        each().map(|client| client.input_bytes).max().unwrap_or(0),
    );
    lines.put(
        "client_recent_max_output_buffer",
        each()
            .map(|client| client.outbox().len())
            .max()
            .unwrap_or(0),
    );
    let waiting = server.blocked.len() + server.pause.waiting();
    lines.put("blocked_clients", waiting);
    let [tracking, ..] = server.tracking.counts();
    lines.put("tracking_clients", tracking);
    lines.put("clients_in_timeout_table", server.blocked.with_deadline());
}

fn memory(lines: &mut Lines, server: &Server, _: &Client) {
    let keyspace = &server.keyspace;
    let (used, dataset) = (keyspace.used_memory(), keyspace.dataset_memory());
    let (resident, total) = (machine::resident_bytes(), machine::memory_bytes());
    let peak = server.stats.peak_memory.max(used);
    lines.put_bytes("used_memory", used);
    lines.put_bytes("used_memory_rss", resident);
    lines.put_bytes("used_memory_peak", peak);
    lines.put(
        "used_memory_peak_perc",
        format!("{:.2}%", 100.0 * ratio(used, peak)),
    );
    lines.put("used_memory_overhead", used.saturating_sub(dataset));
    lines.put("used_memory_startup", 0);
    lines.put("used_memory_dataset", dataset);
    lines.put(
        "used_memory_dataset_perc",
        format!("{:.2}%", 100.0 * ratio(dataset, used)),
    );
    lines.put_each(&["allocator_allocated", "allocator_active"], used);
    lines.put("allocator_resident", resident);
    lines.put_bytes("total_system_memory", total);
    lines.put_bytes("used_memory_lua", 0);
    lines.put_bytes("used_memory_scripts", 0);
    lines.put_each(
        &[
            "number_of_cached_scripts",
            "number_of_functions",
            "number_of_libraries",
        ],
        0,
    );
    lines.put_bytes("maxmemory", server.config.keyspace.maxmemory);
    lines.put("maxmemory_policy", server.config.keyspace.policy);
    fragmentation(lines, resident, used);
    buffers(lines, server);
}

fn fragmentation(lines: &mut Lines, resident: u64, used: u64) {
    lines.put("allocator_frag_ratio", "1.00");
    lines.put("allocator_frag_bytes", 0);
    lines.put(
        "mem_fragmentation_ratio",
        format!("{:.2}", ratio(resident, used)),
    );
    lines.put(
        "mem_fragmentation_bytes",
        i128::from(resident) - i128::from(used),
    );
}

fn buffers(lines: &mut Lines, server: &Server) {
    let backlog = server.replication.backlog_bytes();
    let replicas = server.all_replicas().map(|(client, _)| client);
    let (taken, waiting) = replicas.fold((0, 0), |(taken, waiting), client| {
        (taken + client.bytes(), waiting + client.outbox().len())
    });
    // What replicas are sent is no part of used_memory here.
    lines.put("mem_not_counted_for_evict", 0);
    lines.put("mem_replication_backlog", backlog);
    lines.put("mem_total_replication_buffers", backlog + waiting);
    lines.put("mem_clients_slaves", taken);
    lines.put("mem_clients_normal", server.clients.footprint.bytes);
    lines.put_each(&["mem_cluster_links", "mem_aof_buffer"], 0);
    lines.put("mem_allocator", "libc");
    lines.put_each(
        &[
            "active_defrag_running",
            "lazyfree_pending_objects",
            "lazyfreed_objects",
        ],
        0,
    );
}

fn persistence(lines: &mut Lines, server: &Server, _: &Client) {
    lines.put("loading", u8::from(server.loading.is_some()));
    lines.put_each(
        &[
            "async_loading",
            "current_cow_peak",
            "current_cow_size",
            "current_cow_size_age",
        ],
        0,
    );
    lines.put("current_fork_perc", "0.00");
    lines.put_each(
        &["current_save_keys_processed", "current_save_keys_total"],
        0,
    );
    saves(lines, server);
    append_only_file(lines);
    lines.put_each(&["module_fork_in_progress", "module_fork_last_cow_size"], 0);
    if let Some(loading) = server.loading {
        lines.put("loading_start_time", loading.began_ms / 1000);
        lines.put("loading_total_bytes", loading.bytes);
        lines.put("loading_rdb_used_mem", loading.used_memory);
        lines.put("loading_loaded_bytes", loading.done);
        let percent = format!("{:.2}", loading.percent());
        lines.put("loading_loaded_perc", percent);
        lines.put("loading_eta_seconds", loading.eta_s(server.now_ms));
    }
}

fn saves(lines: &mut Lines, server: &Server) {
    let saving = &server.saving;
    let under_way_ms = saving.under_way_ms(server.now_ms);
    let seconds = |ms: Option<i64>| ms.map_or(-1, |ms| ms / 1000);
    lines.put("rdb_changes_since_last_save", saving.changes);
    lines.put("rdb_bgsave_in_progress", u8::from(under_way_ms.is_some()));
    lines.put("rdb_last_save_time", saving.saved_ms / 1000);
    let status = if saving.failed { "err" } else { "ok" };
    lines.put("rdb_last_bgsave_status", status);
    lines.put("rdb_last_bgsave_time_sec", seconds(saving.took_ms));
    lines.put("rdb_current_bgsave_time_sec", seconds(under_way_ms));
    lines.put("rdb_saves", saving.saves);
    lines.put("rdb_last_cow_size", 0);
    lines.put("rdb_last_load_keys_expired", saving.loaded.expired);
    lines.put("rdb_last_load_keys_loaded", saving.loaded.keys);
}

/// There is none.
fn append_only_file(lines: &mut Lines) {
    lines.put_each(
        &[
            "aof_enabled",
            "aof_rewrite_in_progress",
            "aof_rewrite_scheduled",
        ],
        0,
    );
    lines.put_each(
        &["aof_last_rewrite_time_sec", "aof_current_rewrite_time_sec"],
        -1,
    );
    lines.put_each(
        &["aof_last_bgrewrite_status", "aof_last_write_status"],
        "ok",
    );
    lines.put_each(
        &[
            "aof_rewrites",
            "aof_rewrites_consecutive_failures",
            "aof_last_cow_size",
        ],
        0,
    );
}

fn stats(lines: &mut Lines, server: &Server, _: &Client) {
    traffic(lines, &server.stats);
    keys(lines, server);
    forks_and_defragmentation(lines, server);
    let [_, keys, items, prefixes] = server.tracking.counts();
    lines.put("tracking_total_keys", keys);
    lines.put("tracking_total_items", items);
    lines.put("tracking_total_prefixes", prefixes);
    replies(lines, &server.stats);
}

fn traffic(lines: &mut Lines, stats: &Stats) {
    let kilobytes = |rate: u64| format!("{:.2}", rate as f64 / 1024.0);
    lines.put("total_connections_received", stats.connections);
    lines.put("total_commands_processed", stats.commands);
    lines.put("instantaneous_ops_per_sec", stats.command_rate.per_second());
    lines.put("total_net_input_bytes", stats.input_bytes);
    lines.put("total_net_output_bytes", stats.output_bytes);
    lines.put_each(
        &["total_net_repl_input_bytes", "total_net_repl_output_bytes"],
        0,
    );
    lines.put(
        "instantaneous_input_kbps",
        kilobytes(stats.input_rate.per_second()),
    );
    lines.put(
        "instantaneous_output_kbps",
        kilobytes(stats.output_rate.per_second()),
    );
    lines.put_each(
        &[
            "instantaneous_input_repl_kbps",
            "instantaneous_output_repl_kbps",
        ],
        "0.00",
    );
    lines.put("rejected_connections", stats.rejected_connections);
    lines.put("sync_full", stats.full_syncs);
    lines.put("sync_partial_ok", stats.partial_syncs);
    lines.put("sync_partial_err", 0);
}

fn keys(lines: &mut Lines, server: &Server) {
    let counters = server.keyspace.counters();
    lines.put("expired_keys", counters.expired);
    lines.put("expired_stale_perc", "0.00");
    lines.put_each(
        &[
            "expired_time_cap_reached_count",
            "expire_cycle_cpu_milliseconds",
        ],
        0,
    );
    lines.put("evicted_keys", counters.evicted);
    lines.put("evicted_clients", server.stats.evicted_clients);
    let exceeded_ms = server.keyspace.eviction_exceeded_ms();
    lines.put(
        "total_eviction_exceeded_time",
        counters.eviction_exceeded_ms + exceeded_ms,
    );
    lines.put("current_eviction_exceeded_time", exceeded_ms);
    lines.put("keyspace_hits", counters.hits);
    lines.put("keyspace_misses", counters.misses);
    lines.put(
        "pubsub_channels",
        server.pubsub.names(Topic::Channel).count(),
    );
    lines.put("pubsub_patterns", server.pubsub.patterns());
    lines.put(
        "pubsubshard_channels",
        server.pubsub.names(Topic::Shard).count(),
    );
}

/// What this server does not do, in the place where Redis tells of it; and the connection that MIGRATE keeps.
fn forks_and_defragmentation(lines: &mut Lines, server: &Server) {
    lines.put_each(&["latest_fork_usec", "total_forks"], 0);
    lines.put(
        "migrate_cached_sockets",
        u8::from(server.transfer.is_some()),
    );
    let own = server.replication.own_deadlines.len();
    lines.put("slave_expires_tracked_keys", own);
    lines.put_each(&["active_defrag_hits", "active_defrag_misses"], 0);
    lines.put_each(&["active_defrag_key_hits", "active_defrag_key_misses"], 0);
    lines.put_each(
        &["total_active_defrag_time", "current_active_defrag_time"],
        0,
    );
}

fn replies(lines: &mut Lines, stats: &Stats) {
    lines.put("unexpected_error_replies", 0);
    lines.put("total_error_replies", stats.error_replies);
    lines.put("dump_payload_sanitizations", 0);
    lines.put("total_reads_processed", stats.reads);
    lines.put("total_writes_processed", stats.writes);
    lines.put_each(
        &[
            "io_threaded_reads_processed",
            "io_threaded_writes_processed",
        ],
        0,
    );
    lines.put("acl_access_denied_auth", stats.auth_failures);
    lines.put(
        "client_query_buffer_limit_disconnections",
        stats.query_limit_disconnections,
    );
    lines.put(
        "client_output_buffer_limit_disconnections",
        stats.output_limit_disconnections,
    );
    lines.put_each(&["reply_buffer_shrinks", "reply_buffer_expands"], 0);
}

fn replicas(lines: &mut Lines, server: &Server) {
    let replicas: Vec<_> = server.all_replicas().collect();
    lines.put("connected_slaves", replicas.len());
    for (index, (client, replica)) in replicas.into_iter().enumerate() {
        let (ip, port) = (client.endpoints.peer.host(), replica.port);
        let (state, lag_s) = if replica.is_online {
            ("online", (server.now_ms - replica.heard_ms) / 1000)
        } else {
            ("send_bulk", 0)
        };
        let offset = replica.acknowledged;
        lines.put(
            &format!("slave{index}"),
            format!("ip={ip},port={port},state={state},offset={offset},lag={lag_s}"),
        );
    }
}

/// A replica's connection to its master.
fn link(lines: &mut Lines, server: &Server) {
    let state = &server.replication;
    let seconds_since = |ms: i64| (server.now_ms - ms) / 1000;
    let status = if state.is_linked { "up" } else { "down" };
    lines.put("master_link_status", status);
    let silent_s = state.is_linked.then(|| seconds_since(state.heard_ms));
    lines.put("master_last_io_seconds_ago", silent_s.unwrap_or(-1));
    lines.put("master_sync_in_progress", u8::from(state.sync.is_some()));
    lines.put_each(
        &["slave_read_repl_offset", "slave_repl_offset"],
        state.offset,
    );
    if let Some(sync) = &state.sync {
        let left = i128::from(sync.bytes) - i128::from(sync.read);
        let percent = match sync.bytes {
            0 => 0.0,
            bytes => 100.0 * ratio(sync.read, bytes),
        };
        lines.put("master_sync_total_bytes", sync.bytes);
        lines.put("master_sync_read_bytes", sync.read);
        lines.put("master_sync_left_bytes", left);
        lines.put("master_sync_perc", format!("{percent:.2}"));
        lines.put(
            "master_sync_last_io_seconds_ago",
            seconds_since(sync.heard_ms),
        );
    }
    if !state.is_linked {
        let down_s = state.unlinked_ms.map_or(-1, seconds_since);
        lines.put("master_link_down_since_seconds", down_s);
    }
}

fn replication(lines: &mut Lines, server: &Server, _: &Client) {
    let state = &server.replication;
    match &state.master {
        Some(master) => {
            lines.put("role", "slave");
            lines.put("master_host", &master.host);
            lines.put("master_port", master.port);
            link(lines, server);
            let setting = |name| server.config.get(name).unwrap_or_default();
            lines.put("slave_priority", setting("replica-priority"));
            lines.put("slave_read_only", u8::from(server.config.replica_read_only));
            let is_announced = setting("replica-announced") == "yes";
            lines.put("replica_announced", u8::from(is_announced));
        }
        None => lines.put("role", "master"),
    }
    replicas(lines, server);
    let previous = state.previous.as_ref();
    let failover = Failover::state(state.failover.as_ref());
    lines.put("master_failover_state", failover);
    lines.put("master_replid", &state.id);
    lines.put(
        "master_replid2",
        previous.map_or_else(|| "0".repeat(40), |(id, _)| id.clone()),
    );
    lines.put("master_repl_offset", state.offset);
    lines.put(
        "second_repl_offset",
        previous.map_or(-1, |(_, until)| i64::try_from(until + 1).unwrap_or(-1)),
    );
    lines.put("repl_backlog_active", u8::from(state.backlog_bytes() > 0));
    lines.put(
        "repl_backlog_size",
        server.config.get("repl-backlog-size").unwrap_or_default(),
    );
    lines.put(
        "repl_backlog_first_byte_offset",
        state.offset - state.backlog_bytes() as u64 + 1,
    );
    lines.put("repl_backlog_histlen", state.backlog_bytes());
}

/// Of this node's thread, not of the process, which may also be what drives it.
fn cpu(lines: &mut Lines, _: &Server, _: &Client) {
    let time = thread_time::of_this_thread();
    let (system, user) = (time.system.as_secs_f64(), time.user.as_secs_f64());
    lines.put("used_cpu_sys", format!("{system:.6}"));
    lines.put("used_cpu_user", format!("{user:.6}"));
    lines.put_each(
        &["used_cpu_sys_children", "used_cpu_user_children"],
        "0.000000",
    );
    lines.put("used_cpu_sys_main_thread", format!("{system:.6}"));
    lines.put("used_cpu_user_main_thread", format!("{user:.6}"));
}

fn modules(_: &mut Lines, _: &Server, _: &Client) {}

fn commandstats(lines: &mut Lines, server: &Server, _: &Client) {
    for (command, stats) in server.stats.by_command() {
        let total_us = stats.total_ns() as f64 / 1000.0;
        let value = format!(
            "calls={},usec={total_us:.0},usec_per_call={:.2},rejected_calls={},failed_calls={}",
            stats.calls,
            total_us / stats.calls.max(1) as f64,
            stats.rejected,
            stats.failed,
        );
        lines.put(&format!("cmdstat_{}", command.full_name), value);
    }
}

fn errorstats(lines: &mut Lines, server: &Server, _: &Client) {
    for (code, count) in server.stats.errors() {
        lines.put(
            &format!("errorstat_{}", String::from_utf8_lossy(code)),
            format_args!("count={count}"),
        );
    }
}

fn latencystats(lines: &mut Lines, server: &Server, _: &Client) {
    let percentiles =
        String::from_utf8_lossy(server.config.text("latency-tracking-info-percentiles"))
            .into_owned();
    for (command, stats) in server.stats.by_command() {
        let Some(histogram) = &stats.histogram else {
            continue;
        };
        let values: Vec<_> = percentiles
            .split_whitespace()
            .filter_map(|percent| Some((percent, percent.parse().ok()?)))
            .map(|(name, percent)| {
                format!(
                    "p{name}={:.3}",
                    histogram.percentile(percent) as f64 / 1000.0
                )
            })
            .collect();
        lines.put(
            &format!("latency_percentiles_usec_{}", command.full_name),
            values.join(","),
        );
    }
}

fn cluster(lines: &mut Lines, server: &Server, _: &Client) {
    lines.put("cluster_enabled", u8::from(server.cluster.is_some()));
}

fn keyspace(lines: &mut Lines, server: &Server, _: &Client) {
    let keyspace = &server.keyspace;
    for db in keyspace.dbs().filter(|db| keyspace.len(*db) > 0) {
        let (keys, expires, ttl) = (
            keyspace.len(db),
            keyspace.volatile_len(db),
            keyspace.average_ttl_ms(db),
        );
        lines.put(
            &format!("db{}", db.index()),
            format_args!("keys={keys},expires={expires},avg_ttl={ttl}"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client;
    use crate::config::Config;

    fn info(asked: &[&str]) -> String {
        let server = Server::new(Config::default().into(), 1);
        let asked: Vec<_> = asked.iter().map(|name| name.as_bytes().to_vec()).collect();
        text(&server, &client::tests::client(), &asked)
    }

    #[test]
    fn sections_are_told_by_name_by_default_and_all_together() {
        assert!(info(&["cpu"]).starts_with("# CPU\r\nused_cpu_sys:"));
        assert_eq!(info(&["nix"]), "");
        let (default, all) = (info(&[]), info(&["everything"]));
        assert!(default.contains("# Memory\r\n") && !default.contains("# Commandstats"));
        assert!(all.contains("# Commandstats\r\n") && all.contains("\r\n\r\n# Keyspace"));
        let titles = |text: &str| text.lines().filter(|line| line.starts_with('#')).count();
        assert_eq!(titles(&info(&["memory", "default"])), titles(&default));
    }

    #[test]
    fn bytes_as_people_read_them() {
        assert_eq!(
            [0, 1023, 1536, 2 << 20].map(human),
            ["0B", "1023B", "1.50K", "2.00M"]
        );
    }
}
