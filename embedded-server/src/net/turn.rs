//! What connections share while one of them has its turn: the node, and buffers that only the running one uses.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::ahead::Ahead;
use crate::client::{Client, Close};
use crate::command::dispatch;
use crate::command::table::Command;
use crate::fault::Verdict;
use crate::log::Level;
use crate::node::Server;
use crate::resp::parse::{Arguments, Limits, Progress};
use crate::resp::{Batch, Parser, Reply};

/// Input is read into one buffer of so many bytes; only the incomplete end of it is kept by its connection.
pub(super) const INPUT_BYTES: usize = 256 * 1024;
/// Replies are sent when a batch of commands ends, or before, when they are more than this.
const REPLY_BYTES_TO_SEND: usize = 256 * 1024;

/// What connections share.
pub(super) struct Turn {
    /// The node.
    pub(super) server: Server,
    /// Where input is read to.
    pub(super) input: Vec<u8>,
    /// The replies to one read.
    pub(super) reply: Reply,
    batch: Batch,
    commands: Vec<Option<&'static Command>>,
    /// Of the keys of the batch.
    hashes: Vec<u64>,
}

/// How far the commands of some input were carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Done {
    /// Bytes that are done with.
    pub(super) consumed: usize,
    /// Whether there is nothing more to do with the rest but to wait for what follows it.
    pub(super) starved: bool,
}

impl Turn {
    pub(super) fn new(server: Server) -> Self {
        Self {
            server,
            input: vec![0; INPUT_BYTES],
            reply: Reply::default(),
            batch: Batch::default(),
            commands: Vec::new(),
            hashes: Vec::new(),
        }
    }

    /// Whether the last commands came several at a time.
    pub(super) fn is_pipelined(&self) -> bool {
        self.batch.len() > 1
    }

    /// Carries out the complete commands at the start of `input`, until they end or there is enough to send.
    pub(super) fn run(
        &mut self,
        client: &mut Client,
        parser: &mut Parser,
        input: &mut [u8],
    ) -> Done {
        self.server.enter(client);
        client.input_bytes = input.len();
        let mut consumed = 0;
        loop {
            let rest = input.get_mut(consumed..).unwrap_or_default();
            self.batch.clear();
            let limits = Limits {
                bulk_bytes_max: self.server.config.proto_max_bulk_len,
                authenticated: client.authenticated,
            };
            let Progress {
                consumed: parsed,
                starved,
                error,
            } = parser.parse(rest, limits, &mut self.batch);
            if let Some(done) = self.execute(client, rest) {
                // What follows waits with the client, and is parsed again when it goes on.
                *parser = Parser::default();
                return Done {
                    consumed: consumed + done,
                    starved: true,
                };
            }
            consumed += parsed;
            if let Some(error) = error.filter(|_| client.close == Close::No) {
                self.refuse(client, &format!("ERR {error}"));
            }
            let starved = starved || client.close != Close::No;
            if starved || self.reply.len() > REPLY_BYTES_TO_SEND {
                return Done { consumed, starved };
            }
        }
    }

    /// Carries out the batch, up to a command that makes the client wait or is its last: says then where its bytes end. A
    /// command that panics ends its connection and no other.
    fn execute(&mut self, client: &mut Client, input: &[u8]) -> Option<usize> {
        // How many commands are carried out, if what follows must wait, or is not to be carried out at all.
        let mut carried_out = None;
        let mut begun = 0;
        let ran = catch_unwind(AssertUnwindSafe(|| {
            self.resolve(client, input);
            self.reply.set_protocol(client.protocol);
            self.reply.set_ceiling(self.server.config.reply_bytes_max);
            let faulty = self.server.faults.any();
            let commands = self.batch.commands(input).zip(&self.commands);
            for (index, (arguments, command)) in commands.enumerate() {
                begun = index;
                let (server, reply) = (&mut self.server, &mut self.reply);
                if server.pause.is_on() && server.postpone(client, &arguments, *command) {
                    carried_out = Some(index);
                    break;
                }
                if faulty {
                    run_with_faults(server, client, reply, &arguments, *command);
                } else {
                    dispatch::run(server, client, reply, &arguments, *command);
                }
                if client.blocked || client.close != Close::No || self.reply.is_over() {
                    carried_out = Some(index + 1);
                    break;
                }
            }
        }));
        if ran.is_err() {
            self.server.log(
                Level::Warning,
                &format!("A command of client {} panicked; it is closed", client.id),
            );
            client.end(Close::Now);
            carried_out = Some(begun + 1);
        }
        if self.reply.is_over() {
            self.disown(client);
        }
        match carried_out? {
            0 => Some(0),
            count => self.batch.byte_end(count - 1),
        }
    }

    /// Ends a client whose replies are more than it may be sent, without any of them.
    #[cold]
    fn disown(&mut self, client: &mut Client) {
        self.reply.clear(0);
        self.server.stats.output_limit_disconnections += 1;
        let message = format!(
            "Client {} is closed: its replies outgrow client-output-buffer-limit",
            client.id
        );
        self.server.log(Level::Warning, &message);
        client.end(Close::Now);
    }

    /// Looks the commands up, and fetches what they will need.
    fn resolve(&mut self, client: &Client, input: &[u8]) {
        let names = &self.server.config.renames;
        self.commands.clear();
        let mut before: (&[u8], Option<&'static Command>) = (b"", None);
        for arguments in self.batch.commands(input) {
            let name = arguments.get(0).unwrap_or_default();
            // Most batches are of one kind; only a command without subcommands is told by its name alone.
            if name != before.0 || !before.1.is_some_and(Command::stands_alone) {
                before = (name, names.resolve(&arguments));
            }
            self.commands.push(before.1);
        }
        let ahead = Ahead {
            keyspace: &self.server.keyspace,
            db: client.db,
            batch: &self.batch,
            commands: &self.commands,
            input,
        };
        ahead.fetch(&mut self.hashes);
    }

    fn refuse(&mut self, client: &mut Client, message: &str) {
        self.reply.error(message);
        if let Some(code) = self.reply.take_error_code() {
            self.server.stats.count_error(code);
        }
        client.end(Close::AfterReply);
    }
}

/// Carries out one command, unless something is to go wrong with it.
#[cold]
fn run_with_faults(
    server: &mut Server,
    client: &mut Client,
    reply: &mut Reply,
    arguments: &Arguments<'_>,
    command: Option<&'static Command>,
) {
    let start = reply.len();
    match server.faults.strike(command) {
        Verdict::CarryOut => dispatch::run(server, client, reply, arguments, command),
        Verdict::Refuse(text) => {
            reply.error(&text);
            if let Some(code) = reply.take_error_code() {
                server.stats.count_error(code);
            }
        }
        // What was answered before is sent.
        Verdict::Drop => client.end(Close::AfterReply),
        Verdict::Cut(bytes) => {
            dispatch::run(server, client, reply, arguments, command);
            reply.truncate(reply.len().min(start + bytes));
            client.end(Close::AfterReply);
        }
    }
}
