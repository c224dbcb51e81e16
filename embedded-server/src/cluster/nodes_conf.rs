//! What a node remembers of its cluster, in Redis's text format: a line a node, as CLUSTER NODES shows it, and one with
//! the epochs.
//!
//! ```text
//! NAME IP:PORT@BUSPORT[,HOSTNAME] FLAGS MASTER|- PINGSENT PONGRECEIVED EPOCH connected|disconnected SLOTS...
//! vars currentEpoch N lastVoteEpoch N
//! ```
//!
//! A slot is `7`, `0-5460`, or on its way: `[7->-NAME]` out of this node, `[7-<-NAME]` into it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::IpAddr;

use rand::SeedableRng;
use rand::rngs::StdRng;
use thiserror::Error;

use super::flags::NodeFlags;
use super::id::NodeId;
use super::machine::{Cluster, Settings};
use super::message::Address;
use super::peer::{Peer, PeerKey};
use super::slot::{SLOTS, Slot};
use super::table::Table;

/// A master that starts with slots waits so long before it serves: others may have them by now.
const WAIT_MS: i64 = 2000;

/// Why a file cannot be read. The node does not start then.
#[derive(Debug, PartialEq, Eq, Error)]
#[error(
    "line {line} of the cluster configuration: {reason}; restore the file from a copy, or remove it to begin as a new node"
)]
pub struct NodesConfError {
    /// Which line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub reason: &'static str,
}

impl Cluster {
    /// The whole file.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for (key, peer) in self
            .table
            .iter()
            .filter(|(_, peer)| !peer.is_in_handshake())
        {
            self.describe(&mut text, key, peer);
            text.push('\n');
        }
        let (current, vote) = (self.current_epoch, self.last_vote_epoch);
        // Writing to a String does not fail.
        let _ = writeln!(text, "vars currentEpoch {current} lastVoteEpoch {vote}");
        text
    }

    /// The line of one node, without its end.
    pub fn describe(&self, text: &mut String, key: PeerKey, peer: &Peer) {
        let Address { ip, port, bus_port } = peer.address;
        let ip = ip.map(|ip| ip.to_string()).unwrap_or_default();
        let comma = if peer.hostname.is_empty() { "" } else { "," };
        let master = peer.master.and_then(|master| self.table.get(master));
        let master = master.map_or_else(|| "-".to_owned(), |master| master.id.to_string());
        let is_connected = key == Table::ME || peer.is_linked();
        let state = if is_connected {
            "connected"
        } else {
            "disconnected"
        };
        let epoch = self
            .table
            .get(self.table.head(key))
            .map_or(0, |head| head.config_epoch);
        let _ = write!(
            text,
            "{} {ip}:{port}@{bus_port}{comma}{} {} {master} {} {} {epoch} {state}",
            peer.id, peer.hostname, peer.flags, peer.ping_sent_ms, peer.pong_received_ms,
        );
        if !peer.slots.is_empty() {
            let _ = write!(text, " {}", peer.slots);
        }
        if key == Table::ME {
            let [out, into] = self.moving();
            for (slot, to) in out {
                let _ = write!(text, " [{slot}->-{to}]");
            }
            for (slot, from) in into {
                let _ = write!(text, " [{slot}-<-{from}]");
            }
        }
    }

    /// A node that remembers. `seed` is that of its random choices from here on.
    ///
    /// # Errors
    /// Names the first line that is wrong.
    pub fn from_text(
        text: &str,
        settings: Settings,
        seed: u64,
        now_ms: i64,
    ) -> Result<Self, NodesConfError> {
        let mut file = File::default();
        for (index, line) in text.lines().enumerate() {
            file.read_line(line, index + 1, now_ms)
                .map_err(|reason| NodesConfError {
                    line: index + 1,
                    reason,
                })?;
        }
        let last = text.lines().count();
        let me = file.me.take().ok_or(NodesConfError {
            line: last,
            reason: "no line says \"myself\"",
        })?;
        if !text.ends_with('\n') {
            return Err(NodesConfError {
                line: last,
                reason: "the last line is cut off",
            });
        }
        file.into_cluster(me, settings, StdRng::seed_from_u64(seed), now_ms)
    }
}

/// A line that was read; what it says of others is looked up once all are.
struct Line {
    number: usize,
    peer: Peer,
    master: Option<NodeId>,
    slots: Vec<(Slot, Slot)>,
    /// Slots on their way; true for out of this node.
    moving: Vec<(bool, Slot, NodeId)>,
}

