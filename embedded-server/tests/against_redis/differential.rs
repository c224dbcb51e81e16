//! Random sequences of commands on both servers: every reply the same, and what is left in the databases too.
//!
//! What may differ is named in [`Likeness`]: the order of replies that have none, times that run on between two
//! calls, draws by chance, and whether a number is kept as one, and shared, after INCRBYFLOAT and COPY (here
//! always, there not). Deadlines are drawn far from each other and from now, so that which of two comes
//! first does not hang on the milliseconds between the servers.

use proptest::prelude::*;

use crate::client::{Client, Command, Reply};
use crate::embedded::Embedded;
use crate::peer::Peer;
use crate::templates::{
    HASH_TEMPLATES, LIST_TEMPLATES, SET_TEMPLATES, SORTED_SET_TEMPLATES, TEMPLATES,
    TRANSACTION_TEMPLATES,
};

/// What stands for a place in a template: nothing, one word, or several.
fn slot(name: &str) -> BoxedStrategy<Vec<String>> {
    match name {
        "<key>" => choice(&["a", "b", "c", "d", "{a}e"]),
        "<value>" => values(),
        "<member>" => choice(&["a", "b", "c", "d", "10", "-5", "", "a member that is longer than what a compact form may hold, by a few bytes"]),
        "<score>" => choice(&["0", "1", "2", "-1.5", "3.1", "1e20", "inf", "-inf", "nan", "x"]),
        "<score-bound>" => choice(&["-inf", "+inf", "0", "1", "(1", "(3.1", "(inf", "", "(", "x"]),
        "<zadd-option>" => options(&["", "", "NX", "xx", "GT", "LT", "ch"]),
        "<zrange-option>" => options(&["", "", "WITHSCORES", "REV", "LIMIT <index> <index>", "y"]),
        "<side>" => choice(&["BEFORE", "after", "between"]),
        "<end>" => choice(&["LEFT", "right", "RIGHT", "up"]),
        "<lpos-option>" => options(&["", "", "RANK <index>", "COUNT <index>", "MAXLEN <index>", "y"]),
        "<lmpop-option>" => options(&["", "", "COUNT <index>", "COUNT"]),
        "<combine-option>" => options(&["", "", "WEIGHTS 2 1.5", "WEIGHTS 0 inf", "AGGREGATE MIN", "aggregate max", "WEIGHTS 1", "y"]),
        "<integer>" => choice(&["1", "-1", "0", "7", "1000", I64_MAX, I64_MIN, "01", "1.5", "x", ""]),
        // Only a whole pass from 0 means the same on both.
        "<cursor>" => choice(&["0", "", "x", "1x", "18446744073709551616"]),
        "<float>" => choice(&["1", "0.1", "-2.5", "1e3", "3.0e-5", "1e400", "inf", "nan", "x", "", " 1"]),
        "<index>" => choice(&["0", "1", "-1", "3", "-3", "10", "64", "-100", "x"]),
        // As the index, but for what is none: of two errors each server chooses its own.
        "<position>" => choice(&["0", "1", "-1", "3", "-3", "10", "64", "-100"]),
        "<bit>" => choice(&["0", "1", "1", "2", "x"]),
        "<bit-unit>" => choice(&["BIT", "byte"]),
        "<bit-operation>" => choice(&["AND", "or", "XOR", "NOT", "NAND"]),
        "<field-step>" => field_step(),
        "<field>" => choice(&["u1", "i5", "u8", "i16", "u63", "i64", "u64", "i0", "8", "u"]),
        "<field-offset>" => choice(&["0", "1", "#1", "13", "#3", "-1", "x"]),
        // Nearer the ends of an i64, Redis's own check for overflow overflows.
        "<field-value>" => choice(&["1", "-1", "0", "7", "1000", "4611686018427387904", "-4611686018427387904", "x"]),
        "<ttl>" => prop_oneof![8 => (1_000u32..1_000_000_000).prop_map(|number| one(number.to_string())), 2 => choice(&["0", "-1", "x", I64_MAX])].boxed(),
        "<date-s>" => prop_oneof![6 => (4_000_000_000u64..99_000_000_000).prop_map(|number| one(number.to_string())), 2 => choice(&["0", "1", "-1", "x", I64_MAX])].boxed(),
        "<date-ms>" => prop_oneof![6 => (4_000_000_000_000u64..99_000_000_000_000).prop_map(|number| one(number.to_string())), 2 => choice(&["0", "1", I64_MIN])].boxed(),
        "<restore-ttl>" => choice(&["0", "0", "5000000", "-1", "x"]),
        "<payload>" => choice(&["\0\u{1}v", PAYLOAD_OF_V, PAYLOAD_OF_V, PAYLOAD_OF_V]),
        "<database>" => choice(&["0", "1", "2", "2", "99", "-1", "x", "3000000000"]),
        "<pattern>" => choice(&["*", "a", "?", "[a-c]", "[^a]", "\\a", "{*", "x", ""]),
        "<set-option>" => options(&["NX", "xx", "GET", "KEEPTTL", "PERSIST", "y", "EX <ttl>", "PX <ttl>", "EXAT <date-s>", "PXAT <date-ms>", "EX"]),
        "<getex-option>" => options(&["", "PERSIST", "NX", "EX <ttl>", "px <ttl>", "EXAT <date-s>", "PXAT <date-ms>", "EXAT"]),
        "<expire-option>" => options(&["", "NX", "XX", "gt", "LT", "KEEPTTL"]),
        "<scan-option>" => options(&["COUNT 1000", "COUNT 0", "COUNT x", "TYPE string", "TYPE list", "MATCH", "y z"]),
        "<copy-option>" => options(&["", "", "REPLACE", "DB <database>", "DB", "y"]),
        "<flush-option>" => options(&["", "ASYNC", "sync", "y"]),
        "<lcs-option>" => options(&["", "LEN", "IDX", "WITHMATCHLEN", "MINMATCHLEN 2", "MINMATCHLEN x", "y"]),
        "<memory-option>" => options(&["", "SAMPLES 5", "SAMPLES -1", "SAMPLES", "y"]),
        "<restore-option>" => options(&["", "", "REPLACE", "REPLACE", "ABSTTL", "IDLETIME 100000", "IDLETIME -1", "FREQ 7", "FREQ 256", "y"]),
        word => crate::streams::slot(word)
            .or_else(|| crate::elements::slot(word))
            .unwrap_or_else(|| Just(one(word)).boxed()),
    }
}

