//! Client-side caching: which clients may keep which keys, and what they are told when one changes.
//!
//! A key that a tracking client has read is remembered until it changes once. A broadcasting client is not asked what it
//! reads: it is told of every change to a key with one of its prefixes. As on Redis keys are known by name alone,
//! whatever their database.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::client::{Client, ClientId};
use crate::node::Server;
use crate::resp::Reply;

/// The channel on which invalidations reach clients of RESP2.
const CHANNEL: &[u8] = b"__redis__:invalidate";

/// Which of its reads a client wants tracked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// All of them.
    #[default]
    All,
    /// Those that CLIENT CACHING YES announces.
    OptIn,
    /// All but those that CLIENT CACHING NO announces.
    OptOut,
    /// None: it is told of every change to a key with one of its prefixes.
    Broadcast,
}

/// How one client is told of changes.
#[derive(Debug, Clone, Default)]
pub struct Tracking {
    /// Which reads are tracked.
    pub mode: Mode,
    /// Whether it is spared the changes that it makes itself.
    pub no_loop: bool,
    /// Another client that is told in its place: its number and slot.
    pub redirect: Option<(ClientId, usize)>,
    /// Whether that client is gone.
    pub is_redirect_broken: bool,
    /// In broadcast mode, how the keys begin.
    pub prefixes: Vec<Box<[u8]>>,
    /// The client's slot; [`Tracker::enable`] sets it.
    pub slot: usize,
}

/// Who tracks what on one node.
#[derive(Debug, Default)]
pub struct Tracker {
    clients: HashMap<ClientId, Tracking>,
    /// Who has read a key since it last changed.
    readers: BTreeMap<Box<[u8]>, BTreeSet<ClientId>>,
    /// How many entries the sets above have.
    reads: usize,
    /// Who is told of keys with a prefix.
    prefixes: BTreeMap<Box<[u8]>, BTreeSet<ClientId>>,
    /// The keys changed by the running command, for those who broadcast; and by whom.
    changed: BTreeMap<Box<[u8]>, Option<ClientId>>,
}

impl Tracker {
    /// Whether nobody tracks anything.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// How many clients track, keys are remembered, reads of them, and prefixes.
    #[must_use]
    pub fn counts(&self) -> [usize; 4] {
        let Self {
            clients,
            readers,
            reads,
            prefixes,
            ..
        } = self;
        [clients.len(), readers.len(), *reads, prefixes.len()]
    }

    /// How a client is told of changes, if it is.
    #[must_use]
    pub fn of(&self, id: ClientId) -> Option<&Tracking> {
        self.clients.get(&id)
    }

    /// Begins to track for a client, or changes how.
    pub fn enable(&mut self, client: &mut Client, tracking: Tracking) {
        for prefix in &tracking.prefixes {
            let told = self.prefixes.entry(prefix.clone()).or_default();
            told.insert(client.id);
        }
        client.tracks = tracking.mode != Mode::Broadcast;
        client.prefixes = tracking.prefixes.len();
        let slot = client.slot;
        self.clients
            .insert(client.id, Tracking { slot, ..tracking });
    }

    /// Ends it.
    pub fn disable(&mut self, id: ClientId) {
        let prefixes = self.clients.remove(&id).map(|tracking| tracking.prefixes);
        for prefix in prefixes.unwrap_or_default() {
            if let Some(told) = self.prefixes.get_mut(&prefix) {
                told.remove(&id);
                if told.is_empty() {
                    self.prefixes.remove(&prefix);
                }
            }
        }
    }

    fn remember(&mut self, key: &[u8], id: ClientId) {
        let readers = match self.readers.get_mut(key) {
            Some(readers) => readers,
            None => self.readers.entry(key.into()).or_default(),
        };
        self.reads += usize::from(readers.insert(id));
    }

    fn forget(&mut self, key: &[u8]) -> BTreeSet<ClientId> {
        let readers = self.readers.remove(key).unwrap_or_default();
        self.reads -= readers.len();
        readers
    }

    /// Notes that a key has changed, for those who are told by prefix.
    fn note_change(&mut self, key: &[u8], by: Option<ClientId>) {
        if self.prefixes.keys().any(|prefix| key.starts_with(prefix)) {
            self.changed.insert(key.into(), by);
        }
    }
}

impl Server {
    /// Ends the tracking for a client.
    pub fn end_tracking(&mut self, client: &mut Client) {
        self.tracking.disable(client.id);
        client.tracks = false;
        client.prefixes = 0;
        client.caching = None;
    }

