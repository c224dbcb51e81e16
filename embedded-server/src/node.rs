//! A node: it composes the rooms. One node, one thread.

use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::Notify;

use crate::blocking::Blocked;
use crate::client::{Client, ClientId, Clients, Close};
use crate::clock::{Clock, Stopwatch};
use crate::command::FieldDeadlines;
use crate::config::{Config, ConfigError};
use crate::fault::Faults;
use crate::footprint::Footprint;
use crate::keyspace::{Access, Db, EventKind, Keyspace};
use crate::latency::LatencyMonitor;
use crate::log::{Level, Log};
use crate::member::Member;
use crate::migration::Migrations;
use crate::net::BindError;
use crate::notify::Events;
use crate::pause::Pause;
use crate::pubsub::{PubSub, Topic};
use crate::replication::Replication;
use crate::resp::{Protocol, Reply};
use crate::saving::Saving;
use crate::shutdown::Shutdown;
use crate::slowlog::SlowLog;
use crate::snapshot::Loading;
use crate::stats::Stats;
use crate::tracking::Tracker;
use crate::transaction::Watches;
use crate::transfer::Kept;

/// Work units of one call of the keyspace's cron: some milliseconds at most.
const CRON_BUDGET: usize = 20_000;
/// The most calls of it for one turn of the clock; more time than this has passed for nobody.
const CRON_CALLS_MAX: u64 = 1000;

/// What a node is told when it starts.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The configuration.
    pub config: Config,
    /// Where time comes from.
    pub clock: Clock,
    /// The file the configuration was read from, which CONFIG REWRITE writes.
    pub config_file: Option<PathBuf>,
    /// Who is told what happens.
    pub log: Log,
    /// Whether the node starts with what `dbfilename` holds, as redis-server does.
    pub restore: bool,
}

impl Options {
    /// For tests: a free port on this machine, a virtual clock, and one seed for all that is random, so that every run
    /// is the same.
    #[must_use]
    pub fn for_tests() -> Self {
        let mut config = Config::default();
        for (name, value) in [("port", "0"), ("seed", "1")] {
            // Both are known and in range.
            let _ = config.set(name, value);
        }
        Self {
            config,
            clock: Clock::virtual_clock(),
            ..Self::default()
        }
    }

    /// Sets a directive of the configuration: `maxmemory`, `requirepass`.
    ///
    /// # Errors
    /// [`ConfigError`] when there is no such directive or the value does not fit it.
    pub fn with(mut self, directive: &str, value: &str) -> Result<Self, ConfigError> {
        self.config.set(directive, value)?;
        Ok(self)
    }
}

impl From<Config> for Options {
    fn from(config: Config) -> Self {
        Self {
            config,
            ..Self::default()
        }
    }
}

/// Has a node listen where a configuration says, instead of at the port that comes with it; says at which port then.
type Doors = Box<dyn FnMut(&Config, u16) -> Result<u16, BindError>>;

/// Who a node is.
#[derive(Debug)]
pub struct Identity {
    /// Forty hexadecimal digits, drawn anew by each start.
    pub run_id: String,
    /// The port it listens on.
    pub port: u16,
    /// When it started, in milliseconds since the Unix epoch.
    pub started_ms: i64,
    /// The file the configuration was read from.
    pub config_file: Option<PathBuf>,
}

