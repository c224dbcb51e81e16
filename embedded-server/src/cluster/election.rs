//! Who takes a failed master's place, and a change of places that an administrator wants.
//!
//! The rules are those of the Redis cluster specification, "Replica election and promotion". The delays before a replica
//! asks are a tenth of Redis's, since a failure is told to all at once here; the distance between ranks is Redis's.

use rand::RngExt;

use super::machine::{Action, Cluster, Settings};
use super::message::{Body, GossipKind, Header};
use super::peer::{LinkId, Peer, PeerKey};
use super::table::Table;
use crate::log::Level;

/// A replica waits so long before it asks for votes, so that the masters know of the failure too.
const DELAY_MS: i64 = 50;
/// And up to so much longer, so that two do not ask at once.
const DELAY_SPREAD_MS: i64 = 50;
/// And so much for each replica that has copied more.
const RANK_DELAY_MS: i64 = 1000;
/// Votes are waited for twice the node timeout, but not less than so long.
const VOTING_MS_MIN: i64 = 2000;
/// A change of places that takes longer is given up.
pub(super) const HANDOVER_MS: i64 = 5000;
/// The old master's clients are paused for so many times as long, unless they are released before.
const PAUSE_FACTOR: i64 = 2;
/// A master without replicas gets one of another's after so long.
const MIGRATION_MS: i64 = 5000;

/// A replica's candidacy.
#[derive(Debug, Default)]
pub(super) struct Election {
    /// When votes are, or were, asked for.
    at_ms: i64,
    /// How many replicas of the same master have copied more.
    rank: usize,
    /// Whether they have been asked for.
    is_asked: bool,
    /// For which epoch.
    epoch: u64,
    votes: Vec<PeerKey>,
}

/// A change of places between a master and its replica.
#[derive(Debug, Default)]
pub(super) struct Handover {
    /// When it is given up; 0 when there is none.
    ends_ms: i64,
    /// On the master: who takes over.
    replica: Option<PeerKey>,
    /// On the replica: how far the master had got when it paused its clients.
    master_offset: Option<u64>,
    /// On the replica: whether it may ask for votes.
    may_start: bool,
}

impl Handover {
    pub(super) fn is_pausing(&self) -> bool {
        self.ends_ms > 0 && self.replica.is_some()
    }

    /// Whether this master hands over to that replica, which then is told of every turn how far it has to copy.
    pub(super) fn is_for(&self, key: PeerKey) -> bool {
        self.ends_ms > 0 && self.replica == Some(key)
    }

    pub(super) fn note_master_offset(&mut self, offset: u64) {
        if self.ends_ms > 0 && self.master_offset.is_none() {
            self.master_offset = Some(offset);
        }
    }

    fn is_ready(&self) -> bool {
        self.ends_ms > 0 && self.may_start
    }
}

/// The replica's side.
impl Cluster {
    /// Goes on with whatever failover is under way.
    pub(super) fn conduct_failover(&mut self) {
        if self.handover.ends_ms > 0 && self.handover.master_offset == Some(self.local.offset) {
            self.handover.may_start = true;
        }
        if !self.is_wanted() {
            return;
        }
        let voting_ms = (self.settings.node_timeout_ms * 2).max(VOTING_MS_MIN);
        let age_ms = self.now_ms - self.election.at_ms;
        if age_ms > voting_ms * 2 {
            return self.schedule();
        }
        self.fall_back_in_rank();
        if self.now_ms < self.election.at_ms || self.now_ms - self.election.at_ms > voting_ms {
            return;
        }
        if !self.election.is_asked {
            self.ask_for_votes();
        } else if self.election.votes.len() >= self.table.quorum() {
            self.win();
        }
    }

    /// Whether this node should take its master's place.
    fn is_wanted(&self) -> bool {
        let by_hand = self.handover.is_ready();
        let me = self.table.me();
        let Some(master) = me.master.and_then(|master| self.table.get(master)) else {
            return false;
        };
        let is_needed = by_hand || (master.has_failed() && !self.settings.no_failover);
        me.is_replica() && is_needed && !master.slots.is_empty() && (by_hand || self.is_fresh())
    }

    /// Whether the data is young enough.
    fn is_fresh(&self) -> bool {
        let Settings {
            node_timeout_ms,
            replica_validity_factor,
            replica_ping_period_ms,
            ..
        } = self.settings;
        let age_ms = self.now_ms - self.local.master_heard_ms;
        let most_ms = replica_ping_period_ms + node_timeout_ms * replica_validity_factor;
        replica_validity_factor == 0 || age_ms - node_timeout_ms <= most_ms
    }

    fn schedule(&mut self) {
        let by_hand = self.handover.is_ready();
        let rank = if by_hand { 0 } else { self.rank() };
        let wait_ms = DELAY_MS + self.random.random_range(0..DELAY_SPREAD_MS) + rank_delay_ms(rank);
        let at_ms = self.now_ms + if by_hand { 0 } else { wait_ms };
        self.election = Election {
            at_ms,
            rank,
            ..Election::default()
        };
        self.log(
            Level::Warning,
            format!(
                "Start of election delayed for {} milliseconds (rank #{rank}).",
                at_ms - self.now_ms
            ),
        );
        // The other replicas of this master find their ranks by this one's offset.
        let master = self.table.me().master;
        for link in self.links_to(|_, peer| peer.is_replica() && peer.master == master) {
            self.send_gossip(link, GossipKind::Pong);
        }
        if by_hand {
            self.conduct_failover();
        }
    }

