//! The fuzz targets on a stable compiler: seeded random bytes and mutated samples, a bounded number of them.
//!
//! This finds what is shallow, on every test run; `fuzz/README.md` tells how to look deeper.

#[path = "../fuzz/src/lib.rs"]
#[allow(
    unreachable_pub,
    reason = "public to the fuzz crate, which this file belongs to"
)]
mod targets;

use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

/// Inputs per target; all targets together take a few seconds.
const INPUTS: usize = 20_000;
/// Longest random input, and longest growth of a sample.
const BYTES_MAX: usize = 300;

#[test]
fn what_a_socket_sends() {
    try_with(
        targets::resp_commands,
        &[
            b"\x03*3\r\n$3\r\nSET\r\n$5\r\nkey-1\r\n$7\r\nvalue-1\r\n*1\r\n$4\r\nPING\r\n",
            b"\x01SET user:1 \"Tantia Tope\"\r\nGET 'user:1'\n\r\n*0\r\n*-1\r\nPING \"\\x41\\n\"\r\n",
            b"\x07*2\r\n$3\r\nGET\r\n$1048577\r\n",
            b"\x00*1048577\r\n$0\r\n\r\n",
        ],
    );
}

#[test]
fn what_restore_takes() {
    try_with(
        targets::restore_payload,
        &[
            // A hash with a field that expires at the very beginning of time (found by libFuzzer).
            b"\x18\x00\x00\x00\x00\x00\x00\x00\x00\x01\x01\x011\x01\x01\x00",
            b"\x00\x05hello",
            b"\x00\xc190",
            b"\x00\xc3\x09\x40\x64\x01aa\xe0\x57\x00\x01aa",
            b"\x00\x80\x00\x00\x00\x01a",
            b"\x01\x02\x01a\x01b",
            b"\x02\x02\x01b\x01a",
            b"\x04\x02\x02f3\xc0\x03\x02f2\xc0\x02",
            b"\x05\x01\x01a\x00\x00\x00\x00\x00\x00\xf0\x3f",
            b"\x0b\x0e\x02\x00\x00\x00\x03\x00\x00\x00\x01\x00\x02\x00\x03\x00",
            b"\x0d\x11\x11\x00\x00\x00\x0d\x00\x00\x00\x02\x00\x00\x01a\x03\xf2\xff",
            b"\x10\x12\x12\x00\x00\x00\x04\x00\x81a\x02\x01\x01\x81b\x02\x81x\x02\xff",
            b"\x11\x14\x14\x00\x00\x00\x04\x00\x81a\x02\x01\x01\x81b\x02\x832.5\x04\xff",
            b"\x12\x01\x02##\x00\x00\x00\x07\x00\x81a\x02\x81b\x02\x01\x01\x02\x01\xc1,\x02\xf2\x90\xee\xfe\x04\xf4\x00\x00\x00\x00\x00\x01\x00\x00\x09\xff",
            // Nodes of one element each, of which the last has none.
            b"\x12\x02\x01\x01a\x01\x00",
            STREAM,
            MISCOUNTED_STREAM,
            b"\x18\x05\x00\x00\x00\x00\x00\x00\x00\x01\x01\x01a\x01b",
        ],
    );
}

/// A block that tells of one entry more than it has.
const MISCOUNTED_STREAM: &[u8] = b"\x0f\x01\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\
    \x1d\x1d\x00\x00\x00\x0a\x00\x02\x01\x00\x01\x01\x01\x81f\x02\x00\x01\x02\x01\x01\x01\x00\x01\x81v\x02\x04\x01\xff\
    \x01\x01\x00\x00";

/// Two entries and a deleted one, and a group whose consumer has one of them.
const STREAM: &[u8] = b"\x13\x01\x10\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\x01\xc34:\x07:\x00\x00\x00\x18\x00\x02\x01@\x00\x07\x81a\x02\x00\x01\x03\x01\x00\x20\x01\x04\x01\x01\x04\x01\x02`\x07\x00\x02\x20\x09@\x0f@\x09\x02\x81b\x02\x20\x04\x06c\x02\x03\x01\x08\x01\xff\x02\x06\x02\x05\x02\x05\x01\x03\x01\x01g\x05\x02\x02\x01\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\x02\xca\xff\x05\x04\xa2\x01\x00\x00\x01\x01\x01c\xca\xff\x05\x04\xa2\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\x02";

