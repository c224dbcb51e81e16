//! Clients that wait for a key: BLPOP and its kin, XREAD BLOCK; and those that wait for replicas: WAIT.
//!
//! A handler that finds nothing hands over what it would do once a key has something ([`Waiting`]), and writes no reply.
//! Its client then carries out nothing more until it is served, its time is up, or it is gone.
//!
//! Whatever tells of a change to a key ([`Server::notify`]) signals it. Once the command that did so is over, the clients that wait for the key are served
//! in the order in which they began to wait; what serving one adds to another key is served in turn. Signalling costs
//! nothing while nobody waits.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use crate::client::{Client, Close};
use crate::clock::Stopwatch;
use crate::command::{Context, dispatch};
use crate::keyspace::{Access, Db};
use crate::node::Server;
use crate::resp::Reply;

/// What a client waits to do.
pub trait Waiting {
    /// Does it with `key`, which was signalled, if it can, and writes the reply; says whether it did.
    fn serve(&mut self, context: &mut Context<'_>, key: &[u8]) -> bool;

    /// The reply when the time is up.
    fn time_out(&self, _server: &Server, reply: &mut Reply) {
        reply.null_array();
    }

    /// Whether it is to be served, with whatever there is to say then, when a key is gone as well.
    fn heeds_absence(&self) -> bool {
        false
    }

    /// The reply where waiting is not allowed: within a transaction.
    fn refuse(&self, reply: &mut Reply) {
        reply.null_array();
    }
}

/// One client's wait.
struct Wait {
    db: Db,
    keys: Vec<Box<[u8]>>,
    deadline_ms: Option<i64>,
    waiting: Box<dyn Waiting>,
    /// The command as the slow log keeps it, where it may come there.
    words: Vec<Vec<u8>>,
}

/// Why a wait ends without being served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unblocked<'a> {
    /// As if its time were up.
    TimedOut,
    /// With an error: CLIENT UNBLOCK ERROR.
    Error,
    /// With this error.
    Refused(&'a str),
}

/// The reply to CLIENT UNBLOCK ERROR.
const UNBLOCKED: &str = "UNBLOCKED client unblocked via CLIENT UNBLOCK";

type Key = (Db, Box<[u8]>);

/// Who waits for what, on one node. Clients are known by their slots.
#[derive(Default)]
pub struct Blocked {
    waits: HashMap<usize, Wait>,
    queues: BTreeMap<Key, VecDeque<usize>>,
    deadlines: BTreeSet<(i64, usize)>,
    /// Keys signalled and not looked at yet.
    ready: VecDeque<Key>,
}

impl Blocked {
    /// How many clients wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waits.len()
    }

    /// Whether nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waits.is_empty()
    }

    /// How many of them wait for a limited time.
    #[must_use]
    pub fn with_deadline(&self) -> usize {
        self.deadlines.len()
    }

    /// Who waits.
    pub fn slots(&self) -> Vec<usize> {
        self.waits.keys().copied().collect()
    }

    /// The clients that wait for keys, each with the first key it waits for.
    pub fn first_keys(&self) -> impl Iterator<Item = (usize, &[u8])> {
        self.waits
            .iter()
            .filter_map(|(slot, wait)| Some((*slot, wait.keys.first()?.as_ref())))
    }

    /// When the next client's time is up, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn next_deadline_ms(&self) -> Option<i64> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// Notes that a key has changed.
    #[inline]
    pub fn signal(&mut self, db: Db, key: &[u8]) {
        if !self.queues.is_empty() {
            self.note_ready((db, key.into()));
        }
    }

    /// Notes that the contents of a database were exchanged: any key of it may have got something.
    pub fn signal_all(&mut self, db: Db) {
        let keys = self.queues.keys().filter(|(of, _)| *of == db);
        for key in keys.cloned().collect::<Vec<_>>() {
            self.note_ready(key);
        }
    }

    fn note_ready(&mut self, key: Key) {
        if self.queues.contains_key(&key) && !self.ready.contains(&key) {
            self.ready.push_back(key);
        }
    }

    fn enqueue(&mut self, slot: usize, wait: Wait) {
        for key in &wait.keys {
            let queue = self.queues.entry((wait.db, key.clone())).or_default();
            // A client may name a key twice; it waits for it once.
            if !queue.contains(&slot) {
                queue.push_back(slot);
            }
        }
        if let Some(at) = wait.deadline_ms {
            self.deadlines.insert((at, slot));
        }
        self.waits.insert(slot, wait);
    }

    /// Ends a client's wait, if it waits.
    fn dequeue(&mut self, slot: usize) -> Option<Wait> {
        let wait = self.waits.remove(&slot)?;
        for key in &wait.keys {
            let name = (wait.db, key.clone());
            if let Some(queue) = self.queues.get_mut(&name) {
                queue.retain(|waiting| *waiting != slot);
                if queue.is_empty() {
                    self.queues.remove(&name);
                }
            }
        }
        if let Some(at) = wait.deadline_ms {
            self.deadlines.remove(&(at, slot));
        }
        Some(wait)
    }

    /// Keeps the words of the command by which a client has begun to wait.
    pub(crate) fn keep_words(&mut self, slot: usize, words: impl FnOnce() -> Vec<Vec<u8>>) {
        if let Some(wait) = self.waits.get_mut(&slot) {
            wait.words = words();
        }
    }

    fn heeds_absence(&self, slot: usize) -> bool {
        let wait = self.waits.get(&slot);
        wait.is_some_and(|wait| wait.waiting.heeds_absence())
    }

    /// Forgets a client that is gone.
    pub fn forget(&mut self, slot: usize) {
        self.dequeue(slot);
    }
}

