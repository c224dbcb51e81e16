//! What clients take: counted when a connection's turn ends, so that commands cost nothing for it; bounded by
//! `maxmemory-clients`; and what is beyond the ordinary counts against `maxmemory`, as keys do.

use std::cmp::Reverse;

use crate::client::{Client, Clients, Close};
use crate::node::Server;

/// What a client may take before it counts against `maxmemory`. Ordinary clients stay below it, so that which keys are
/// evicted does not hang on how a network cut up what they sent.
const FREE_BYTES: usize = 24 * 1024;

/// What all clients take together; replicas and a master are left out, as neither limit holds for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Footprint {
    /// Bytes.
    pub bytes: usize,
    /// Bytes that count against `maxmemory`.
    pub surplus: usize,
}

impl Footprint {
    fn of(client_bytes: usize) -> Self {
        Self {
            bytes: client_bytes,
            surplus: client_bytes.saturating_sub(FREE_BYTES),
        }
    }

    /// A client takes `now` bytes, where it took `before`.
    fn change(&mut self, before: usize, now: usize) {
        let (before, now) = (Self::of(before), Self::of(now));
        self.bytes = self.bytes + now.bytes - before.bytes;
        self.surplus = self.surplus + now.surplus - before.surplus;
    }
}

impl Clients {
    /// Counts what a client takes now.
    #[inline]
    fn count(&mut self, client: &mut Client) {
        let bytes = if client.is_ordinary() {
            client.bytes()
        } else {
            0
        };
        if bytes != client.counted_bytes {
            self.footprint.change(client.counted_bytes, bytes);
            client.counted_bytes = bytes;
        }
    }

    /// A client is gone.
    pub(crate) fn discount(&mut self, client: &Client) {
        self.footprint.change(client.counted_bytes, 0);
    }

    /// Has a client go, which counts as gone from here on.
    fn expel(&mut self, slot: usize) {
        if let Some(client) = self.get_mut(slot) {
            client.end(Close::Now);
            let bytes = std::mem::take(&mut client.counted_bytes);
            self.footprint.change(bytes, 0);
        }
    }
}

impl Server {
    /// Puts a client back whose turn has ended.
    #[inline]
    pub(crate) fn put_back(&mut self, mut client: Box<Client>) {
        self.clients.count(&mut client);
        self.clients.put(client);
        if self.clients.footprint != self.settled {
            self.settle();
        }
    }

    /// What clients take has changed: who takes too much of it goes, then keys where even so there is no room for them.
    #[cold]
    fn settle(&mut self) {
        self.evict_clients();
        self.settled = self.clients.footprint;
        self.keyspace.set_beside(self.settled.surplus as u64);
        // Where nothing can be evicted the next write is refused.
        let _ = self.keyspace.make_room(0);
        self.publish_removals();
    }

    /// Closes the clients that take most, until all together take no more than `maxmemory-clients` allows.
    pub(crate) fn evict_clients(&mut self) {
        let Some(bytes_max) = self.clients_bytes_max() else {
            return;
        };
        if self.clients.footprint.bytes <= bytes_max {
            return;
        }
        let evictable = self.clients.iter().filter(|client| client.is_evictable());
        let mut by_size: Vec<_> = evictable
            .map(|client| (Reverse(client.counted_bytes), client.slot))
            .collect();
        by_size.sort_unstable();
        for (_, slot) in by_size {
            if self.clients.footprint.bytes <= bytes_max {
                break;
            }
            self.stats.evicted_clients += 1;
            self.clients.expel(slot);
        }
    }

    /// What `maxmemory-clients` allows, in bytes, if it sets a limit.
    fn clients_bytes_max(&self) -> Option<usize> {
        let limit = self.config.maxmemory_clients;
        let bytes = match u64::try_from(limit) {
            Ok(bytes) => bytes,
            // So many hundredths.
            Err(_) => self.config.keyspace.maxmemory / 100 * limit.unsigned_abs(),
        };
        usize::try_from(bytes).ok().filter(|bytes| *bytes > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::tests::client;
    use crate::config::Config;

    fn server(directives: &[(&str, &str)]) -> Server {
        let mut config = Config::default();
        for (name, value) in directives {
            config.set(name, value).unwrap();
        }
        Server::new(config.into(), 1)
    }

    /// Adds a client to whom so many bytes are to be sent, and ends its turn.
    fn join(server: &mut Server, waiting_bytes: usize) -> usize {
        let slot = server.clients.add(client());
        let mut client = server.clients.take(slot).unwrap();
        client.send_later(&vec![b'x'; waiting_bytes]);
        server.put_back(client);
        slot
    }

    #[test]
    fn whoever_takes_most_is_closed_and_what_all_take_returns_to_nothing() {
        let mut server = server(&[("maxmemory-clients", "1mb")]);
        let slots = [400_000, 500_000, 300_000].map(|bytes| join(&mut server, bytes));
        let is_closed =
            |server: &Server, slot| server.clients.get(slot).unwrap().close == Close::Now;
        assert_eq!(
            slots.map(|slot| is_closed(&server, slot)),
            [false, true, false]
        );
        assert_eq!(server.stats.evicted_clients, 1);
        for slot in slots {
            let client = server.clients.take(slot).unwrap();
            server.forget(&client);
        }
        assert_eq!(server.clients.footprint, Footprint::default());
    }

    #[test]
    fn buffers_take_the_place_of_keys_and_ordinary_clients_do_not() {
        let mut server = server(&[("maxmemory", "2mb"), ("maxmemory-policy", "allkeys-lru")]);
        let before = server.keyspace.used_memory();
        join(&mut server, 10_000);
        assert_eq!(server.keyspace.used_memory(), before);
        let db = crate::keyspace::Db::ZERO;
        for key in 0_u8..100 {
            let expiry = crate::keyspace::Expiry::Never;
            server
                .keyspace
                .set_string(db, &[key], &[b'x'; 10_000], expiry)
                .unwrap();
        }
        join(&mut server, 1_500_000);
        assert!(server.keyspace.used_memory() <= 2 << 20);
        assert!((20..80).contains(&server.keyspace.len(db)));
    }
}
