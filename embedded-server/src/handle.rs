//! Starting a node on a thread of its own, and what its owner can do with it.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use thiserror::Error;
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::clock::Clock;
use crate::log::Level;
use crate::net::{self, BindError, Control};
use crate::node::{Options, Server};
use crate::thread_time::ThreadClock;

/// Why a node did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// It cannot listen.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The system gave no thread.
    #[error("no thread for the server: {0}; raise the limit of processes or stop some")]
    Thread(io::Error),
    /// The system gave no way to wait for sockets.
    #[error("the server cannot wait for sockets: {0}; raise the limit of open files")]
    Runtime(io::Error),
}

/// A running node. Dropping it stops the node and waits for its thread.
#[derive(Debug)]
pub struct Handle {
    addresses: Vec<SocketAddr>,
    clock: Clock,
    cpu: Option<ThreadClock>,
    control: UnboundedSender<Control>,
    thread: Option<JoinHandle<()>>,
}

/// Stops a node from wherever it is wanted; see [`Handle::stopper`].
#[derive(Debug, Clone)]
pub struct Stopper(UnboundedSender<Control>);

impl Stopper {
    /// Asks the node to end; it does so within a turn of its loop.
    pub fn stop(&self) {
        // A node that has ended needs no telling.
        let _ = self.0.send(Control::Stop);
    }
}

impl Server {
    /// Starts a node on a thread of its own. When this returns, clients can connect.
    ///
    /// # Errors
    /// When an address cannot be listened on, or the system lacks a thread or files for it.
    pub fn start(options: impl Into<Options>) -> Result<Handle, StartError> {
        let options = options.into();
        let listeners = net::bind(&options.config)?;
        let addresses: Vec<_> = listeners
            .iter()
            .filter_map(|listener| listener.local_addr().ok())
            .collect();
        let (clock, port) = (
            options.clock.clone(),
            addresses.first().map_or(0, SocketAddr::port),
        );
        let (control, commands) = unbounded_channel();
        let (started, ready) = sync_channel(1);
        let thread = thread::Builder::new()
            .name(format!("node-{port}"))
            .spawn(move || run(options, port, listeners, commands, &started))
            .map_err(StartError::Thread)?;
        let mut handle = Handle {
            addresses,
            clock,
            cpu: None,
            control,
            thread: Some(thread),
        };
        match ready.recv() {
            Ok(Ok(cpu)) => handle.cpu = cpu,
            Ok(Err(error)) => return Err(StartError::Runtime(error)),
            Err(_) => {
                return Err(StartError::Runtime(io::Error::other(
                    "its thread ended at once",
                )));
            }
        }
        Ok(handle)
    }
}

type Started = SyncSender<io::Result<Option<ThreadClock>>>;

/// The node's thread.
fn run(
    options: Options,
    port: u16,
    listeners: Vec<TcpListener>,
    commands: UnboundedReceiver<Control>,
    started: &Started,
) {
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return drop(started.send(Err(error))),
    };
    let log = options.log.clone();
    runtime.block_on(async move {
        let server = Server::new(options, port);
        server.log(Level::Notice, "Server initialized");
        server.log(Level::Notice, "Ready to accept connections");
        if started.send(Ok(ThreadClock::of_this_thread())).is_ok() {
            net::serve(listeners, server, commands).await;
        }
    });
    log.write(
        Level::Warning,
        "The server is now ready to exit, bye bye...",
    );
}

fn runtime() -> io::Result<LocalRuntime> {
    Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build_local(LocalOptions::default())
}

impl Handle {
    /// The address clients connect to, the first where there are several.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addresses
            .first()
            .copied()
            .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    /// Every address clients can connect to.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The node's clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Turns the node's virtual clock and waits until the node has done what that time would have brought: expired keys
    /// are gone, evictions are caught up with. On a real clock it does nothing but the waiting for the node's next turn.
    pub fn advance(&self, by: Duration) {
        let (done, told) = sync_channel(1);
        if self.control.send(Control::Advance { by, done }).is_ok() {
            // A node that ends meanwhile drops the other side, which ends the waiting too.
            let _ = told.recv();
        }
    }

    /// Processor time the node's thread has used so far; `None` once it has ended, or where the system does not tell.
    #[must_use]
    pub fn cpu_time(&self) -> Option<Duration> {
        self.thread
            .as_ref()
            .filter(|thread| !thread.is_finished())?;
        self.cpu?.read()
    }

    /// Whether the node still runs; SHUTDOWN ends it too.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.thread
            .as_ref()
            .is_some_and(|thread| !thread.is_finished())
    }

    /// A way to stop the node from another thread, while this one [waits](Handle::wait).
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        Stopper(self.control.clone())
    }

    /// Waits until the node ends: by SHUTDOWN, or because it is stopped.
    pub fn wait(mut self) {
        self.join();
    }

    /// Stops the node and waits for its thread.
    pub fn stop(self) {
        drop(self);
    }

    fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has ended, which is all that is waited for.
            let _ = thread.join();
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.stopper().stop();
        self.join();
    }
}
