//! The serialized form of values: what `DUMP` answers and `RESTORE` takes, and what snapshots are made of.
//!
//! A dump payload is a type byte, the value in that type's encoding, the format's version in two bytes and a
//! CRC-64 of all before it, both little-endian. Version 10 is what Redis 7.0 writes; the bytes here are the same.

pub mod crc64;
pub mod lzf;
pub mod payload;
mod string;
mod wire;
