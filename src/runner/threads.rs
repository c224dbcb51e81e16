//! How many threads drive.

use std::thread::available_parallelism;

use crate::workload::plan::{Address, ClockKind, Plan, Target, Threads};

/// Threads that the clients of `plan` are spread over on this machine.
pub(super) fn threads(plan: &Plan) -> u64 {
    let cores = available_parallelism().map_or(1, |cores| cores.get() as u64);
    match plan.threads {
        Threads::Fixed(count) => u64::from(count),
        Threads::Auto => suitable(&plan.target, cores),
    }
}

/// Threads that suit `target` where this process may use `cores`.
fn suitable(target: &Target, cores: u64) -> u64 {
    let one = Target::Embedded {
        clock: ClockKind::Virtual,
    };
    let taken = u64::from(is_here(target));
    // The order in which threads reach a server is chance, and a virtual clock is there to leave nothing to chance.
    if *target == one {
        1
    } else {
        cores.saturating_sub(taken).max(1)
    }
}

/// Whether the server needs a core of this machine.
fn is_here(target: &Target) -> bool {
    match target {
        Target::Embedded { .. } | Target::EmbeddedCluster { .. } | Target::Spawn { .. } => true,
        Target::Endpoint(endpoint) => match &endpoint.address {
            Address::Unix(_) => true,
            Address::Tcp { host, .. } => {
                host == "localhost" || host == "::1" || host.starts_with("127.")
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::plan::Endpoint;

    #[test]
    fn a_server_on_this_machine_gets_a_core_of_its_own() {
        let endpoint = |host: &str| {
            let host = host.to_owned();
            Target::Endpoint(Endpoint::at(Address::Tcp { host, port: 6379 }))
        };
        let embedded = |clock| Target::Embedded { clock };
        for (target, cores, expected) in [
            (embedded(ClockKind::Virtual), 8, 1),
            (embedded(ClockKind::Real), 8, 7),
            (embedded(ClockKind::Real), 1, 1),
            (endpoint("127.0.0.1"), 4, 3),
            (endpoint("cache.example.com"), 4, 4),
        ] {
            assert_eq!(suitable(&target, cores), expected, "{target:?}");
        }
    }
}