#[derive(Default)]
struct File {
    me: Option<Line>,
    others: Vec<Line>,
    current_epoch: u64,
    last_vote_epoch: u64,
}

impl File {
    fn read_line(&mut self, line: &str, number: usize, now_ms: i64) -> Result<(), &'static str> {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [] => Ok(()),
            ["vars", pairs @ ..] => self.read_vars(pairs),
            [id, address, flags, master, ping, pong, epoch, _, slots @ ..] => {
                let words = [id, address, flags, master, ping, pong, epoch];
                self.enter(Line::read(number, words.map(|word| *word), slots, now_ms)?)
            }
            _ => Err("a node's line has at least eight words"),
        }
    }

    fn enter(&mut self, line: Line) -> Result<(), &'static str> {
        if !line.peer.flags.any(NodeFlags::MYSELF) {
            self.others.push(line);
        } else if self.me.replace(line).is_some() {
            return Err("a second line says \"myself\"");
        }
        Ok(())
    }

    fn read_vars(&mut self, pairs: &[&str]) -> Result<(), &'static str> {
        for pair in pairs.chunks(2) {
            let [name, value] = pair else {
                return Err("a name in vars has no value");
            };
            let value = value.parse().map_err(|_| "an epoch in vars is no number")?;
            match *name {
                "currentEpoch" => self.current_epoch = value,
                "lastVoteEpoch" => self.last_vote_epoch = value,
                _ => {}
            }
        }
        Ok(())
    }

    fn into_cluster(
        self,
        me: Line,
        settings: Settings,
        random: StdRng,
        now_ms: i64,
    ) -> Result<Cluster, NodesConfError> {
        let at = |line: &Line, reason| NodesConfError {
            line: line.number,
            reason,
        };
        let mut table = Table::new(me.peer.clone());
        let mut lines = vec![(Table::ME, me)];
        for line in self.others {
            let key = table
                .add(line.peer.clone())
                .ok_or_else(|| at(&line, "this name stands twice"))?;
            lines.push((key, line));
        }
        let (mut migrating, mut importing) = (BTreeMap::new(), BTreeMap::new());
        for (key, line) in &lines {
            if let Some(master) = line.master {
                let master = table
                    .find(master)
                    .ok_or_else(|| at(line, "its master has no line"))?;
                table.make_replica(*key, Some(master));
            }
            for (first, last) in &line.slots {
                (*first..=*last).for_each(|slot| table.give(slot, *key));
            }
            for (is_out, slot, id) in &line.moving {
                let other = table
                    .find(*id)
                    .ok_or_else(|| at(line, "a slot moves from or to a node without a line"))?;
                let moving = if *is_out {
                    &mut migrating
                } else {
                    &mut importing
                };
                moving.insert(*slot, other);
            }
        }
        let mut cluster = Cluster::with(table, settings, random, now_ms);
        let highest = cluster
            .table
            .iter()
            .map(|(_, peer)| peer.config_epoch)
            .max()
            .unwrap_or(0);
        cluster.current_epoch = self.current_epoch.max(highest);
        cluster.last_vote_epoch = self.last_vote_epoch;
        (cluster.migrating, cluster.importing) = (migrating, importing);
        if cluster.table.me().serves() {
            cluster.serve_from_ms = now_ms + WAIT_MS;
        }
        Ok(cluster)
    }
}

impl Line {
    fn read(
        number: usize,
        words: [&str; 7],
        slots: &[&str],
        now_ms: i64,
    ) -> Result<Self, &'static str> {
        let [id, address, flags, master, ping, pong, epoch] = words;
        let id = node(id)?;
        let (address, hostname) = self::address(address)?;
        let flags = NodeFlags::parse(flags).ok_or("the flags are not known")?;
        let mut peer = Peer::new(id, flags, address, now_ms);
        peer.hostname = hostname;
        // Nobody owes an answer to a node that has just started; that one was lost before, it remembers.
        ping.parse::<i64>()
            .and(pong.parse::<i64>())
            .map_err(|_| "the time of a ping or pong is no number")?;
        peer.failed_ms = if peer.has_failed() { now_ms } else { 0 };
        peer.flags.set(NodeFlags::PFAIL, false);
        peer.config_epoch = epoch.parse().map_err(|_| "the epoch is no number")?;
        let master = if master == "-" {
            None
        } else {
            Some(node(master)?)
        };
        let mut line = Self {
            number,
            peer,
            master,
            slots: Vec::new(),
            moving: Vec::new(),
        };
        for word in slots {
            line.read_slots(word)?;
        }
        Ok(line)
    }

    fn read_slots(&mut self, word: &str) -> Result<(), &'static str> {
        if let Some(inner) = word
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            let out = inner.split_once("->-").map(|(slot, id)| (true, slot, id));
            let moving =
                out.or_else(|| inner.split_once("-<-").map(|(slot, id)| (false, slot, id)));
            let (is_out, slot, id) = moving.ok_or("a slot in brackets moves neither out nor in")?;
            self.moving.push((is_out, self::slot(slot)?, node(id)?));
            return Ok(());
        }
        let (first, last) = word.split_once('-').unwrap_or((word, word));
        let (first, last) = (slot(first)?, slot(last)?);
        if first > last {
            return Err("a stretch of slots ends before it begins");
        }
        self.slots.push((first, last));
        Ok(())
    }
}