    /// Remembers that a client has read keys, if it wants them tracked.
    pub fn track_reads<'k>(&mut self, client: &Client, keys: impl Iterator<Item = &'k [u8]>) {
        let wanted = match (
            self.tracking.of(client.id).map(|own| own.mode),
            client.caching,
        ) {
            (Some(Mode::OptIn), announced) => announced == Some(true),
            (Some(Mode::OptOut), announced) => announced != Some(false),
            (Some(Mode::All), _) => true,
            _ => false,
        };
        if !wanted {
            return;
        }
        keys.for_each(|key| self.tracking.remember(key, client.id));
        let most = self.config.tracking_table_max_keys;
        while most > 0 && self.tracking.readers.len() > most {
            let Some(key) = self.tracking.readers.keys().next().cloned() else {
                return;
            };
            self.invalidate_readers(&key, None);
        }
    }

    /// A key has changed, by a client or by itself.
    #[inline]
    pub(crate) fn invalidate(&mut self, key: &[u8], by: Option<ClientId>) {
        if !self.tracking.is_empty() {
            self.tracking.note_change(key, by);
            self.invalidate_readers(key, by);
        }
    }

    fn invalidate_readers(&mut self, key: &[u8], by: Option<ClientId>) {
        for id in self.tracking.forget(key) {
            let own = self.tracking.of(id);
            let told = own
                .is_some_and(|own| own.mode != Mode::Broadcast && !(own.no_loop && by == Some(id)));
            if told {
                self.tell_invalid(id, Some(&[key]));
            }
        }
    }

    /// Tells those who broadcast of what the command has changed. To be called once it is over.
    #[inline]
    pub fn flush_invalidations(&mut self) {
        if !self.tracking.changed.is_empty() {
            self.broadcast();
        }
    }

    #[cold]
    fn broadcast(&mut self) {
        let changed = std::mem::take(&mut self.tracking.changed);
        for (prefix, told) in self.tracking.prefixes.clone() {
            for id in told {
                let no_loop = self.tracking.of(id).is_some_and(|own| own.no_loop);
                let keys: Vec<&[u8]> = changed
                    .iter()
                    .filter(|(key, by)| key.starts_with(&prefix) && !(no_loop && **by == Some(id)))
                    .map(|(key, _)| key.as_ref())
                    .collect();
                if !keys.is_empty() {
                    self.tell_invalid(id, Some(&keys));
                }
            }
        }
    }

    /// Tells every tracking client that no key is as it was: a database was emptied.
    pub fn invalidate_all(&mut self) {
        self.tracking.readers.clear();
        self.tracking.reads = 0;
        let mut clients: Vec<ClientId> = self.tracking.clients.keys().copied().collect();
        clients.sort_unstable();
        for id in clients {
            self.tell_invalid(id, None);
        }
    }

    /// Tells a client, or whom it redirects to, that keys are invalid; `None` is all of them.
    fn tell_invalid(&mut self, id: ClientId, keys: Option<&[&[u8]]>) {
        let Some(own) = self.tracking.clients.get_mut(&id) else {
            return;
        };
        let (slot, Some((other, other_slot))) = (own.slot, own.redirect) else {
            let slot = own.slot;
            return self.push_to(slot, |reply| {
                if reply.is_resp3() {
                    invalidation(reply, keys);
                }
            });
        };
        if !self.clients.is(other_slot, other) && !self.is_running(other) {
            if let Some(own) = self.tracking.clients.get_mut(&id) {
                own.is_redirect_broken = true;
            }
            return self.push_to(slot, |reply| broken(reply, other));
        }
        let subscribed = self.clients.get_mut(other_slot);
        let subscribed = subscribed.is_some_and(|client| client.subscriptions() > 0);
        self.push_to(other_slot, |reply| {
            if reply.is_resp3() || subscribed {
                invalidation(reply, keys);
            }
        });
    }
}

/// The message: a push of its own in RESP3, a published one in RESP2.
fn invalidation(reply: &mut Reply, keys: Option<&[&[u8]]>) {
    if reply.is_resp3() {
        reply.push(2);
        reply.bulk(b"invalidate");
    } else {
        reply.array(3);
        reply.bulk(b"message");
        reply.bulk(CHANNEL);
    }
    match keys {
        Some(keys) => {
            reply.array(keys.len());
            keys.iter().for_each(|key| reply.bulk(key));
        }
        None => reply.null_array(),
    }
}

/// The message that nobody is there any more to redirect to.
fn broken(reply: &mut Reply, other: ClientId) {
    if reply.is_resp3() {
        reply.push(2);
        reply.bulk(b"tracking-redir-broken");
        reply.integer(i64::try_from(other).unwrap_or(i64::MAX));
    }
}
