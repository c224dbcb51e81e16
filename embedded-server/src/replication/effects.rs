//! What replicas are told of a command: it as it came where it does the same there as here, or what it has come to.
//!
//! A command that would not do the same (a time to live counted from now, an ID by the clock, a draw at random, a client
//! that had waited) says by [`Context::tell_replicas`] what does: SPOP that it was SREM, BLPOP that it was LPOP. A key that
//! changed without such a word goes out whole.

use std::collections::BTreeSet;
use std::mem;

use super::Replication;
use crate::command::Context;
use crate::command::table::{Command, Flags};
use crate::keyspace::{Access, Db};
use crate::node::Server;
use crate::rdb::payload;
use crate::resp::{Arguments, Reply};

/// Keys that one command may touch before it goes out as it came, come what may.
const TOUCHED_MAX: usize = 100_000;
/// Words of a kind that one command is given.
const SHARE: usize = 1024;

/// Where the stream stands in a transaction: what one EXEC changes goes out within MULTI and EXEC, if it is more than one
/// command.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Bracket {
    None,
    /// A transaction runs, and has changed nothing yet.
    Due,
    /// It has come to this command, which is kept until there is another, or none.
    One(Vec<u8>),
    /// MULTI has gone out.
    Open,
}

/// What the running command has done.
#[derive(Debug, Default)]
pub(super) struct Effects {
    /// The keys that it has changed.
    touched: BTreeSet<(Db, Box<[u8]>)>,
    /// Whether it goes out as it came, whatever keys it changed.
    as_it_came: bool,
    /// What goes out in its place.
    told: Told,
}

/// Commands, as they go out.
#[derive(Debug, Default)]
struct Told {
    commands: usize,
    text: Reply,
}

impl Told {
    fn add<'a>(&mut self, words: impl ExactSizeIterator<Item = &'a [u8]>) {
        self.commands += 1;
        write(&mut self.text, words);
    }
}

fn write<'a>(text: &mut Reply, words: impl ExactSizeIterator<Item = &'a [u8]>) {
    text.array(words.len());
    words.for_each(|word| text.bulk(word));
}

impl Context<'_> {
    /// Has replicas carry this out in place of the command that runs; of several, all or none.
    #[inline]
    pub(crate) fn tell_replicas(&mut self, words: &[&[u8]]) {
        if self.server.replication.is_recording() {
            let told = &mut self.server.replication.effects.told;
            told.add(words.iter().copied());
        }
    }

    /// The same with words in the middle that may be many: they are shared out to as many commands as it takes.
    pub(crate) fn tell_replicas_of(
        &mut self,
        head: &[&[u8]],
        many: &[impl AsRef<[u8]>],
        tail: &[&[u8]],
    ) {
        for share in many.chunks(SHARE) {
            let share = share.iter().map(AsRef::as_ref);
            let words: Vec<&[u8]> = head
                .iter()
                .copied()
                .chain(share)
                .chain(tail.iter().copied())
                .collect();
            self.tell_replicas(&words);
        }
    }
}

impl Replication {
    /// A key has changed.
    pub(crate) fn touch(&mut self, db: Db, key: &[u8]) {
        let touched = &mut self.effects.touched;
        if touched.len() < TOUCHED_MAX {
            touched.insert((db, key.into()));
        }
    }

    /// The command that runs goes out as it came: it changes whole databases, or is about no key.
    pub(crate) fn repeat(&mut self) {
        // What a replica throws away to copy its master must not be held against it when it leads.
        self.effects.as_it_came |= self.is_recording();
    }
}

/// Whether a write does the same on a replica, later.
fn does_the_same(command: &Command) -> bool {
    let may_change = [Flags::WRITE, Flags::MAY_REPLICATE].map(|flag| command.spec.flags.has(flag));
    may_change.contains(&true) && command.spec.name != "migrate"
}

impl Server {
    /// Tells the replicas of a command that has run.
    pub(crate) fn propagate(&mut self, db: Db, arguments: &Arguments<'_>, command: &Command) {
        let effects = &mut self.replication.effects;
        let as_it_came = mem::take(&mut effects.as_it_came);
        let is_large = effects.touched.len() >= TOUCHED_MAX;
        let is_told = effects.told.commands > 0;
        let has_changed = as_it_came || !effects.touched.is_empty();
        if has_changed && !is_told && (as_it_came || is_large || does_the_same(command)) {
            effects.touched.clear();
            self.stream(db, arguments.iter());
        } else {
            self.propagate_served(db);
        }
    }

