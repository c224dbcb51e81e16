//! A limit on everything, so that no workload can ask for what no machine has: beyond these, an error, never a crash.

use std::time::Duration;

/// Bytes of a workload file.
pub const FILE_BYTES: usize = 1 << 20;
/// Nodes (keys, values, lists, maps) of a workload file, aliases followed.
pub const NODES: usize = 100_000;
/// How deep lists and maps may stand in one another.
pub const DEPTH: usize = 32;
/// Keys in the key space.
pub const KEYS: u64 = 1_000_000_000;
/// Key spaces.
pub const SPACES: usize = 64;
/// Keys whose survival can be probed.
pub const PROBED_KEYS: u64 = 100_000_000;
/// Bytes of one value, as in Redis.
pub const VALUE_BYTES: u64 = 512 << 20;
/// Bytes of a message that is published.
pub const MESSAGE_BYTES: u64 = 1 << 20;
/// Bytes of the text around the number in a template.
pub const TEMPLATE_BYTES: usize = 4096;
/// Rows of a file that a workload names, and of a list in their place.
pub const ROWS: usize = 10_000;
/// Characters of a name.
pub const NAME_CHARACTERS: usize = 64;
/// Phases.
pub const PHASES: usize = 100;
/// Requests of one phase.
pub const REQUESTS: u64 = 1_000_000_000_000;
/// Connections of one phase.
pub const CLIENTS: u64 = 10_000;
/// Threads that drive.
pub const THREADS: u64 = 256;
/// Requests in flight per connection.
pub const PIPELINE: u64 = 10_000;
/// Bytes of values in flight: clients times pipeline times the largest value.
pub const BYTES_IN_FLIGHT: u64 = 4 << 30;
/// Keys, or fields, of one request.
pub const KEYS_PER_REQUEST: u64 = 1000;
/// Operations of one phase.
pub const OPERATIONS: usize = 100;
/// Requests per second.
pub const RATE: f64 = 1e8;
/// Steps of a rate.
pub const STEPS: usize = 1000;
/// Times faster than recorded that a trace is replayed.
pub const SPEED: std::ops::RangeInclusive<f64> = 1e-6..=1e6;
/// Exponent of a zipfian order.
pub const EXPONENT: f64 = 3.0;
/// Any duration: pauses, phases, times to live.
pub const DURATION: Duration = Duration::from_secs(30 * 24 * 3600);
/// Bytes that a server may hold.
pub const CAPACITY_BYTES: u64 = 1 << 50;
/// Repetitions of every cell.
pub const REPEAT: u64 = 1000;
/// Cells of a comparison.
pub const CELLS: usize = 256;
/// Expectations.
pub const EXPECTATIONS: usize = 1000;
/// Groups of survival.
pub const GROUPS: usize = 100;
/// Directives of a target or of a cell.
pub const DIRECTIVES: usize = 200;
/// Events of a workload.
pub const EVENTS: usize = 100;
