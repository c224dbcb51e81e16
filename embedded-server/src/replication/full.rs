//! Full resynchronisation, on the master's side: a replica is sent a snapshot slice by slice, as fast as it takes them,
//! while everybody is served; what is written meanwhile is kept, and follows.

use crate::client::Client;
use crate::keyspace::CutId;
use crate::log::Level;
use crate::node::{Server, hexadecimal};
use crate::resp::Reply;

/// What a replica is to be sent before it gets the stream.
#[derive(Debug)]
pub struct Resync {
    stage: Stage,
    form: Form,
    /// What was written since the snapshot began.
    behind: Vec<u8>,
    /// Bytes of keys that had to be copied for it before they changed, when that was last looked at.
    copied_bytes: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Sending(CutId),
    /// All was sent. The replica sees the end by nothing being behind it, and says so.
    Sent,
}

/// How a replica knows where the snapshot ends.
#[derive(Debug)]
enum Form {
    /// By this text.
    Marked(String),
    /// By its length, which is known when it is complete.
    Counted(Vec<u8>),
}

impl Resync {
    /// Keeps what was written for later.
    pub(super) fn keep(&mut self, bytes: &[u8]) {
        self.behind.extend_from_slice(bytes);
    }

    /// Bytes that wait because of it.
    #[must_use]
    pub fn waiting_bytes(&self) -> usize {
        self.behind.len() + self.copied_bytes
    }

    /// The snapshot that it still needs.
    #[must_use]
    pub fn snapshot(&self) -> Option<CutId> {
        match self.stage {
            Stage::Sending(snapshot) => Some(snapshot),
            Stage::Sent => None,
        }
    }
}

impl Server {
    /// Begins to send a snapshot of what is there now.
    pub(crate) fn send_everything(&mut self, client: &mut Client, reply: &mut Reply) {
        self.stats.full_syncs += 1;
        self.begin_recording();
        if self.replication.master.is_none() {
            // A replica that joins the stream must be told the database anew.
            self.replication.db = None;
        }
        let replica = client.replica.get_or_insert_default();
        replica.is_online = false;
        if replica.skips_keys {
            return self.send_bare(client, reply);
        }
        let snapshot = self.begin_snapshot();
        let replica = client.replica.get_or_insert_default();
        let form = if replica.reads_marks {
            let mark = hexadecimal(&mut self.random);
            reply.raw(format!("$EOF:{mark}\r\n").as_bytes());
            Form::Marked(mark)
        } else {
            Form::Counted(Vec::new())
        };
        client.resync = Some(Box::new(Resync {
            stage: Stage::Sending(snapshot),
            form,
            behind: Vec::new(),
            copied_bytes: 0,
        }));
        self.add_replica(client.slot);
        let peer = &client.endpoints.peer;
        self.log(Level::Notice, &format!("Replica {peer} gets a snapshot"));
    }

    /// Sends a snapshot without keys.
    fn send_bare(&mut self, client: &mut Client, reply: &mut Reply) {
        let (snapshot, mark) = (self.bare_snapshot(), hexadecimal(&mut self.random));
        reply.raw(format!("$EOF:{mark}\r\n").as_bytes());
        reply.raw(&snapshot);
        reply.raw(mark.as_bytes());
        client.resync = Some(Box::new(Resync {
            stage: Stage::Sent,
            form: Form::Marked(mark),
            behind: Vec::new(),
            copied_bytes: 0,
        }));
        self.add_replica(client.slot);
    }

    /// Gives a replica the next slice of its snapshot, if it is to have one. To be called when all before was sent.
    pub(crate) fn send_slice(&mut self, client: &mut Client) -> bool {
        let Some(snapshot) = client.resync.as_ref().and_then(|resync| resync.snapshot()) else {
            return false;
        };
        let slice = self.next_slice(snapshot);
        let Some(mut resync) = client.resync.take() else {
            return false;
        };
        match &mut resync.form {
            Form::Counted(whole) => whole.extend_from_slice(&slice.bytes),
            Form::Marked(mark) => {
                client.send_later(&slice.bytes);
                if slice.is_last {
                    client.send_later(mark.as_bytes());
                    resync.stage = Stage::Sent;
                }
            }
        }
        if let (Form::Counted(whole), true) = (&resync.form, slice.is_last) {
            client.send_later(format!("${}\r\n", whole.len()).as_bytes());
            client.send_later(whole);
            client.send_later(&resync.behind);
            self.put_online(client);
        } else {
            client.resync = Some(resync);
        }
        true
    }

    /// A replica tells how far it is; one that was sent a snapshot has it.
    pub(crate) fn acknowledged(&mut self, client: &mut Client, offset: u64) {
        let resync = client.resync.take_if(|resync| resync.stage == Stage::Sent);
        if let Some(resync) = resync {
            client.send_later(&resync.behind);
            self.put_online(client);
        }
        if let Some(replica) = &mut client.replica {
            replica.acknowledged = offset;
            replica.heard_ms = self.now_ms;
        }
        self.replication.has_acknowledgement = true;
    }

    /// A replica gets the stream from here on.
    pub(super) fn put_online(&mut self, client: &mut Client) {
        let replica = client.replica.get_or_insert_default();
        replica.is_online = true;
        replica.heard_ms = self.now_ms;
        let peer = &client.endpoints.peer;
        self.log(Level::Notice, &format!("Replica {peer} gets the stream"));
    }

    /// Notes how much had to be copied for the snapshot of a client's connection.
    pub(crate) fn measure_resyncs(&mut self) {
        let Self {
            clients, keyspace, ..
        } = self;
        let resyncs = clients
            .iter_mut()
            .filter_map(|client| client.resync.as_mut());
        for resync in resyncs {
            let writer = resync.snapshot().and_then(|id| keyspace.cut_writer(id));
            resync.copied_bytes = writer.map_or(0, |writer| writer.pending_bytes());
        }
    }

    /// Ends the snapshot of a replica that is gone.
    pub(crate) fn forget_replica(&mut self, client: &Client) {
        if client.replica.is_some() {
            self.replication
                .replicas
                .retain(|slot| *slot != client.slot);
        }
        if let Some(snapshot) = client.resync.as_ref().and_then(|resync| resync.snapshot()) {
            self.keyspace.end_cut(snapshot);
        }
    }
}