/// What all clients of a node share.
pub struct Server {
    /// The configuration; after a change call [`Server::configured`].
    pub config: Config,
    /// The keys and values.
    pub keyspace: Keyspace,
    /// Where time comes from.
    pub clock: Clock,
    /// The clock's reading for this turn of the loop, in microseconds since the Unix epoch.
    pub now_us: u64,
    /// The same in milliseconds.
    pub now_ms: i64,
    /// The clients, without the one whose command is running.
    pub clients: Clients,
    /// Who listens to what.
    pub pubsub: PubSub,
    /// Who waits for what.
    pub blocked: Blocked,
    /// Who watches which keys.
    pub watches: Watches,
    /// Who keeps what it has read, and is told when it changes.
    pub tracking: Tracker,
    /// Which commands are put off.
    pub pause: Pause,
    /// Which hashes have fields that expire.
    pub fields: FieldDeadlines,
    /// How many clients are shown every command.
    pub monitors: usize,
    /// What was counted.
    pub stats: Stats,
    /// The commands that took long.
    pub slowlog: SlowLog,
    /// The events that took long.
    pub latency: LatencyMonitor,
    /// What is saved of it, and when.
    pub saving: Saving,
    /// Whether RESTORE takes payloads whose checksum is wrong, for tests of what is inside them.
    pub skips_checksums: bool,
    /// The snapshot of a master that is being loaded.
    pub loading: Option<Loading>,
    /// What goes wrong on purpose.
    pub faults: Faults,
    /// Who it is.
    pub identity: Identity,
    /// Its part in replication.
    pub replication: Replication,
    /// When the replicas were last shown that this node is there.
    pub pinged_ms: i64,
    /// The connection of the last MIGRATE.
    pub(crate) transfer: Option<Kept>,
    /// The end it is about to come to.
    pub(crate) shutdown: Option<Shutdown>,
    /// Slots that move to it or from it.
    pub migrations: Migrations,
    /// Its part in a cluster, in cluster mode.
    pub cluster: Option<Box<Member>>,
    /// Every random draw that is not the keyspace's.
    pub random: StdRng,
    /// Who is told what happens.
    pub log: Log,
    /// Lets it listen elsewhere, once it listens at all.
    pub(crate) doors: Option<Doors>,
    stop: Arc<Notify>,
    /// What clients took when that was last looked at.
    pub(crate) settled: Footprint,
    /// Messages to clients whose commands are running, by slot; they follow the reply.
    pub(crate) pushes_to_self: Vec<(usize, Vec<u8>)>,
    /// The client whose command is running.
    running: Option<Running>,
}

/// What must be known of the client whose command is running, which is taken out of the registry.
#[derive(Debug, Clone, Copy)]
struct Running {
    slot: usize,
    id: ClientId,
    protocol: Protocol,
    is_master: bool,
}

impl Server {
    /// A node that is not running yet. `port` is the one it will listen on.
    #[must_use]
    pub fn new(options: Options, port: u16) -> Self {
        let Options {
            mut config,
            clock,
            config_file,
            log,
            restore: _,
        } = options;
        let mut random = match config.seed {
            0 => StdRng::seed_from_u64(drawn_by_the_system()),
            seed => StdRng::seed_from_u64(seed),
        };
        let now_us = clock.now_us();
        let now_ms = milliseconds(now_us);
        let identity = Identity {
            run_id: hexadecimal(&mut random),
            port,
            started_ms: now_ms,
            config_file,
        };
        config.limits.hash_seed = random.random();
        let mut server = Self {
            keyspace: Keyspace::new(config.databases, random.random(), config.keyspace.clone()),
            config,
            clock,
            now_us,
            now_ms,
            clients: Clients::default(),
            pubsub: PubSub::default(),
            blocked: Blocked::default(),
            watches: Watches::default(),
            tracking: Tracker::default(),
            pause: Pause::default(),
            fields: FieldDeadlines::default(),
            monitors: 0,
            stats: Stats::default(),
            slowlog: SlowLog::default(),
            latency: LatencyMonitor::default(),
            saving: Saving::new(now_ms),
            skips_checksums: false,
            loading: None,
            faults: Faults::default(),
            identity,
            replication: Replication::new(hexadecimal(&mut random)),
            pinged_ms: now_ms,
            transfer: None,
            shutdown: None,
            migrations: Migrations::default(),
            cluster: None,
            random,
            log,
            doors: None,
            stop: Arc::new(Notify::new()),
            settled: Footprint::default(),
            pushes_to_self: Vec::new(),
            running: None,
        };
        server.keyspace.set_now_ms(now_ms);
        server.configured();
        server
    }

    /// Reads the clock: what runs until the next reading sees one instant.
    #[inline]
    pub fn read_clock(&mut self) {
        self.now_us = self.clock.now_us();
        self.now_ms = milliseconds(self.now_us);
        self.keyspace.set_now_ms(self.now_ms);
    }

    /// Hands a changed configuration to whoever keeps part of it.
    pub fn configured(&mut self) {
        self.keyspace.configure(self.config.keyspace.clone());
        self.configure_cluster();
        self.record_removals();
        self.evict_clients();
    }

    /// Has the keyspace tell what it removes by itself, if anybody wants to know.
    pub fn record_removals(&mut self) {
        let events = self.config.events;
        let published = events.has(Events::EXPIRED) || events.has(Events::EVICTED);
        let is_copied = self.replication.is_recording() || self.migrations.is_exporting();
        self.keyspace
            .record_events(published || is_copied || self.minds_removals());
    }

