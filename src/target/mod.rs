//! The target: what is driven. Starting it, watching it, clearing it away. Control plane; the load goes past it.
//!
//! An embedded server and one that we spawn are new for every repetition of every cell. An endpoint is somebody
//! else's: it is cleared of our keys instead, under the rules in [`endpoint`].

pub mod capacity;
mod cluster;
pub mod control;
mod embedded;
pub mod endpoint;
mod error;
mod hand;
mod idle;
mod process;
mod reshard;
mod spawn;
mod watch;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

pub use control::{Control, Info};
pub use error::TargetError;
pub use hand::{Hand, Wait};
pub use watch::Watch;

use crate::drive::cluster::Met;
use crate::drive::encode::Encoder;
use crate::drive::{Access, Fault, Found, Interrupt, Limits, read_back, sweep};
use crate::recording::model::Server;
use crate::workload::plan::{ClockKind, Directive, Endpoint, KeySpace, Operation, Plan, Target};
use cluster::Nodes;
use embedded::Embedded;
use endpoint::Lent;
use spawn::Spawned;

/// The directives that matter to a cache; a recording keeps what they were.
const DIRECTIVES: [&str; 16] = [
    "maxmemory",
    "maxmemory-policy",
    "maxmemory-samples",
    "maxmemory-eviction-tenacity",
    "maxmemory-clients",
    "lfu-log-factor",
    "lfu-decay-time",
    "lru-clock-resolution",
    "hz",
    "dynamic-hz",
    "activedefrag",
    "active-expire-effort",
    "lazyfree-lazy-eviction",
    "io-threads",
    "appendonly",
    "save",
];

/// Clients that servers take unless told otherwise.
const USUAL_CLIENTS: u64 = 10_000;
/// Connections of the control plane, at the most.
const CONTROL_CLIENTS: u64 = 16;

/// A server that is up.
#[derive(Debug)]
pub struct Running {
    kind: Kind,
    control: Control,
    access: Access,
    limits: Limits,
    keys: KeySpace,
}

#[derive(Debug)]
enum Kind {
    Embedded(Box<Embedded>),
    Cluster(Box<Nodes>),
    Spawned(Spawned),
    Lent(Box<Lent>, Endpoint),
}

/// Refuses a plan that asks for what its target does not permit.
///
/// # Errors
///
/// [`TargetError::NotAllowed`] with the sentence that says what to change.
pub fn permit(plan: &Plan) -> Result<(), TargetError> {
    match &plan.target {
        Target::Endpoint(endpoint) => endpoint::permit(plan, endpoint),
        Target::Embedded { .. } | Target::EmbeddedCluster { .. } | Target::Spawn { .. } => Ok(()),
    }
}

/// The target as a recording names it; no password.
#[must_use]
pub fn name(target: &Target) -> String {
    match target {
        Target::Embedded { .. } => "embedded".to_owned(),
        Target::EmbeddedCluster { .. } => "embedded-cluster".to_owned(),
        Target::Spawn { program } => format!("spawn:{}", program.display()),
        Target::Endpoint(endpoint) => endpoint.to_string(),
    }
}

impl Running {
    /// Starts `target`, which is the plan's, under `directives`, or clears and sets up the endpoint. An embedded server takes
    /// its own random draws from `seed`.
    ///
    /// # Errors
    ///
    /// Where it does not come up, cannot be reached, or refuses what is asked of it.
    pub fn start(
        plan: &Plan,
        target: &Target,
        directives: &[Directive],
        seed: u64,
        interrupt: &Interrupt,
    ) -> Result<Self, TargetError> {
        let timeout = plan.timeouts.connect;
        let roomy = room_for_clients(plan).chain(directives.iter().cloned());
        let directives = match target {
            Target::Endpoint(_) => directives.to_vec(),
            _ => roomy.collect(),
        };
        let directives = directives.as_slice();
        let (kind, access, control) = match target {
            Target::Embedded { clock } => {
                let (server, access, control) = Embedded::start(*clock, seed, directives, timeout)?;
                (Kind::Embedded(Box::new(server)), access.ours(), control)
            }
            Target::EmbeddedCluster { masters, replicas } => {
                let (nodes, access, control) =
                    Nodes::start((*masters, *replicas), directives, timeout)?;
                (Kind::Cluster(Box::new(nodes)), access, control)
            }
            Target::Spawn { program } => {
                let (server, control) = Spawned::start(program, directives, timeout)?;
                let access = server.access().clone().ours();
                (Kind::Spawned(server), access, control)
            }
            Target::Endpoint(endpoint) => {
                let (lent, control) = Lent::take(endpoint, directives, timeout)?;
                let access = lent.access().clone();
                let lent = Box::new(lent);
                (Kind::Lent(lent, endpoint.clone()), access, control)
            }
        };
        let mut running = Self {
            kind,
            control,
            access,
            limits: Limits::of(&plan.timeouts),
            keys: plan.keys.clone(),
        };
        running.clear(interrupt)?;
        if let Kind::Lent(_, endpoint) = &running.kind {
            endpoint::see_that_clients_fit(&mut running.control, endpoint, plan.most_clients())?;
        }
        if let Kind::Lent(_, endpoint) = &running.kind {
            endpoint::refuse_to_evict_others(&mut running.control, endpoint, plan.capacity)?;
        }
        Ok(running)
    }