    /// Tells the replicas of what was done for a client, which may have waited for it, in `db`.
    pub(crate) fn propagate_served(&mut self, db: Db) {
        let told = mem::take(&mut self.replication.effects.told);
        if told.commands == 0 {
            self.propagate_rest();
        } else if !mem::take(&mut self.replication.effects.touched).is_empty() {
            self.stream_told(db, &told);
        }
    }

    /// Tells the replicas of keys that have changed without a command of their own.
    #[inline]
    pub(crate) fn propagate_rest(&mut self) {
        if !self.replication.effects.touched.is_empty() {
            self.propagate_keys();
        }
    }

    fn propagate_keys(&mut self) {
        for (db, key) in mem::take(&mut self.replication.effects.touched) {
            let words = self.whole(db, &key);
            self.stream(db, words.iter().map(Vec::as_slice));
        }
    }

    /// Puts what was told in place of a command into the stream.
    fn stream_told(&mut self, db: Db, told: &Told) {
        let needs_bracket = told.commands > 1 && self.replication.bracket == Bracket::None;
        if needs_bracket {
            self.begin_transaction();
        }
        self.enter_db(db);
        self.pass_on_within(told.text.bytes(), told.commands);
        if needs_bracket {
            self.end_transaction();
        }
    }

    /// The command that makes a key what it is.
    fn whole(&mut self, db: Db, key: &[u8]) -> Vec<Vec<u8>> {
        let compress = self.config.rdb_compression;
        let Some(entry) = self.keyspace.lookup(db, key, Access::Silent) else {
            return vec![b"DEL".to_vec(), key.to_vec()];
        };
        let deadline = entry.expire_ms().unwrap_or(0).to_string().into_bytes();
        let payload = payload::encode(entry.value(), compress);
        let [restore, replace, absolute] =
            ["RESTORE", "REPLACE", "ABSTTL"].map(|word| word.as_bytes().to_vec());
        vec![restore, key.to_vec(), deadline, payload, replace, absolute]
    }

    /// Tells the replicas that a key is gone.
    pub(crate) fn propagate_removal(&mut self, db: Db, key: &[u8]) {
        self.stream(db, [b"DEL".as_slice(), key].into_iter());
    }

    /// What follows belongs to one transaction.
    pub(crate) fn begin_transaction(&mut self) {
        self.replication.bracket = Bracket::Due;
    }

    /// What belongs to the transaction has run.
    pub(crate) fn end_transaction(&mut self) {
        match mem::replace(&mut self.replication.bracket, Bracket::None) {
            Bracket::One(command) => self.pass_on(&command),
            Bracket::Open => self.pass_on(&Reply::command(&[b"EXEC"])),
            Bracket::None | Bracket::Due => {}
        }
    }

    /// Puts a command into the stream.
    pub(super) fn stream<'a>(&mut self, db: Db, words: impl ExactSizeIterator<Item = &'a [u8]>) {
        self.enter_db(db);
        let mut text = Reply::default();
        write(&mut text, words);
        self.pass_on_within(text.bytes(), 1);
    }

    /// What follows is of `db`.
    fn enter_db(&mut self, db: Db) {
        if self.replication.db.replace(db) != Some(db) {
            let number = db.index().to_string();
            let select = Reply::command(&[b"SELECT", number.as_bytes()]);
            match self.replication.bracket {
                Bracket::None | Bracket::Due => self.pass_on(&select),
                Bracket::One(_) | Bracket::Open => self.pass_on_within(&select, 1),
            }
        }
    }

    /// Puts the text of so many commands into the stream, where they belong to a transaction within it.
    fn pass_on_within(&mut self, text: &[u8], commands: usize) {
        let first = match mem::replace(&mut self.replication.bracket, Bracket::Open) {
            Bracket::None => {
                self.replication.bracket = Bracket::None;
                return self.pass_on(text);
            }
            Bracket::Open => return self.pass_on(text),
            Bracket::Due if commands == 1 => {
                self.replication.bracket = Bracket::One(text.to_vec());
                return;
            }
            Bracket::Due => Vec::new(),
            Bracket::One(first) => first,
        };
        self.pass_on(&[Reply::command(&[b"MULTI"]).as_slice(), &first, text].concat());
    }
}
