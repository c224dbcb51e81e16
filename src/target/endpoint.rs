//! A server that somebody else runs: what may be done to it, and how it is left.
//!
//! Only keys under [`PREFIX`] are written: plans spell them so, and a plan that does not is refused. FLUSHDB and CONFIG SET are sent where the target allows them, and what
//! CONFIG SET changed is set back at the end. Nothing else that touches other data is ever sent.

use std::net::{SocketAddr, ToSocketAddrs as _};

use super::TargetError;
use super::control::{Control, Login};
use crate::workload::plan::{Capacity, Directive, Endpoint, Plan};

/// What every key on a server of somebody else's begins with.
const PREFIX: &str = "cachebench:";

/// A server that we may use.
#[derive(Debug)]
pub(super) struct Lent {
    address: SocketAddr,
    /// Directives as they were, to be set back.
    before: Vec<Directive>,
}

impl Lent {
    /// Connects, and sets `directives`, which must be allowed.
    pub(super) fn take(
        endpoint: &Endpoint,
        directives: &[Directive],
    ) -> Result<(Self, Control), TargetError> {
        let address = resolve(endpoint)?;
        let mut control = Control::open(address, &login(endpoint))?;
        let mut lent = Self {
            address,
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

    pub(super) fn address(&self) -> SocketAddr {
        self.address
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

/// How connections to `endpoint` log in.
pub(super) fn login(endpoint: &Endpoint) -> Login {
    Login {
        user: endpoint.user.clone(),
        password: endpoint.password.clone(),
        database: endpoint.database,
    }
}

/// Whether `endpoint` allows what `plan` needs.
pub(super) fn permit(plan: &Plan, endpoint: &Endpoint) -> Result<(), TargetError> {
    let configures = plan.capacity != Capacity::AsConfigured
        || !plan.directives.is_empty()
        || plan.cells.iter().any(|cell| !cell.directives.is_empty());
    if !plan.keys.name.before.starts_with(PREFIX) {
        return Err(TargetError::NotAllowed(format!(
            "keys on {}, which is somebody's server, must begin with `{PREFIX}`",
            name(endpoint)
        )));
    }
    if configures && !endpoint.allow_config {
        return Err(TargetError::NotAllowed(format!(
            "this workload sets server directives (`capacity`, `compare` or the target's own), and {} is somebody's \
             server: say `allow: [config]` at the target if CONFIG SET may be sent to it (it is set back afterwards)",
            name(endpoint)
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
        name(endpoint)
    )))
}

/// The endpoint as a URL, without user and password.
pub(super) fn name(endpoint: &Endpoint) -> String {
    let host = if endpoint.host.contains(':') {
        format!("[{}]", endpoint.host)
    } else {
        endpoint.host.clone()
    };
    format!("redis://{host}:{}/{}", endpoint.port, endpoint.database)
}

fn resolve(endpoint: &Endpoint) -> Result<SocketAddr, TargetError> {
    let host = |source| TargetError::Host {
        host: endpoint.host.clone(),
        source,
    };
    let mut addresses = (endpoint.host.as_str(), endpoint.port)
        .to_socket_addrs()
        .map_err(host)?;
    addresses
        .next()
        .ok_or_else(|| host(std::io::ErrorKind::NotFound.into()))
}
