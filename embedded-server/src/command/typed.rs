//! Keys that hold one of the data types: looked at, changed in place, made when missing, removed when emptied.

use std::ops::{Range, RangeInclusive};

use rand::rngs::StdRng;

use super::outcome::Refusal;
use super::{Arguments, Context, Reply, refusal};
use crate::keyspace::{Access, Db, Expiry, Keyspace, Written, WrongType};
use crate::notify::Events;
use crate::text::{double, integer};
use crate::types::{Hash, Limits, List, Set, SortedSet, Stream, Value};

/// A data type that a key can hold.
pub(super) trait Kind: Default + 'static {
    /// The value as this type.
    fn of(value: &Value) -> Option<&Self>;
    /// The value as this type, to change.
    fn of_mut(value: &mut Value) -> Option<&mut Self>;
    /// As a value of any type.
    fn into_value(self) -> Value;
    /// Whether the key of such a value is to be removed.
    fn is_gone(&self) -> bool;
}

macro_rules! kinds {
    ($($kind:ident),*) => {
        $(impl Kind for $kind {
            fn of(value: &Value) -> Option<&Self> {
                if let Value::$kind(value) = value { Some(value) } else { None }
            }
            fn of_mut(value: &mut Value) -> Option<&mut Self> {
                if let Value::$kind(value) = value { Some(value) } else { None }
            }
            fn into_value(self) -> Value {
                Value::$kind(self)
            }
            fn is_gone(&self) -> bool {
                self.is_empty() && !matches!(Value::$kind(Self::default()), Value::Stream(_))
            }
        })*
    };
}
kinds!(List, Hash, Set, SortedSet, Stream);

/// What a change may use beside the value: the rest of the node, split off from its keyspace.
pub(super) struct Tools<'a> {
    /// When the value is to leave its compact form.
    pub(super) limits: &'a Limits,
    /// Every random draw.
    pub(super) random: &'a mut StdRng,
    /// The answer.
    pub(super) reply: &'a mut Reply,
    /// Milliseconds since the epoch.
    pub(super) now_ms: i64,
}

/// What became of a key that was changed.
pub(super) struct Changed<R> {
    /// What the change returned.
    pub(super) result: R,
    /// Whether the key was made for it.
    pub(super) created: bool,
    /// Whether nothing was left in it, and it was removed.
    pub(super) removed: bool,
}

/// The value of a key, without counting or refreshing anything.
pub(super) fn peek<'k, T: Kind>(
    keyspace: &'k mut Keyspace,
    db: Db,
    key: &[u8],
) -> Result<Option<&'k T>, WrongType> {
    look(keyspace, db, key, Access::Silent)
}

/// The value of a key.
pub(super) fn look<'k, T: Kind>(
    keyspace: &'k mut Keyspace,
    db: Db,
    key: &[u8],
    access: Access,
) -> Result<Option<&'k T>, WrongType> {
    let Some(entry) = keyspace.lookup(db, key, access) else {
        return Ok(None);
    };
    T::of(entry.object()?).map(Some).ok_or(WrongType)
}

/// The first of `keys` that holds such a value; those before it must not hold anything else.
pub(super) fn first_holding<'a, T: Kind>(
    context: &mut Context<'_>,
    keys: &Arguments<'a>,
) -> Result<Option<&'a [u8]>, Refusal> {
    let (db, keyspace) = (context.db(), &mut context.server.keyspace);
    for key in keys.iter() {
        if peek::<T>(keyspace, db, key)?.is_some() {
            return Ok(Some(key));
        }
    }
    Ok(None)
}

/// The value of a key that a client reads, and where to answer. Publishes that the key was missed, if it was.
pub(super) fn read<'c, T: Kind>(
    context: &'c mut Context<'_>,
    key: &[u8],
) -> Result<Option<(&'c T, &'c mut Reply)>, WrongType> {
    Ok(read_with(context, key)?.map(|(value, tools)| (value, tools.reply)))
}

