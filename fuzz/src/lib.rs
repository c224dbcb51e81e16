//! The fuzz targets: functions that take any bytes, must not panic, and assert what must hold of what they read.
//!
//! libFuzzer calls them from `fuzz_targets/`, and `tests/fuzz_smoke.rs` on a stable compiler.

use std::io::Cursor;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cachebench::drive::replay::meaning;
use cachebench::recording::model::Latency;
use cachebench::recording::{keys, read};
use cachebench::trace::{Columns, Format, Trace};
use embedded_server::cluster::wire;
use embedded_server::config::Config;
use embedded_server::rdb::reader::Reader;
use embedded_server::rdb::{crc64, file, payload};
use embedded_server::resp::parse::{Batch, Limits, Parser, ProtocolError};
use embedded_server::types;

/// What a socket sends. However the bytes are cut, the same commands come out, and the same error ends them.
pub fn resp_commands(data: &[u8]) {
    let Some((cut, bytes)) = data.split_first() else {
        return;
    };
    let whole = commands(bytes, bytes.len());
    let pieces = commands(bytes, usize::from(*cut) % 16 + 1);
    assert_eq!(whole, pieces, "cut every {} bytes", cut % 16 + 1);
}

type Commands = (Vec<Vec<Vec<u8>>>, Option<ProtocolError>);

/// Every command in `bytes`, which arrive in pieces of `size`.
fn commands(bytes: &[u8], size: usize) -> Commands {
    let limits = Limits {
        bulk_bytes_max: 1 << 20,
        authenticated: true,
    };
    let (mut parser, mut batch, mut buffer) = (Parser::default(), Batch::default(), Vec::new());
    let mut found = Vec::new();
    for piece in bytes.chunks(size.max(1)) {
        buffer.extend_from_slice(piece);
        loop {
            batch.clear();
            let progress = parser.parse(&mut buffer, limits, &mut batch);
            let words = |command: embedded_server::resp::parse::Arguments<'_>| {
                command.iter().map(<[u8]>::to_vec).collect()
            };
            found.extend(batch.commands(&buffer).map(words));
            assert!(progress.consumed <= buffer.len());
            buffer.drain(..progress.consumed);
            match progress.error {
                Some(error) => return (found, Some(error)),
                None if progress.starved => break,
                None => {}
            }
        }
    }
    (found, None)
}

/// What RESTORE takes: as it is, and in an envelope that holds, so that what is inside is looked at too.
/// What can be read can be written and read again.
pub fn restore_payload(data: &[u8]) {
    let limits = types::Limits::default();
    let _ = payload::decode(data, &limits);
    let mut enveloped = [data, &10_u16.to_le_bytes()].concat();
    enveloped.extend(crc64::checksum(&enveloped).to_le_bytes());
    if let Ok(value) = payload::decode(&enveloped, &limits) {
        let written = payload::encode(value.view(), true);
        let again = payload::decode(&written, &limits);
        let again = again.map(|value| payload::encode(value.view(), true));
        assert_eq!(again, Ok(written));
    }
}

/// A snapshot. What can be read of it can be written and read again, as a whole and piece by piece.
pub fn snapshot(data: &[u8]) {
    let limits = types::Limits::default();
    let mut writer = file::Writer::new(true, true);
    let mut keys = 0;
    for record in Reader::whole(data.to_vec(), limits.clone()).map_while(Result::ok) {
        if let file::Record::Entry(entry) = record {
            writer.entry(&entry.key, entry.value.view(), file::About::default());
            keys += 1;
        }
    }
    let written = writer.finish();
    let mut reader = Reader::new(limits.clone());
    let mut in_pieces = 0;
    for piece in written.chunks(7) {
        reader.feed(piece);
        in_pieces += reader.by_ref().filter(Result::is_ok).count();
    }
    reader.close();
    in_pieces += reader.by_ref().filter(Result::is_ok).count();
    assert!(reader.is_over());
    let whole = Reader::whole(written, limits).filter(Result::is_ok).count();
    assert_eq!((whole, in_pieces), (keys, keys));
}

