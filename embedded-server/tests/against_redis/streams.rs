//! Random commands on streams and their consumer groups: replies, contents and events as on redis-server.
//!
//! IDs made by the clock are left out, and times of delivery are not compared: they are drawn far from each other, so that
//! which entries have been idle long enough does not hang on the milliseconds between the servers.

use proptest::prelude::*;

use crate::client::{Client, Command, Reply};
use crate::differential::{Pair, choice, commands_of, events, one, options, servers, subscriber};

const TEMPLATES: &[&str] = &[
    "XADD <key> <new-id> <member> <value>",
    "XADD <key> <new-id> <member> <value> <member> <value>",
    "XADD <key> <new-id> a <value> b <value>",
    "XADD <key> <xadd-option> <xadd-option> <new-id> a <value>",
    "XADD <key> <xadd-option> <new-id> a",
    "XLEN <key>",
    "XRANGE <key> <id-bound> <id-bound> <count-option>",
    "XREVRANGE <key> <id-bound> <id-bound> <count-option>",
    "XREAD <read-option> STREAMS <key> <id>",
    "XREAD <read-option> STREAMS <key> <key> <id> <id>",
    "XREAD <read-option> <read-option> STREAMS <key> <id> <id>",
    "XDEL <key> <id> <id>",
    "XTRIM <key> <trim-option> <trim-option>",
    "XSETID <key> <id> <setid-option> <setid-option>",
    "XGROUP CREATE <key> <group> <id> <group-option> <group-option>",
    "XGROUP CREATE <key> <group> 0 MKSTREAM",
    "XGROUP SETID <key> <group> <id> <group-option>",
    "XGROUP DESTROY <key> <group>",
    "XGROUP CREATECONSUMER <key> <group> <consumer>",
    "XGROUP DELCONSUMER <key> <group> <consumer>",
    "XREADGROUP GROUP <group> <consumer> <read-option> STREAMS <key> >",
    "XREADGROUP GROUP <group> <consumer> <read-option> STREAMS <key> <id>",
    "XREADGROUP GROUP <group> <consumer> NOACK <read-option> STREAMS <key> <key> > >",
    "XACK <key> <group> <id> <id>",
    "XPENDING <key> <group>",
    "XPENDING <key> <group> <idle-option> <id-bound> <id-bound> <number> <consumer-option>",
    "XCLAIM <key> <group> <consumer> <idle> <id> <id> <claim-option> <claim-option>",
    "XCLAIM <key> <group> <consumer> 0 <id> <id> IDLE 1000000",
    "XAUTOCLAIM <key> <group> <consumer> <idle> <id-bound> <autoclaim-option> <autoclaim-option>",
    "XINFO STREAM <key>",
    "XINFO STREAM <key> FULL <count-option>",
    "XINFO GROUPS <key>",
    "XINFO CONSUMERS <key> <group>",
    "SET <key> <value>",
    "DEL <key>",
    "RENAME <key> <key>",
    "COPY <key> <key> REPLACE",
    "TYPE <key>",
    "OBJECT ENCODING <key>",
];

/// The places in these templates.
pub(crate) fn slot(name: &str) -> Option<BoxedStrategy<Vec<String>>> {
    Some(match name {
        "<new-id>" => prop_oneof![
            6 => choice(&["30-*"]),
            4 => (1u32..40).prop_map(|ms| one(format!("{ms}-*"))),
            2 => (1u32..40, 0u32..4).prop_map(|(ms, seq)| one(format!("{ms}-{seq}"))),
            1 => choice(&["0-0", "0", "0-*", "x", "-", "5-", "-5", "5-*-1", "18446744073709551615-18446744073709551614"]),
        ]
        .boxed(),
        "<id>" => prop_oneof![
            4 => choice(&["0", "30-0", "30-1", "30-2", "30-3", "30-4", "$", ">"]),
            4 => (1u32..40, 0u32..2).prop_map(|(ms, seq)| one(format!("{ms}-{seq}"))),
            1 => choice(&["-", "+", "x", "(5", "18446744073709551615-18446744073709551615"]),
        ]
        .boxed(),
        "<id-bound>" => choice(&["-", "+", "0", "5", "(5", "30", "30-2", "(30-2", "(30", "40", "(", "(-", "x", "(18446744073709551615", "(0-0"]),
        "<count-option>" => options(&["", "", "COUNT 2", "COUNT 0", "COUNT -1", "COUNT x", "COUNT", "y 3"]),
        "<read-option>" => options(&["", "", "", "COUNT 2", "COUNT -5", "NOACK", "GROUP g c", "BLOCK x", "BLOCK -1", "y"]),
        "<xadd-option>" => options(&["", "", "NOMKSTREAM", "MAXLEN 5", "MAXLEN ~ 5", "MAXLEN = 3", "MINID 20", "MINID ~ 20", "LIMIT 3", "MAXLEN -1", "MAXLEN x", "MINID - "]),
        "<trim-option>" => options(&["", "MAXLEN 5", "MAXLEN ~ 5", "MAXLEN ~ 0", "MAXLEN = 3", "MINID 20", "MINID ~ 30-2", "LIMIT 3", "LIMIT 0", "LIMIT -1", "NOMKSTREAM"]),
        "<setid-option>" => options(&["", "", "ENTRIESADDED 9", "ENTRIESADDED -1", "MAXDELETEDID 2-2", "MAXDELETEDID 0-0", "MAXDELETEDID x", "y"]),
        "<group-option>" => options(&["", "", "MKSTREAM", "ENTRIESREAD 2", "ENTRIESREAD -1", "ENTRIESREAD -2", "ENTRIESREAD x", "y"]),
        "<group>" => choice(&["g", "g", "h"]),
        "<consumer>" => choice(&["c", "c", "d"]),
        "<consumer-option>" => options(&["", "", "c", "d", "nobody"]),
        "<idle-option>" => options(&["", "", "IDLE 50000", "IDLE 0", "IDLE x"]),
        "<idle>" => choice(&["0", "0", "50000", "-1", "x"]),
        "<number>" => choice(&["1", "3", "10", "10", "0", "-1", "x"]),
        "<claim-option>" => options(&["", "", "FORCE", "JUSTID", "IDLE 100000", "IDLE x", "TIME 5", "TIME x", "RETRYCOUNT 3", "RETRYCOUNT -1", "LASTID 30-3", "LASTID x", "y"]),
        "<autoclaim-option>" => options(&["", "", "COUNT 1", "COUNT 3", "COUNT 0", "COUNT x", "JUSTID", "y"]),
        _ => return None,
    })
}

