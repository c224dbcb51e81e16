//! Pings and what they carry: news of some nodes, of those that are new, and of all that are suspected.

use rand::RngExt;

use super::flags::NodeFlags;
use super::machine::Cluster;
use super::message::{Body, Gossip, GossipKind};
use super::peer::{LinkId, Peer, PeerKey};

/// How many nodes a ping tells of, however small the cluster.
const ENTRIES_MIN: usize = 3;
/// A node is news for so long, so that a cluster that forms need not wait until chance has told everybody of everybody.
const NEW_FOR_MS: i64 = 2000;
/// The most new nodes that a ping tells of.
const NEW_MAX: usize = 20;

impl Cluster {
    /// Pings, answers or invites whoever is at the other end.
    pub(super) fn send_gossip(&mut self, link: LinkId, kind: GossipKind) {
        let to = self.links.get(&link).copied();
        if kind != GossipKind::Pong
            && let Some(peer) = to
                .filter(|link| link.is_outbound)
                .and_then(|link| link.peer)
            && let Some(peer) = self.table.get_mut(peer)
        {
            peer.ping_sent_ms = self.now_ms;
        }
        let entries = self.news(to.and_then(|link| link.peer));
        // Redis 7.0 takes extensions from anybody, but an older peer would count the message's bytes and refuse.
        let hostname = Some(self.settings.hostname.clone()).filter(|name| !name.is_empty());
        self.send(
            link,
            Body::Gossip {
                kind,
                entries,
                hostname,
            },
        );
    }

    /// Tells everybody how this node stands, without asking for an answer.
    pub(super) fn tell_all(&mut self) {
        for link in self.links_to(|_, _| true) {
            self.send_gossip(link, GossipKind::Pong);
        }
    }

    /// A tenth of the nodes, drawn at random, the new ones and all that are suspected.
    fn news(&mut self, to: Option<PeerKey>) -> Vec<Gossip> {
        let known = |peer: &Peer| {
            let unknown = NodeFlags::HANDSHAKE.and(NodeFlags::NO_ADDRESS);
            !peer.flags.any(unknown) && (peer.is_linked() || !peer.slots.is_empty())
        };
        let others = self
            .table
            .others()
            .filter(|(key, peer)| Some(*key) != to && known(peer));
        let (suspected, rest): (Vec<_>, Vec<_>) = others
            .map(|(_, peer)| peer)
            .partition(|peer| peer.flags.any(NodeFlags::PFAIL));
        let new_since_ms = self.now_ms - NEW_FOR_MS;
        let (new, mut rest): (Vec<_>, Vec<_>) = rest
            .into_iter()
            .partition(|peer| peer.known_since_ms > new_since_ms);
        let wanted = (self.table.count() / 10).max(ENTRIES_MIN).min(rest.len());
        for index in 0..wanted {
            let other = self.random.random_range(index..rest.len());
            rest.swap(index, other);
        }
        rest.truncate(wanted);
        let new = new.into_iter().rev().take(NEW_MAX);
        new.chain(rest).chain(suspected).map(entry).collect()
    }
}

fn entry(peer: &Peer) -> Gossip {
    let seconds = |ms: i64| u32::try_from(ms / 1000).unwrap_or(0);
    Gossip {
        node: peer.id,
        ping_sent_s: seconds(peer.ping_sent_ms),
        pong_received_s: seconds(peer.pong_received_ms),
        address: peer.address,
        flags: peer.flags,
    }
}
