//! The Redis serialization protocol: commands in, replies out.

pub mod parse;
pub mod reply;

pub use parse::{Arguments, Batch, OwnedArguments, Parser, ProtocolError, Span};
pub use reply::{Protocol, Reply};