    /// Whether a client wants to know of removals, beyond those who listen to events.
    fn minds_removals(&self) -> bool {
        !(self.watches.is_empty() && self.tracking.is_empty() && self.blocked.is_empty())
    }

    /// Whether clients must give a password.
    #[must_use]
    pub fn has_password(&self) -> bool {
        !self.config.text("requirepass").is_empty()
    }

    /// Listens where the configuration says, if that is elsewhere than `before`.
    ///
    /// # Errors
    /// When an address cannot be had; the node listens as before then.
    pub(crate) fn listen(&mut self, before: &Config) -> Result<(), BindError> {
        let config = &self.config;
        if (config.port, config.text("bind")) == (before.port, before.text("bind")) {
            return Ok(());
        }
        if let Some(exchange) = &mut self.doors {
            self.identity.port = exchange(config, self.identity.port)?;
        }
        Ok(())
    }

    /// Ends the node once this turn is over.
    pub fn stop(&self) {
        self.stop.notify_one();
    }

    /// What the node's loop waits for.
    pub(crate) fn stop_signal(&self) -> Arc<Notify> {
        Arc::clone(&self.stop)
    }

    /// Tells whoever keeps the log.
    pub fn log(&self, level: Level, message: &str) {
        self.log.write(level, message);
    }
}

/// Background work.
impl Server {
    /// What is to be done some ten times a second, `elapsed` after the time before: rates, idle clients, and (on a real
    /// clock) expired keys. Says whether the keyspace would gladly go on at once.
    ///
    /// On a virtual clock the keyspace works only when the clock is turned, so that a run repeats exactly.
    pub fn cron(&mut self, elapsed: Duration) -> bool {
        self.read_clock();
        self.stats
            .read_rates(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX));
        self.stats.peak_memory = self.stats.peak_memory.max(self.keyspace.used_memory());
        self.running = None;
        self.measure_resyncs();
        self.close_idle_clients();
        self.evict_clients();
        self.unblock_due();
        self.end_due_pause();
        self.turn_away();
        let now_ms = self.now_ms;
        self.transfer.take_if(|kept| kept.until_ms <= now_ms);
        self.replication_cron();
        self.look_after_saving();
        !self.clock.is_virtual() && self.keyspace_cron()
    }

    /// One stretch of the keyspace's background work; none during a pause.
    pub fn keyspace_cron(&mut self) -> bool {
        if self.pause.is_on() {
            return false;
        }
        let watch = Stopwatch::start();
        let more = self.keyspace.cron(CRON_BUDGET) | self.expire_fields();
        let threshold_ms = self.config.latency_monitor_threshold_ms;
        self.latency.note(
            "expire-cycle",
            watch.elapsed_ns(),
            threshold_ms,
            self.now_ms,
        );
        self.publish_removals();
        self.serve_blocked();
        self.flush_invalidations();
        more
    }

    /// Turns a virtual clock and does the keyspace's background work of that time.
    pub fn advance(&mut self, by: Duration) {
        self.clock.advance(by);
        self.read_clock();
        self.running = None;
        let ticks = by.as_millis() * u128::from(self.config.hz.max(1)) / 1000;
        let calls = u64::try_from(ticks)
            .unwrap_or(CRON_CALLS_MAX)
            .clamp(1, CRON_CALLS_MAX);
        for _ in 0..calls {
            if !self.keyspace_cron() {
                break;
            }
        }
        self.unblock_due();
        self.end_due_pause();
    }

    fn close_idle_clients(&mut self) {
        let (now_ms, timeout_s) = (self.now_ms, self.config.timeout_seconds);
        let limits = self.config.output_limits();
        for client in self.clients.iter_mut() {
            let idle_s = now_ms.saturating_sub(client.active_ms).unsigned_abs() / 1000;
            if timeout_s > 0
                && idle_s > timeout_s
                && client.subscriptions() == 0
                && !client.monitor
                && !client.blocked
            {
                client.end(Close::Now);
            }
            if client.close == Close::No && client.is_over(limits.of(client.class()), now_ms) {
                self.stats.output_limit_disconnections += 1;
                client.end(Close::Now);
            }
        }
    }
}

