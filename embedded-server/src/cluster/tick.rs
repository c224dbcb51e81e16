//! What a node does ten times a second: connects, pings, suspects; and what its connections' ends mean.

use std::net::IpAddr;

use rand::RngExt;

use super::flags::NodeFlags;
use super::machine::{Action, Cluster, Link};
use super::message::GossipKind;
use super::peer::{LinkId, Peer, PeerKey};

/// A handshake is given up after the node timeout, but not before so long.
const HANDSHAKE_MS_MIN: i64 = 1000;
/// Once a second it is one of so many, drawn at random, that is pinged: the one that has been silent longest.
const DRAWN: usize = 5;
const TICKS_PER_SECOND: u64 = 10;

impl Cluster {
    pub(super) fn tick(&mut self) {
        self.ticks += 1;
        self.forgotten.retain(|_, until| *until > self.now_ms);
        for key in self.table.keys() {
            self.keep_link(key);
        }
        if self.ticks.is_multiple_of(TICKS_PER_SECOND) {
            self.ping_at_random();
        }
        for key in self.table.keys() {
            self.watch(key);
        }
        if self.table.me().is_replica() {
            self.keep_following();
            self.migrate_if_needed();
        }
        self.time_out_handover();
    }

    /// Gives a handshake up that takes too long, or connects where there is no connection.
    fn keep_link(&mut self, key: PeerKey) {
        let patience_ms = self.settings.node_timeout_ms.max(HANDSHAKE_MS_MIN);
        let Some(peer) = self.table.get(key) else {
            return;
        };
        if peer.is_in_handshake() && self.now_ms - peer.known_since_ms > patience_ms {
            self.drop_peer(key);
        } else if peer.link.is_none() {
            self.connect(key);
        }
    }

    pub(super) fn connect(&mut self, key: PeerKey) {
        let now_ms = self.now_ms;
        let Some(peer) = self.table.get(key).filter(|peer| peer.has_address()) else {
            return;
        };
        let Some((ip, port)) = peer
            .address
            .ip
            .map(|ip: IpAddr| (ip, peer.address.bus_port))
        else {
            return;
        };
        let link = self.open(Link {
            peer: Some(key),
            is_outbound: true,
            is_connected: false,
            since_ms: now_ms,
            remote: None,
            local: None,
        });
        if let Some(peer) = self.table.get_mut(key) {
            peer.link = Some(link);
            // From here on it owes an answer, even if the connection never comes about.
            if peer.ping_sent_ms == 0 {
                peer.ping_sent_ms = now_ms;
            }
        }
        self.actions.push(Action::Connect(link, ip, port));
    }

    pub(super) fn connected(&mut self, link: LinkId) {
        let Some(state) = self.links.get_mut(&link) else {
            return;
        };
        state.is_connected = true;
        state.since_ms = self.now_ms;
        let Some(key) = state.peer else { return };
        let Some(peer) = self.table.get_mut(key) else {
            return;
        };
        let (waiting_since_ms, is_meet) = (peer.ping_sent_ms, peer.flags.any(NodeFlags::MEET));
        peer.flags.set(NodeFlags::MEET, false);
        self.send_gossip(
            link,
            if is_meet {
                GossipKind::Meet
            } else {
                GossipKind::Ping
            },
        );
        // The answer that an earlier connection did not bring is still missing.
        if let Some(peer) = self.table.get_mut(key).filter(|_| waiting_since_ms != 0) {
            peer.ping_sent_ms = waiting_since_ms;
        }
    }

    pub(super) fn closed(&mut self, link: LinkId) {
        let Some(state) = self.links.remove(&link) else {
            return;
        };
        let now_ms = self.now_ms;
        let Some(peer) = state.peer.and_then(|key| self.table.get_mut(key)) else {
            return;
        };
        peer.inbound = peer.inbound.filter(|inbound| *inbound != link);
        if peer.link == Some(link) {
            peer.link = None;
            if peer.ping_sent_ms == 0 {
                peer.ping_sent_ms = now_ms;
            }
        }
    }

