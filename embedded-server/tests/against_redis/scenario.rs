//! Scenarios of several clients, carried out on both servers.
//!
//! A scenario is a line per step: `a> COMMAND` has client `a` send a command and notes the reply, `a! COMMAND` has it send
//! one that makes it wait, `a. COMMAND` one without a reply, `a<` notes what it gets next: the reply that ends its wait,
//! or a message. `{b}` stands for the number of client `b`. The notes of both servers must be the same.

use std::collections::BTreeMap;

use crate::client::{Client, Command, Reply};
use crate::embedded::Embedded;
use crate::peer::Peer;

/// How often is looked whether a client waits by now.
const LOOKS: usize = 20_000;

/// Carries out every scenario on both servers, in the protocols given.
pub(crate) fn compare(scenarios: &[&str], protocols: &[u8]) {
    if let Some(peer) = Peer::start(&[]) {
        compare_with(&peer, scenarios, protocols);
    }
}

/// The same, against this peer.
pub(crate) fn compare_with(peer: &Peer, scenarios: &[&str], protocols: &[u8]) {
    let embedded = Embedded::start();
    for protocol in protocols {
        for scenario in scenarios {
            let theirs = notes(&|| peer.client(), scenario, *protocol);
            let ours = notes(&|| embedded.client(), scenario, *protocol);
            assert_eq!(ours, theirs, "RESP{protocol}\n{scenario}");
        }
    }
}

fn notes(connect: &dyn Fn() -> Client, scenario: &str, protocol: u8) -> Vec<String> {
    let mut clients: BTreeMap<&str, (Client, String)> = BTreeMap::new();
    let (mut notes, mut watcher) = (Vec::new(), connect());
    watcher.line("FLUSHALL");
    for step in scenario.lines() {
        let (name, rest) = step.split_at(1);
        let mut entered = || {
            let mut client = connect();
            client.line(&format!("HELLO {protocol}"));
            let number = client.line("CLIENT ID").text();
            (client, number)
        };
        clients.entry(name).or_insert_with(&mut entered);
        let numbered = clients
            .iter()
            .fold(rest.to_owned(), |line, (name, (_, number))| {
                line.replace(&format!("{{{name}}}"), number)
            });
        let Some((client, _)) = clients.get_mut(name) else {
            panic!("no client {name}")
        };
        match numbered.split_once(' ') {
            Some((">", line)) => notes.push(format!("{step} {:?}", client.line(line))),
            Some((".", line)) => client.send(&Command::line(line)),
            Some((_, line)) => {
                let waiting = blocked(&mut watcher);
                client.send(&Command::line(line));
                let waits = (0..LOOKS).any(|_| blocked(&mut watcher) != waiting);
                assert!(waits, "it does not wait: {step} of\n{scenario}");
            }
            None => notes.push(format!("{step} {:?}", anonymous(client.read()))),
        }
    }
    notes
}

/// A message without the number or the address of the client that it names, and without the time.
fn anonymous(message: Reply) -> Reply {
    match message {
        Reply::Status(shown) => {
            let command = shown
                .split_once("] ")
                .map(|(_, command)| command.to_owned());
            Reply::Status(command.unwrap_or(shown))
        }
        Reply::Items('>', items) if items[0] == Reply::bulk("tracking-redir-broken") => {
            items[0].clone()
        }
        other => other,
    }
}

/// How many clients wait.
fn blocked(watcher: &mut Client) -> String {
    let Reply::Bulk(info) = watcher.line("INFO clients") else {
        panic!("no INFO")
    };
    let info = String::from_utf8(info).expect("a text");
    let line = info
        .lines()
        .find(|line| line.starts_with("blocked_clients:"));
    line.expect("a count").to_owned()
}
