//! The reference server, in this process. It is started here and driven through its socket like any other.

use std::time::Duration;

use embedded_server::{Clock, Config, Handle, Options, Server};

use super::TargetError;
use super::control::Control;
use super::process::dying;
use crate::drive::Access;
use crate::workload::plan::{ClockKind, Directive};

/// A server on a thread of its own; stopped when it is dropped.
#[derive(Debug)]
pub(super) struct Embedded {
    handle: Handle,
    clock: ClockKind,
}

impl Embedded {
    /// Starts a server under `directives` on a free loopback port, its own draws from `seed`.
    pub(super) fn start(
        clock: ClockKind,
        seed: u64,
        directives: &[Directive],
        timeout: Duration,
    ) -> Result<(Self, Access, Control), TargetError> {
        let options = Options {
            config: configuration(seed, directives)?,
            clock: match clock {
                ClockKind::Virtual => Clock::virtual_clock(),
                ClockKind::Real => Clock::Real,
            },
            ..Options::default()
        };
        let handle =
            Server::start(options).map_err(|error| TargetError::Embedded(error.to_string()))?;
        let access = Access::plain(handle.addr(), timeout);
        let control = Control::open(&access)?;
        Ok((Self { handle, clock }, access, control))
    }

    pub(super) fn clock(&self) -> ClockKind {
        self.clock
    }

    /// Lets `length` pass on a virtual clock; false where the clock is real.
    pub(super) fn advance(&self, length: Duration) -> bool {
        let turns = self.clock == ClockKind::Virtual;
        if turns {
            self.handle.advance(length);
        }
        turns
    }

    /// That it has ended, if it has.
    pub(super) fn post_mortem(&self) -> Option<String> {
        let ended = || (!self.handle.is_running()).then_some(());
        dying(ended).map(|()| {
            "the embedded server has ended: by a command that shuts it down, or else by a fault of cachebench, which please \
             report with the workload"
                .to_owned()
        })
    }

    pub(super) fn cpu_s(&self) -> Option<f64> {
        self.handle.cpu_time().map(|time| time.as_secs_f64())
    }
}

fn configuration(seed: u64, directives: &[Directive]) -> Result<Config, TargetError> {
    let mut config = Config::default();
    let mut set = |name: &str, value: &str| {
        config
            .set(name, value)
            .map_err(|error| TargetError::Embedded(format!("directive `{name}`: {error}")))
    };
    // A cache and nothing else: nothing is saved. The plan's directives come last and win.
    for (name, value) in [
        ("port", "0"),
        ("bind", "127.0.0.1"),
        ("save", ""),
        ("appendonly", "no"),
    ] {
        set(name, value)?;
    }
    // The directive takes 1 to 2^63 - 1; 0 would draw a seed from the system.
    set("seed", &(seed >> 1).max(1).to_string())?;
    for Directive { name, value } in directives {
        set(name, value)?;
    }
    Ok(config)
}
