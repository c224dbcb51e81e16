//! What the servers tell of themselves: of their commands in COMMAND, of their memory in MEMORY STATS.

use std::collections::{BTreeMap, BTreeSet};

use crate::client::{Client, Reply};
use crate::embedded::Embedded;
use crate::peer::Peer;

/// Arity, flags, key positions and ACL categories, as comparable text.
#[derive(Debug, PartialEq)]
struct Row {
    arity: String,
    flags: BTreeSet<String>,
    keys: Vec<String>,
    categories: BTreeSet<String>,
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
        _tips,
        _keys,
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
    };
    rows.insert(name.text(), row);
    subcommands
        .items()
        .iter()
        .for_each(|subcommand| collect(subcommand, rows));
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
