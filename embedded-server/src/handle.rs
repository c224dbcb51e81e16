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
use crate::fault::{NoSuchCommand, Rule};
use crate::log::Level;
use crate::member::{Member, MemberError};
use crate::net::{self, BindError, Control, Listener, Sockets};
use crate::node::{Options, Server, drawn_by_the_system};
use crate::saving::RestoreError;
use crate::snapshot::LoadError;
use crate::thread_time::ThreadClock;

/// Why a node did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// It cannot listen.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// What it remembers of its cluster is damaged or cannot be kept.
    #[error(transparent)]
    Cluster(#[from] MemberError),
    /// Of a cluster's nodes the cluster says whom they copy.
    #[error("replicaof is not allowed in cluster mode; leave it out, and use CLUSTER REPLICATE")]
    ReplicaOf,
    /// The system gave no thread.
    #[error("no thread for the server: {0}; raise the limit of processes or stop some")]
    Thread(io::Error),
    /// The system gave no way to wait for sockets.
    #[error("the server cannot wait for sockets: {0}; raise the limit of open files")]
    Runtime(io::Error),
    /// What it is to start with cannot be loaded.
    #[error("{0}; move the file away to start empty")]
    Restore(#[from] RestoreError),
}

/// The node has ended: by SHUTDOWN, or because it was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the node has ended; start it again")]
pub struct Ended;

/// Why a rule is not in force.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InjectError {
    /// There is nobody to suffer it.
    #[error(transparent)]
    Ended(#[from] Ended),
    /// It is for a command that is not there.
    #[error(transparent)]
    NoSuchCommand(#[from] NoSuchCommand),
}

/// A running node. Dropping it stops the node and waits for its thread.
#[derive(Debug)]
pub struct Handle {
    addresses: Vec<SocketAddr>,
    bus_port: Option<u16>,
    options: Options,
    cpu: Option<ThreadClock>,
    control: UnboundedSender<Control>,
    thread: Option<JoinHandle<()>>,
}

/// Keeps a node from doing anything until it is dropped; see [`Handle::pause`].
#[derive(Debug)]
pub struct Pause {
    /// The node waits for the other side of it.
    _held: SyncSender<()>,
}

/// Stops a node from wherever it is wanted; see [`Handle::stopper`].
#[derive(Debug, Clone)]
pub struct Stopper(UnboundedSender<Control>);

impl Stopper {
    /// Asks the node to save what is to be saved, and then to end, as SIGTERM asks redis-server: see `directive`, one of
    /// `shutdown-on-sigterm` and `shutdown-on-sigint`.
    pub fn shut_down(&self, directive: &'static str) {
        // A node that has ended needs no telling.
        let _ = self.0.send(Control::Visit(Box::new(move |server| {
            server.shut_down_by_signal(directive);
        })));
    }

    /// Asks the node to end; it does so within a turn of its loop.
    pub fn stop(&self) {
        // A node that has ended needs no telling.
        let _ = self.0.send(Control::Stop);
    }
}

impl Server {
    /// Starts a node on a thread of its own. When this returns, clients can connect. While it loads what it is to start with
    /// they can too, and are told to wait.
    ///
    /// # Errors
    /// When an address cannot be listened on, or the system lacks a thread or files for it.
    pub fn start(options: impl Into<Options>) -> Result<Handle, StartError> {
        let options = options.into();
        let listeners = net::bind(&options.config)?;
        let addresses: Vec<_> = listeners.iter().filter_map(Listener::address).collect();
        let port = addresses.first().map_or(0, SocketAddr::port);
        let bus = membership(&options, port)?;
        let bus_port = bus.as_ref().and_then(|(_, bus)| bus.local_addr().ok());
        let kept = options.clone();
        let (control, commands) = unbounded_channel();
        let (started, ready) = sync_channel(1);
        let thread = thread::Builder::new()
            .name(format!("node-{port}"))
            .spawn(move || run(options, port, (listeners, bus), commands, &started))
            .map_err(StartError::Thread)?;
        let mut handle = Handle {
            addresses,
            bus_port: bus_port.map(|address| address.port()),
            options: kept,
            cpu: None,
            control,
            thread: Some(thread),
        };
        match ready.recv() {
            Ok(Ok(cpu)) => handle.cpu = cpu,
            Ok(Err(error)) => return Err(error),
            Err(_) => {
                return Err(StartError::Runtime(io::Error::other(
                    "its thread ended at once",
                )));
            }
        }
        Ok(handle)
    }
}

/// In cluster mode: the node's part in the cluster, and the socket for the other nodes.
fn membership(options: &Options, port: u16) -> Result<Option<(Member, TcpListener)>, StartError> {
    let config = &options.config;
    if config.get("cluster-enabled").as_deref() != Some("yes") {
        return Ok(None);
    }
    if !config.text("replicaof").is_empty() {
        return Err(StartError::ReplicaOf);
    }
    let bus = net::bind_bus(config)?;
    let bus_port = bus.local_addr().map_or(0, |address| address.port());
    let seed = if config.seed == 0 {
        drawn_by_the_system()
    } else {
        config.seed ^ u64::from(port)
    };
    let now_ms = i64::try_from(options.clock.now_us() / 1000).unwrap_or(i64::MAX);
    let member = Member::open(config, (port, bus_port), seed, now_ms)?;
    Ok(Some((member, bus)))
}

type Started = SyncSender<Result<Option<ThreadClock>, StartError>>;

/// The node's thread.
fn run(
    options: Options,
    port: u16,
    (listeners, bus): (Vec<Listener>, Option<(Member, TcpListener)>),
    commands: UnboundedReceiver<Control>,
    started: &Started,
) {
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return drop(started.send(Err(StartError::Runtime(error)))),
    };
    let log = options.log.clone();
    let restore = options.restore;
    runtime.block_on(async move {
        let mut server = Server::new(options, port);
        let (member, bus) = bus.unzip();
        if let Some(member) = member {
            server.join(member);
        }
        server.follow_as_configured();
        server.log(Level::Notice, "Server initialized");
        let sockets = Sockets { listeners, bus };
        let ready = |server: &Server, outcome: Result<(), RestoreError>| {
            match &outcome {
                Ok(()) => server.log(Level::Notice, "Ready to accept connections"),
                Err(error) => server.log(
                    Level::Warning,
                    &format!("Fatal error loading the DB: {error}. Exiting."),
                ),
            }
            let outcome = outcome.map(|()| ThreadClock::of_this_thread());
            // Who has started it waits for this.
            let _ = started.send(outcome.map_err(StartError::from));
        };
        net::serve(sockets, server, commands, restore, ready).await;
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
    /// The address clients connect to, the first where there are several; as it was at the start, should CONFIG SET move it.
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
        &self.options.clock
    }

    /// The port clients connect to.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.addr().port()
    }

    /// The port other nodes connect to, in cluster mode.
    #[must_use]
    pub fn bus_port(&self) -> Option<u16> {
        self.bus_port
    }

    /// Has the node do something between two turns of its loop, and waits for what comes of it. Nobody is served
    /// meanwhile.
    ///
    /// # Errors
    /// [`Ended`].
    pub fn visit<R: Send + 'static>(
        &self,
        visit: impl FnOnce(&mut Server) -> R + Send + 'static,
    ) -> Result<R, Ended> {
        let (answer, result) = sync_channel(1);
        let visit = Box::new(move |server: &mut Server| {
            // Whoever asked waits for the answer, as it has no way to give up.
            let _ = answer.send(visit(server));
        });
        self.control
            .send(Control::Visit(visit))
            .map_err(|_| Ended)?;
        result.recv().map_err(|_| Ended)
    }

    /// Turns the node's virtual clock and waits until the node has done what that time would have brought: expired keys
    /// are gone, evictions are caught up with. On a real clock it does nothing but the waiting for the node's next turn.
    pub fn advance(&self, by: Duration) {
        // For a node that has ended no time passes.
        let _ = self.visit(move |server| server.advance(by));
    }

    /// From now on something goes wrong, as a rule says, beside the rules there are.
    ///
    /// ```
    /// # use embedded_server::{Options, Server, fault::{Fault, Rule}};
    /// # use std::io::{Read, Write};
    /// let node = Server::start(Options::for_tests())?;
    /// node.inject(Rule::from(Fault::Error("LOADING not yet".into())).on("get").times(1))?;
    ///
    /// let mut client = std::net::TcpStream::connect(node.addr())?;
    /// client.write_all(b"GET a\r\nGET a\r\n")?;
    /// let mut replies = [0; 23];
    /// client.read_exact(&mut replies)?;
    /// assert_eq!(&replies, b"-LOADING not yet\r\n$-1\r\n");
    /// assert_eq!(node.struck(), Ok(1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`InjectError`].
    pub fn inject(&self, rule: impl Into<Rule>) -> Result<(), InjectError> {
        let rule = rule.into();
        Ok(self.visit(|server| server.faults.add(rule))??)
    }

    /// Ends all rules.
    ///
    /// # Errors
    /// [`Ended`].
    pub fn heal(&self) -> Result<(), Ended> {
        self.visit(|server| server.faults.clear())
    }

    /// How often a rule has struck.
    ///
    /// # Errors
    /// [`Ended`].
    pub fn struck(&self) -> Result<u64, Ended> {
        self.visit(|server| server.faults.struck())
    }

    /// Holds the node: it accepts, reads and answers nothing until what this returns is dropped. Ask the node nothing
    /// meanwhile from the same thread: it would not answer.
    ///
    /// # Errors
    /// [`Ended`].
    pub fn pause(&self) -> Result<Pause, Ended> {
        let (held, release) = sync_channel::<()>(0);
        let (begun, told) = sync_channel(1);
        let visit = Box::new(move |_: &mut Server| {
            let _ = begun.send(());
            // Ends when the other side is dropped; nothing is ever sent.
            let _ = release.recv();
        });
        self.control
            .send(Control::Visit(visit))
            .map_err(|_| Ended)?;
        told.recv().map_err(|_| Ended)?;
        Ok(Pause { _held: held })
    }

    /// Everything in the keyspace as an RDB file, which redis-server 7.0 reads too.
    ///
    /// # Errors
    /// [`Ended`].
    pub fn snapshot(&self) -> Result<Vec<u8>, Ended> {
        self.visit(|server| server.snapshot())
    }

    /// Puts the keys of an RDB file beside those that are there; says how many.
    ///
    /// # Errors
    /// [`Ended`]; within, [`LoadError`] when the file is damaged or does not fit.
    pub fn load(&self, snapshot: Vec<u8>) -> Result<Result<usize, LoadError>, Ended> {
        self.visit(move |server| server.load(&snapshot))
    }

    /// Ends the node and starts it again on the same port, as after a crash: it is empty, without clients and without
    /// faults; its clock goes on.
    ///
    /// # Errors
    /// As [`Server::start`]; the node is ended then.
    pub fn restart(&mut self) -> Result<(), StartError> {
        let port = self.port();
        self.stopper().stop();
        self.join();
        let mut options = self.options.clone();
        // The ports are ones that were listened on, so the directives take them.
        let _ = options.config.set("port", &port.to_string());
        if let Some(port) = self.bus_port {
            let _ = options.config.set("cluster-port", &port.to_string());
        }
        *self = Server::start(options)?;
        Ok(())
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
