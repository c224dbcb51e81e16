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
            b"\x00\x05hello",
            b"\x00\xc190",
            b"\x00\xc3\x09\x40\x64\x01aa\xe0\x57\x00\x01aa",
            b"\x00\x80\x00\x00\x00\x01a",
        ],
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
