//! The frame of a node over real sockets: any cutting of the input, limits, rights, messages, time, and its end.

mod client;
mod limits;
mod messages;
mod protocol;
mod time;