    /// Where the load goes.
    #[must_use]
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// The connection of the control plane.
    pub fn control(&mut self) -> &mut Control {
        &mut self.control
    }

    /// What the server says of itself.
    ///
    /// # Errors
    ///
    /// Where it does not answer.
    pub fn describe(&mut self, target: &Target) -> Result<Server, TargetError> {
        let info = self.control.info()?;
        let (name, version) = product(&info);
        let clock = if self.has_virtual_clock() {
            "virtual"
        } else {
            "real"
        };
        Ok(Server {
            target: self::name(target),
            name,
            version,
            clock: clock.to_owned(),
            configuration: self.configuration()?,
        })
    }

    /// Whether time on the server passes only when it is told to.
    #[must_use]
    pub fn has_virtual_clock(&self) -> bool {
        matches!(&self.kind, Kind::Embedded(server) if server.clock() == ClockKind::Virtual)
    }

    /// Lets `length` pass on a virtual clock; false where the clock is real and the time is to be waited for.
    pub fn advance(&mut self, length: Duration) -> bool {
        match &mut self.kind {
            Kind::Embedded(server) => server.advance(length),
            Kind::Cluster(_) | Kind::Spawned(_) | Kind::Lent(..) => false,
        }
    }

    /// CPU seconds of the server so far, where they can be read.
    pub fn cpu_s(&mut self) -> Option<f64> {
        match &mut self.kind {
            Kind::Embedded(server) => server.cpu_s(),
            Kind::Cluster(nodes) => Some(nodes.cpu_s_by_node().values().sum()),
            Kind::Spawned(server) => server.cpu_s(),
            Kind::Lent(..) => self
                .control
                .ask::<String>(&["INFO", "cpu"])
                .ok()
                .map(|text| Info::parse(&text).cpu_s()),
        }
    }

    /// CPU seconds of each node so far, by its address; none but of a cluster of ours.
    #[must_use]
    pub fn node_cpu_s(&self) -> BTreeMap<String, f64> {
        match &self.kind {
            Kind::Cluster(nodes) => nodes.cpu_s_by_node(),
            Kind::Embedded(_) | Kind::Spawned(_) | Kind::Lent(..) => BTreeMap::new(),
        }
    }

    /// What acts on the nodes of a cluster; none of one server.
    #[must_use]
    pub fn hand(&self) -> Option<Hand> {
        match &self.kind {
            Kind::Cluster(nodes) => Some(nodes.hand()),
            Kind::Lent(lent, _) => lent.hand(),
            Kind::Embedded(_) | Kind::Spawned(_) => None,
        }
    }

    /// What clients of a cluster have met so far; none of one server.
    #[must_use]
    pub fn met(&self) -> Option<Met> {
        self.access.cluster.as_ref().map(|map| map.met())
    }

    /// INFO, once the connections of the load are gone.
    ///
    /// # Errors
    ///
    /// Where the server does not answer.
    pub fn quiet_memory(&mut self) -> Result<Info, TargetError> {
        let deadline = Instant::now() + self.limits.drain;
        loop {
            let info = self.control.info()?;
            let alone = info.count("connected_clients") <= 1;
            let is_shared = matches!(self.kind, Kind::Lent(..) | Kind::Cluster(_));
            if alone || is_shared || Instant::now() > deadline {
                return Ok(info);
            }
        }
    }

    /// `maxmemory` in force, bytes; 0 for no limit.
    ///
    /// # Errors
    ///
    /// Where the server does not answer.
    pub fn maxmemory(&mut self) -> Result<u64, TargetError> {
        Ok(self.control.watched_info()?.count("maxmemory"))
    }

