//! Sockets: who may connect, what is read and written, and the loop that keeps a node running.
//!
//! One thread, one runtime, one [`Turn`](turn::Turn) that all connections share: whoever is polled has the whole node to
//! itself until it has nothing more to do, so nothing here takes a lock.

mod ahead;
mod bus;
mod connection;
mod doors;
mod export;
mod follow;
mod intake;
mod listen;
mod load;
mod stream;
mod turn;
mod wire;

use std::cell::RefCell;
use std::net::TcpListener;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task;

pub use listen::BindError;
pub(crate) use listen::{Listener, bind, bind_bus};

use crate::clock::Stopwatch;
use crate::node::Server;
use crate::saving::{Progress, RestoreError};
use doors::Doors;
use turn::Turn;

/// How many stretches the keyspace's background work may take of one tick.
const STRETCHES_MAX: usize = 8;

/// Wait so long after an accept that failed, for want of file descriptors as a rule.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// What whoever started a node asks of it.
pub(crate) enum Control {
    /// Do this between two turns of the loop.
    Visit(Box<dyn FnOnce(&mut Server) + Send>),
    /// End.
    Stop,
}

type Shared = Rc<RefCell<Turn>>;

/// Where a node serves.
pub(crate) struct Sockets {
    /// For clients.
    pub(crate) listeners: Vec<Listener>,
    /// For the other nodes of a cluster.
    pub(crate) bus: Option<TcpListener>,
}

/// Serves until told to stop. To be run in a `LocalRuntime`. With `restores`, what was saved is loaded before anything else,
/// while clients are told to wait; `ready` is told when that is done, or why it cannot be.
pub(crate) async fn serve(
    sockets: Sockets,
    server: Server,
    control: UnboundedReceiver<Control>,
    restores: bool,
    ready: impl FnOnce(&Server, Result<(), RestoreError>),
) {
    let Sockets { listeners, bus } = sockets;
    let stop = server.stop_signal();
    let node: Shared = Rc::new(RefCell::new(Turn::new(server)));
    let mut doors = Doors::open(listeners, &node);
    node.borrow_mut().server.doors =
        Some(Box::new(move |config, port| doors.exchange(config, port)));
    task::spawn_local(cron(Rc::clone(&node)));
    let mut is_stopped = false;
    let mut outcome = Ok(());
    if restores {
        outcome = tokio::select! {
            outcome = load::restore(&node) => outcome,
            () = stop.notified() => {
                is_stopped = true;
                Ok(())
            }
        };
    }
    let ends = is_stopped || outcome.is_err();
    ready(&node.borrow().server, outcome);
    if !ends {
        work(&node, bus, control, &stop).await;
    }
}

/// All that a node does once its data is there.
async fn work(
    node: &Shared,
    bus: Option<TcpListener>,
    mut control: UnboundedReceiver<Control>,
    stop: &Notify,
) {
    let targets = node.borrow().server.replication.targets();
    if let Some(bus) = bus {
        task::spawn_local(bus::serve(bus, Rc::clone(node)));
    }
    task::spawn_local(follow::serve(Rc::clone(node), targets));
    task::spawn_local(export::serve(Rc::clone(node)));
    task::spawn_local(save(Rc::clone(node)));
    loop {
        tokio::select! {
            () = stop.notified() => return,
            message = control.recv() => match message {
                Some(Control::Visit(visit)) => {
                    let server = &mut node.borrow_mut().server;
                    server.read_clock();
                    visit(server);
                }
                Some(Control::Stop) | None => return,
            },
        }
    }
}

/// A file that is slower than the node is waited for so long at a time.
const FILE_PAUSE: Duration = Duration::from_millis(1);

/// Goes on with every save that has begun, a slice at a time.
async fn save(node: Shared) {
    let begun = node.borrow().server.saving.begun();
    loop {
        let progress = node.borrow_mut().server.go_on_saving();
        match progress {
            Progress::Slice => task::yield_now().await,
            Progress::Wait => tokio::time::sleep(FILE_PAUSE).await,
            Progress::Nothing => begun.notified().await,
        }
    }
}

/// Background work, `hz` times a second.
async fn cron(node: Shared) {
    let mut watch = Stopwatch::start();
    loop {
        let period = Duration::from_secs(1) / node.borrow().server.config.hz.clamp(1, 500);
        tokio::time::sleep(period).await;
        let elapsed = Duration::from_nanos(watch.elapsed_ns());
        watch = Stopwatch::start();
        let mut more = node.borrow_mut().server.cron(elapsed);
        for _ in 1..STRETCHES_MAX {
            if !more {
                break;
            }
            // Clients first: what is left over waits.
            task::yield_now().await;
            more = node.borrow_mut().server.keyspace_cron();
        }
    }
}