    /// How many living replicas of the same master have copied more.
    fn rank(&self) -> usize {
        let Some(master) = self.table.me().master else {
            return 0;
        };
        let others = self
            .table
            .replicas(master)
            .filter(|(key, _)| *key != Table::ME);
        others
            .filter(|(_, peer)| peer.offset > self.local.offset && !peer.has_failed())
            .count()
    }

    /// Waits longer when another turns out to have copied more.
    fn fall_back_in_rank(&mut self) {
        if self.election.is_asked || self.handover.ends_ms > 0 {
            return;
        }
        let rank = self.rank();
        if rank > self.election.rank {
            self.election.at_ms += rank_delay_ms(rank - self.election.rank);
            self.election.rank = rank;
        }
    }

    fn ask_for_votes(&mut self) {
        self.current_epoch += 1;
        self.election.epoch = self.current_epoch;
        self.election.is_asked = true;
        self.save_durably();
        self.log(
            Level::Warning,
            format!(
                "Starting a failover election for epoch {}.",
                self.current_epoch
            ),
        );
        let is_forced = self.handover.ends_ms > 0;
        for link in self.links_to(|_, _| true) {
            self.send_marked(link, Body::VoteRequest, is_forced);
        }
    }

    pub(super) fn count_vote(&mut self, from: PeerKey, header: &Header) {
        let counts = self.table.get(from).is_some_and(Peer::serves)
            && header.current_epoch >= self.election.epoch;
        if counts && self.election.is_asked && !self.election.votes.contains(&from) {
            self.election.votes.push(from);
        }
    }

    fn win(&mut self) {
        let epoch = self.election.epoch;
        self.log(
            Level::Warning,
            "Failover election won: I'm the new master.".into(),
        );
        let me = self.table.me_mut();
        me.config_epoch = me.config_epoch.max(epoch);
        self.replace_master();
    }

    /// Takes the master's place and its slots.
    pub(super) fn replace_master(&mut self) {
        let Some(master) = self.table.me().master else {
            return;
        };
        let slots = self
            .table
            .get(master)
            .map(|master| master.slots.clone())
            .unwrap_or_default();
        self.table.make_master(Table::ME);
        slots
            .iter()
            .for_each(|slot| self.table.give(slot, Table::ME));
        self.election = Election::default();
        self.end_handover();
        self.local.following = None;
        self.actions.push(Action::Lead);
        self.save_durably();
        self.is_untold = true;
        self.judge_service();
    }
}

fn rank_delay_ms(rank: usize) -> i64 {
    i64::try_from(rank).unwrap_or(0) * RANK_DELAY_MS
}

/// The voter's side.
impl Cluster {
    /// Gives a replica its vote, if this master may.
    pub(super) fn consider_vote(&mut self, candidate: PeerKey, header: &Header) {
        let Some(peer) = self.table.get(candidate) else {
            return;
        };
        let (id, link) = (peer.id, peer.link);
        match self.refusal(candidate, header) {
            Some(why) => self.log(
                Level::Warning,
                format!("Failover auth denied to {id}: {why}"),
            ),
            None => {
                self.last_vote_epoch = self.current_epoch;
                let (now_ms, head) = (self.now_ms, self.table.head(candidate));
                if let Some(master) = self.table.get_mut(head) {
                    master.voted_ms = now_ms;
                }
                self.save_durably();
                self.log(
                    Level::Warning,
                    format!(
                        "Failover auth granted to {id} for epoch {}",
                        self.current_epoch
                    ),
                );
                if let Some(link) = link {
                    self.send(link, Body::Vote);
                }
            }
        }
    }

    /// Why a replica does not get this node's vote, if it does not.
    fn refusal(&self, candidate: PeerKey, header: &Header) -> Option<&'static str> {
        let master = self
            .table
            .get(candidate)
            .and_then(|peer| peer.master)
            .and_then(|master| self.table.get(master));
        let recently_ms = self.now_ms - self.settings.node_timeout_ms * 2;
        let is_stale = |slot| {
            let owner = self
                .table
                .owner(slot)
                .and_then(|owner| self.table.get(owner));
            owner.is_some_and(|owner| owner.config_epoch > header.config_epoch)
        };
        match master {
            _ if !self.table.me().serves() => Some("I am no master with slots"),
            _ if header.current_epoch < self.current_epoch => {
                Some("its epoch is not the current one")
            }
            _ if self.last_vote_epoch >= self.current_epoch => Some("I have voted in this epoch"),
            None => Some("I do not know its master"),
            Some(master) if !master.has_failed() && !header.is_forced => Some("its master is up"),
            Some(master) if master.voted_ms > recently_ms => {
                Some("I have voted for this master's place lately")
            }
            Some(_) if header.slots.iter().any(is_stale) => {
                Some("it claims a slot that another has by a later claim")
            }
            Some(_) => None,
        }
    }
}

