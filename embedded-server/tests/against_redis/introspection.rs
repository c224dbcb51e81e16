//! What the servers tell of themselves: of their commands in COMMAND, of their memory in MEMORY STATS.

use std::collections::{BTreeMap, BTreeSet};

use crate::client::{Client, Reply};
use crate::embedded::Embedded;
use crate::peer::Peer;

/// Arity, flags, key positions and ACL categories, tips and key specifications, as comparable text.
#[derive(Debug, PartialEq)]
struct Row {
    arity: String,
    flags: BTreeSet<String>,
    keys: Vec<String>,
    categories: BTreeSet<String>,
    tips: BTreeSet<String>,
    specs: Vec<BTreeSet<String>>,
}

/// The rows of all commands and subcommands.
fn rows(client: &mut Client) -> BTreeMap<String, Row> {
    let mut rows = BTreeMap::new();
    client
        .line("COMMAND")
        .items()
        .iter()
        .for_each(|info| collect(info, &mut rows));
    rows
}

fn collect(info: &Reply, rows: &mut BTreeMap<String, Row>) {
    let [
        name,
        arity,
        flags,
        first,
        last,
        step,
        categories,
        tips,
        specs,
        subcommands,
    ] = info.items()
    else {
        panic!("COMMAND answered {info:?}");
    };
    let texts = |reply: &Reply| reply.items().iter().map(Reply::text).collect();
    let keys = [first, last, step].map(Reply::text).to_vec();
    let row = Row {
        arity: arity.text(),
        flags: texts(flags),
        keys,
        categories: texts(categories),
        tips: texts(tips),
        specs: specs
            .items()
            .iter()
            .map(|spec| pairs(spec, &["notes"]))
            .collect(),
    };
    rows.insert(name.text(), row);
    subcommands
        .items()
        .iter()
        .for_each(|subcommand| collect(subcommand, rows));
}

/// The pairs of a map, as text, but for those named.
fn pairs(map: &Reply, left_out: &[&str]) -> BTreeSet<String> {
    let pairs = map.items().chunks_exact(2);
    pairs
        .filter(|pair| !left_out.contains(&pair[0].text().as_str()))
        .map(|pair| format!("{:?}", Reply::Items('*', pair.to_vec()).sorted()))
        .collect()
}

/// What COMMAND DOCS tells of each command and subcommand, but for what is prose.
fn documents(client: &mut Client) -> BTreeMap<String, BTreeSet<String>> {
    const PROSE: [&str; 5] = [
        "summary",
        "complexity",
        "history",
        "replaced_by",
        "subcommands",
    ];
    let mut documents = BTreeMap::new();
    let mut left = client.line("COMMAND DOCS").items().to_vec();
    while let [.., name, document] = &left[..] {
        let (name, document) = (name.clone(), document.clone());
        left.truncate(left.len() - 2);
        let parts = document.items().chunks_exact(2);
        let subcommands = parts.filter(|part| part[0].text() == "subcommands");
        left.extend(subcommands.flat_map(|part| part[1].items().to_vec()));
        documents.insert(name.text(), pairs(&document, &PROSE));
    }
    documents
}

#[test]
fn every_command_is_documented_as_by_redis() {
    let Some(peer) = Peer::start(&[]) else { return };
    let embedded = Embedded::start();
    let (ours, theirs) = (
        documents(&mut embedded.client()),
        documents(&mut peer.client()),
    );
    assert!(ours.len() > 300);
    for (name, document) in &ours {
        if let Some(redis) = theirs.get(name) {
            assert_eq!(document, redis, "{name}");
        }
    }
}

#[test]
fn keys_are_told_with_what_is_done_with_them() {
    const LINES: &[&str] = &[
        "SET k v",
        "SET k v GET",
        "GET k",
        "MSET a 1 b 2",
        "BITFIELD k GET u8 0",
        "BITFIELD k SET u8 0 1",
        "BITOP AND d a b",
        "SORT k BY w GET g STORE d",
        "ZUNIONSTORE d 2 a b WEIGHTS 1 2",
        "ZUNION 2 a b",
        "LMPOP 2 a b LEFT",
        "XREADGROUP GROUP g c STREAMS a b > >",
        "XREAD COUNT 2 STREAMS a b 0 0",
        "GEORADIUS k 1 1 1 m STORE d",
        "GEORADIUSBYMEMBER k m 1 m STOREDIST d",
        "LMOVE a b LEFT RIGHT",
        "OBJECT ENCODING k",
        "MEMORY USAGE k",
        "XGROUP CREATE k g 0",
        "PFCOUNT a b",
        "RENAME a b",
        "COPY a b",
        "SPUBLISH c m",
        "PING",
        "GET",
        "NIX",
    ];
    let Some(peer) = Peer::start(&[]) else { return };
    let embedded = Embedded::start();
    for line in LINES {
        for command in ["GETKEYS", "GETKEYSANDFLAGS"] {
            let question = format!("COMMAND {command} {line}");
            let [ours, theirs] =
                [embedded.client(), peer.client()].map(|mut client| client.line(&question));
            assert_eq!(ours, theirs, "{question}");
        }
    }
}

#[test]
fn every_command_is_described_as_by_redis() {
    let Some(peer) = Peer::start(&[]) else { return };
    let embedded = Embedded::start();
    let (ours, theirs) = (rows(&mut embedded.client()), rows(&mut peer.client()));
    let differing: Vec<String> = ours
        .iter()
        .filter_map(|(name, row)| Some((name, row, theirs.get(name)?)))
        .filter(|(_, row, redis)| row != redis)
        .map(|(name, row, redis)| format!("{name}: {row:?}\n  on redis-server {redis:?}"))
        .collect();
    let own: Vec<_> = ours
        .keys()
        .filter(|name| !theirs.contains_key(*name))
        .collect();
    println!(
        "{} commands and subcommands; not in redis-server 7.0: {own:?}",
        ours.len()
    );
    assert!(
        differing.is_empty(),
        "{} differ:\n{}",
        differing.len(),
        differing.join("\n")
    );
    assert!(ours.contains_key("get") && ours.contains_key("object|encoding"));
}

#[test]
fn memory_stats_has_every_figure_of_redis() {
    let Some(peer) = Peer::start(&[]) else { return };
    let embedded = Embedded::start();
    let figures = |mut client: Client| -> Vec<(String, char)> {
        client.line("HELLO 3");
        let stats = client.line("MEMORY STATS");
        let pairs = stats.items().chunks_exact(2);
        pairs
            .map(|pair| {
                (
                    pair[0].text(),
                    if matches!(pair[1], Reply::Integer(_)) {
                        ':'
                    } else {
                        ','
                    },
                )
            })
            .collect()
    };
    assert_eq!(figures(embedded.client()), figures(peer.client()));
}