/// A `redis.conf`. What was accepted prints as a value that is accepted.
pub fn configuration_file(data: &[u8]) {
    let mut config = Config::default();
    let mut no_file = |_: &str| Err("no files here".to_owned());
    if config
        .apply_text(&String::from_utf8_lossy(data), &mut no_file)
        .is_ok()
    {
        let changed: Vec<_> = config
            .changed()
            .map(|(directive, value)| (directive.name, value))
            .collect();
        for (name, value) in changed {
            let again = Config::default().set(name, &value);
            assert!(
                again.is_ok(),
                "{name} prints as {value:?}, which it refuses: {again:?}"
            );
        }
    }
}

/// A `recording.json`, and the packed figures inside of one.
pub fn recording(data: &[u8]) {
    if let Ok(recording) = read::parse(data, Path::new("recording.json")) {
        for phase in recording
            .cells
            .iter()
            .flat_map(|cell| &cell.repetitions)
            .flat_map(|r| &r.phases)
        {
            let _ = phase.latency.histogram();
        }
    }
    let text = STANDARD.encode(data);
    let _ = keys::unpack_bits(&text, data.len() as u64 * 8);
    // A run that claims many keys is told from one that has them.
    for count in [0, 10, 10_000] {
        if let Ok(numbers) = keys::unpack_numbers(&text, count) {
            let again = keys::unpack_numbers(&keys::pack_numbers(numbers.iter().copied()), count);
            assert_eq!(again.ok(), Some(numbers));
        }
    }
    let mut latency = Latency::of(&hdrhistogram());
    latency.histogram = text;
    let _ = latency.histogram();
}

fn hdrhistogram() -> hdrhistogram::Histogram<u64> {
    hdrhistogram::Histogram::new_with_bounds(1, 1_000, 1)
        .unwrap_or_else(|_| unreachable!("bounds that hold"))
}

/// A trace of somebody's requests, in the format that the first byte chooses.
pub fn trace(data: &[u8]) {
    let Some((format, bytes)) = data.split_first() else {
        return;
    };
    let formats = [
        Format::OracleGeneral,
        Format::Twitter,
        Format::Ids,
        Format::Monitor,
        Format::Csv(columns()),
    ];
    let format = &formats[usize::from(*format) % formats.len()];
    let Ok(mut trace) = Trace::new("t", Cursor::new(bytes.to_vec()), format) else {
        return;
    };
    let mut latest_ns = 0;
    while let Ok(Some(request)) = trace.next() {
        assert!(request.at_ns >= latest_ns, "times do not run backwards");
        latest_ns = request.at_ns;
        let _ = meaning(&request);
    }
}

fn columns() -> Columns {
    let some = |name: &str| Some(name.to_owned());
    Columns {
        key: "key".to_owned(),
        time: some("time"),
        size: some("size"),
        operation: some("op"),
        ttl: some("ttl"),
    }
}

/// What a node sends on the cluster bus: as it is, and behind a header that holds, so that what follows it is looked at
/// too. What is read as a message is written so that it reads the same again.
pub fn bus_message(data: &[u8]) {
    bus_bytes(data);
    let [kind, count, body @ ..] = data else {
        return;
    };
    let bytes = u32::try_from(wire::HEADER_BYTES + body.len()).unwrap_or(u32::MAX);
    let mut message = [b"RCmb".as_slice(), &bytes.to_be_bytes(), &[0, 1]].concat();
    message.extend([0, 1, 0, kind % 12, 0, *count]);
    message.resize(40, 0);
    message.resize(80, b'a');
    message.resize(wire::HEADER_BYTES, 0);
    message.extend_from_slice(body);
    bus_bytes(&message);
}

fn bus_bytes(bytes: &[u8]) {
    let Ok(Some(length)) = wire::message_bytes(bytes) else {
        return;
    };
    let read = bytes.get(..length).map(wire::decode);
    if let Some(Ok(Some(message))) = read {
        let again = wire::decode(&wire::encode(&message));
        assert_eq!(again, Ok(Some(message)));
    }
}
