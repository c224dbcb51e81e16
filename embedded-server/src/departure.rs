//! What ends for clients when a slot leaves this node: waits for its keys, subscriptions to its channels.

use crate::blocking::Unblocked;
use crate::client::Client;
use crate::cluster::{Table, slot};
use crate::command::table::Flags;
use crate::node::Server;
use crate::pubsub::Topic;

/// What clients are told who wait on a master that becomes a replica.
const CHANGED: &str =
    "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)";

impl Server {
    /// Sends away whoever waits here for what another node has now.
    pub(crate) fn turn_away(&mut self) {
        if self.cluster.is_none() {
            return;
        }
        for (slot, text) in self.waits_in_vain() {
            self.unblock(slot, Unblocked::Refused(&text));
        }
        for channel in self.channels_elsewhere() {
            self.end_channel(&channel);
        }
    }

    /// The clients that wait for keys this node does not serve, and where they are to go.
    fn waits_in_vain(&self) -> Vec<(usize, String)> {
        let waiting = self.blocked.first_keys().filter_map(|(slot, key)| {
            let client = self.clients.get(slot)?;
            Some((slot, self.destination(client, key)?))
        });
        waiting.collect()
    }

    /// Why a client need not wait here for a key, if so.
    fn destination(&self, client: &Client, key: &[u8]) -> Option<String> {
        let member = self.cluster.as_ref()?;
        let (cluster, slot) = (&member.cluster, slot::of_key(key));
        let Some(owner) = cluster.table().owner(slot) else {
            return Some("CLUSTERDOWN Hash slot not served".to_owned());
        };
        if !cluster.is_ok() {
            return Some("CLUSTERDOWN The cluster is down".to_owned());
        }
        let reads = client
            .last_command
            .is_some_and(|command| command.spec.flags.has(Flags::READONLY));
        let reads_here =
            reads && client.reads_replica && cluster.table().me().master == Some(owner);
        if owner == Table::ME || cluster.importing(slot).is_some() || reads_here {
            return None;
        }
        let owner = cluster.table().get(owner)?;
        Some(member.redirection(&self.config, "MOVED", slot, owner))
    }

    /// The channels with subscribers here whose slots another shard has.
    fn channels_elsewhere(&self) -> Vec<Box<[u8]>> {
        let Some(member) = &self.cluster else {
            return Vec::new();
        };
        let table = member.cluster.table();
        let shard = table.head(Table::ME);
        let elsewhere = |channel: &&[u8]| table.owner(slot::of_key(channel)) != Some(shard);
        let channels = self.pubsub.names(Topic::Shard).filter(elsewhere);
        channels.map(Into::into).collect()
    }

    fn end_channel(&mut self, channel: &[u8]) {
        for slot in self.pubsub.subscribers(Topic::Shard, channel).to_vec() {
            self.pubsub.unsubscribe(Topic::Shard, channel, slot);
            let left = self.clients.get_mut(slot).map_or(0, |client| {
                client.shards.remove(channel);
                client.shards.len()
            });
            self.push_to(slot, |reply| {
                reply.push(3);
                reply.bulk(b"sunsubscribe");
                reply.bulk(channel);
                reply.count(left);
            });
        }
    }

    /// Sends away whoever waits for keys or replicas on a node that is no master any more.
    pub(crate) fn end_blocking(&mut self) {
        for slot in self.blocked.slots() {
            self.unblock(slot, Unblocked::Refused(CHANGED));
            if let Some(client) = self.clients.get_mut(slot) {
                client.end(crate::client::Close::AfterReply);
            }
        }
    }
}
