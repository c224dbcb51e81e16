//! Values of every type, carried from one server to the other by DUMP and RESTORE and as whole snapshots, both ways.
//!
//! `DEBUG DIGEST` says whether what arrived is what left: both servers work it out by the same rule.

use embedded_server::rdb::file::{About, Record, Writer};
use embedded_server::rdb::reader::Reader;
use embedded_server::types::Limits;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::client::{Client, Command, Reply};
use crate::embedded::Embedded;
use crate::peer::Peer;

/// Elements that the encodings treat differently.
fn element() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => (any::<i64>(), 0u32..64).prop_map(|(number, shift)| (number >> shift).to_string().into_bytes()),
        4 => "[a-c]{1,30}".prop_map(String::into_bytes),
        2 => prop::collection::vec(any::<u8>(), 0..100),
        1 => (60usize..300).prop_map(|length| b"ab".repeat(length)),
        1 => (0usize..9_000).prop_map(|length| vec![b'x'; length]),
    ]
}

fn score() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just("inf".to_owned()),
        Just("-inf".to_owned()),
        Just("-0".to_owned()),
        any::<i32>().prop_map(|score| score.to_string()),
        (-1e300f64..1e300).prop_map(|score| score.to_string()),
        (-10f64..10.0).prop_map(|score| score.to_string()),
    ]
    .prop_map(String::into_bytes)
}

/// A command that makes a key `k` of some type, and others that go on with it.
fn script() -> impl Strategy<Value = Vec<Vec<Vec<u8>>>> {
    let many = || prop::collection::vec(element(), 1..200);
    let adding = |name: &'static str, words: Vec<Vec<u8>>| {
        vec![[vec![name.into(), b"k".to_vec()], words].concat()]
    };
    let integers = prop::collection::vec((any::<i64>(), 0u32..64), 1..600);
    let numbers = move |pairs: Vec<(i64, u32)>| {
        pairs
            .into_iter()
            .map(|(number, shift)| (number >> shift).to_string().into_bytes())
            .collect::<Vec<_>>()
    };
    prop_oneof![
        element().prop_map(move |value| adding("SET", vec![value])),
        many().prop_map(move |words| adding("RPUSH", words)),
        many().prop_map(move |words| adding("SADD", words)),
        integers.prop_map(move |pairs| adding("SADD", numbers(pairs))),
        prop::collection::vec((element(), element()), 1..300).prop_map(move |pairs| adding(
            "HSET",
            pairs.into_iter().flat_map(|(a, b)| [a, b]).collect()
        )),
        prop::collection::vec((score(), element()), 1..200).prop_map(move |pairs| adding(
            "ZADD",
            pairs.into_iter().flat_map(|(a, b)| [a, b]).collect()
        )),
        prop::collection::vec((any::<bool>(), element()), 1..150)
            .prop_map(|entries| stream(&entries)),
    ]
}

/// Entries with the same names or others, some deleted, and two groups with pending entries.
fn stream(entries: &[(bool, Vec<u8>)]) -> Vec<Vec<Vec<u8>>> {
    let line = |line: String| Command::line(&line).0;
    let mut script: Vec<_> = entries
        .iter()
        .enumerate()
        .map(|(at, (same, value))| {
            let mut words = line(format!("XADD k {}-{}", 5 + at / 3, at + 1));
            let name = if *same { "field" } else { "another" };
            words.extend([name.as_bytes().to_vec(), value.clone()]);
            if !same {
                words.extend([b"more".to_vec(), b"1".to_vec()]);
            }
            words
        })
        .collect();
    script.push(line("XGROUP CREATE k all 0".into()));
    script.push(line("XGROUP CREATE k late $ ENTRIESREAD 3".into()));
    script.push(line("XREADGROUP GROUP all one COUNT 3 STREAMS k >".into()));
    script.push(line("XREADGROUP GROUP all two COUNT 2 STREAMS k >".into()));
    script.push(line("XDEL k 5-2 6-4".into()));
    script
}

/// What both answer the same of `k`.
const QUESTIONS: &[&str] = &[
    "TYPE k",
    "OBJECT ENCODING k",
    "DEBUG DIGEST",
    "LRANGE k 0 -1",
];
/// What else redis-server tells of a stream.
const QUESTIONS_OF_STREAMS: &[&str] = &["XINFO STREAM k", "XINFO GROUPS k", "XPENDING k all"];

fn answers(client: &mut Client, questions: &[&str]) -> Vec<Reply> {
    questions
        .iter()
        .map(|question| client.line(question))
        .collect()
}

fn dump(client: &mut Client) -> Vec<u8> {
    client.line("DUMP k").bytes()
}

fn restore(client: &mut Client, payload: &[u8]) -> Reply {
    let words: [&[u8]; 5] = [b"RESTORE", b"k", b"0", payload, b"REPLACE"];
    client.call(&Command::words(&words))
}

