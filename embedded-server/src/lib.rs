//! stub

pub mod rdb;
pub mod text;
pub mod types;
