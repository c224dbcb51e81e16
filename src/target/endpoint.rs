//! A server that somebody else runs: what may be done to it, and how it is left.
//!
//! Only keys under [`PREFIX`] are written: plans spell them so, and a plan that does not is refused. FLUSHDB and CONFIG SET are sent where the target allows them, and what
//! CONFIG SET changed is set back at the end. Nothing else that touches other data is ever sent.

use std::net::ToSocketAddrs as _;
use std::time::Duration;

use super::TargetError;
use super::cluster;
use super::control::Control;
use super::hand::{Hand, Layout};
use crate::drive::access::{Greeting, Peer};
use crate::drive::tls::Connector;
use crate::drive::{Access, Fault};
use crate::workload::plan::{
    Action, Address, Capacity, Directive, Endpoint, Plan, Protocol, ReadFrom, Tls,
};

/// What every key on a server of somebody else's begins with.
const PREFIX: &str = "cachebench:";

/// A server that we may use.
#[derive(Debug)]
pub(super) struct Lent {
    access: Access,
    /// What acts on its nodes, of a cluster.
    hand: Option<Hand>,
    /// Directives as they were, to be set back.
    before: Vec<Directive>,
}

impl Lent {
    /// Connects within `timeout`, and sets `directives`, which must be allowed.
    pub(super) fn take(
        endpoint: &Endpoint,
        directives: &[Directive],
        timeout: Duration,
    ) -> Result<(Self, Control), TargetError> {
        let (access, mut control, layout) = reach(endpoint, timeout)?;
        let hand = layout.map(|layout| Hand {
            ours: None,
            access: access.alone(),
            layout,
            login: migrate_login(endpoint),
        });
        let mut lent = Self {
            access,
            hand,
            before: Vec::new(),
        };
        for directive in directives {
            if let Err(error) = lent.set(&mut control, directive) {
                lent.give_back(&mut control);
                return Err(error);
            }
        }
        Ok((lent, control))
    }

    pub(super) fn access(&self) -> &Access {
        &self.access
    }

    pub(super) fn hand(&self) -> Option<Hand> {
        self.hand.clone()
    }

    /// Sets back what was changed, as far as the server lets it.
    pub(super) fn give_back(&mut self, control: &mut Control) {
        for Directive { name, value } in self.before.drain(..).rev() {
            // A server that has gone has nothing to be set back; there is nobody to tell.
            let _ = control.configure(&name, &value);
        }
    }

    fn set(&mut self, control: &mut Control, directive: &Directive) -> Result<(), TargetError> {
        let before = control
            .configuration(&directive.name)?
            .remove(&directive.name);
        control.configure(&directive.name, &directive.value)?;
        if let Some(value) = before {
            self.before.push(Directive {
                name: directive.name.clone(),
                value,
            });
        }
        Ok(())
    }
}

/// Whether `endpoint` allows what `plan` needs.
pub(super) fn permit(plan: &Plan, endpoint: &Endpoint) -> Result<(), TargetError> {
    let configures = plan.capacity != Capacity::AsConfigured
        || !plan.directives.is_empty()
        || plan.cells.iter().any(|cell| !cell.directives.is_empty());
    if !plan
        .keys
        .templates()
        .all(|name| name.before.starts_with(PREFIX))
    {
        return Err(TargetError::NotAllowed(format!(
            "keys on {}, which is somebody's server, must begin with `{PREFIX}`",
            endpoint
        )));
    }
    if !plan.events.is_empty() && !endpoint.allow_cluster {
        return Err(TargetError::NotAllowed(format!(
            "this workload's events change which node has which slot, and {endpoint} is somebody's cluster: say \
             `allow: [cluster]` at the target if they may"
        )));
    }
    let replays = plan
        .phases
        .iter()
        .any(|phase| matches!(&phase.action, Action::Load(load) if load.recorded.is_some()));
    if replays && !endpoint.allow_flush {
        return Err(TargetError::NotAllowed(format!(
            "the keys of a trace are not known beforehand, so that they could not be removed from {}, which is somebody's \
             server: say `allow: [flush]` at the target if its database may be emptied",
            endpoint
        )));
    }
    if configures && !endpoint.allow_config {
        return Err(TargetError::NotAllowed(format!(
            "this workload sets server directives (`capacity`, `compare` or the target's own), and {} is somebody's \
             server: say `allow: [config]` at the target if CONFIG SET may be sent to it (it is set back afterwards)",
            endpoint
        )));
    }
    Ok(())
}

