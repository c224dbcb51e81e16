//! CLIENT PAUSE: for a while the commands of all clients, or those that write, are put off, and no key goes by itself. The
//! same of those that write to slots which are about to leave the node, or while a replica takes the lead.

use std::collections::BTreeSet;

use crate::client::Client;
use crate::cluster::SlotSet;
use crate::command::table::{Command, Flags};
use crate::command::{dispatch, route};
use crate::node::Server;
use crate::resp::Arguments;

/// Which commands are put off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Paused {
    /// Those that change the data set, or might be passed on to replicas.
    Writes,
    /// All.
    All,
}

/// The pause of a node, and who waits for its end.
#[derive(Debug, Default)]
pub struct Pause {
    what: Option<Paused>,
    until_ms: i64,
    /// Whether writers wait until a replica has taken the lead, or this node has ended.
    hands_over: bool,
    /// Slots that nobody may write to, if any.
    held: Option<SlotSet>,
    waiting: BTreeSet<usize>,
}

impl Pause {
    /// How many clients have a command put off.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Whether anything is put off.
    #[must_use]
    #[inline]
    pub fn is_on(&self) -> bool {
        self.in_force().is_some() || self.held.is_some()
    }

    /// What is put off, beside writes to slots that are about to leave.
    #[inline]
    fn in_force(&self) -> Option<Paused> {
        self.what.max(self.hands_over.then_some(Paused::Writes))
    }

    fn is_due(&self, now_ms: i64) -> bool {
        self.what.is_some() && now_ms >= self.until_ms
    }

    /// One that is on is made longer and stricter, never the reverse.
    fn begin(&mut self, what: Paused, until_ms: i64) {
        self.what = self.what.max(Some(what));
        self.until_ms = self.until_ms.max(until_ms);
    }

    /// Forgets a client that is gone.
    pub fn forget(&mut self, slot: usize) {
        self.waiting.remove(&slot);
    }
}

impl Server {
    /// Begins a pause, in which nothing expires or is evicted either.
    pub fn begin_pause(&mut self, what: Paused, until_ms: i64) {
        self.pause.begin(what, until_ms);
        self.hold_removals();
    }

    /// Puts a command of a client off, if it is one to be; the client then waits. What would be refused is so at once, and
    /// what comes from a master or a replica is never put off.
    pub fn postpone(
        &mut self,
        client: &mut Client,
        arguments: &Arguments<'_>,
        command: Option<&'static Command>,
    ) -> bool {
        let Some(command) = command else { return false };
        let is_meant = match self.pause.in_force() {
            _ if client.is_master || client.replica.is_some() => false,
            None => self.holds(client, arguments, command),
            Some(Paused::All) => true,
            Some(Paused::Writes) => writes(client, command),
        };
        let postponed = is_meant && dispatch::may_run(self, client, arguments, command);
        if postponed {
            client.blocked = true;
            self.pause.waiting.insert(client.slot);
        }
        postponed
    }

    /// Whether a command may write to slots that nobody may write to.
    fn holds(&self, client: &Client, arguments: &Arguments<'_>, command: &Command) -> bool {
        let Some(held) = &self.pause.held else {
            return false;
        };
        let slot = || route::slot_of(client, arguments, command);
        writes(client, command) && slot().is_none_or(|slot| held.has(slot))
    }

    /// From now on nobody writes to these slots.
    pub(crate) fn hold_slots(&mut self, slots: &SlotSet) {
        let held = self.pause.held.get_or_insert_default();
        held.extend(slots);
        self.hold_removals();
    }

    /// Clients may write to these slots again, or learn where they are now.
    pub(crate) fn release_slots(&mut self, slots: &SlotSet) {
        let left = self.pause.held.take().map(|held| held.without(slots));
        self.pause.held = left.filter(|left| !left.is_empty());
        self.wake_postponed();
    }

    /// From now on nobody writes.
    pub(crate) fn hold_writers(&mut self) {
        self.pause.hands_over = true;
        self.hold_removals();
    }

    /// Clients may write again, or learn that this is no master any more, unless they have to wait for something else.
    pub(crate) fn release_writers(&mut self) {
        self.pause.hands_over = self.replication.failover.is_some() || self.shutdown.is_some();
        self.wake_postponed();
    }

    /// Has keys stay that would go by themselves, while clients are paused and on a replica, whose master tells what goes.
    pub(crate) fn hold_removals(&mut self) {
        let held = self.pause.is_on() || self.replication.master.is_some();
        self.keyspace.set_held(held);
    }

    /// Ends the pause if its time is up.
    pub fn end_due_pause(&mut self) {
        if self.pause.is_due(self.now_ms) {
            self.end_pause();
        }
    }

    /// Ends the pause; whoever waits goes on.
    pub fn end_pause(&mut self) {
        (self.pause.what, self.pause.until_ms) = (None, 0);
        self.wake_postponed();
    }

    /// Whoever waits tries again.
    fn wake_postponed(&mut self) {
        self.hold_removals();
        for slot in std::mem::take(&mut self.pause.waiting) {
            if let Some(client) = self.clients.get_mut(slot) {
                client.blocked = false;
                client.wake();
            }
        }
    }
}

/// Whether a command writes, or carries out one that does.
fn writes(client: &Client, command: &Command) -> bool {
    let flags = command.flags_for(client);
    flags.has(Flags::WRITE) || flags.has(Flags::MAY_REPLICATE)
}
