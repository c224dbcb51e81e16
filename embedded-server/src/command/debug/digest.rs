//! DEBUG DIGEST and DIGEST-VALUE: whether two servers, or one at two times, hold the same.
//!
//! The rule is Redis's, so that digests can be compared with a redis-server: what has an order is mixed, what has none
//! is combined by exclusive or.

use super::super::outcome::Outcome;
use super::super::{Arguments, Context};
use crate::keyspace::{Db, Entry, Keyspace, Value};
use crate::text::double;
use crate::text::sha1::{DIGEST_BYTES, digest, hexadecimal};
use crate::types::{self, StreamId};

/// A digest that grows.
#[derive(Clone, Copy, Default)]
struct Digest([u8; DIGEST_BYTES]);

impl Digest {
    /// Takes in something that has no place among its like.
    fn combine(&mut self, bytes: &[u8]) {
        for (own, new) in self.0.iter_mut().zip(digest(bytes)) {
            *own ^= new;
        }
    }

    /// Takes in what comes next.
    fn mix(&mut self, bytes: &[u8]) {
        self.combine(bytes);
        self.0 = digest(&self.0);
    }

    /// Takes in a pair that has no place among its like.
    fn combine_pair(&mut self, first: &[u8], second: &[u8]) {
        let mut pair = Self::default();
        pair.mix(first);
        pair.mix(second);
        self.combine(&pair.0);
    }

    fn mix_entry(&mut self, entry: &Entry<'_>) {
        self.mix(&type_number(entry.value()).to_be_bytes());
        match entry.value() {
            Value::String(text) => self.mix(text),
            Value::Object(value) => self.mix_value(value),
        }
        if entry.expire_ms().is_some() {
            self.combine(b"!!expire!!");
        }
    }

    fn mix_value(&mut self, value: &types::Value) {
        match value {
            types::Value::List(list) => list.iter().for_each(|element| self.mix(element)),
            types::Value::Set(set) => set
                .iter()
                .for_each(|member| self.combine(member.bytes(&mut itoa::Buffer::new()))),
            types::Value::SortedSet(set) => set.iter().for_each(|(member, score)| {
                self.combine_pair(member, double::print(score).as_bytes());
            }),
            types::Value::Hash(hash) => hash
                .iter()
                .for_each(|(field, value)| self.combine_pair(field, value)),
            types::Value::Stream(stream) => {
                for entry in stream.range(StreamId::MIN..=StreamId::MAX) {
                    self.mix(format!("{}.{}", entry.id.ms, entry.id.seq).as_bytes());
                    entry.fields.for_each(|(name, value)| {
                        self.mix(name);
                        self.mix(value);
                    });
                }
            }
        }
    }
}

fn type_number(value: Value<'_>) -> u32 {
    match value {
        Value::String(_) => 0,
        Value::Object(types::Value::List(_)) => 1,
        Value::Object(types::Value::Set(_)) => 2,
        Value::Object(types::Value::SortedSet(_)) => 3,
        Value::Object(types::Value::Hash(_)) => 4,
        Value::Object(types::Value::Stream(_)) => 6,
    }
}

/// Of every key of every database.
pub(super) fn all(context: &mut Context<'_>) {
    let keyspace = &context.server.keyspace;
    let mut all = Digest::default();
    for db in keyspace.dbs().filter(|&db| !keyspace.is_empty(db)) {
        mix_database(&mut all, keyspace, db);
    }
    context.reply.simple(&hexadecimal(&all.0));
}

fn mix_database(all: &mut Digest, keyspace: &Keyspace, db: Db) {
    all.mix(&(db.index() as u32).to_be_bytes());
    keyspace.for_each(db, |entry| {
        let mut one = Digest::default();
        one.mix(entry.key());
        one.mix_entry(&entry);
        all.combine(&one.0);
    });
}

/// Of what each key holds.
pub(super) fn values(context: &mut Context<'_>, keys: &Arguments<'_>) -> Outcome {
    let db = context.db();
    context.reply.array(keys.len());
    for key in keys.iter() {
        let mut one = Digest::default();
        if let Some(entry) = context.server.keyspace.view(db, key) {
            one.mix_entry(&entry);
        }
        context.reply.simple(&hexadecimal(&one.0));
    }
    Ok(())
}
