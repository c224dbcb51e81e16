//! The serialized form of values: what `DUMP` answers and `RESTORE` takes, and what snapshots are made of.
//!
//! Everything here is pure: bytes in, values out, and back. What Redis 7.0 writes is read in every encoding, those of
//! servers before it and of 7.2 and 7.4 too; what is written here, Redis 7.0 reads, but for hashes whose fields expire,
//! which it does not have.
//!
//! - [`payload`]: one value in a checked envelope. [`file`](mod@file), [`reader`]: a whole snapshot, key by key.
//! - `value` chooses the encoding of a type; a file per type reads and writes it.
//! - `listpack`, `ziplist`: the packed blocks within. `string`, `wire`: strings, lengths, bytes in order.
//!
//! Nothing is allocated because a length says so: what is read grows with the bytes that are truly there.

pub mod crc64;
pub mod file;
pub mod lzf;
pub mod payload;
pub mod reader;

mod hash;
mod list;
mod listpack;
mod set;
mod sorted_set;
mod stream;
mod string;
mod value;
mod wire;
mod ziplist;
mod zipmap;

pub use value::Value;

/// The version of the format that is written.
const VERSION: u16 = 10;
/// The version that a hash whose fields expire needs: Redis 7.4's.
const VERSION_OF_EXPIRING_FIELDS: u16 = 12;
/// The newest version that is read.
const VERSION_MAX: u16 = 12;
