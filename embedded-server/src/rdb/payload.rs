//! Dump payloads: a value in a self-contained, checked envelope.
//!
//! A type byte, the value in that type's encoding, the format's version in two bytes and a CRC-64 of all before it,
//! both little-endian.

use super::wire::{Input, Output};
use super::{VERSION_MAX, Value, crc64, value};
use crate::types::{Limits, View};

const VERSION_BYTES: usize = 2;
const CHECKSUM_BYTES: usize = 8;

/// Why a payload was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// It is too short, was changed on its way, or a newer server wrote it.
    #[error("DUMP payload version or checksum are wrong")]
    Envelope,
    /// The envelope holds, but what is inside is no value that is known here.
    #[error("Bad data format")]
    Content,
}

/// The payload of a value. With `compress`, texts over 20 bytes are compressed where that saves anything.
#[must_use]
pub fn encode(value: View<'_>, compress: bool) -> Vec<u8> {
    let mut output = body(value, compress);
    output.raw(&value::version(value).to_le_bytes());
    output.u64(crc64::checksum(&output.bytes));
    output.bytes
}

/// How long a value is in its encoding, without the byte before and the envelope around it.
#[must_use]
pub fn serialized_len(value: View<'_>, compress: bool) -> usize {
    body(value, compress).bytes.len() - 1
}

fn body(value: View<'_>, compress: bool) -> Output {
    let mut output = Output::new(compress);
    output.byte(value::kind(value));
    value::write(&mut output, value);
    output
}

/// The value in a payload, in the form that `limits` ask for.
///
/// # Errors
/// [`PayloadError`] says whether the envelope or the content is at fault.
pub fn decode(payload: &[u8], limits: &Limits) -> Result<Value, PayloadError> {
    let checksum_holds = |checked: &[u8], checksum| checksum == crc64::checksum(checked);
    decode_if(payload, limits, checksum_holds)
}

/// The same of a payload whose checksum may be wrong, for tests of what is inside.
///
/// # Errors
/// As [`decode`].
pub fn decode_unchecked(payload: &[u8], limits: &Limits) -> Result<Value, PayloadError> {
    decode_if(payload, limits, |_, _| true)
}

fn decode_if(
    payload: &[u8],
    limits: &Limits,
    checksum_holds: impl FnOnce(&[u8], u64) -> bool,
) -> Result<Value, PayloadError> {
    let body = open_envelope(payload, checksum_holds).ok_or(PayloadError::Envelope)?;
    let mut input = Input::new(body);
    // As in Redis, bytes behind a complete value are not looked at.
    input
        .byte()
        .and_then(|kind| value::read(&mut input, kind, limits))
        .ok_or(PayloadError::Content)
}

/// The type byte and value, when version and checksum hold.
fn open_envelope(payload: &[u8], checksum_holds: impl FnOnce(&[u8], u64) -> bool) -> Option<&[u8]> {
    let (checked, checksum) =
        payload.split_at_checked(payload.len().checked_sub(CHECKSUM_BYTES)?)?;
    let (body, version) = checked.split_at_checked(checked.len().checked_sub(VERSION_BYTES)?)?;
    let version = u16::from_le_bytes(version.try_into().ok()?);
    let checksum = u64::from_le_bytes(checksum.try_into().ok()?);
    (version <= VERSION_MAX && checksum_holds(checked, checksum)).then_some(body)
}

#[cfg(test)]
mod tests {
    use super::super::listpack::Writer;
    use super::super::string;
    use super::*;
    use crate::types::{self, Hash, Stream, StreamId, hash::Ttl, stream};
    use proptest::prelude::*;

    /// `DUMP` of redis-server 7.0.15 for the string `12345`.
    const DUMP_OF_12345: &[u8] = b"\x00\xc190\x0a\x00\x9d\x94\xea\x27\x93\xfc\x08\xb9";

    fn text(payload: &[u8]) -> Result<Vec<u8>, PayloadError> {
        match decode(payload, &Limits::default())? {
            Value::String(bytes) => Ok(bytes),
            Value::Object(value) => panic!("no string: {value:?}"),
        }
    }

    fn enveloped(body: &[u8]) -> Vec<u8> {
        let mut payload = [body, &[10, 0]].concat();
        payload.extend(crc64::checksum(&payload).to_le_bytes());
        payload
    }

    #[test]
    fn the_envelope_is_checked() {
        let mut payload = encode(View::String(b"value"), true);
        assert_eq!(text(&payload), Ok(b"value".to_vec()));
        assert_eq!(text(b"short"), Err(PayloadError::Envelope));
        payload[1] ^= 1;
        assert_eq!(text(&payload), Err(PayloadError::Envelope));
        assert_eq!(encode(View::String(b"12345"), true), DUMP_OF_12345);
    }

    #[test]
    fn what_no_value_is_is_refused() {
        let bodies: &[&[u8]] = &[
            b"",
            b"\xfa",
            b"\x00",
            b"\x00\x05a",
            b"\x00\xc4",
            b"\x01\x00",
            b"\x02\x02\x01a\x01a",
            b"\x04\x02\x01a\x01b\x01a\x01c",
            b"\x05\x01\x01a\x00\x00\x00\x00\x00\x00\xf8\x7f",
            b"\x12\x01\x03\x01a",
            b"\x12\x01\x01\x00",
            b"\x01\x81\xff\xff\xff\xff\xff\xff\xff\xff\x01a",
        ];
        for body in bodies {
            let refused = decode(&enveloped(body), &Limits::default());
            assert_eq!(refused.err(), Some(PayloadError::Content), "{body:?}");
        }
    }

