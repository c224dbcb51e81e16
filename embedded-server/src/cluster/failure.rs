//! Who is lost: suspicion by one node, failure by the majority, and the way back.

use super::flags::NodeFlags;
use super::id::NodeId;
use super::machine::Cluster;
use super::message::Body;
use super::peer::{Peer, PeerKey};
use super::table::Table;
use crate::log::Level;

/// For so many node timeouts another master's suspicion counts, and so long a lost master with slots stays lost.
const VALID_TIMEOUTS: i64 = 2;

impl Cluster {
    /// This node cannot reach another.
    pub(super) fn suspect(&mut self, key: PeerKey) {
        let Some(peer) = self.table.get_mut(key) else {
            return;
        };
        if peer.flags.any(NodeFlags::FAILING) {
            return;
        }
        peer.flags.set(NodeFlags::PFAIL, true);
        let id = peer.id;
        self.log(Level::Debug, format!("*** NODE {id} possibly failing"));
        // The majority is found the sooner, the sooner all have told of their suspicions.
        self.is_untold |= self.table.me().serves();
        self.declare_if_agreed(key);
    }

    /// A master says whether it can reach a node.
    pub(super) fn note_report(&mut self, from: PeerKey, about: PeerKey, is_suspect: bool) {
        let now_ms = self.now_ms;
        let Some(peer) = self.table.get_mut(about) else {
            return;
        };
        if is_suspect {
            peer.reports.insert(from, now_ms);
            self.declare_if_agreed(about);
        } else {
            peer.reports.remove(&from);
        }
    }

    /// How many masters cannot reach a node, by what they have said lately.
    pub(super) fn reports_about(&mut self, key: PeerKey) -> usize {
        let since_ms = self.now_ms - self.settings.node_timeout_ms * VALID_TIMEOUTS;
        let Some(peer) = self.table.get_mut(key) else {
            return 0;
        };
        peer.reports.retain(|_, at| *at >= since_ms);
        peer.reports.len()
    }

    fn declare_if_agreed(&mut self, key: PeerKey) {
        let is_suspect = |peer: &Peer| peer.flags.any(NodeFlags::PFAIL) && !peer.has_failed();
        if !self.table.get(key).is_some_and(is_suspect) {
            return;
        }
        let am_master = self.table.me().serves();
        let agreed = self.reports_of_serving(key) + usize::from(am_master);
        if agreed < self.table.quorum() {
            return;
        }
        let Some(id) = self.mark_failed(key) else {
            return;
        };
        self.log(
            Level::Notice,
            format!("Marking node {id} as failing (quorum reached)."),
        );
        if am_master {
            self.broadcast(&Body::Fail(id));
        }
    }

    /// Only those count who can make up the majority.
    fn reports_of_serving(&mut self, key: PeerKey) -> usize {
        self.reports_about(key);
        let reports = self.table.get(key).map(|peer| &peer.reports);
        let serves = |from: &PeerKey| self.table.get(*from).is_some_and(Peer::serves);
        reports.map_or(0, |reports| {
            reports.keys().filter(|from| serves(from)).count()
        })
    }

    fn mark_failed(&mut self, key: PeerKey) -> Option<NodeId> {
        let now_ms = self.now_ms;
        let peer = self.table.get_mut(key)?;
        peer.flags.set(NodeFlags::PFAIL, false);
        peer.flags.set(NodeFlags::FAIL, true);
        peer.failed_ms = now_ms;
        let id = peer.id;
        self.is_unsaved = true;
        Some(id)
    }

    /// Another has seen that the majority has lost a node.
    pub(super) fn believe_failure(&mut self, from: PeerKey, node: NodeId) {
        let Some(key) = self.table.find(node).filter(|key| *key != Table::ME) else {
            return;
        };
        if self.table.get(key).is_some_and(Peer::has_failed) {
            return;
        }
        let from = self
            .table
            .get(from)
            .map(|peer| peer.id.to_string())
            .unwrap_or_default();
        self.log(
            Level::Notice,
            format!("FAIL message received from {from} about {node}"),
        );
        self.mark_failed(key);
    }

    /// A node has answered.
    pub(super) fn note_reachable(&mut self, key: PeerKey) {
        let long_ms = self.settings.node_timeout_ms * VALID_TIMEOUTS;
        let now_ms = self.now_ms;
        let Some(peer) = self.table.get_mut(key) else {
            return;
        };
        if peer.flags.any(NodeFlags::PFAIL) {
            peer.flags.set(NodeFlags::PFAIL, false);
            self.is_unsaved = true;
        } else if peer.has_failed() && (!peer.serves() || now_ms - peer.failed_ms > long_ms) {
            // A master that still has its slots after so long has not been replaced.
            peer.flags.set(NodeFlags::FAIL, false);
            let id = peer.id;
            self.is_unsaved = true;
            self.log(
                Level::Notice,
                format!("Clear FAIL state for node {id}: it is reachable again."),
            );
        }
    }
}