/// Clients.
impl Server {
    /// Whether more waits to be sent to `client` than its class allows; counts it then.
    pub fn is_over_output_limit(&mut self, client: &mut Client) -> bool {
        let limit = self.config.output_limits().of(client.class());
        let over = client.is_over(limit, self.now_ms);
        self.stats.output_limit_disconnections += u64::from(over);
        over
    }

    /// Forgets a client whose connection has ended.
    pub fn forget(&mut self, client: &Client) {
        for (topic, names) in [
            (Topic::Channel, &client.channels),
            (Topic::Pattern, &client.patterns),
            (Topic::Shard, &client.shards),
        ] {
            for name in names {
                self.pubsub.unsubscribe(topic, name, client.slot);
            }
        }
        self.monitors -= usize::from(client.monitor);
        self.blocked.forget(client.slot);
        self.pause.forget(client.slot);
        self.tracking.disable(client.id);
        self.forget_wait(client.slot);
        self.forget_shutdown_of(client.slot);
        self.end_imports_of(client.id);
        self.forget_replica(client);
        self.watches.forget(&client.watched, client.slot);
        self.clients.discount(client);
        self.clients.release(client.slot);
    }
}

/// Messages.
impl Server {
    /// Says whose commands run from here on, so that messages to that client follow its replies.
    pub fn enter(&mut self, client: &Client) {
        self.running = Some(Running {
            slot: client.slot,
            id: client.id,
            protocol: client.protocol,
            is_master: client.is_master,
        });
    }

    /// Writes the messages that the running client has got behind its reply.
    #[inline]
    pub fn flush_pushes(&mut self, reply: &mut Reply) {
        if !self.pushes_to_self.is_empty()
            && let Some(running) = self.running
        {
            self.flush_pushes_of(running.slot, reply);
        }
    }

    /// Writes the messages that the client in `slot` has got behind its reply.
    pub(crate) fn flush_pushes_of(&mut self, slot: usize, reply: &mut Reply) {
        self.pushes_to_self.retain(|(to, message)| {
            if *to == slot {
                reply.raw(message);
            }
            *to != slot
        });
    }

    /// Publishes a message; says how many subscriptions it reached.
    pub fn publish(&mut self, channel: &[u8], message: &[u8]) -> usize {
        let mut receivers = Vec::new();
        let count = self.pubsub.receivers(channel, |slot, pattern| {
            receivers.push((slot, pattern.map(<[u8]>::to_vec)));
        });
        for (slot, pattern) in receivers {
            self.push_to(slot, |reply| {
                published(reply, pattern.as_deref(), channel, message);
            });
        }
        count
    }

    /// Publishes a message on a channel of a shard; says how many it reached.
    pub fn publish_to_shard(&mut self, channel: &[u8], message: &[u8]) -> usize {
        let receivers = self.pubsub.subscribers(Topic::Shard, channel).to_vec();
        for &slot in &receivers {
            self.push_to(slot, |reply| {
                reply.push(3);
                [&b"smessage"[..], channel, message]
                    .iter()
                    .for_each(|part| reply.bulk(part));
            });
        }
        receivers.len()
    }

    /// Sends a client what `write` writes in its protocol; to the one whose command is running, behind its reply.
    pub(crate) fn push_to(&mut self, slot: usize, write: impl FnOnce(&mut Reply)) {
        let running = self.running.filter(|running| running.slot == slot);
        match self.clients.get_mut(slot) {
            Some(client) => {
                let mut message = Reply::new(client.protocol);
                write(&mut message);
                client.send_later(message.bytes());
                client.wake();
            }
            None => {
                let protocol = running.map_or(Protocol::Resp3, |running| running.protocol);
                let mut message = Reply::new(protocol);
                write(&mut message);
                self.pushes_to_self.push((slot, message.bytes().to_vec()));
            }
        }
    }

    /// Tells that `event` has happened to a key: publishes it, if `notify-keyspace-events` asks for its class, after the
    /// removals that led to it; and whoever watches the key or waits for it learns that it has changed.
    #[inline]
    pub fn notify(&mut self, class: Events, event: &str, db: Db, key: &[u8]) {
        self.publish_removals();
        // That a key is new is told beside what made it.
        if class != Events::KEY_MISS && class != Events::NEW {
            self.touch(db, key);
        }
        self.tell(class, event, db, key);
    }