    #[test]
    fn fields_keep_their_time() {
        let limits = Limits::default();
        let mut hash = Hash::new();
        for (field, at) in [("a", None), ("b", Some(5_000)), ("c", Some(7_000))] {
            hash.set(field.as_bytes(), b"v", Ttl::Clear, &limits);
            hash.set_deadline(field.as_bytes(), at, &limits);
        }
        let payload = encode(View::Object(&types::Value::Hash(hash)), true);
        let Ok(Value::Object(types::Value::Hash(hash))) = decode(&payload, &limits) else {
            panic!("a hash")
        };
        let deadlines = [b"a", b"b", b"c"].map(|field| hash.deadline(field));
        assert_eq!(deadlines, [None, Some(5_000), Some(7_000)]);
    }

    /// Many entries that share one long name are short when written, and must not be made long by reading.
    #[test]
    fn a_stream_cannot_be_blown_up() {
        let limits = Limits::default();
        let mut stream = Stream::new();
        stream
            .add(StreamId::new(1, 1), &[&[b'n'; 4_000], b"v"], &limits)
            .unwrap();
        let honest = encode(View::Object(&types::Value::Stream(stream.clone())), false);
        assert!(decode(&honest, &limits).is_ok());
        let mut block = Writer::new();
        let (entries, name) = (20_000, [b'n'; 100_000]);
        [entries, 0, 1]
            .into_iter()
            .for_each(|number| block.push_integer(number));
        block.push(&name);
        block.push_integer(0);
        for entry in 0..entries {
            [2, entry + 1, 0, 0, 4]
                .into_iter()
                .for_each(|number| block.push_integer(number));
        }
        let refused = decode(&stream_of(block, entries as u64), &limits);
        assert_eq!(refused.err(), Some(PayloadError::Content));
    }

    /// A stream of one block, whose last entry is `entries`-0.
    fn stream_of(block: Writer, entries: u64) -> Vec<u8> {
        let mut output = Output::new(false);
        output.raw(&[15, 1, 16]);
        output.raw(&[0; 16]);
        string::write(&mut output, &block.finish());
        output.number(entries);
        output.number(entries);
        output.raw(&[0, 0]);
        enveloped(&output.bytes)
    }

    #[test]
    fn a_block_of_a_stream_says_rightly_what_it_holds() {
        let is_taken = |alive, deleted, end_of_names, elements| {
            let mut block = Writer::new();
            [alive, deleted, 1]
                .into_iter()
                .for_each(|number| block.push_integer(number));
            block.push(b"name");
            // An entry with the ID 1-0 and the names of the block.
            [end_of_names, 2, 1, 0]
                .into_iter()
                .for_each(|number| block.push_integer(number));
            block.push(b"value");
            block.push_integer(elements);
            decode(&stream_of(block, 1), &Limits::default()).is_ok()
        };
        assert!(is_taken(1, 0, 0, 4));
        for (alive, deleted, end_of_names, elements) in [
            (0, 0, 0, 4),
            (2, 0, 0, 4),
            (1, 1, 0, 4),
            (-1, 2, 0, 4),
            (1, 0, 1, 4),
            (1, 0, 0, 3),
        ] {
            assert!(!is_taken(alive, deleted, end_of_names, elements));
        }
    }

    #[test]
    fn groups_come_back_with_who_has_what() {
        let limits = Limits::default();
        let (mut stream, id) = (Stream::new(), StreamId::new(5, 6));
        stream.add(id, &[b"f", b"v"], &limits).unwrap();
        stream.add_group(b"g", stream::Group::new(id, Some(1)));
        let group = stream.group_mut(b"g").unwrap();
        let (consumer, _) = group.ensure_consumer(b"c", 17);
        group.assign(
            id,
            stream::Pending {
                consumer,
                delivered_at: 18,
                deliveries: 2,
            },
        );
        let payload = encode(View::Object(&types::Value::Stream(stream)), true);
        let Ok(Value::Object(types::Value::Stream(read))) = decode(&payload, &limits) else {
            panic!("a stream")
        };
        let group = read.group(b"g").unwrap();
        assert_eq!((group.last_id, group.entries_read), (id, Some(1)));
        let pending = group.pending().get(&id).unwrap();
        assert_eq!((pending.delivered_at, pending.deliveries), (18, 2));
        let consumer = group.consumer(pending.consumer).unwrap();
        assert_eq!((consumer.name(), consumer.seen_at), (&b"c"[..], 17));
    }

    proptest! {
        #[test]
        fn strings_come_back(bytes in strings(), compress: bool) {
            prop_assert_eq!(text(&encode(View::String(&bytes), compress)), Ok(bytes));
        }

        #[test]
        fn no_bytes_break_the_reader(body in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = decode(&enveloped(&body), &Limits::default());
        }
    }

    /// Texts that compress, bytes that do not, and numbers.
    fn strings() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            proptest::collection::vec(0u8..3, 0..2_000),
            proptest::collection::vec(any::<u8>(), 0..400),
            any::<i64>().prop_map(|number| number.to_string().into_bytes()),
            any::<i16>().prop_map(|number| number.to_string().into_bytes()),
        ]
    }
}
