//! Dump payloads: a value in a self-contained, checked envelope.

use super::{crc64, string, wire};

/// The version of the format written; newer ones are refused.
const VERSION: u16 = 10;

/// Type byte of a string.
const TYPE_STRING: u8 = 0;

const VERSION_BYTES: usize = 2;
const CHECKSUM_BYTES: usize = 8;

/// A value as the serialized form knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A string's bytes.
    String(Vec<u8>),
}

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

/// The payload of a string. With `compress`, texts over 20 bytes are compressed where that saves anything.
pub fn encode_string(bytes: &[u8], compress: bool) -> Vec<u8> {
    let mut payload = vec![TYPE_STRING];
    string::write(&mut payload, bytes, compress);
    payload.extend_from_slice(&VERSION.to_le_bytes());
    let checksum = crc64::checksum(&payload);
    payload.extend_from_slice(&checksum.to_le_bytes());
    payload
}

/// The value in a payload.
///
/// # Errors
/// [`PayloadError`] says whether the envelope or the content is at fault.
pub fn decode(payload: &[u8]) -> Result<Value, PayloadError> {
    let body = open_envelope(payload).ok_or(PayloadError::Envelope)?;
    decode_value(body).ok_or(PayloadError::Content)
}

/// The type byte and value, when version and checksum hold.
fn open_envelope(payload: &[u8]) -> Option<&[u8]> {
    let (checked, checksum) =
        payload.split_at_checked(payload.len().checked_sub(CHECKSUM_BYTES)?)?;
    let (body, version) = checked.split_at_checked(checked.len().checked_sub(VERSION_BYTES)?)?;
    let version = u16::from_le_bytes(version.try_into().ok()?);
    let checksum = u64::from_le_bytes(checksum.try_into().ok()?);
    (version <= VERSION && checksum == crc64::checksum(checked)).then_some(body)
}

fn decode_value(body: &[u8]) -> Option<Value> {
    let mut input = wire::Input::new(body);
    match input.byte()? {
        // As in Redis, bytes behind a complete value are not looked at.
        TYPE_STRING => string::read(&mut input).map(Value::String),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `DUMP` of redis-server 7.0.15 for the string `12345`.
    const DUMP_OF_12345: &[u8] = b"\x00\xc190\x0a\x00\x9d\x94\xea\x27\x93\xfc\x08\xb9";

    #[test]
    fn the_envelope_is_checked() {
        let mut payload = encode_string(b"value", true);
        assert_eq!(decode(&payload), Ok(Value::String(b"value".to_vec())));
        assert_eq!(decode(b"short"), Err(PayloadError::Envelope));
        payload[1] ^= 1;
        assert_eq!(decode(&payload), Err(PayloadError::Envelope));
        assert_eq!(encode_string(b"12345", true), DUMP_OF_12345);
    }

    #[test]
    fn what_no_value_is_is_refused() {
        for body in [
            &[][..],
            &[250],
            &[TYPE_STRING],
            &[TYPE_STRING, 5, b'a'],
            &[TYPE_STRING, 0xc4],
        ] {
            let mut payload = [body, &VERSION.to_le_bytes()].concat();
            payload.extend(crc64::checksum(&payload).to_le_bytes());
            assert_eq!(decode(&payload), Err(PayloadError::Content), "{body:?}");
        }
    }

    proptest! {
        #[test]
        fn strings_come_back(bytes in strings(), compress: bool) {
            prop_assert_eq!(decode(&encode_string(&bytes, compress)), Ok(Value::String(bytes)));
        }

        #[test]
        fn no_bytes_break_the_reader(body in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut payload = [&[TYPE_STRING], &body[..], &VERSION.to_le_bytes()].concat();
            payload.extend(crc64::checksum(&payload).to_le_bytes());
            let _ = decode(&payload);
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