/// A reply without times: dates, and how long ago something was.
fn timeless(reply: Reply) -> Reply {
    const FIRST_DATE: i64 = 1_000_000_000_000;
    match reply {
        Reply::Integer(FIRST_DATE..) => Reply::Integer(FIRST_DATE),
        Reply::Items(kind, items) => {
            let mut items: Vec<_> = items.into_iter().map(timeless).collect();
            let is_pending = matches!(
                items[..],
                [
                    Reply::Bulk(_),
                    Reply::Bulk(_),
                    Reply::Integer(_),
                    Reply::Integer(_)
                ]
            );
            let idle = items.iter().position(|item| *item == Reply::bulk("idle"));
            let time = idle.map(|at| at + 1).or(is_pending.then_some(2));
            if let Some(time) = time.and_then(|at| items.get_mut(at)) {
                *time = Reply::Integer(0);
            }
            Reply::Items(kind, items)
        }
        scalar => scalar,
    }
}

/// The replies to the commands, and then to questions about all that is left.
fn replies(client: &mut Client, script: &[Command], resp3: bool) -> Vec<(Command, Reply)> {
    client.line("FLUSHALL");
    client.line("CONFIG SET stream-node-max-entries 4");
    client.line(if resp3 { "HELLO 3" } else { "HELLO 2" });
    let questions = ["a", "b", "c", "d", "{a}e"]
        .map(|key| Command::line(&format!("XINFO STREAM {key} FULL COUNT 0")));
    let all: Vec<Command> = script.iter().cloned().chain(questions).collect();
    let replies = client.pipeline(&all).into_iter().map(timeless);
    all.into_iter().zip(replies).collect()
}

#[test]
fn streams_answer_and_publish_as_on_redis() {
    let Some((embedded, peer)) = servers() else {
        return;
    };
    let scripts = prop::collection::vec(commands_of(TEMPLATES), 1..80);
    proptest!(|(script in scripts, resp3: bool)| {
        let mut pair = Pair { ours: embedded.client(), theirs: peer.client(), script: &script };
        let ours = replies(&mut pair.ours, &script, resp3);
        let theirs = replies(&mut pair.theirs, &script, resp3);
        for (at, ((command, ours), (_, theirs))) in ours.iter().zip(&theirs).enumerate() {
            prop_assert_eq!(ours, theirs, "{:?}\nafter {:#?}", command, script.get(..at));
        }
        for client in [&mut pair.ours, &mut pair.theirs] {
            client.line("FLUSHALL");
        }
        let ours = events(&mut subscriber(embedded.client()), &mut pair.ours, &script);
        let theirs = events(&mut subscriber(peer.client()), &mut pair.theirs, &script);
        prop_assert_eq!(ours, theirs);
    });
}

#[test]
fn a_group_is_given_what_is_there_not_what_an_id_promises() {
    let Some((embedded, peer)) = servers() else {
        return;
    };
    let script = [
        "XADD a 30-0 f v",
        "XSETID a 30-1",
        "COPY a b",
        "XGROUP CREATE a g 0",
        "XGROUP CREATE b g 30-0",
        "XREADGROUP GROUP g c NOACK STREAMS a b > >",
        "XREADGROUP GROUP g c NOACK STREAMS a b > >",
    ]
    .map(Command::line);
    let [ours, theirs] =
        [embedded.client(), peer.client()].map(|mut client| replies(&mut client, &script, true));
    assert_eq!(ours, theirs);
}
