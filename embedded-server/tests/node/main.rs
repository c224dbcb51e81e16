//! The frame of a node over real sockets: any cutting of the input, limits, rights, messages, time, and its end.

// All of this crate is test: its helpers assert by panicking, as tests do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod client;
mod faults;
mod limits;
mod listening;
mod messages;
mod migrate;
mod protocol;
mod saving;
mod time;
mod transactions;
mod unix;