const I64_MAX: &str = "9223372036854775807";
const I64_MIN: &str = "-9223372036854775808";

/// Replaced by the payload that DUMP answers for the string `v`, which is no text.
const PAYLOAD_OF_V: &str = "<payload of v>";
const PAYLOAD_OF_V_BYTES: &[u8] = b"\x00\x01v\x06\x00\x07\xe5\xa62\xecm\xb6]";

pub(crate) fn one(word: impl Into<String>) -> Vec<String> {
    vec![word.into()]
}

pub(crate) fn choice(words: &'static [&'static str]) -> BoxedStrategy<Vec<String>> {
    prop::sample::select(words).prop_map(one).boxed()
}

/// One of several options, each a template itself; the empty one is no word at all.
pub(crate) fn options(templates: &'static [&'static str]) -> BoxedStrategy<Vec<String>> {
    prop::sample::select(templates)
        .prop_flat_map(filled)
        .boxed()
}

fn values() -> BoxedStrategy<Vec<String>> {
    prop_oneof![
        choice(&[
            "v",
            "10",
            "-5",
            "0",
            "3.5",
            "007",
            "",
            I64_MAX,
            "12345678901",
            "ohmytext",
            "mynewtext",
            " 5"
        ]),
        (0usize..70).prop_map(|length| one("x".repeat(length))),
        prop::collection::vec(prop::sample::select(&b"ab\0\n"[..]), 0..50)
            .prop_map(|bytes| one(String::from_utf8_lossy(&bytes))),
    ]
    .boxed()
}

fn field_step() -> BoxedStrategy<Vec<String>> {
    options(&[
        "",
        "GET <field> <field-offset>",
        "SET <field> <field-offset> <field-value>",
        "INCRBY <field> <field-offset> <field-value>",
        "OVERFLOW SAT",
        "OVERFLOW FAIL",
        "OVERFLOW WRAP",
        "OVERFLOW NONE",
    ])
}

/// The words of a template with every place filled.
fn filled(template: &'static str) -> BoxedStrategy<Vec<String>> {
    let slots: Vec<_> = template.split_whitespace().map(slot).collect();
    slots.prop_map(|words| words.concat()).boxed()
}

fn commands() -> impl Strategy<Value = Command> {
    commands_of(TEMPLATES)
}

pub(crate) fn commands_of(templates: &'static [&'static str]) -> impl Strategy<Value = Command> {
    let bytes = |word: String| {
        if word == PAYLOAD_OF_V {
            PAYLOAD_OF_V_BYTES.to_vec()
        } else {
            word.into_bytes()
        }
    };
    let words = prop::sample::select(templates).prop_flat_map(filled);
    words.prop_map(move |words| Command(words.into_iter().map(bytes).collect()))
}

/// In what the replies to a command must agree.
#[derive(Clone, Copy, PartialEq)]
enum Likeness {
    /// In every byte.
    Exact,
    /// But for the order of elements.
    Unordered,
    /// But for a minute, in seconds or milliseconds.
    Near(i64),
    /// In their types.
    Kind,
    /// In whether it is refused, and how.
    Refusal,
}

