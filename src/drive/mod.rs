//! The drive: sends the load of a phase and measures what comes back.
//!
//! The hot part of the program: nothing here prints, reads YAML, takes a lock or allocates per request.

pub mod resp;
