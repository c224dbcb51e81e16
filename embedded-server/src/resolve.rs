//! Names of hosts to addresses. The system may take long over a name: it is asked on a thread of its own.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

/// The most names that are being looked up in this process. Beyond that none is found.
const LOOKUPS_MAX: usize = 16;

static LOOKUPS: AtomicUsize = AtomicUsize::new(0);

/// One of the lookups under way, until it is dropped.
struct Lookup;

impl Lookup {
    fn begin() -> Option<Self> {
        let is_one_more = LOOKUPS.fetch_add(1, Ordering::Relaxed) < LOOKUPS_MAX;
        // Where there are too many, dropping it takes it off the count again.
        Some(Self).filter(|_| is_one_more)
    }
}

impl Drop for Lookup {
    fn drop(&mut self) {
        LOOKUPS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Has `tell` told the addresses of a host, if any are found; of an address written out at once.
pub(crate) fn look_up(host: &str, port: u16, tell: impl FnOnce(Vec<SocketAddr>) + Send + 'static) {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return tell(vec![SocketAddr::new(ip, port)]);
    }
    let Some(lookup) = Lookup::begin() else {
        return tell(Vec::new());
    };
    let name = host.to_owned();
    let look = move || {
        let found = (name.as_str(), port).to_socket_addrs();
        drop(lookup);
        tell(found.map(Iterator::collect).unwrap_or_default());
    };
    // A system without a thread to spare finds nothing: whoever waits learns that `tell` is gone.
    drop(thread::Builder::new().name("resolver".into()).spawn(look));
}

/// The addresses of a host, as far as they are found within that time.
pub(crate) fn addresses_within(host: &str, port: u16, patience: Duration) -> Vec<SocketAddr> {
    let (tell, told) = sync_channel(1);
    // Nobody may be there to be told any more.
    look_up(host, port, move |found| drop(tell.send(found)));
    told.recv_timeout(patience).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_taken_at_their_word_and_names_looked_up() {
        let find = |host| addresses_within(host, 7, Duration::from_secs(30));
        assert_eq!(find("10.0.0.1"), [SocketAddr::from(([10, 0, 0, 1], 7))]);
        assert_eq!(
            find("::1"),
            [SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], 7))]
        );
        assert!(
            find("localhost")
                .iter()
                .all(|found| found.ip().is_loopback())
        );
        assert!(!find("localhost").is_empty());
        assert_eq!(find("no such name"), []);
        assert_eq!(find(""), []);
    }
}
