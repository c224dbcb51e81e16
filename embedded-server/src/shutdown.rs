//! The end of a node on request: SHUTDOWN, SIGTERM. A master first waits, `shutdown-timeout` seconds at most, until its
//! replicas have copied all there is, while nobody writes.

use crate::blocking::{Unblocked, Waiting};
use crate::cluster::Cluster;
use crate::command::Context;
use crate::log::Level;
use crate::node::Server;
use crate::resp::Reply;

/// What clients are told whose SHUTDOWN has come to nothing.
const FAILED: &str = "ERR Errors trying to SHUTDOWN. Check logs.";

/// Whether to save before the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AtEnd {
    /// If there are points at which to save.
    #[default]
    AsConfigured,
    /// In any case.
    Save,
    /// In no case.
    Discard,
}

/// How a node is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Request {
    /// What is saved before.
    pub at_end: AtEnd,
    /// Whether it ends even if saving fails.
    pub is_forced: bool,
    /// Whether it waits for no replica.
    pub is_immediate: bool,
}

impl Request {
    /// What the value of `shutdown-on-sigterm` or `shutdown-on-sigint` says.
    fn parse(words: &str) -> Self {
        let has = |word: &str| words.split_whitespace().any(|found| found == word);
        Self {
            at_end: match (has("save"), has("nosave")) {
                (true, _) => AtEnd::Save,
                (_, true) => AtEnd::Discard,
                _ => AtEnd::AsConfigured,
            },
            is_forced: has("force"),
            is_immediate: has("now"),
        }
    }
}

/// A master that waits for its replicas before it ends.
#[derive(Debug)]
pub(crate) struct Shutdown {
    request: Request,
    /// Until when, in milliseconds since the Unix epoch.
    deadline_ms: i64,
    /// How far they must have copied.
    offset: u64,
    /// The slots of the clients that have asked for it.
    clients: Vec<usize>,
}

/// What comes of a request to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The node ends with this turn.
    Now,
    /// It waits for its replicas first.
    Later,
    /// It goes on, as it could not save.
    Failed,
}

/// A client waits for the end.
struct End;

impl Waiting for End {
    fn serve(&mut self, _: &mut Context<'_>, _: &[u8]) -> bool {
        false
    }

    fn time_out(&self, _: &Server, reply: &mut Reply) {
        reply.error(FAILED);
    }
}

impl Context<'_> {
    /// Ends the node; where that is not at once, the client waits for it.
    pub(crate) fn shut_down(&mut self, request: Request) -> Result<Ending, &'static str> {
        let ending = self.server.shut_down(request);
        match ending {
            Ending::Failed => return Err(FAILED),
            Ending::Later => {
                self.block(Vec::new(), None, Box::new(End));
                if let Some(shutdown) = &mut self.server.shutdown {
                    shutdown.clients.push(self.client.slot);
                }
            }
            Ending::Now => {}
        }
        Ok(ending)
    }
}

impl Server {
    /// Ends the node, with or without saving before. Whoever asks again while it waits, waits with the first.
    pub fn shut_down(&mut self, request: Request) -> Ending {
        let timeout_s = self.config.get("shutdown-timeout");
        let timeout_s = timeout_s
            .and_then(|text| text.parse().ok())
            .unwrap_or(0_i64);
        let offset = self.replication.offset;
        if request.is_immediate || timeout_s == 0 || self.have_replicas(offset) {
            return self.finish(request);
        }
        if self.shutdown.is_none() {
            self.log(Level::Notice, "Waiting for replicas before shutting down.");
            self.ask_replicas();
            self.shutdown = Some(Shutdown {
                request,
                deadline_ms: self.now_ms.saturating_add(timeout_s.saturating_mul(1000)),
                offset,
                clients: Vec::new(),
            });
            self.hold_writers();
        }
        Ending::Later
    }

