//! Looks inside a running node: what its keys hold, without a client, and without the look counting as a use.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::Duration;

use thiserror::Error;

use crate::handle::{Ended, Handle};
use crate::keyspace::{Db, Entry, Value};
use crate::node::Server;
use crate::types::{self, StreamId};

/// Why a look shows nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LookError {
    /// There is nobody to ask.
    #[error(transparent)]
    Ended(#[from] Ended),
    /// The node has no such database.
    #[error("the node has no database {0}; raise the directive databases")]
    NoDatabase(usize),
    /// The key holds another type.
    #[error("the key holds a {found}, not a {wanted}; look at it as what it is")]
    WrongType {
        /// What was asked for, as TYPE names it.
        wanted: &'static str,
        /// What is there.
        found: &'static str,
    },
}

/// A database of a running node; see [`Handle::db`].
#[derive(Debug, Clone, Copy)]
pub struct Look<'n> {
    node: &'n Handle,
    index: usize,
}

/// An entry of a stream: its ID, and its fields with their values.
pub type StreamEntry = (StreamId, Vec<(Vec<u8>, Vec<u8>)>);

impl Handle {
    /// The database of this number, to look into. What is seen is what a client would see at that moment.
    ///
    /// ```
    /// # use embedded_server::{Options, Server};
    /// # use std::io::{Read, Write};
    /// let node = Server::start(Options::for_tests())?;
    /// let mut client = std::net::TcpStream::connect(node.addr())?;
    /// client.write_all(b"RPUSH colours red green\r\nSET greeting hello EX 60\r\n")?;
    /// client.read_exact(&mut [0; 9])?; // ":2" and "+OK"
    ///
    /// let db = node.db(0);
    /// assert_eq!(db.list("colours")?, [b"red".to_vec(), b"green".to_vec()]);
    /// assert_eq!(db.get("greeting")?.as_deref(), Some(&b"hello"[..]));
    /// assert_eq!(db.ttl("greeting")?, Some(std::time::Duration::from_secs(60)));
    /// assert_eq!(db.keys()?.len(), 2);
    /// assert!(db.set("colours").is_err(), "it is a list");
    /// assert_eq!(db.dump()?, "colours list: red green\ngreeting string: hello\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn db(&self, index: usize) -> Look<'_> {
        Look { node: self, index }
    }
}