    /// Ends a connection from this side.
    pub(super) fn hang_up(&mut self, link: LinkId) {
        let owed_before = self
            .links
            .get(&link)
            .and_then(|link| link.peer)
            .and_then(|key| self.table.get(key));
        let owed_ms = owed_before.map_or(0, |peer| peer.ping_sent_ms);
        let key = self.links.get(&link).and_then(|link| link.peer);
        self.closed(link);
        if let Some(peer) = key.and_then(|key| self.table.get_mut(key)) {
            peer.ping_sent_ms = owed_ms;
        }
        self.actions.push(Action::Close(link));
    }

    /// Forgets a node and ends what leads to it.
    pub(super) fn drop_peer(&mut self, key: PeerKey) {
        let links = self.links.iter().filter(|(_, link)| link.peer == Some(key));
        for link in links.map(|(id, _)| *id).collect::<Vec<_>>() {
            let is_outbound = self.links.get(&link).is_some_and(|link| link.is_outbound);
            if is_outbound {
                self.links.remove(&link);
                self.actions.push(Action::Close(link));
            } else if let Some(link) = self.links.get_mut(&link) {
                link.peer = None;
            }
        }
        self.table.remove(key);
        self.migrating.retain(|_, to| *to != key);
        self.importing.retain(|_, from| *from != key);
        self.is_unsaved = true;
    }

    fn ping_at_random(&mut self) {
        let is_idle =
            |peer: &Peer| peer.link.is_some() && peer.ping_sent_ms == 0 && !peer.is_in_handshake();
        let idle: Vec<PeerKey> = self
            .table
            .others()
            .filter(|(_, peer)| is_idle(peer))
            .map(|(key, _)| key)
            .collect();
        if idle.is_empty() {
            return;
        }
        let drawn: Vec<_> = (0..DRAWN)
            .filter_map(|_| idle.get(self.random.random_range(0..idle.len())))
            .collect();
        let silent = drawn.into_iter().filter_map(|key| self.table.get(*key));
        if let Some(link) = silent
            .min_by_key(|peer| peer.pong_received_ms)
            .and_then(|peer| peer.link)
        {
            self.send_gossip(link, GossipKind::Ping);
        }
    }

    /// Pings a node that has been silent, tries another connection, suspects it in the end.
    fn watch(&mut self, key: PeerKey) {
        let timeout_ms = self.settings.node_timeout_ms;
        let now_ms = self.now_ms;
        let Some(peer) = self.table.get(key) else {
            return;
        };
        if peer
            .flags
            .any(NodeFlags::HANDSHAKE.and(NodeFlags::NO_ADDRESS))
        {
            return;
        }
        let (waited_ms, silent_ms) = (now_ms - peer.ping_sent_ms, now_ms - peer.heard_ms);
        let link = peer
            .link
            .and_then(|id| Some((id, *self.links.get(&id)?)))
            .filter(|(_, link)| link.is_connected);
        let owes = peer.ping_sent_ms > 0;
        match link {
            Some((link, state)) if owes => {
                let is_old = now_ms - state.since_ms > timeout_ms;
                if is_old && waited_ms > timeout_ms / 2 && silent_ms > timeout_ms / 2 {
                    self.hang_up(link);
                }
            }
            Some((link, _)) => {
                let is_due = now_ms - peer.pong_received_ms > timeout_ms / 2;
                if is_due || self.handover.is_for(key) {
                    self.send_gossip(link, GossipKind::Ping);
                }
                return;
            }
            None => {}
        }
        if owes && waited_ms.min(silent_ms) > timeout_ms {
            self.suspect(key);
        }
    }

    /// Whether a node counts as a living replica of `master`.
    pub(super) fn living_replicas(&self, master: PeerKey) -> Vec<PeerKey> {
        let living = self
            .table
            .replicas(master)
            .filter(|(_, peer)| !peer.has_failed());
        living.map(|(key, _)| key).collect()
    }
}