/// What is expected of the replies to `command` somewhere in, or after, `script`.
fn likeness(command: &Command, script: &[Command]) -> Likeness {
    let has = |name: &str| script.iter().any(|command| command.word(0) == name);
    match (command.word(0).as_str(), command.word(1).as_str()) {
        (
            "KEYS" | "SCAN" | "SMEMBERS" | "SUNION" | "SINTER" | "SDIFF" | "SPOP" | "SRANDMEMBER",
            _,
        )
        | ("HKEYS" | "HVALS" | "HGETALL" | "SSCAN" | "HSCAN" | "HRANDFIELD", _) => {
            Likeness::Unordered
        }
        ("TTL" | "EXPIRETIME", _) | ("OBJECT", "IDLETIME") => Likeness::Near(60),
        ("PTTL" | "PEXPIRETIME", _) => Likeness::Near(60_000),
        ("RANDOMKEY", _) => Likeness::Kind,
        // It counts keys past their deadline that nothing has looked at; these two look at others on each server.
        ("DBSIZE", _) if has("SCAN") || has("RANDOMKEY") => Likeness::Kind,
        // Redis answers it for a key past its deadline too, as long as nothing else has looked at that.
        ("MEMORY", "USAGE") => Likeness::Refusal,
        ("OBJECT", "ENCODING" | "REFCOUNT") if has("INCRBYFLOAT") => Likeness::Kind,
        // Redis turns the sorted sets it sorts into their large form.
        ("DUMP", _) | ("OBJECT", "ENCODING") if has("SORT") || has("SORT_RO") => Likeness::Kind,
        ("OBJECT", "REFCOUNT") if has("COPY") => Likeness::Kind,
        _ => Likeness::Exact,
    }
}

fn alike(likeness: Likeness, ours: &Reply, theirs: &Reply) -> bool {
    match (likeness, ours, theirs) {
        (Likeness::Unordered, ours, theirs) => ours.clone().sorted() == theirs.clone().sorted(),
        (Likeness::Near(most), Reply::Integer(ours), Reply::Integer(theirs)) => {
            (ours - theirs).abs() <= most && (*ours < 0) == (*theirs < 0)
        }
        (Likeness::Refusal, ours, theirs) if ![ours, theirs].into_iter().any(Reply::is_error) => {
            true
        }
        (Likeness::Kind, ours, theirs) if !ours.is_error() => {
            std::mem::discriminant(ours) == std::mem::discriminant(theirs)
        }
        _ => ours == theirs,
    }
}

/// Both servers, each through a connection of its own, and what they are asked in this case.
pub(crate) struct Pair<'s> {
    pub(crate) ours: Client,
    pub(crate) theirs: Client,
    pub(crate) script: &'s [Command],
}

impl Pair<'_> {
    /// Carries the script out on both and looks at what is left; the first difference, if any.
    pub(crate) fn compare(&mut self, resp3: bool) -> Result<(), String> {
        for client in [&mut self.ours, &mut self.theirs] {
            client.line("FLUSHALL");
            client.line(if resp3 { "HELLO 3" } else { "HELLO 2" });
        }
        self.ask(self.script)?;
        self.look_at_contents()
            .map_err(|what| format!("what is left: {what}"))
    }

    /// Sends the same to both and finds the first reply that should have been the same and is not.
    fn ask(&mut self, commands: &[Command]) -> Result<(), String> {
        let replies = self
            .ours
            .pipeline(commands)
            .into_iter()
            .zip(self.theirs.pipeline(commands));
        for (index, (command, (ours, theirs))) in commands.iter().zip(replies).enumerate() {
            if !alike(likeness(command, self.script), &ours, &theirs) {
                let before = &commands[..index];
                return Err(format!(
                    "{before:#?}\n{command:?}\nanswered {ours:?}\nbut on redis-server {theirs:?}"
                ));
            }
        }
        Ok(())
    }

    /// Asks for everything that is left, in the databases that the commands reach.
    fn look_at_contents(&mut self) -> Result<(), String> {
        for db in 0..3 {
            let lines = [
                format!("SELECT {db}"),
                "KEYS *".to_owned(),
                "DBSIZE".to_owned(),
            ];
            self.ask(&lines.map(|line| Command::line(&line)))?;
            for key in self.theirs.line("KEYS *").items() {
                let key = key.bytes();
                let questions: [&[&[u8]]; 4] = [
                    &[b"DUMP", &key],
                    &[b"OBJECT", b"ENCODING", &key],
                    &[b"PEXPIRETIME", &key],
                    &[b"TYPE", &key],
                ];
                self.ask(&questions.map(Command::words))?;
            }
        }
        Ok(())
    }
}