#[test]
fn a_snapshot() {
    try_with(
        targets::snapshot,
        &[
            b"REDIS0010\xfa\x09redis-ver\x067.0.15\xfe\x00\xfb\x01\x00\x00\x01a\x01b\xff\x00\x00\x00\x00\x00\x00\x00\x00",
            b"REDIS0010\xfe\x03\xfc\x00\xe8\x76\x48\x17\x00\x00\x00\xf8\x09\x01\x01l\x01\x01a\xf9\x07\x02\x01s\x01\x01a\xff\x00\x00\x00\x00\x00\x00\x00\x00",
        ],
    );
}

#[test]
fn a_message_of_the_bus() {
    let gossip = [&[0, 1], [b'b'; 40].as_slice(), &[0; 64]].concat();
    let update = [&[7, 0], [0; 8].as_slice(), &[b'c'; 40], &[1; 2048]].concat();
    let published = b"\x04\x00\x00\x00\x00\x01\x00\x00\x00\x02abc";
    try_with(
        targets::bus_message,
        &[&gossip, &update, published, b"RCmb\x00\x00\x08\xd0\x00\x01"],
    );
}

#[test]
fn a_configuration_file() {
    try_with(
        targets::configuration_file,
        &[
            b"maxmemory 100mb\nmaxmemory-policy allkeys-lru\n# a comment\nsave \"\"\nrequirepass \"a b\"\n",
            b"client-output-buffer-limit normal 0 0 0\nnotify-keyspace-events KEA\nport 0\nbind 127.0.0.1 ::1\n",
        ],
    );
}

#[test]
fn a_recording() {
    try_with(
        targets::recording,
        &[
            br#"{"schema":"cachebench.recording/1","cachebench":"0.1.0","started_at":"","command":[],"outcome":"complete"}"#,
            br#"{"schema":"cachebench.recording/2","cachebench":"9.0.0"}"#,
            b"\x02\x0a",
            b"\x1c\x84\x93\x13\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03\xe8\x3f\xf0\x00\x00\x00\x00\x00\x00\x02\x01\x02",
        ],
    );
}

#[test]
fn a_trace() {
    try_with(
        targets::trace,
        &[
            b"\x00\x01\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x10\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\x011,key,3,10,7,get,0\n2,key,3,10,7,set,60\n",
            b"\x02key-1\nkey-2\n\n",
            b"\x031339518083.107412 [0 127.0.0.1:60866] \"SET\" \"a \\\"b\\\"\" \"\\x00\\n\"\n",
            b"\x04time,key,size,op,ttl\n1.5,a,10,get,\n2,b,,set,60\n",
            b"\x02\x28\xb5\x2f\xfd\x04\x00\x11\x00\x00ab",
            b"\x02\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03",
        ],
    );
}

/// Calls `target` with every sample, with mutations of the samples, and with noise.
fn try_with(target: fn(&[u8]), samples: &[&[u8]]) {
    let mut rng = StdRng::seed_from_u64(42);
    samples.iter().for_each(|sample| target(sample));
    for _ in 0..INPUTS {
        let input = match samples.get(rng.random_range(0..=samples.len())) {
            Some(sample) => mutated(sample, samples, &mut rng),
            None => noise(&mut rng),
        };
        target(&input);
    }
}

fn noise(rng: &mut StdRng) -> Vec<u8> {
    let mut bytes = vec![0; rng.random_range(0..BYTES_MAX)];
    rng.fill_bytes(&mut bytes);
    bytes
}

/// One to four small damages, as transport, truncation and malice make them.
fn mutated(sample: &[u8], samples: &[&[u8]], rng: &mut StdRng) -> Vec<u8> {
    let mut bytes = sample.to_vec();
    for _ in 0..rng.random_range(1..=4) {
        let at = rng.random_range(0..=bytes.len());
        match rng.random_range(0..6) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, rng.random()),
            2 => bytes.extend_from_slice(samples[rng.random_range(0..samples.len())]),
            3 => drop(bytes.drain(at..bytes.len().min(at + 3))),
            4 => bytes
                .splice(at..at, (0..rng.random_range(0..20)).map(|_| b'9'))
                .for_each(drop),
            _ => bytes
                .iter_mut()
                .skip(at)
                .take(1)
                .for_each(|byte| *byte ^= 1 << rng.random_range(0..8)),
        }
    }
    bytes
}
