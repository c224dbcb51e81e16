//! How handlers refuse: with a value, so that `?` ends them, and whatever they had begun to answer is taken back.

use std::borrow::Cow;

use super::{Arguments, Context, Reply, refusal};
use crate::keyspace::{Db, EditError, OutOfMemory, Written, WrongType};
use crate::notify::Events;
use crate::rdb::payload::PayloadError;
use crate::text::integer;

/// Why a command was refused: the error line to answer, opening with its code. Bytes, since it may quote some.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal(Cow<'static, [u8]>);

/// What a fallible handler comes to: its reply is written, or it was refused.
pub(crate) type Outcome = Result<(), Refusal>;

/// Makes a [`Handler`](super::Handler) of a function that returns an [`Outcome`].
macro_rules! handler {
    ($function:path) => {
        |context, arguments| $crate::command::outcome::settle(context, arguments, $function)
    };
}
pub(crate) use handler;

/// Carries a handler out; a refusal takes the place of whatever it had already written.
pub(crate) fn settle(
    context: &mut Context<'_>,
    arguments: &Arguments<'_>,
    carry_out: fn(&mut Context<'_>, &Arguments<'_>) -> Outcome,
) {
    let start = context.reply.len();
    if let Err(Refusal(text)) = carry_out(context, arguments) {
        context.reply.truncate(start);
        context.reply.error_bytes(&text);
    }
}

impl Refusal {
    /// Answers with it.
    pub(crate) fn answer(&self, reply: &mut Reply) {
        reply.error_bytes(&self.0);
    }

    /// Too few or too many arguments for `command`.
    pub(crate) fn arity(command: &str) -> Self {
        refusal::wrong_arity(command).into()
    }

    /// A time to live that is not positive, or ends beyond the calendar.
    pub(crate) fn expire_time(command: &str) -> Self {
        format!("ERR invalid expire time in '{command}' command").into()
    }

    /// A text that quotes what the client sent, in pieces.
    pub(crate) fn quoting(pieces: &[&[u8]]) -> Self {
        Self(Cow::Owned(pieces.concat()))
    }
}

impl From<&'static str> for Refusal {
    fn from(text: &'static str) -> Self {
        Self(Cow::Borrowed(text.as_bytes()))
    }
}

impl From<String> for Refusal {
    fn from(text: String) -> Self {
        Self(Cow::Owned(text.into_bytes()))
    }
}

impl From<WrongType> for Refusal {
    fn from(_: WrongType) -> Self {
        refusal::WRONG_TYPE.into()
    }
}

impl From<OutOfMemory> for Refusal {
    fn from(_: OutOfMemory) -> Self {
        refusal::OOM.into()
    }
}

impl From<EditError> for Refusal {
    fn from(error: EditError) -> Self {
        match error {
            EditError::WrongType(error) => error.into(),
            EditError::OutOfMemory(error) => error.into(),
        }
    }
}

impl From<PayloadError> for Refusal {
    fn from(error: PayloadError) -> Self {
        format!("ERR {error}").into()
    }
}

/// Reads a 64-bit integer.
pub(crate) fn integer_in(argument: &[u8]) -> Result<i64, Refusal> {
    integer::parse(argument).ok_or_else(|| refusal::NOT_AN_INTEGER.into())
}

/// Publishing what was done.
impl Context<'_> {
    /// Publishes an event of the selected database.
    pub(crate) fn notify(&mut self, class: Events, event: &str, key: &[u8]) {
        let db = self.db();
        self.server.notify(class, event, db, key);
    }

    /// Has copies of a key follow a change that clients are not told of.
    pub(crate) fn changed_silently(&mut self, key: &[u8]) {
        let db = self.db();
        self.server.touch_silently(db, key);
    }

    /// Publishes that a key was looked for in vain.
    pub(crate) fn missed(&mut self, key: &[u8]) {
        self.notify(Events::KEY_MISS, "keymiss", key);
    }

    /// Publishes a write, and before it that it made a new key.
    pub(crate) fn wrote(&mut self, written: Written, class: Events, event: &str, key: &[u8]) {
        self.created(written == Written::Created, self.db(), key);
        self.notify(class, event, key);
    }

    /// Publishes that a key is new, if it is.
    pub(crate) fn created(&mut self, is_new: bool, db: Db, key: &[u8]) {
        if is_new {
            self.server.notify(Events::NEW, "new", db, key);
        }
    }
}

/// Answers a container's HELP.
pub(crate) fn help(context: &mut Context<'_>, lines: &[&str]) {
    context.reply.array(lines.len());
    for line in lines {
        context.reply.simple(line);
    }
}

/// Refuses a word that names no subcommand of its container.
pub(crate) fn unknown_subcommand(_: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    const SHOWN_BYTES_MAX: usize = 128;
    let shown = arguments[1].get(..SHOWN_BYTES_MAX).unwrap_or(&arguments[1]);
    let container = arguments[0].to_ascii_uppercase();
    Err(Refusal::quoting(&[
        b"ERR unknown subcommand '",
        shown,
        b"'. Try ",
        &container,
        b" HELP.",
    ]))
}