/// Makes a key on `theirs`, takes it over to `ours` and back again, and looks at it after each step.
fn there_and_back(
    ours: &mut Client,
    theirs: &mut Client,
    script: &[Vec<Vec<u8>>],
    compress: bool,
) -> Result<(), TestCaseError> {
    let compress = format!(
        "CONFIG SET rdbcompression {}",
        if compress { "yes" } else { "no" }
    );
    for client in [&mut *ours, &mut *theirs] {
        client.line("FLUSHALL");
        client.line(&compress);
    }
    for words in script {
        theirs.call(&Command::words(words));
    }
    let (expected, of_stream) = (
        answers(theirs, QUESTIONS),
        answers(theirs, QUESTIONS_OF_STREAMS),
    );
    prop_assert_eq!(restore(ours, &dump(theirs)), Reply::ok());
    prop_assert_eq!(&answers(ours, QUESTIONS), &expected);
    prop_assert_eq!(ours.line("DEBUG RELOAD"), Reply::ok());
    prop_assert_eq!(&answers(ours, QUESTIONS), &expected);
    prop_assert_eq!(restore(theirs, &dump(ours)), Reply::ok());
    prop_assert_eq!(&answers(theirs, QUESTIONS), &expected);
    prop_assert_eq!(
        alike(&answers(theirs, QUESTIONS_OF_STREAMS)),
        alike(&of_stream)
    );
    Ok(())
}

#[test]
fn every_type_goes_there_and_back() {
    let Some(peer) = Peer::start(&["--enable-debug-command", "yes"]) else {
        return;
    };
    let embedded = Embedded::start();
    let pair = std::cell::RefCell::new((embedded.client(), peer.client()));
    proptest!(|(script in script(), compress: bool)| {
        let (ours, theirs) = &mut *pair.borrow_mut();
        there_and_back(ours, theirs, &script, compress)?;
    });
}

/// Redis forgets the sign of a zero in a packed block only, and decides on the block when the whole set is there.
#[test]
fn a_negative_zero_keeps_its_sign_beside_a_member_too_long_to_be_packed() {
    let Some(peer) = Peer::start(&["--enable-debug-command", "yes"]) else {
        return;
    };
    let embedded = Embedded::start();
    let (mut ours, mut theirs) = (embedded.client(), peer.client());
    let long = "x".repeat(65);
    for members in [format!("-1 {long} -0 zero"), "-1 one -0 zero".to_owned()] {
        let script = [Command::line(&format!("ZADD k {members}")).0];
        there_and_back(&mut ours, &mut theirs, &script, false).unwrap();
    }
}

/// Without what each server counts in its own way: the nodes of the tree in which a stream is kept.
fn alike(replies: &[Reply]) -> Vec<String> {
    let shown = |reply: &Reply| format!("{reply:?}");
    let tree = ["radix-tree-keys", "radix-tree-nodes"];
    let one = |reply: &Reply| match reply.items() {
        [] => shown(reply),
        items => {
            let kept = items.chunks(2).filter(|pair| {
                !pair
                    .first()
                    .is_some_and(|name| tree.contains(&name.text().as_str()))
            });
            kept.flatten().map(shown).collect::<Vec<_>>().join(" ")
        }
    };
    replies.iter().map(one).collect()
}

/// Commands that make a key of every type in two databases.
const DATA: &[&str] = &[
    "SET string value",
    "SET number 12345 EX 1000000",
    "RPUSH list a b 1 2 3",
    "SADD integers 1 2 300000",
    "SADD set a b c",
    "HSET hash f1 v1 f2 v2",
    "ZADD sorted 1 a 2.5 b inf c",
    "XADD stream 5-1 f v",
    "SELECT 3",
    "SET elsewhere 1",
];

#[test]
fn snapshots_of_redis_are_read_and_ours_are_read_by_redis() {
    let Some(peer) = Peer::start(&["--enable-debug-command", "yes"]) else {
        return;
    };
    let mut theirs = peer.client();
    DATA.iter().for_each(|line| drop(theirs.line(line)));
    let digest = theirs.line("DEBUG DIGEST");
    assert_eq!(theirs.line("SAVE"), Reply::ok());
    let file = peer.socket().with_file_name("dump.rdb");
    let saved = std::fs::read(&file).unwrap();
    let ours = written_again(&saved);
    theirs.line("FLUSHALL");
    std::fs::write(&file, &ours).unwrap();
    assert_eq!(theirs.line("DEBUG RELOAD NOSAVE"), Reply::ok());
    assert_eq!(theirs.line("DEBUG DIGEST"), digest);
}

/// The snapshot, read and written by this crate.
fn written_again(snapshot: &[u8]) -> Vec<u8> {
    let limits = Limits::default();
    let mut writer = Writer::new(true, false);
    for record in Reader::whole(snapshot.to_vec(), limits) {
        match record.unwrap() {
            Record::Select(number) => writer.database(number as usize, 1, 1),
            Record::Entry(entry) => {
                let about = About {
                    expire_ms: entry.expire_ms,
                    ..About::default()
                };
                writer.entry(&entry.key, entry.value.view(), about);
            }
            _ => {}
        }
    }
    writer.finish()
}
