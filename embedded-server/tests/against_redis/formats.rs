//! The pure rules (glob, floats, dump payloads) beside redis-server's, on random input.

use embedded_server::rdb::{Value, payload};
use embedded_server::text::{extended::Extended, glob, integer};
use embedded_server::types::{Limits, View};
use proptest::prelude::*;

use crate::client::{Command, Reply};
use crate::peer::Peer;

/// Strings of every kind that the payload treats differently.
fn contents() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<i64>().prop_map(|number| number.to_string().into_bytes()),
        (any::<i64>(), 0u32..63)
            .prop_map(|(number, shift)| (number >> shift).to_string().into_bytes()),
        prop::collection::vec(any::<u8>(), 0..600),
        prop::collection::vec(b'a'..b'd', 0..3_000),
        (
            prop::collection::vec(any::<u8>(), 1..40),
            1usize..60,
            0usize..30
        )
            .prop_map(|(unit, times, cut)| {
                let mut text = unit.repeat(times);
                text.truncate(text.len().saturating_sub(cut));
                text
            }),
        Just(b"long enough for a length of four bytes ".repeat(500)),
    ]
}

#[test]
fn dumps_are_the_same_bytes_and_restore_both_ways() {
    let Some(peer) = Peer::start(&[]) else { return };
    let client = std::cell::RefCell::new(peer.client());
    proptest!(|(bytes in contents())| {
        let mut client = client.borrow_mut();
        client.call(&Command::words::<&[u8]>(&[b"SET", b"theirs", &bytes]));
        let Reply::Bulk(theirs) = client.line("DUMP theirs") else { panic!("a payload") };
        let ours = payload::encode(View::String(&bytes), true);
        prop_assert_eq!(&ours, &theirs);
        let Ok(Value::String(decoded)) = payload::decode(&theirs, &Limits::default()) else { panic!("a string") };
        prop_assert_eq!(&decoded, &bytes);
        prop_assert_eq!(client.call(&Command::words::<&[u8]>(&[b"RESTORE", b"ours", b"0", &ours, b"REPLACE"])), Reply::ok());
        prop_assert_eq!(client.line("GET ours"), Reply::Bulk(bytes));
    });
}

#[test]
fn globs_choose_the_same_keys() {
    let Some(peer) = Peer::start(&[]) else { return };
    let client = std::cell::RefCell::new(peer.client());
    let alphabet = || prop::sample::select(&b"ab-]^[*?\\"[..]);
    let pattern = prop::collection::vec(alphabet(), 0..10);
    let texts = prop::collection::btree_set(prop::collection::vec(alphabet(), 0..6), 1..20);
    proptest!(|(pattern in pattern, texts in texts)| {
        // `KEYS *` takes a short cut around the pattern.
        prop_assume!(pattern != b"*");
        let mut client = client.borrow_mut();
        client.line("FLUSHALL");
        for text in &texts {
            client.call(&Command::words::<&[u8]>(&[b"SET", text, b""]));
        }
        let theirs = client.call(&Command::words::<&[u8]>(&[b"KEYS", &pattern])).sorted();
        let ours = texts.into_iter().filter(|text| glob::matches(&pattern, text)).map(Reply::Bulk).collect();
        prop_assert_eq!(Reply::Items('*', ours).sorted(), theirs, "{}", pattern.escape_ascii());
    });
}

/// Texts that are floats, nearly floats, or not at all.
fn floats() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i32>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| number.to_string()),
        (-1e6..1e6f64).prop_map(|number| number.to_string()),
        "-?[0-9]{1,25}\\.[0-9]{1,30}",
        "[-+]?[0-9]{0,3}\\.?[0-9]{0,3}(e[-+]?[0-9]{1,4})?",
        "-?0x[0-9a-f]{1,20}(\\.[0-9a-f]{0,4})?(p-?[0-9]{1,5})?",
        "[-+0-9a-fxpeEinfty. ]{0,8}",
    ]
}

#[test]
fn float_sums_read_the_same() {
    let Some(peer) = Peer::start(&[]) else { return };
    let client = std::cell::RefCell::new(peer.client());
    proptest!(|(a in floats(), b in floats())| {
        let mut client = client.borrow_mut();
        client.call(&Command::words::<&[u8]>(&[b"SET", b"sum", a.as_bytes()]));
        let theirs = client.call(&Command::words::<&[u8]>(&[b"INCRBYFLOAT", b"sum", b.as_bytes()]));
        prop_assert_eq!(sum(&a, &b), theirs);
    });
}

fn sum(a: &str, b: &str) -> Reply {
    let (Some(a), Some(b)) = (Extended::parse(a.as_bytes()), Extended::parse(b.as_bytes())) else {
        return Reply::Error("ERR value is not a valid float".to_owned());
    };
    match a.checked_add(b) {
        Some(sum) => Reply::bulk(&sum.to_text()),
        None => Reply::Error("ERR increment would produce NaN or Infinity".to_owned()),
    }
}

#[test]
fn integers_are_told_apart_from_other_strings() {
    let Some(peer) = Peer::start(&[]) else { return };
    let client = std::cell::RefCell::new(peer.client());
    proptest!(|(text in "[-+ ]?[0-9]{0,20}")| {
        let mut client = client.borrow_mut();
        client.call(&Command::words::<&[u8]>(&[b"SET", b"number", text.as_bytes()]));
        let is_integer = client.line("OBJECT ENCODING number") == Reply::bulk("int");
        prop_assert_eq!(integer::parse(text.as_bytes()).is_some(), is_integer, "{}", text);
    });
}