impl Context<'_> {
    /// Lets the client wait for `keys` until `deadline_ms` (none: for ever). The handler then writes no reply.
    pub fn block(
        &mut self,
        keys: Vec<Box<[u8]>>,
        deadline_ms: Option<i64>,
        waiting: Box<dyn Waiting>,
    ) {
        if self.client.deny_blocking {
            return waiting.refuse(self.reply);
        }
        let wait = Wait {
            db: self.db(),
            keys,
            deadline_ms,
            waiting,
            words: Vec::new(),
        };
        self.client.blocked = true;
        self.server.blocked.enqueue(self.client.slot, wait);
        // A key that goes by itself may be what is waited for.
        self.server.record_removals();
    }
}

impl Server {
    /// Serves the clients that wait for the keys signalled. To be called once a command is over.
    #[inline]
    pub fn serve_blocked(&mut self) {
        while let Some((db, key)) = self.blocked.ready.pop_front() {
            self.serve_key(db, &key);
        }
    }

    fn serve_key(&mut self, db: Db, key: &[u8]) {
        let name: Key = (db, key.into());
        let queue = self.blocked.queues.get(&name).cloned().unwrap_or_default();
        for slot in queue {
            let is_there = self.keyspace.lookup(db, key, Access::Silent).is_some();
            if is_there || self.blocked.heeds_absence(slot) {
                self.serve_client(slot, key);
            }
        }
    }

    /// Serves one client with a key, if it can be.
    fn serve_client(&mut self, slot: usize, key: &[u8]) {
        let Some(mut client) = self.clients.take(slot) else {
            return;
        };
        let Some(mut wait) = self.blocked.waits.remove(&slot) else {
            return self.clients.put(client);
        };
        let mut reply = Reply::new(client.protocol);
        // A wait is for keys of the database that was selected when it began, and nothing has run since.
        let mut context = Context {
            server: self,
            client: &mut client,
            reply: &mut reply,
        };
        let watch = Stopwatch::start();
        let served = wait.waiting.serve(&mut context, key);
        self.blocked.waits.insert(slot, wait);
        self.propagate_served(client.db);
        if served {
            let words = self.blocked.dequeue(slot).map(|wait| wait.words);
            if let Some(command) = client.last_command {
                let took_ns = watch.elapsed_ns();
                dispatch::note_if_slow(self, &client, command, took_ns, || {
                    words.unwrap_or_default()
                });
            }
            self.release(&mut client, &mut reply);
        }
        self.clients.put(client);
    }

    /// Ends a client's wait without serving it; says whether it waited.
    pub fn unblock(&mut self, slot: usize, how: Unblocked<'_>) -> bool {
        let Some(mut client) = self.clients.take(slot) else {
            return false;
        };
        let wait = self.blocked.dequeue(slot);
        self.forget_wait(slot);
        if let Some(wait) = &wait {
            let mut reply = Reply::new(client.protocol);
            match how {
                Unblocked::TimedOut => wait.waiting.time_out(self, &mut reply),
                Unblocked::Error => reply.error(UNBLOCKED),
                Unblocked::Refused(text) => reply.error(text),
            }
            self.release(&mut client, &mut reply);
        }
        self.clients.put(client);
        wait.is_some()
    }

