//! Client CPU microseconds per operation: cachebench and redis-benchmark send the same requests to the same server.

/// Prints a line per operation and pipeline.
pub(crate) fn measure() {
    println!("SKIPPED: client CPU per operation: `cachebench run` does not drive yet");
}
