//! The reference server, in this process.

use std::net::SocketAddr;
use std::time::Duration;

use super::TargetError;
use super::control::Control;
use crate::workload::plan::{ClockKind, Directive};

/// A server on a thread of its own.
#[derive(Debug)]
pub(super) struct Embedded {
    address: SocketAddr,
    clock: ClockKind,
}

impl Embedded {
    /// Starts a server under `directives` on a free loopback port.
    pub(super) fn start(
        clock: ClockKind,
        directives: &[Directive],
    ) -> Result<(Self, Control), TargetError> {
        let _ = (clock, directives);
        Err(TargetError::Embedded(
            "it is not built yet; say `target: { spawn: redis-server }`".to_owned(),
        ))
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn clock(&self) -> ClockKind {
        self.clock
    }

    pub(super) fn advance(&mut self, length: Duration) -> bool {
        let _ = length;
        self.clock == ClockKind::Virtual
    }

    #[allow(clippy::unused_self)]
    pub(super) fn cpu_s(&mut self) -> Option<f64> {
        None
    }
}