/// Whether keys of others would be at stake if the server began to evict.
pub(super) fn refuse_to_evict_others(
    control: &mut Control,
    endpoint: &Endpoint,
    capacity: Capacity,
) -> Result<(), TargetError> {
    let others = control.info()?.keys();
    if capacity == Capacity::AsConfigured || others == 0 {
        return Ok(());
    }
    Err(TargetError::NotAllowed(format!(
        "{} holds {others} keys that cachebench has not written, and a memory limit (`capacity`) could evict them: use \
         an empty server, or leave `capacity` out",
        endpoint
    )))
}

/// Whether the server takes so many `clients` beside those that it has.
pub(super) fn see_that_clients_fit(
    control: &mut Control,
    endpoint: &Endpoint,
    clients: u64,
) -> Result<(), TargetError> {
    let info = control.info()?;
    let (most, connected) = (info.count("maxclients"), info.count("connected_clients"));
    // Not every server tells.
    if most == 0 || connected + clients < most {
        return Ok(());
    }
    Err(TargetError::NotAllowed(format!(
        "{endpoint} takes {most} clients at a time and has {connected}, and this workload opens {clients} and two to watch: \
         ask for fewer with --clients, or raise the server's maxclients"
    )))
}

/// Connects to the first of an endpoint's addresses that answers: a name may have several. Of a cluster, all of it.
fn reach(
    endpoint: &Endpoint,
    timeout: Duration,
) -> Result<(Access, Control, Option<Layout>), TargetError> {
    let (peers, host) = match &endpoint.address {
        Address::Unix(path) => (vec![Peer::Unix(path.clone())], ""),
        Address::Tcp { host, port } => (resolve(host, *port)?, host.as_str()),
    };
    let tls = match &endpoint.tls {
        Tls::Off => None,
        Tls::On(settings) => Some(Connector::new(settings, host)?),
    };
    let mut failure = None;
    for peer in peers {
        let mut access = Access {
            peer,
            tls: tls.clone(),
            greeting: greeting(endpoint),
            timeout,
            is_ours: false,
            cluster: None,
            read_from: ReadFrom::Masters,
        };
        match Control::open(&access) {
            Ok(mut control) => {
                let mut learn = || cluster::learn(&mut access, &mut control);
                let layout = endpoint.cluster.then(&mut learn).transpose()?;
                return Ok((access, control, layout));
            }
            Err(error @ TargetError::Drive(Fault::Connect { .. } | Fault::Slow { .. })) => {
                failure.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
    }
    Err(failure.unwrap_or_else(|| unknown_host(host, std::io::ErrorKind::NotFound.into())))
}

fn resolve(host: &str, port: u16) -> Result<Vec<Peer>, TargetError> {
    let addresses = (host, port).to_socket_addrs();
    let addresses = addresses.map_err(|error| unknown_host(host, error))?;
    Ok(addresses.map(Peer::Tcp).collect())
}

fn unknown_host(host: &str, source: std::io::Error) -> TargetError {
    TargetError::Host {
        host: host.to_owned(),
        source,
    }
}

/// What a node must say to another before it hands keys over, as MIGRATE takes it.
fn migrate_login(endpoint: &Endpoint) -> Vec<String> {
    let words = match (endpoint.user.as_str(), endpoint.password.as_str()) {
        (_, "") => vec![],
        ("", password) => vec!["AUTH", password],
        (user, password) => vec!["AUTH2", user, password],
    };
    words.into_iter().map(str::to_owned).collect()
}

/// What every connection must say first.
fn greeting(endpoint: &Endpoint) -> Vec<Greeting> {
    let (user, password) = (endpoint.user.as_str(), endpoint.password.as_str());
    let login = match (user, password) {
        ("", "") => Vec::new(),
        ("", password) => vec!["default", password],
        (user, password) => vec![user, password],
    };
    let mut greeting = Vec::new();
    match endpoint.protocol {
        Protocol::Resp3 if login.is_empty() => greeting.push(Greeting::needed(&["HELLO", "3"])),
        Protocol::Resp3 => {
            let words: Vec<_> = ["HELLO", "3", "AUTH"].into_iter().chain(login).collect();
            greeting.push(Greeting::needed(&words));
        }
        Protocol::Resp2 if login.is_empty() => {}
        // Servers without users take the password alone.
        Protocol::Resp2 if user.is_empty() => greeting.push(Greeting::needed(&["AUTH", password])),
        Protocol::Resp2 => greeting.push(Greeting::needed(&["AUTH", user, password])),
    }
    if endpoint.database > 0 {
        greeting.push(Greeting::needed(&[
            "SELECT",
            &endpoint.database.to_string(),
        ]));
    }
    if !endpoint.client_name.is_empty() {
        greeting.push(Greeting::wished(&[
            "CLIENT",
            "SETNAME",
            &endpoint.client_name,
        ]));
    }
    greeting
}
