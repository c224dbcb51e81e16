//! FAILOVER: a master hands over to one of its replicas, and nothing is lost.
//!
//! It holds writers back until a replica has copied all there is, and then becomes that replica's replica by a request which
//! makes the other take the lead. Writers go on when that is answered, and learn that they are with a replica.

use thiserror::Error;

use super::Master;
use crate::client::Client;
use crate::log::Level;
use crate::node::Server;

/// A failover under way.
#[derive(Debug)]
pub struct Failover {
    /// Who is to take the lead: whoever is first, where nobody is named.
    target: Option<Master>,
    /// Until when the replica must have copied everything, in milliseconds since the Unix epoch.
    deadline_ms: Option<i64>,
    /// Whether it takes the lead then without having done so.
    is_forced: bool,
    /// Whether it has been chosen to take the lead.
    is_decided: bool,
}

/// What was asked for.
#[derive(Debug, Default)]
pub struct Request {
    /// Who is to take the lead, if somebody is named.
    pub target: Option<Master>,
    /// How long the replica may take to copy everything.
    pub timeout_ms: Option<i64>,
    /// Whether it takes the lead then all the same.
    pub is_forced: bool,
}

/// Why nobody takes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FailoverError {
    /// One has begun.
    #[error("FAILOVER already in progress.")]
    UnderWay,
    /// Only a master can hand over.
    #[error("FAILOVER is not valid when server is a replica.")]
    Replica,
    /// There is nobody to hand over to.
    #[error("FAILOVER requires connected replicas.")]
    Alone,
    /// Who is forced must be known, and when.
    #[error("FAILOVER with force option requires both a timeout and target HOST and IP.")]
    ForceWhom,
    /// Somebody else is named.
    #[error("FAILOVER target HOST and PORT is not a replica.")]
    Stranger,
    /// It is still being sent a snapshot.
    #[error("FAILOVER target replica is not online.")]
    Offline,
    /// None has begun.
    #[error("No failover in progress.")]
    None,
}

impl Failover {
    /// As INFO names how far one is.
    #[must_use]
    pub fn state(failover: Option<&Self>) -> &'static str {
        match failover {
            None => "no-failover",
            Some(failover) if failover.is_decided => "failover-in-progress",
            Some(_) => "waiting-for-sync",
        }
    }
}

impl Server {
    /// Begins to hand over.
    pub(crate) fn begin_failover(&mut self, request: Request) -> Result<(), FailoverError> {
        self.refuse_failover(&request)?;
        let to = request.target.as_ref();
        let to = to.map_or_else(String::new, |target| format!(" to {target}"));
        self.log(Level::Notice, &format!("FAILOVER requested{to}."));
        // What a replica answers to this tells whether it has all; nothing follows it in the stream.
        self.ask_replicas();
        let now_ms = self.now_ms;
        let deadline_ms = request.timeout_ms.map(|ms| now_ms.saturating_add(ms));
        self.replication.failover = Some(Failover {
            target: request.target,
            deadline_ms,
            is_forced: request.is_forced,
            is_decided: false,
        });
        self.hold_writers();
        Ok(())
    }

    fn refuse_failover(&self, request: &Request) -> Result<(), FailoverError> {
        let replication = &self.replication;
        let is_incomplete = request.timeout_ms.is_none() || request.target.is_none();
        match &request.target {
            _ if replication.failover.is_some() => Err(FailoverError::UnderWay),
            _ if replication.master.is_some() => Err(FailoverError::Replica),
            _ if self.all_replicas().next().is_none() => Err(FailoverError::Alone),
            _ if request.is_forced && is_incomplete => Err(FailoverError::ForceWhom),
            None => Ok(()),
            Some(target) => match self
                .all_replicas()
                .find(|(client, _)| is_at(client, target))
            {
                None => Err(FailoverError::Stranger),
                Some((_, replica)) if !replica.is_online => Err(FailoverError::Offline),
                Some(_) => Ok(()),
            },
        }
    }

    /// Hands over once a replica has copied everything, or it has taken too long. To be called between turns.
    pub(crate) fn go_on_failing_over(&mut self) {
        let Some(failover) = self.replication.failover.as_ref() else {
            return;
        };
        if failover.is_decided {
            return;
        }
        if failover.deadline_ms.is_some_and(|at| self.now_ms >= at) {
            match &failover.target {
                Some(target) if failover.is_forced => self.hand_over(target.clone()),
                _ => self.abort_failover("Replica never caught up before timeout"),
            }
        } else if let Some(target) = self.successor(failover) {
            self.hand_over(target);
        }
    }

    /// The replica that has copied everything, if it is to take the lead.
    fn successor(&self, failover: &Failover) -> Option<Master> {
        let offset = self.replication.offset;
        let is_meant = |client: &Client| {
            let target = failover.target.as_ref();
            target.is_none_or(|target| is_at(client, target))
        };
        let mut replicas = self.replicas();
        let found =
            replicas.find(|(client, replica)| is_meant(client) && replica.acknowledged == offset);
        found.and_then(|(client, _)| place(client))
    }

    fn hand_over(&mut self, target: Master) {
        self.log(Level::Notice, &format!("Failing over to {target}."));
        if let Some(failover) = &mut self.replication.failover {
            failover.is_decided = true;
        }
        self.follow_master(target);
    }

    /// Gives it up: this node is the master still, or again.
    pub(crate) fn abort_failover(&mut self, reason: &str) {
        let Some(failover) = self.replication.failover.take() else {
            return;
        };
        self.log(Level::Notice, &format!("Aborting failover: {reason}."));
        if failover.is_decided {
            self.lead();
        }
        self.release_writers();
    }

    /// The replica has taken the lead.
    pub(crate) fn end_failover(&mut self) {
        if self.replication.failover.take().is_some() {
            self.release_writers();
        }
    }
}

/// Where a replica listens, as far as it has told.
fn place(client: &Client) -> Option<Master> {
    Some(Master {
        host: client.endpoints.peer.host(),
        port: client.replica?.port,
    })
}

fn is_at(client: &Client, target: &Master) -> bool {
    place(client).as_ref() == Some(target)
}