/// As [`read`], with all that goes with an answer.
pub(super) fn read_with<'c, T: Kind>(
    context: &'c mut Context<'_>,
    key: &[u8],
) -> Result<Option<(&'c T, Tools<'c>)>, WrongType> {
    let db = context.db();
    if context.server.config.events.has(Events::KEY_MISS)
        && context
            .server
            .keyspace
            .lookup(db, key, Access::Silent)
            .is_none()
    {
        context.missed(key);
    }
    let server = &mut *context.server;
    let found = look(&mut server.keyspace, db, key, Access::Read)?;
    let tools = Tools {
        limits: &server.config.limits,
        random: &mut server.random,
        reply: context.reply,
        now_ms: server.now_ms,
    };
    Ok(found.map(|value| (value, tools)))
}

/// Several keys read at once, in order, each as this type; where to answer, and what to draw from.
pub(super) fn read_all<'c, 'k, T: Kind>(
    context: &'c mut Context<'_>,
    keys: impl Iterator<Item = &'k [u8]> + Clone,
) -> Result<(Vec<Option<&'c T>>, Tools<'c>), WrongType> {
    let db = context.db();
    for key in keys.clone() {
        let keyspace = &mut context.server.keyspace;
        if look::<T>(keyspace, db, key, Access::Read)?.is_none() {
            context.missed(key);
        }
    }
    let server = &mut *context.server;
    let keyspace = &server.keyspace;
    let values = keys.map(|key| {
        keyspace
            .view(db, key)
            .and_then(|entry| T::of(entry.object().ok()?))
    });
    let tools = Tools {
        limits: &server.config.limits,
        random: &mut server.random,
        reply: context.reply,
        now_ms: server.now_ms,
    };
    Ok((values.collect(), tools))
}