    #[inline]
    fn tell(&mut self, class: Events, event: &str, db: Db, key: &[u8]) {
        if self.config.events.has(class) {
            self.publish_event(event, db, key);
        }
    }

    /// A command has changed a key: whoever watches it, waits for it or has kept it learns of it.
    #[inline]
    pub(crate) fn touch(&mut self, db: Db, key: &[u8]) {
        let by = self.running.map(|running| running.id);
        self.copy(db, key);
        self.changed(db, key, by);
    }

    /// A command has changed a key in a way that clients are not told of, but whoever copies it is: replicas, a saved
    /// file, a node that it moves to.
    pub(crate) fn touch_silently(&mut self, db: Db, key: &[u8]) {
        self.copy(db, key);
        if self.migrations.is_exporting() {
            self.migrations.touch(key);
        }
    }

    /// Has replicas and the next saved file have a key as it is now.
    #[inline]
    fn copy(&mut self, db: Db, key: &[u8]) {
        if self.replication.is_recording() {
            self.replication.touch(db, key);
        } else if self.replication.master.is_some() && !self.copies_master() {
            self.note_own_deadline(db, key);
        }
        self.saving.changes += 1;
    }

    #[inline]
    fn changed(&mut self, db: Db, key: &[u8], by: Option<ClientId>) {
        if self.migrations.is_exporting() {
            self.migrations.touch(key);
        }
        if !self.watches.is_empty() {
            self.watches.touch(db, key);
        }
        self.blocked.signal(db, key);
        self.invalidate(key, by);
    }

    /// Whether the running command has come from the master.
    fn copies_master(&self) -> bool {
        self.running.is_none_or(|running| running.is_master)
    }

    /// Whether the running command is of the client with this number.
    pub(crate) fn is_running(&self, id: ClientId) -> bool {
        self.running.is_some_and(|running| running.id == id)
    }

    /// Tells whoever watches a key of `db` that it changes, before the database is emptied or exchanged for `other`.
    pub fn touch_database(&mut self, db: Db, other: Db) {
        if self.replication.is_recording() {
            self.replication.repeat();
        }
        self.end_exports_of_flushed();
        let Self {
            watches, keyspace, ..
        } = self;
        let mut exists = |db, key: &[u8]| keyspace.lookup(db, key, Access::Silent).is_some();
        watches.touch_where(db, |key| exists(db, key) || exists(other, key));
        self.blocked.signal_all(db);
    }

    /// Publishes what the keyspace has removed by itself.
    #[inline]
    pub fn publish_removals(&mut self) {
        while let Some(removal) = self.keyspace.next_event() {
            let (class, event) = match removal.kind {
                EventKind::Expired => (Events::EXPIRED, "expired"),
                EventKind::Evicted => (Events::EVICTED, "evicted"),
            };
            if self.replication.is_recording() {
                self.propagate_removal(removal.db, &removal.key);
            }
            self.changed(removal.db, &removal.key, None);
            self.tell(class, event, removal.db, &removal.key);
        }
    }

    fn publish_event(&mut self, event: &str, db: Db, key: &[u8]) {
        let events = self.config.events;
        if events.has(Events::KEYSPACE) {
            let channel = [format!("__keyspace@{}__:", db.index()).as_bytes(), key].concat();
            self.publish(&channel, event.as_bytes());
        }
        if events.has(Events::KEYEVENT) {
            let channel = format!("__keyevent@{}__:{event}", db.index());
            self.publish(channel.as_bytes(), key);
        }
    }
}

/// A message as a subscriber gets it.
fn published(reply: &mut Reply, pattern: Option<&[u8]>, channel: &[u8], message: &[u8]) {
    match pattern {
        Some(pattern) => {
            reply.push(4);
            reply.bulk(b"pmessage");
            reply.bulk(pattern);
        }
        None => {
            reply.push(3);
            reply.bulk(b"message");
        }
    }
    reply.bulk(channel);
    reply.bulk(message);
}

/// A number nobody can foretell: the standard library keys its hash maps by the system's randomness.
pub(crate) fn drawn_by_the_system() -> u64 {
    RandomState::new().hash_one(0)
}

fn milliseconds(us: u64) -> i64 {
    i64::try_from(us / 1000).unwrap_or(i64::MAX)
}

pub(crate) fn hexadecimal(random: &mut StdRng) -> String {
    (0..40)
        .filter_map(|_| char::from_digit(random.random_range(0..16), 16))
        .collect()
}