    /// Begins to watch the server for `length_min` or longer; times count from `origin`.
    ///
    /// # Errors
    ///
    /// Where it cannot be reached.
    pub fn watch(&self, origin: Instant, length_min: Duration) -> Result<Watch, TargetError> {
        let process = match &self.kind {
            Kind::Spawned(server) => Some(server.process()),
            Kind::Cluster(_) => Some(std::process::id()),
            Kind::Embedded(_) | Kind::Lent(..) => None,
        };
        Watch::start(&self.access, process, origin, length_min)
    }

    /// How the server ended, if it was ours and has.
    pub fn post_mortem(&mut self) -> Option<String> {
        match &mut self.kind {
            Kind::Spawned(server) => server.post_mortem(),
            Kind::Embedded(server) => server.post_mortem(),
            Kind::Cluster(_) | Kind::Lent(..) => None,
        }
    }

    /// Which keys are there, by number; asked without touching them.
    ///
    /// # Errors
    ///
    /// Where the server does not answer, and when `interrupt` is pulled.
    pub fn present(&self, interrupt: &Interrupt) -> Result<Vec<bool>, TargetError> {
        self.sweep(&Operation::exists(), interrupt)
    }

    /// What `keys` hold, in their order. A cluster that has not come to rest is waited for as long as one that cannot be reached.
    ///
    /// # Errors
    ///
    /// Where the server does not answer, and when `interrupt` is pulled.
    pub fn read_back(&self, keys: &[u64], interrupt: &Interrupt) -> Result<Vec<Found>, Fault> {
        let encoder = Encoder::without_values(&self.keys, &Operation::get());
        let waits = (self.limits.reply, self.limits.unreachable);
        read_back(&self.access, &encoder, keys, waits, interrupt)
    }

    /// Removes what is there from before: all keys of the database where that is allowed, else our own.
    fn clear(&mut self, interrupt: &Interrupt) -> Result<(), TargetError> {
        match &self.kind {
            Kind::Lent(_, endpoint) if endpoint.allow_flush && !endpoint.cluster => {
                self.control.ask(&["FLUSHDB"])
            }
            Kind::Lent(..) => self.sweep(&Operation::del(), interrupt).map(drop),
            Kind::Embedded(_) | Kind::Cluster(_) | Kind::Spawned(_) => Ok(()),
        }
    }

    fn sweep(
        &self,
        operation: &Operation,
        interrupt: &Interrupt,
    ) -> Result<Vec<bool>, TargetError> {
        let encoder = Encoder::without_values(&self.keys, operation);
        let limit = self.limits.reply;
        Ok(sweep(
            &self.access,
            &encoder,
            0..self.keys.count,
            limit,
            interrupt,
        )?)
    }

    fn configuration(&mut self) -> Result<BTreeMap<String, String>, TargetError> {
        let mut all = match self.control.configuration("*") {
            // Some providers do not let it be read.
            Err(TargetError::Command { .. }) => BTreeMap::new(),
            answer => answer?,
        };
        all.retain(|name, _| DIRECTIVES.contains(&name.as_str()));
        Ok(all)
    }
}

impl Drop for Running {
    /// An endpoint is left as it was found: without our keys, with its own directives.
    fn drop(&mut self) {
        // Also after an interrupt. A server that does not answer cannot be tidied.
        let reachable = self.control.ask::<()>(&["PING"]).is_ok();
        if matches!(self.kind, Kind::Lent(..)) && reachable {
            let _ = self.clear(&Interrupt::new());
        }
        if let Kind::Lent(lent, _) = &mut self.kind {
            lent.give_back(&mut self.control);
        }
    }
}

/// The directive with which a server of our own takes more clients than servers usually do, where that is needed.
fn room_for_clients(plan: &Plan) -> impl Iterator<Item = Directive> {
    let needed = plan.most_clients() + CONTROL_CLIENTS;
    let directive = Directive {
        name: "maxclients".to_owned(),
        value: needed.to_string(),
    };
    (needed > USUAL_CLIENTS).then_some(directive).into_iter()
}

/// Name and version from INFO.
fn product(info: &Info) -> (String, String) {
    for name in ["cachebench", "valkey"] {
        let version = info.text(&format!("{name}_version"));
        if !version.is_empty() {
            return (name.to_owned(), version.to_owned());
        }
    }
    let name = match info.text("server_name") {
        "" => "redis",
        name => name,
    };
    (name.to_owned(), info.text("redis_version").to_owned())
}
