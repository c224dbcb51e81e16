//! A replica's connection to its master: the handshake and the stream; between them may be a snapshot ([`intake`]).

use std::io;
use std::time::Duration;

use thiserror::Error;
use tokio::io::AsyncReadExt;
use tokio::sync::{oneshot, watch};
use tokio::time::{self, MissedTickBehavior};

use super::wire::{Wire, WireError};
use super::{Shared, intake};
use crate::client::{Address, Client, Close, Endpoints};
use crate::log::Level;
use crate::replication::Master;
use crate::resolve;
use crate::resp::{Parser, Reply};
use crate::saving::FileLoadError;
use crate::snapshot::LoadError;

/// A master that cannot be reached is tried again after so long.
const AGAIN_AFTER: Duration = Duration::from_millis(100);
/// How often the master is told how far the copy is.
const ACKNOWLEDGE_EVERY: Duration = Duration::from_secs(1);
const READ_BYTES: usize = 256 * 1024;

/// Why copying ended.
#[derive(Debug, Error)]
pub(super) enum FollowError {
    #[error(transparent)]
    Wire(#[from] WireError),
    #[error("{0}")]
    Connection(#[from] io::Error),
    #[error("the master is silent")]
    Silent(#[from] time::error::Elapsed),
    #[error("the snapshot cannot be loaded: {0}")]
    Snapshot(#[from] LoadError),
    #[error("the snapshot cannot be loaded from its file: {0}")]
    File(#[from] FileLoadError),
    #[error("the snapshot cannot be kept in a file: {0}; see that dir has room for it")]
    Draft(io::Error),
    #[error("no address of that name is found")]
    NoAddress,
    #[error("this node is cut off from it")]
    CutOff,
    #[error("the stream holds no commands")]
    Stream,
}

/// Copies whoever is to be copied, until the node ends.
pub(super) async fn serve(node: Shared, mut targets: watch::Receiver<Option<Master>>) {
    loop {
        let target = targets.borrow_and_update().clone();
        let copying = async {
            match &target {
                Some(master) => keep_copying(&node, master).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = copying => {}
            changed = targets.changed() => if changed.is_err() {
                return;
            }
        }
    }
}

async fn keep_copying(node: &Shared, master: &Master) {
    loop {
        let error = match copy(node, master).await {
            Ok(()) => "the connection is closed".to_owned(),
            Err(error) => error.to_string(),
        };
        lost(node, master, &error);
        time::sleep(AGAIN_AFTER).await;
    }
}

fn lost(node: &Shared, master: &Master, error: &str) {
    let server = &mut node.borrow_mut().server;
    server.replication.unlink(server.now_ms);
    server.log(
        Level::Warning,
        &format!("MASTER {master}: {error}; trying again"),
    );
}

/// A connection to the first of the master's addresses that takes one.
async fn connect(node: &Shared, master: &Master, patience: Duration) -> Result<Wire, FollowError> {
    let (tell, told) = oneshot::channel();
    // Nobody may be there to be told any more.
    resolve::look_up(&master.host, master.port, move |found| {
        drop(tell.send(found))
    });
    let addresses = time::timeout(patience, told).await?.unwrap_or_default();
    let mut failed = FollowError::NoAddress;
    for address in addresses {
        match Wire::connect(node, address, patience).await {
            Ok(wire) => return Ok(wire),
            Err(error) => failed = error.into(),
        }
    }
    Err(failed)
}

/// One connection, from its beginning to its end.
async fn copy(node: &Shared, master: &Master) -> Result<(), FollowError> {
    if node.borrow().server.is_cut_off(master.port) {
        return Err(FollowError::CutOff);
    }
    let mut wire = connect(node, master, patience(node)).await?;
    let endpoints = Endpoints {
        peer: Address::Ip(wire.stream.peer_addr()?),
        local: Address::Ip(wire.stream.local_addr()?),
        fd: 0,
    };
    let request = greet(node, &mut wire).await?;
    wire.send(&request).await?;
    let answer = wire.line().await?;
    if answer.starts_with("+FULLRESYNC ") || answer.starts_with("+CONTINUE") {
        node.borrow_mut().server.end_failover();
    } else {
        let reason = "Failover target rejected psync request";
        node.borrow_mut().server.abort_failover(reason);
    }
    let words: Vec<&str> = answer.split(' ').collect();
    match words.as_slice() {
        ["+FULLRESYNC", id, offset] => {
            let offset = offset
                .parse()
                .map_err(|_| WireError::Refused(answer.clone()))?;
            let stream_db = intake::snapshot(node, &mut wire).await?.stream_db;
            let server = &mut node.borrow_mut().server;
            server.begin_history((*id).to_owned(), offset, stream_db);
        }
        ["+CONTINUE"] => {}
        ["+CONTINUE", id] => node.borrow_mut().server.rename_history(id),
        _ => return Err(WireError::Refused(answer).into()),
    }
    Stream::begin(node, wire, endpoints).run().await
}

/// Says who is there; the request for the stream that follows.
async fn greet(node: &Shared, wire: &mut Wire) -> Result<Vec<u8>, FollowError> {
    wire.log_in(node).await?;
    let port = node.borrow().server.identity.port;
    wire.ask(&[b"PING"]).await?;
    wire.ask(&[b"REPLCONF", b"listening-port", port.to_string().as_bytes()])
        .await?;
    wire.ask(&[b"REPLCONF", b"capa", b"eof", b"capa", b"psync2"])
        .await?;
    let (id, offset, backlog, hands_over) = {
        let replication = &node.borrow().server.replication;
        (
            replication.id.clone(),
            replication.offset,
            replication.backlog_bytes(),
            replication.failover.is_some(),
        )
    };
    let is_new = backlog == 0 && offset == 0;
    let next = (offset + 1).to_string();
    let everything: [&[u8]; 3] = [b"PSYNC", b"?", b"-1"];
    let rest: [&[u8]; 4] = [b"PSYNC", id.as_bytes(), next.as_bytes(), b"FAILOVER"];
    Ok(Reply::command(match (hands_over, is_new) {
        (true, _) => &rest,
        (false, true) => &everything,
        (false, false) => rest.get(..3).unwrap_or(&rest),
    }))
}

fn patience(node: &Shared) -> Duration {
    let seconds = node
        .borrow()
        .server
        .config
        .get("repl-timeout")
        .and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(60))
}

/// The stream, carried out by a client that stands for the master.
struct Stream<'a> {
    node: &'a Shared,
    wire: Wire,
    slot: usize,
    parser: Parser,
    /// A transaction of which EXEC has not come yet.
    unfinished: Vec<u8>,
}

impl<'a> Stream<'a> {
    fn begin(node: &'a Shared, wire: Wire, endpoints: Endpoints) -> Self {
        let server = &mut node.borrow_mut().server;
        let mut client = Client::new(endpoints, true, server.now_ms);
        client.is_master = true;
        client.db = server.replication.stream_db();
        let slot = server.clients.add(client);
        server.replication.is_linked = true;
        server.replication.sync = None;
        server.replication.heard_ms = server.now_ms;
        server.log(
            Level::Notice,
            "MASTER <-> REPLICA sync: Finished with success",
        );
        Self {
            node,
            wire,
            slot,
            parser: Parser::default(),
            unfinished: Vec::new(),
        }
    }

    async fn run(&mut self) -> Result<(), FollowError> {
        let mut tick = time::interval(ACKNOWLEDGE_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.wire.input.reserve(READ_BYTES);
        loop {
            if !self.wire.input.is_empty() {
                self.carry_out()?;
            }
            let patience = self.wire.patience;
            tokio::select! {
                _ = tick.tick() => if self.is_ended() {
                    return Ok(());
                },
                read = time::timeout(patience, self.wire.stream.read_buf(&mut self.wire.input)) => {
                    if read?? == 0 {
                        return Ok(());
                    }
                    if !self.is_asked() {
                        continue;
                    }
                    self.carry_out()?;
                }
            }
            let offset = self.node.borrow().server.replication.offset.to_string();
            self.wire
                .send(&Reply::command(&[b"REPLCONF", b"ACK", offset.as_bytes()]))
                .await?;
        }
    }

    /// Whether somebody has ended the client that stands for the master: CLIENT KILL.
    fn is_ended(&self) -> bool {
        let server = &self.node.borrow().server;
        let client = server.clients.get(self.slot);
        client.is_none_or(|client| client.close != Close::No)
    }

    /// Whether the master wants to know at once how far the copy is.
    fn is_asked(&self) -> bool {
        memchr::memmem::find(&self.wire.input, b"GETACK").is_some()
    }

    /// Carries out every whole command that has come.
    fn carry_out(&mut self) -> Result<(), FollowError> {
        let turn = &mut *self.node.borrow_mut();
        turn.server.read_clock();
        turn.server.replication.heard_ms = turn.server.now_ms;
        turn.server.keyspace.suspend_deaths();
        let Some(mut client) = turn.server.clients.take(self.slot) else {
            return Err(FollowError::Stream);
        };
        loop {
            // Only inline commands are decoded where they lie, and masters send none: what is passed on is as it came.
            let done = turn.run(&mut client, &mut self.parser, &mut self.wire.input);
            turn.reply.clear(READ_BYTES);
            self.unfinished
                .extend(self.wire.input.drain(..done.consumed));
            // Where the copy stands must not lie within a transaction, which would be lost if the connection broke.
            if client.transaction.is_none() {
                turn.server.pass_on(&self.unfinished);
                self.unfinished.clear();
            }
            client.blocked = false;
            if done.starved || done.consumed == 0 {
                break;
            }
        }
        turn.server.keyspace.set_now_ms(turn.server.now_ms);
        turn.server.replication.set_stream_db(client.db);
        let is_broken = client.close != Close::No;
        turn.server.clients.put(client);
        if is_broken {
            Err(FollowError::Stream)
        } else {
            Ok(())
        }
    }
}

impl Drop for Stream<'_> {
    fn drop(&mut self) {
        if let Ok(mut turn) = self.node.try_borrow_mut()
            && let Some(client) = turn.server.clients.take(self.slot)
        {
            turn.server.forget(&client);
        }
    }
}