impl Look<'_> {
    /// A string; `None` where there is no such key.
    ///
    /// # Errors
    /// [`LookError`], also when the key holds another type. So do the others.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>, LookError> {
        self.look(key, "string", |value| match value {
            Value::String(text) => Some(text.to_vec()),
            Value::Object(_) => None,
        })
    }

    /// The elements of a list; none where there is no such key.
    ///
    /// # Errors
    /// See [`Look::get`].
    pub fn list(&self, key: impl AsRef<[u8]>) -> Result<Vec<Vec<u8>>, LookError> {
        let found = self.look(key, "list", |value| match value {
            Value::Object(types::Value::List(list)) => {
                Some(list.iter().map(<[u8]>::to_vec).collect())
            }
            _ => None,
        })?;
        Ok(found.unwrap_or_default())
    }

    /// The fields of a hash with their values; none where there is no such key.
    ///
    /// # Errors
    /// See [`Look::get`].
    pub fn hash(&self, key: impl AsRef<[u8]>) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, LookError> {
        let now_ms = self.node.clock().now_us() / 1000;
        let found = self.look(key, "hash", move |value| match value {
            Value::Object(types::Value::Hash(hash)) => {
                let alive = |field: &[u8]| hash.deadline(field).is_none_or(|at| at > now_ms);
                let fields = hash.iter().filter(|(field, _)| alive(field));
                Some(
                    fields
                        .map(|(field, value)| (field.to_vec(), value.to_vec()))
                        .collect(),
                )
            }
            _ => None,
        })?;
        Ok(found.unwrap_or_default())
    }

    /// The members of a set; none where there is no such key.
    ///
    /// # Errors
    /// See [`Look::get`].
    pub fn set(&self, key: impl AsRef<[u8]>) -> Result<BTreeSet<Vec<u8>>, LookError> {
        let found = self.look(key, "set", |value| match value {
            Value::Object(types::Value::Set(set)) => {
                Some(set.iter().map(types::Member::to_vec).collect())
            }
            _ => None,
        })?;
        Ok(found.unwrap_or_default())
    }

    /// The members of a sorted set with their scores, in order; none where there is no such key.
    ///
    /// # Errors
    /// See [`Look::get`].
    pub fn sorted_set(&self, key: impl AsRef<[u8]>) -> Result<Vec<(Vec<u8>, f64)>, LookError> {
        let found = self.look(key, "zset", |value| match value {
            Value::Object(types::Value::SortedSet(set)) => Some(
                set.iter()
                    .map(|(member, score)| (member.to_vec(), score))
                    .collect(),
            ),
            _ => None,
        })?;
        Ok(found.unwrap_or_default())
    }

    /// The entries of a stream, in order; none where there is no such key.
    ///
    /// # Errors
    /// See [`Look::get`].
    pub fn stream(&self, key: impl AsRef<[u8]>) -> Result<Vec<StreamEntry>, LookError> {
        let found = self.look(key, "stream", |value| match value {
            Value::Object(types::Value::Stream(stream)) => {
                let entries = stream.range(StreamId::MIN..=StreamId::MAX);
                let owned = |(name, value): (&[u8], &[u8])| (name.to_vec(), value.to_vec());
                Some(
                    entries
                        .map(|entry| (entry.id, entry.fields.map(owned).collect()))
                        .collect(),
                )
            }
            _ => None,
        })?;
        Ok(found.unwrap_or_default())
    }

    /// The type of a key as TYPE names it; `None` where there is no such key.
    ///
    /// # Errors
    /// [`LookError`].
    pub fn type_of(&self, key: impl AsRef<[u8]>) -> Result<Option<&'static str>, LookError> {
        self.with(key, |entry| entry.type_name())
    }

    /// How long a key has still to live; `None` where it lives for ever or is not there.
    ///
    /// # Errors
    /// [`LookError`].
    pub fn ttl(&self, key: impl AsRef<[u8]>) -> Result<Option<Duration>, LookError> {
        let deadline_ms = self.with(key, |entry| entry.expire_ms())?.flatten();
        let now_ms = self.node.clock().now_us() / 1000;
        Ok(deadline_ms.map(|at| Duration::from_millis(at.unsigned_abs().saturating_sub(now_ms))))
    }

    /// The names of all keys.
    ///
    /// # Errors
    /// [`LookError`].
    pub fn keys(&self) -> Result<BTreeSet<Vec<u8>>, LookError> {
        self.ask(|server, db| {
            let mut keys = BTreeSet::new();
            server.keyspace.for_each(db, |entry| {
                keys.insert(entry.key().to_vec());
            });
            keys
        })
    }

    /// Everything in words, a line a key, in the order of their names: to print when a test fails.
    ///
    /// # Errors
    /// [`LookError`].
    pub fn dump(&self) -> Result<String, LookError> {
        let lines = self.ask(|server, db| {
            let mut lines = BTreeMap::new();
            server.keyspace.for_each(db, |entry| {
                lines.insert(entry.key().to_vec(), line(&entry));
            });
            lines
        })?;
        Ok(lines.into_values().collect())
    }

    /// What `read` makes of the value of a key; it answers `None` to another type than `wanted`.
    fn look<R: Send + 'static>(
        &self,
        key: impl AsRef<[u8]>,
        wanted: &'static str,
        read: impl FnOnce(Value<'_>) -> Option<R> + Send + 'static,
    ) -> Result<Option<R>, LookError> {
        let found = self.with(key, move |entry| {
            read(entry.value()).ok_or(entry.type_name())
        })?;
        found
            .transpose()
            .map_err(|found| LookError::WrongType { wanted, found })
    }

    /// What `read` makes of a key, if it is there.
    fn with<R: Send + 'static>(
        &self,
        key: impl AsRef<[u8]>,
        read: impl FnOnce(Entry<'_>) -> R + Send + 'static,
    ) -> Result<Option<R>, LookError> {
        let key = key.as_ref().to_vec();
        self.ask(move |server, db| server.keyspace.view(db, &key).map(read))
    }

    fn ask<R: Send + 'static>(
        &self,
        ask: impl FnOnce(&mut Server, Db) -> R + Send + 'static,
    ) -> Result<R, LookError> {
        let index = self.index;
        self.node
            .visit(move |server| {
                let db = server.keyspace.db(index);
                db.map(|db| ask(server, db))
            })?
            .ok_or(LookError::NoDatabase(index))
    }
}

/// A key in words.
fn line(entry: &Entry<'_>) -> String {
    let mut line = format!("{} {}:", entry.key().escape_ascii(), entry.type_name());
    let mut say = |words: std::fmt::Arguments<'_>| {
        // Writing to a string cannot fail.
        let _ = line.write_fmt(words);
    };
    match entry.value() {
        Value::String(text) => say(format_args!(" {}", text.escape_ascii())),
        Value::Object(types::Value::List(list)) => list
            .iter()
            .for_each(|element| say(format_args!(" {}", element.escape_ascii()))),
        Value::Object(types::Value::Hash(hash)) => hash.iter().for_each(|(field, value)| {
            say(format_args!(
                " {}={}",
                field.escape_ascii(),
                value.escape_ascii()
            ));
        }),
        Value::Object(types::Value::Set(set)) => set
            .iter()
            .for_each(|member| say(format_args!(" {}", member.to_vec().escape_ascii()))),
        Value::Object(types::Value::SortedSet(set)) => set.iter().for_each(|(member, score)| {
            say(format_args!(" {}={score}", member.escape_ascii()));
        }),
        Value::Object(types::Value::Stream(stream)) => {
            for entry in stream.range(StreamId::MIN..=StreamId::MAX) {
                say(format_args!(" {}", entry.id));
                entry.fields.for_each(|(name, value)| {
                    say(format_args!(
                        " {}={}",
                        name.escape_ascii(),
                        value.escape_ascii()
                    ));
                });
            }
        }
    }
    line.push('\n');
    line
}