/// Starts both servers. A key past its deadline goes when looked at, on both; that it could also go at other times
/// is turned off.
pub(crate) fn servers() -> Option<(Embedded, Peer)> {
    let peer = Peer::start(&["--enable-debug-command", "yes"])?;
    let embedded = Embedded::start();
    for mut client in [peer.client(), embedded.client()] {
        assert_eq!(client.line("DEBUG SET-ACTIVE-EXPIRE 0"), Reply::ok());
    }
    Some((embedded, peer))
}

#[test]
fn random_commands_are_answered_as_by_redis() {
    let Some((embedded, peer)) = servers() else {
        return;
    };
    proptest!(|(script in prop::collection::vec(commands(), 1..60), resp3: bool)| {
        let mut pair = Pair { ours: embedded.client(), theirs: peer.client(), script: &script };
        let outcome = pair.compare(resp3);
        prop_assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
    });
}

#[test]
fn sorted_sets_answer_and_publish_as_on_redis() {
    answers_and_events_are_alike(SORTED_SET_TEMPLATES);
}

#[test]
fn lists_answer_and_publish_as_on_redis() {
    answers_and_events_are_alike(LIST_TEMPLATES);
}

#[test]
fn hashes_answer_and_publish_as_on_redis() {
    answers_and_events_are_alike(HASH_TEMPLATES);
}

#[test]
fn sets_answer_and_publish_as_on_redis() {
    answers_and_events_are_alike(SET_TEMPLATES);
}

#[test]
fn transactions_answer_and_publish_as_on_redis() {
    answers_and_events_are_alike(TRANSACTION_TEMPLATES);
}

/// Random commands of these templates: every reply the same, then what is left, then, once more from the beginning,
/// every event.
fn answers_and_events_are_alike(templates: &'static [&'static str]) {
    let Some((embedded, peer)) = servers() else {
        return;
    };
    proptest!(|(script in prop::collection::vec(commands_of(templates), 1..60), resp3: bool)| {
        let mut pair = Pair { ours: embedded.client(), theirs: peer.client(), script: &script };
        for client in [&mut pair.ours, &mut pair.theirs] {
            client.line("FLUSHALL");
            client.line(if resp3 { "HELLO 3" } else { "HELLO 2" });
        }
        let outcome = pair.ask(&script);
        prop_assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
        let mut digests = [embedded.client(), peer.client()].map(|mut client| client.line("DEBUG DIGEST"));
        let [ours, theirs] = &mut digests;
        prop_assert_eq!(ours, theirs, "what is left");
        for mut client in [embedded.client(), peer.client()] {
            client.line("FLUSHALL");
        }
        let ours = events(&mut subscriber(embedded.client()), &mut embedded.client(), &script);
        let theirs = events(&mut subscriber(peer.client()), &mut peer.client(), &script);
        prop_assert_eq!(ours, theirs);
    });
}

/// What a subscriber to every keyspace event is told of the commands, up to a message of our own at the end.
pub(crate) fn events(
    subscriber: &mut Client,
    client: &mut Client,
    commands: &[Command],
) -> Vec<String> {
    client.pipeline(commands);
    // The commands may have left a transaction open.
    client.line("RESET");
    client.line("PUBLISH __keyend__:all done");
    let messages = std::iter::from_fn(|| {
        let message = subscriber.read();
        let [_, _, channel, content] = message.items() else {
            panic!("no message: {message:?}")
        };
        let is_last = channel.text() == "__keyend__:all";
        (!is_last).then(|| format!("{channel:?} {content:?}"))
    });
    messages.collect()
}

pub(crate) fn subscriber(mut client: Client) -> Client {
    client.line("CONFIG SET notify-keyspace-events KEAmn");
    client.line("PSUBSCRIBE __key*");
    client
}

#[test]
fn random_commands_publish_the_events_of_redis() {
    let Some((embedded, peer)) = servers() else {
        return;
    };
    // On Redis SCAN with a TYPE says of a dead key that it was missed, MEMORY USAGE does not bury it, RANDOMKEY buries
    // the one that it draws, and BITOP deletes a dead destination.
    let told_alike = |command: &Command| {
        !["SCAN", "MEMORY", "RANDOMKEY", "BITOP"].contains(&command.word(0).as_str())
    };
    let command = commands().prop_filter("told alike", told_alike);
    proptest!(|(script in prop::collection::vec(command, 1..40))| {
        peer.client().line("FLUSHALL");
        embedded.client().line("FLUSHALL");
        let ours = events(&mut subscriber(embedded.client()), &mut embedded.client(), &script);
        let theirs = events(&mut subscriber(peer.client()), &mut peer.client(), &script);
        prop_assert_eq!(ours, theirs);
    });
}