    /// The same, as the directive of a signal has it. Whoever interrupts a second time does not want to wait.
    pub(crate) fn shut_down_by_signal(&mut self, directive: &str) {
        if self.shutdown.is_some() && directive == "shutdown-on-sigint" {
            self.log(
                Level::Warning,
                "Interrupted again: the node ends without waiting for its replicas.",
            );
            return self.stop();
        }
        let words = self.config.get(directive).unwrap_or_default();
        self.shut_down(Request::parse(&words));
    }

    /// For how long the node waits at most before it ends, in milliseconds, if it is about to.
    #[must_use]
    pub fn ends_in_ms(&self) -> Option<i64> {
        let shutdown = self.shutdown.as_ref();
        shutdown.map(|shutdown| (shutdown.deadline_ms - self.now_ms).max(0))
    }

    /// Whether every replica has copied up to `offset`, or there is none that this node must wait for.
    fn have_replicas(&self, offset: u64) -> bool {
        let mut replicas = self.replicas();
        self.replication.master.is_some()
            || replicas.all(|(_, replica)| replica.acknowledged >= offset)
    }

    /// Ends a node that has waited, once its replicas have everything or take too long. To be called between turns.
    pub(crate) fn go_on_shutting_down(&mut self) {
        let Some(shutdown) = &self.shutdown else {
            return;
        };
        let request = shutdown.request;
        if self.now_ms >= shutdown.deadline_ms || self.have_replicas(shutdown.offset) {
            self.finish(request);
        }
    }

    /// The node goes on; says whether it was about to end.
    pub(crate) fn abort_shutdown(&mut self) -> bool {
        let is_under_way = self.shutdown.is_some();
        if is_under_way {
            self.log(Level::Notice, "Shutdown manually aborted.");
            self.give_up_shutdown();
        }
        is_under_way
    }

    fn give_up_shutdown(&mut self) {
        let Some(shutdown) = self.shutdown.take() else {
            return;
        };
        for slot in shutdown.clients {
            self.unblock(slot, Unblocked::Refused(FAILED));
        }
        self.release_writers();
    }

    /// Forgets a client that is gone.
    pub(crate) fn forget_shutdown_of(&mut self, slot: usize) {
        if let Some(shutdown) = &mut self.shutdown {
            shutdown.clients.retain(|other| *other != slot);
        }
    }

    /// Ends the node now.
    fn finish(&mut self, request: Request) -> Ending {
        self.tell_lag();
        let saves = match request.at_end {
            // What is there is not all.
            _ if self.loading.is_some() => false,
            AtEnd::AsConfigured => !self.config.text("save").is_empty(),
            AtEnd::Save => true,
            AtEnd::Discard => false,
        };
        self.abandon_save();
        if saves {
            let message = "Saving the final RDB snapshot before exiting.";
            self.log(Level::Notice, message);
        }
        if saves && self.save().is_err() && !request.is_forced {
            let message = "Error trying to save the DB, can't exit.";
            self.log(Level::Warning, message);
            self.give_up_shutdown();
            return Ending::Failed;
        }
        // What nodes.conf was to hold before long.
        self.administer(Cluster::save);
        self.stop();
        Ending::Now
    }

    /// Logs which replicas have not copied everything.
    fn tell_lag(&self) {
        let offset = self.shutdown.as_ref().map(|shutdown| shutdown.offset);
        let offset = offset.unwrap_or(self.replication.offset);
        let replicas: Vec<_> = self.all_replicas().collect();
        let behind = |acknowledged: u64| offset.saturating_sub(acknowledged);
        let mut in_sync = 0;
        for (client, replica) in &replicas {
            let (peer, bytes) = (&client.endpoints.peer, behind(replica.acknowledged));
            if bytes == 0 {
                in_sync += 1;
                continue;
            }
            let lag_s = (self.now_ms - replica.heard_ms) / 1000;
            let message = format!("Lagging replica {peer} is {bytes} bytes behind, lag={lag_s}.");
            self.log(Level::Notice, &message);
        }
        if !replicas.is_empty() {
            let count = replicas.len();
            let message = format!("{in_sync} of {count} replicas are in sync when shutting down.");
            self.log(Level::Notice, &message);
        }
    }
}
