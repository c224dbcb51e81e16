//! What a message changes: who is who, what they are, what they own.

use std::net::IpAddr;

use super::flags::NodeFlags;
use super::id::NodeId;
use super::machine::{Action, Cluster};
use super::message::{Address, Body, Gossip, GossipKind, Header, Message};
use super::peer::{LinkId, Peer, PeerKey};
use super::slot::SlotSet;
use super::table::Table;
use crate::log::Level;

/// A second-hand pong may lie so far in the future, by another node's clock.
const CLOCK_SKEW_MS: i64 = 500;

impl Cluster {
    pub(super) fn receive(&mut self, link: LinkId, message: Message) {
        let Message { header, body } = message;
        if let Some(count) = self.received.get_mut(usize::from(body.kind())) {
            *count += 1;
        }
        let sender = self.sender(link, header.sender);
        if let Some(sender) = sender {
            self.note_header(sender, link, &header);
        }
        match (body, sender) {
            (
                Body::Gossip {
                    kind,
                    entries,
                    hostname,
                },
                _,
            ) => {
                self.gossip(link, sender, &header, kind, &entries, hostname.as_deref());
            }
            (_, None) => self.ignore_stranger(header.sender),
            (Body::Fail(node), Some(sender)) => self.believe_failure(sender, node),
            (
                Body::Publish {
                    is_sharded,
                    channel,
                    message,
                },
                _,
            ) => {
                self.actions.push(Action::Deliver {
                    is_sharded,
                    channel,
                    message,
                });
            }
            (Body::VoteRequest, Some(sender)) => self.consider_vote(sender, &header),
            (Body::Vote, Some(sender)) => self.count_vote(sender, &header),
            (
                Body::Update {
                    node,
                    config_epoch,
                    slots,
                },
                _,
            ) => self.update(node, config_epoch, &slots),
            (Body::FailoverStart, Some(sender)) => self.pause_for(sender, link),
            (Body::Module, _) => {}
        }
    }

    fn ignore_stranger(&mut self, id: NodeId) {
        self.log(
            Level::Verbose,
            format!("Ignoring a message from {id}, who is not known here"),
        );
    }

    /// Who a message is from: whoever the connection was opened to or, on one that came in, whom it names.
    fn sender(&mut self, link: LinkId, id: NodeId) -> Option<PeerKey> {
        let linked = self
            .links
            .get(&link)?
            .peer
            .filter(|_| self.links.get(&link).is_some_and(|link| link.is_outbound));
        let linked = linked.filter(|key| {
            self.table
                .get(*key)
                .is_some_and(|peer| !peer.is_in_handshake())
        });
        let known = || self.table.find(id).filter(|key| *key != Table::ME);
        linked.or_else(known).filter(|key| {
            self.table
                .get(*key)
                .is_some_and(|peer| !peer.is_in_handshake())
        })
    }

    /// What every message of a known node tells.
    fn note_header(&mut self, sender: PeerKey, link: LinkId, header: &Header) {
        let now_ms = self.now_ms;
        if header.current_epoch > self.current_epoch {
            self.current_epoch = header.current_epoch;
            self.is_stale = true;
        }
        let Some(peer) = self
            .table
            .get_mut(sender)
            .filter(|peer| peer.id == header.sender)
        else {
            return;
        };
        peer.heard_ms = now_ms;
        peer.offset = header.offset;
        if header.config_epoch > peer.config_epoch {
            peer.config_epoch = header.config_epoch;
            self.is_stale = true;
        }
        if let Some(state) = self.links.get_mut(&link).filter(|link| !link.is_outbound) {
            state.peer = Some(sender);
            peer.inbound = Some(link);
        }
        if header.is_paused && self.table.me().master == Some(sender) {
            self.handover.note_master_offset(header.offset);
        }
    }

    fn gossip(
        &mut self,
        link: LinkId,
        sender: Option<PeerKey>,
        header: &Header,
        kind: GossipKind,
        entries: &[Gossip],
        hostname: Option<&str>,
    ) {
        if kind != GossipKind::Pong {
            self.learn_own_address(link, kind);
            if sender.is_none() && kind == GossipKind::Meet {
                self.meet_back(link, header);
            }
            self.send_gossip(link, GossipKind::Pong);
        }
        let Some(sender) = self.identify(link, sender, header) else {
            return;
        };
        if kind == GossipKind::Pong && self.links.get(&link).is_some_and(|link| link.is_outbound) {
            self.note_pong(sender);
        }
        if kind == GossipKind::Ping {
            self.note_address(sender, link, header);
        }
        self.note_role(sender, header);
        self.note_slots(sender, header);
        self.resolve_collision(sender, header);
        entries.iter().for_each(|entry| self.hear(sender, entry));
        if let (Some(name), Some(peer)) = (hostname, self.table.get_mut(sender))
            && peer.hostname != name
        {
            name.clone_into(&mut peer.hostname);
            self.is_unsaved = true;
        }
    }

