//! stub

pub mod types;