/// A change of places.
impl Cluster {
    /// The master's side: a replica asks for it.
    pub(super) fn pause_for(&mut self, replica: PeerKey, link: LinkId) {
        let is_mine = self
            .table
            .get(replica)
            .is_some_and(|peer| peer.master == Some(Table::ME));
        if !is_mine || !self.table.me().is_master() || !self.giving.is_empty() {
            return;
        }
        self.end_handover();
        self.handover = Handover {
            ends_ms: self.now_ms + HANDOVER_MS,
            replica: Some(replica),
            ..Handover::default()
        };
        self.actions
            .push(Action::Pause(self.now_ms + HANDOVER_MS * PAUSE_FACTOR));
        let id = self
            .table
            .get(replica)
            .map(|peer| peer.id.to_string())
            .unwrap_or_default();
        self.log(
            Level::Warning,
            format!("Manual failover requested by replica {id}."),
        );
        let to = self
            .table
            .get(replica)
            .and_then(|peer| peer.link)
            .unwrap_or(link);
        self.send_gossip(to, GossipKind::Ping);
    }

    /// The replica's side: asks its master, or with `at_once` does not wait for it.
    pub(super) fn begin_handover(&mut self, at_once: bool) {
        self.handover = Handover {
            ends_ms: self.now_ms + HANDOVER_MS,
            may_start: at_once,
            ..Handover::default()
        };
        self.election = Election::default();
        let master = self
            .table
            .me()
            .master
            .and_then(|master| self.table.get(master));
        if let Some(link) = master.and_then(|master| master.link).filter(|_| !at_once) {
            self.send(link, Body::FailoverStart);
        }
    }

    /// Gives up what takes too long.
    pub(super) fn time_out_handover(&mut self) {
        if self.handover.ends_ms > 0 && self.now_ms > self.handover.ends_ms {
            self.log(Level::Warning, "Manual failover timed out.".into());
            self.end_handover();
        }
    }

    pub(super) fn end_handover(&mut self) {
        if self.handover.is_pausing() {
            self.actions.push(Action::Resume);
        }
        self.handover = Handover::default();
    }
}

/// Replicas that move to masters without any.
impl Cluster {
    /// Moves this replica to a master that has lost its last one, if it is the one to do so: of the masters with most
    /// replicas, the replica with the least name.
    pub(super) fn migrate_if_needed(&mut self) {
        let Some(mine) = self.table.me().master else {
            return;
        };
        let siblings = self.living_replicas(mine).len();
        let Some(orphan) = self.orphan() else { return };
        let waited = self
            .table
            .get(orphan)
            .is_some_and(|peer| self.now_ms - peer.orphaned_ms > MIGRATION_MS);
        let may = self.settings.allow_replica_migration && !self.settings.no_failover && self.is_ok;
        if may && waited && siblings > self.settings.migration_barrier && self.is_first_of_most() {
            let id = self
                .table
                .get(orphan)
                .map(|peer| peer.id.to_string())
                .unwrap_or_default();
            self.log(Level::Warning, format!("Migrating to orphaned master {id}"));
            self.follow(orphan);
        }
    }

    /// The first master that had replicas and has none; notes since when each has been so.
    fn orphan(&mut self) -> Option<PeerKey> {
        let now_ms = self.now_ms;
        let is_orphan = |key: PeerKey, peer: &Peer| {
            let had_some = peer.flags.any(super::NodeFlags::MIGRATE_TO);
            peer.serves() && had_some && !peer.has_failed() && self.living_replicas(key).is_empty()
        };
        let others = self
            .table
            .others()
            .map(|(key, peer)| (key, is_orphan(key, peer)));
        let judged: Vec<(PeerKey, bool)> = others.collect();
        for (key, is_orphan) in &judged {
            if let Some(peer) = self.table.get_mut(*key) {
                let since_ms = if peer.orphaned_ms == 0 {
                    now_ms
                } else {
                    peer.orphaned_ms
                };
                peer.orphaned_ms = if *is_orphan { since_ms } else { 0 };
            }
        }
        judged
            .into_iter()
            .find(|(_, is_orphan)| *is_orphan)
            .map(|(key, _)| key)
    }

    /// Whether, of the replicas of the masters that have most of them, this one has the least name.
    fn is_first_of_most(&self) -> bool {
        let masters = self
            .table
            .iter()
            .filter(|(_, peer)| peer.serves() && !peer.has_failed());
        let shards: Vec<Vec<PeerKey>> = masters.map(|(key, _)| self.living_replicas(key)).collect();
        let most = shards.iter().map(Vec::len).max().unwrap_or(0);
        let candidates = shards.iter().filter(|shard| shard.len() == most).flatten();
        candidates
            .filter_map(|key| self.table.get(*key))
            .map(|peer| peer.id)
            .min()
            == Some(self.table.me().id)
    }
}