fn node(text: &str) -> Result<NodeId, &'static str> {
    NodeId::parse(text.as_bytes()).ok_or("a node's name is not forty hexadecimal digits")
}

fn slot(text: &str) -> Result<Slot, &'static str> {
    text.parse()
        .ok()
        .filter(|slot| *slot < SLOTS)
        .ok_or("a slot is not a number below 16384")
}

fn address(text: &str) -> Result<(Address, String), &'static str> {
    const WRONG: &str = "an address is not IP:PORT@BUSPORT";
    let (address, hostname) = text.split_once(',').unwrap_or((text, ""));
    // What newer servers write behind the name is not needed here.
    let hostname = hostname.split(',').next().unwrap_or("");
    let (ip, ports) = address.rsplit_once(':').ok_or(WRONG)?;
    let (port, bus_port) = ports.split_once('@').ok_or(WRONG)?;
    let ip: Option<IpAddr> = if ip.is_empty() {
        None
    } else {
        Some(ip.parse().map_err(|_| WRONG)?)
    };
    let (port, bus_port) = (
        port.parse().map_err(|_| WRONG)?,
        bus_port.parse().map_err(|_| WRONG)?,
    );
    Ok((Address { ip, port, bus_port }, hostname.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
        07c37dfeb235213a872192d90877d0cd55635b91 127.0.0.1:30004@31004 slave e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca 0 0 4 disconnected\n\
        67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1 127.0.0.1:30002@31002,host.example master,fail - 0 0 2 disconnected 5461-10922\n\
        e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca :30001@31001 myself,master - 0 0 1 connected 0-5460 7000 [93-<-67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1] [7->-67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1]\n\
        vars currentEpoch 6 lastVoteEpoch 5\n";

    fn read(text: &str) -> Result<Cluster, NodesConfError> {
        let settings = Settings {
            port: 30001,
            bus_port: 31001,
            ..Settings::default()
        };
        Cluster::from_text(text, settings, 1, 0)
    }

    #[test]
    fn a_file_of_redis_is_read_and_comes_back() {
        let cluster = read(TEXT).unwrap();
        assert_eq!(
            (
                cluster.table.count(),
                cluster.current_epoch,
                cluster.last_vote_epoch
            ),
            (3, 6, 5)
        );
        assert_eq!(cluster.table.me().slots.to_string(), "0-5460");
        let text = cluster.to_text();
        let again = read(&text).unwrap().to_text();
        assert_eq!(text, again);
        for line in TEXT
            .lines()
            .filter(|line| !line.contains("slave") && !line.contains("7000"))
        {
            assert!(text.contains(line), "{line} is missing in:\n{text}");
        }
        assert!(
            text.contains("[7->-67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1] [93-<-"),
            "{text}"
        );
    }

    #[test]
    fn what_is_wrong_is_named_by_its_line() {
        for (from, to, line, reason) in [
            ("07c37", "07C37", 1, "hexadecimal"),
            ("30002@31002", "30002", 2, "IP:PORT@BUSPORT"),
            ("master,fail", "boss", 2, "flags"),
            ("5461-10922", "5461-16384", 2, "below 16384"),
            ("5461-10922", "10-9", 2, "before it begins"),
            ("slave e7d1", "slave a7d1", 1, "no line"),
            ("myself,", "", 4, "myself"),
            ("lastVoteEpoch 5", "lastVoteEpoch", 4, "no value"),
            ("lastVoteEpoch 5\n", "lastVoteEpoch 5", 4, "cut off"),
            (
                "slave e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca 0 0 4 disconnected",
                "slave",
                1,
                "eight words",
            ),
        ] {
            let error = read(&TEXT.replacen(from, to, 1)).unwrap_err();
            assert_eq!(error.line, line, "{error}");
            assert!(error.to_string().contains(reason), "{error}");
        }
    }
}