    /// The address under which others reach this node, from a connection that reached it.
    fn learn_own_address(&mut self, link: LinkId, kind: GossipKind) {
        let me = self.table.me_mut();
        let local = self.links.get(&link).and_then(|link| link.local);
        let wanted = self.settings.announce_ip.is_none()
            && (kind == GossipKind::Meet || me.address.ip.is_none());
        if wanted && local.is_some() && me.address.ip != local {
            me.address.ip = local;
            self.is_unsaved = true;
        }
    }

    /// Gets to know somebody who has invited this node: by a handshake over a connection of its own.
    fn meet_back(&mut self, link: LinkId, header: &Header) {
        let remote = self.links.get(&link).and_then(|link| link.remote);
        let address = Address {
            ip: header.address.ip.or(remote),
            ..header.address
        };
        self.begin_handshake(address, NodeFlags::NONE);
    }

    /// Takes a node in whose name is to be found out; says whether that is new.
    pub(super) fn begin_handshake(&mut self, address: Address, more: NodeFlags) -> bool {
        let is_known = |peer: &Peer| {
            peer.is_in_handshake()
                && peer.address.ip == address.ip
                && peer.address.bus_port == address.bus_port
        };
        if address.ip.is_none() || self.table.others().any(|(_, peer)| is_known(peer)) {
            return false;
        }
        let id = NodeId::draw(&mut self.random);
        let peer = Peer::new(id, NodeFlags::HANDSHAKE.and(more), address, self.now_ms);
        let key = self.table.add(peer);
        if let Some(key) = key {
            self.connect(key);
        }
        key.is_some()
    }

    /// Holds the name that a message gives against whom the connection was opened to. `None` when the sender is not to
    /// be heeded further.
    fn identify(
        &mut self,
        link: LinkId,
        sender: Option<PeerKey>,
        header: &Header,
    ) -> Option<PeerKey> {
        let state = self.links.get(&link).copied()?;
        let Some(expected) = state.peer.filter(|_| state.is_outbound) else {
            return sender;
        };
        let peer = self.table.get(expected)?;
        if peer.is_in_handshake() {
            return self.end_handshake(expected, link, header);
        }
        if peer.id == header.sender {
            return sender;
        }
        // Another node answers there now.
        let text = format!(
            "{} answers where {} was; its address is not known any more",
            header.sender, peer.id
        );
        self.log(Level::Warning, text);
        if let Some(peer) = self.table.get_mut(expected) {
            peer.flags.set(NodeFlags::NO_ADDRESS, true);
            peer.address = Address::default();
        }
        self.is_unsaved = true;
        self.hang_up(link);
        None
    }

    fn end_handshake(&mut self, key: PeerKey, link: LinkId, header: &Header) -> Option<PeerKey> {
        if let Some(known) = self.table.find(header.sender) {
            // Itself, or somebody it knows already, perhaps at a new address.
            if known != Table::ME {
                let ip = self.table.get(key).and_then(|peer| peer.address.ip);
                self.move_to(
                    known,
                    link,
                    Address {
                        ip,
                        ..header.address
                    },
                );
            }
            self.drop_peer(key);
            return None;
        }
        self.table.rename(key, header.sender);
        let peer = self.table.get_mut(key)?;
        peer.flags
            .set(NodeFlags::HANDSHAKE.and(NodeFlags::MEET), false);
        peer.flags = peer.flags.and(header.flags.only(NodeFlags::ROLES));
        peer.address = Address {
            ip: header.address.ip.or(peer.address.ip),
            ..header.address
        };
        peer.config_epoch = header.config_epoch;
        peer.heard_ms = self.now_ms;
        self.is_unsaved = true;
        // Whoever is known already hears of the newcomer now rather than with a later ping.
        self.is_untold = true;
        Some(key)
    }

    fn note_pong(&mut self, sender: PeerKey) {
        let now_ms = self.now_ms;
        if let Some(peer) = self.table.get_mut(sender) {
            peer.pong_received_ms = now_ms;
            peer.ping_sent_ms = 0;
        }
        self.note_reachable(sender);
    }

    /// A node that pings over a connection of its own tells by that where it is.
    fn note_address(&mut self, sender: PeerKey, link: LinkId, header: &Header) {
        let state = self.links.get(&link).copied();
        let remote = state
            .filter(|state| !state.is_outbound)
            .and_then(|state| state.remote);
        if let Some(ip) = header.address.ip.or(remote) {
            self.move_to(
                sender,
                link,
                Address {
                    ip: Some(ip),
                    ..header.address
                },
            );
        }
    }