/// Changes the value of a key in place; `None` if the key is missing.
pub(super) fn edit<T: Kind, R>(
    context: &mut Context<'_>,
    key: &[u8],
    change: impl FnOnce(&mut T, &mut Tools<'_>) -> R,
) -> Result<Option<Changed<R>>, Refusal> {
    let db = context.db();
    let server = &mut *context.server;
    let mut tools = Tools {
        limits: &server.config.limits,
        random: &mut server.random,
        reply: context.reply,
        now_ms: server.now_ms,
    };
    let edited = server.keyspace.edit_object(db, key, |value| {
        let value = T::of_mut(value).ok_or(WrongType)?;
        let result = change(value, &mut tools);
        Ok::<_, WrongType>(Changed {
            result,
            created: false,
            removed: value.is_gone(),
        })
    })?;
    Ok(edited.transpose()?)
}

/// Changes the value of a key in place; where the key is missing, makes it first. What is left empty is not kept.
/// `bytes` says what the change may add, so that room is made for it before.
pub(super) fn edit_or_create<T: Kind, R>(
    context: &mut Context<'_>,
    key: &[u8],
    bytes: usize,
    change: impl FnOnce(&mut T, &mut Tools<'_>) -> R,
) -> Result<Changed<R>, Refusal> {
    make_room(context, bytes)?;
    let mut change = Some(change);
    let edited = edit(context, key, |value: &mut T, tools| {
        change.take().map(|change| change(value, tools))
    })?;
    if let Some(Changed {
        result: Some(result),
        created,
        removed,
    }) = edited
    {
        return Ok(Changed {
            result,
            created,
            removed,
        });
    }
    let Some(change) = change else {
        return Err(WrongType.into());
    };
    create(context, key, change)
}

/// Makes a key of what `change` makes of an empty value.
fn create<T: Kind, R>(
    context: &mut Context<'_>,
    key: &[u8],
    change: impl FnOnce(&mut T, &mut Tools<'_>) -> R,
) -> Result<Changed<R>, Refusal> {
    let db = context.db();
    let server = &mut *context.server;
    let mut value = T::default();
    let mut tools = Tools {
        limits: &server.config.limits,
        random: &mut server.random,
        reply: context.reply,
        now_ms: server.now_ms,
    };
    let result = change(&mut value, &mut tools);
    let removed = value.is_gone();
    if !removed {
        server
            .keyspace
            .set_object(db, key, value.into_value(), Expiry::Never)?;
        context.created(true, db, key);
    }
    Ok(Changed {
        result,
        created: !removed,
        removed,
    })
}

/// Makes room for `bytes` more and what the allocator and the tables add.
pub(super) fn make_room(context: &mut Context<'_>, bytes: usize) -> Result<(), Refusal> {
    const OVERHEAD_BYTES: usize = 256;
    let keyspace = &mut context.server.keyspace;
    if keyspace.settings().maxmemory > 0 {
        keyspace.make_room((bytes + OVERHEAD_BYTES) as u64)?;
    }
    Ok(())
}

/// Puts a value under a key, whatever was there, and publishes `event`; an empty one removes the key. Says how many
/// elements it has.
pub(super) fn store<T: Kind>(
    context: &mut Context<'_>,
    key: &[u8],
    value: T,
    class: Events,
    event: &str,
) -> Result<usize, Refusal> {
    let db = context.db();
    let value = value.into_value();
    let len = value.len();
    if len == 0 {
        if context.server.keyspace.remove(db, key) {
            context.notify(Events::GENERIC, "del", key);
        }
        return Ok(0);
    }
    let written = context
        .server
        .keyspace
        .set_object(db, key, value, Expiry::Never)?;
    context.created(written == Written::Created, db, key);
    context.notify(class, event, key);
    Ok(len)
}

impl Context<'_> {
    /// Publishes a change, and then that the key is gone, if it is.
    pub(super) fn changed(&mut self, class: Events, event: &str, key: &[u8], removed: bool) {
        self.notify(class, event, key);
        if removed {
            self.notify(Events::GENERIC, "del", key);
        }
    }
}

/// Reads a number within a range. `message` is the refusal of all else; without one, Redis's own words.
pub(super) fn integer_between(
    argument: &[u8],
    range: RangeInclusive<i64>,
    message: Option<&'static str>,
) -> Result<i64, Refusal> {
    let value = integer::parse(argument).ok_or(message.unwrap_or(refusal::NOT_AN_INTEGER))?;
    match message {
        _ if range.contains(&value) => Ok(value),
        Some(message) => Err(message.into()),
        None => {
            let (start, end) = range.into_inner();
            Err(format!("ERR value is out of range, value must between {start} and {end}").into())
        }
    }
}

/// Reads a count that is not negative.
pub(super) fn count_in(argument: &[u8], message: Option<&'static str>) -> Result<usize, Refusal> {
    let message = message.unwrap_or("ERR value is out of range, must be positive");
    let value = integer_between(argument, 0..=i64::MAX, Some(message))?;
    Ok(usize::try_from(value).unwrap_or(usize::MAX))
}

/// Reads a floating-point number.
pub(super) fn double_in(argument: &[u8], message: &'static str) -> Result<f64, Refusal> {
    double::parse(argument).ok_or_else(|| message.into())
}

/// The elements that `start` and `stop` choose of `len`, counted from the end where negative.
pub(super) fn span(start: i64, stop: i64, len: usize) -> Range<usize> {
    let len = i64::try_from(len).unwrap_or(i64::MAX);
    let from_front = |at: i64| if at < 0 { len.saturating_add(at) } else { at };
    let start = from_front(start).max(0);
    let end = from_front(stop).min(len - 1).saturating_add(1);
    if start >= end {
        0..0
    } else {
        start as usize..end as usize
    }
}

/// Reads the number of keys that follow it, and gives these and the rest.
pub(super) fn keys_counted<'a>(
    arguments: &Arguments<'a>,
    at: usize,
    message: Option<&'static str>,
) -> Result<(Arguments<'a>, Arguments<'a>), Refusal> {
    let count = count_in(&arguments[at], message)?;
    match count {
        0 => Err(message.unwrap_or(refusal::SYNTAX).into()),
        count if count > arguments.len() - at - 1 => Err(refusal::SYNTAX.into()),
        count => Ok((
            arguments.from(at + 1).first(count),
            arguments.from(at + 1 + count),
        )),
    }
}