    /// Ends the waits whose time is up.
    pub fn unblock_due(&mut self) {
        let due = (self.now_ms.saturating_add(1), 0);
        let slots: Vec<usize> = self
            .blocked
            .deadlines
            .range(..due)
            .map(|(_, slot)| *slot)
            .collect();
        for slot in slots {
            self.unblock(slot, Unblocked::TimedOut);
        }
    }

    /// Sends a client that waited its reply and lets it go on.
    fn release(&mut self, client: &mut Client, reply: &mut Reply) {
        if let Some(command) = client.last_command {
            dispatch::count_failure(self, reply, command);
        }
        self.flush_pushes_of(client.slot, reply);
        client.send_later(reply.bytes());
        client.blocked = false;
        if self.is_over_output_limit(client) {
            client.end(Close::Now);
        }
        client.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::tests::client;
    use crate::config::Config;
    use crate::keyspace::Expiry;
    use crate::node::Options;

    /// Takes a string key away and answers its name.
    struct Take;

    impl Waiting for Take {
        fn serve(&mut self, context: &mut Context<'_>, key: &[u8]) -> bool {
            context.reply.bulk(key);
            let db = context.db();
            context.server.keyspace.remove(db, key)
        }
    }

    fn waiting(server: &mut Server, keys: &[&[u8]], deadline_ms: Option<i64>) -> usize {
        let slot = server.clients.add(client());
        let mut client = server.clients.take(slot).unwrap();
        let mut reply = Reply::default();
        let keys = keys.iter().map(|key| (*key).into()).collect();
        Context {
            server,
            client: &mut client,
            reply: &mut reply,
        }
        .block(keys, deadline_ms, Box::new(Take));
        assert!(client.blocked && reply.is_empty());
        server.clients.put(client);
        slot
    }

    fn add(server: &mut Server, key: &[u8]) {
        server
            .keyspace
            .set_string(Db::ZERO, key, b"1", Expiry::Never)
            .unwrap();
        server.blocked.signal(Db::ZERO, key);
    }

    fn sent(server: &mut Server, slot: usize) -> String {
        String::from_utf8(server.clients.get_mut(slot).unwrap().outbox().to_vec()).unwrap()
    }

    #[test]
    fn first_come_first_served_and_each_once() {
        let mut server = Server::new(Options::from(Config::default()), 0);
        let first = waiting(&mut server, &[b"a", b"b", b"a"], None);
        let second = waiting(&mut server, &[b"b"], None);
        add(&mut server, b"b");
        server.serve_blocked();
        assert_eq!(
            (sent(&mut server, first), sent(&mut server, second)),
            ("$1\r\nb\r\n".into(), String::new())
        );
        add(&mut server, b"a");
        add(&mut server, b"b");
        server.serve_blocked();
        assert_eq!(sent(&mut server, second), "$1\r\nb\r\n");
        assert!(server.blocked.is_empty() && server.blocked.queues.is_empty());
        assert!(
            server
                .keyspace
                .lookup(Db::ZERO, b"a", Access::Silent)
                .is_some()
        );
    }

    #[test]
    fn a_wait_ends_when_its_time_is_up_or_its_client_gone() {
        let mut server = Server::new(Options::from(Config::default()), 0);
        let now_ms = server.now_ms;
        let due = waiting(&mut server, &[b"a"], Some(now_ms));
        let later = waiting(&mut server, &[b"a"], Some(now_ms + 1));
        server.unblock_due();
        assert_eq!(
            (sent(&mut server, due), sent(&mut server, later)),
            ("*-1\r\n".into(), String::new())
        );
        assert!(
            server.unblock(later, Unblocked::Error) && !server.unblock(later, Unblocked::Error)
        );
        assert!(sent(&mut server, later).starts_with("-UNBLOCKED"));
        let gone = waiting(&mut server, &[b"a"], None);
        server.blocked.forget(gone);
        assert!(server.blocked.is_empty() && server.blocked.queues.is_empty());
    }
}