    /// Notes a node's new address and connects anew.
    fn move_to(&mut self, key: PeerKey, over: LinkId, address: Address) {
        let Some(peer) = self.table.get_mut(key) else {
            return;
        };
        if peer.address == address || peer.link == Some(over) {
            return;
        }
        peer.address = address;
        peer.flags.set(NodeFlags::NO_ADDRESS, false);
        let (id, link) = (peer.id, peer.link);
        self.is_unsaved = true;
        self.log(
            Level::Notice,
            format!(
                "Address updated for node {id}, now {}",
                shown(address.ip, address.port)
            ),
        );
        if let Some(link) = link {
            self.hang_up(link);
        }
    }

    fn note_role(&mut self, sender: PeerKey, header: &Header) {
        let master = header.master.and_then(|master| self.table.find(master));
        let Some(peer) = self.table.get_mut(sender) else {
            return;
        };
        peer.flags.set(
            NodeFlags::NO_FAILOVER,
            header.flags.any(NodeFlags::NO_FAILOVER),
        );
        let (was_master, before) = (peer.is_master(), peer.master);
        if header.master.is_none() {
            if !was_master {
                self.table.make_master(sender);
                self.is_unsaved = true;
            }
        } else if was_master || before != master {
            self.table.make_replica(sender, master);
            self.is_unsaved = true;
        }
    }

    /// What a node tells of another.
    fn hear(&mut self, sender: PeerKey, entry: &Gossip) {
        match self.table.find(entry.node) {
            Some(Table::ME) => {}
            Some(known) => {
                self.hear_of_known(sender, known, entry);
            }
            None => self.hear_of_unknown(entry),
        }
    }

    fn hear_of_known(&mut self, sender: PeerKey, known: PeerKey, entry: &Gossip) {
        let is_suspect = entry.flags.any(NodeFlags::FAILING);
        if self.table.get(sender).is_some_and(Peer::is_master) {
            self.note_report(sender, known, is_suspect);
        }
        let now_ms = self.now_ms;
        let Some(peer) = self.table.get_mut(known) else {
            return;
        };
        let pong_ms = i64::from(entry.pong_received_s) * 1000;
        let is_fresh = pong_ms > peer.pong_received_ms && pong_ms <= now_ms + CLOCK_SKEW_MS;
        if !is_suspect && peer.ping_sent_ms == 0 && peer.reports.is_empty() && is_fresh {
            peer.pong_received_ms = pong_ms;
        }
        let lost = peer.flags.any(NodeFlags::FAILING) || !peer.has_address();
        let told =
            !is_suspect && !entry.flags.any(NodeFlags::NO_ADDRESS) && entry.address.ip.is_some();
        if lost && told && peer.address != entry.address {
            peer.address = entry.address;
            peer.flags.set(NodeFlags::NO_ADDRESS, false);
            if let Some(link) = peer.link {
                self.hang_up(link);
            }
        }
    }

    /// A known node vouches for one that is new here: it is taken in under its name.
    fn hear_of_unknown(&mut self, entry: &Gossip) {
        let hidden = entry
            .flags
            .any(NodeFlags::NO_ADDRESS.and(NodeFlags::HANDSHAKE))
            || entry.address.ip.is_none();
        if hidden
            || self
                .forgotten
                .get(&entry.node)
                .is_some_and(|until| *until > self.now_ms)
        {
            return;
        }
        let flags = entry.flags.only(NodeFlags::ROLES);
        let peer = Peer::new(entry.node, flags, entry.address, self.now_ms);
        if let Some(key) = self.table.add(peer) {
            self.is_unsaved = true;
            self.connect(key);
        }
    }

    /// Somebody has noticed that this node does not know of a later claim.
    pub(super) fn update(&mut self, node: NodeId, config_epoch: u64, slots: &SlotSet) {
        let Some(key) = self.table.find(node) else {
            return;
        };
        let Some(peer) = self
            .table
            .get(key)
            .filter(|peer| peer.config_epoch < config_epoch)
        else {
            return;
        };
        if peer.is_replica() && key != Table::ME {
            self.table.make_master(key);
        }
        if let Some(peer) = self.table.get_mut(key).filter(|_| key != Table::ME) {
            peer.config_epoch = config_epoch;
        }
        self.is_unsaved = true;
        self.accept_claims(key, config_epoch, slots);
    }
}

fn shown(ip: Option<IpAddr>, port: u16) -> String {
    ip.map_or_else(|| format!("?:{port}"), |ip| format!("{ip}:{port}"))
}
