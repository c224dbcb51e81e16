//! Bytes that mean harm, at the socket of a running server: it must go on serving everybody else.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test ends by panicking; clippy's exemption does not reach a test's helpers"
)]

mod common;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use common::{Kind, Server};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt, SeedableRng};

/// Connections that send damaged bytes.
const CONNECTIONS: usize = 400;
/// Commands that are called with arguments from [`ARGUMENTS`].
const CALLS: usize = 30_000;
/// A limit on what the calls may pile up, so that eviction is in play as well.
const DIRECTIVES: &[&str] = &["--maxmemory", "32mb", "--maxmemory-policy", "allkeys-lru"];
/// A server that does not answer within this time hangs.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn damaged_bytes_end_at_most_their_connection() {
    let server = Server::start(Kind::Cachebench, DIRECTIVES).expect("ours is always here");
    let mut witness = server.connect();
    let mut rng = StdRng::seed_from_u64(7);
    for _ in 0..CONNECTIONS {
        send_and_leave(&server, &damaged(&mut rng), rng.random());
        ping(&mut witness);
    }
    ping(&mut server.connect());
}

/// Sends `bytes` and leaves: politely, after all replies have come, or at once.
fn send_and_leave(server: &Server, bytes: &[u8], politely: bool) {
    let mut socket = TcpStream::connect(("127.0.0.1", server.port)).expect("it accepts");
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    // The server may have closed before the last bytes were sent: that is its right.
    let sent = socket
        .write_all(bytes)
        .and_then(|()| socket.shutdown(Shutdown::Write));
    if politely && sent.is_ok() {
        let read = socket.read_to_end(&mut Vec::new());
        let hangs = |error: &std::io::Error| error.kind() == std::io::ErrorKind::WouldBlock;
        assert!(
            !read.as_ref().is_err_and(hangs),
            "no end of replies to {}",
            bytes.escape_ascii()
        );
    }
}

fn ping(connection: &mut redis::Connection) {
    let answer: String = redis::cmd("PING")
        .query(connection)
        .expect("the server still answers");
    assert_eq!(answer, "PONG");
}

/// Noise, or commands cut short, or with bytes changed.
fn damaged(rng: &mut StdRng) -> Vec<u8> {
    if rng.random_ratio(1, 4) {
        let mut noise = vec![0; rng.random_range(0..4_000)];
        rng.fill_bytes(&mut noise);
        return noise;
    }
    let mut bytes = Vec::new();
    for _ in 0..rng.random_range(1..20) {
        let sample: &[u8] = SAMPLES.choose(rng).expect("samples");
        bytes.extend_from_slice(sample);
    }
    for _ in 0..rng.random_range(1..4) {
        let at = rng.random_range(0..bytes.len());
        bytes[at] = rng.random();
    }
    bytes.truncate(rng.random_range(0..=bytes.len()));
    bytes
}

const SAMPLES: &[&[u8]] = &[
    b"*3\r\n$3\r\nSET\r\n$5\r\nkey-1\r\n$7\r\nvalue-1\r\n",
    b"*2\r\n$3\r\nGET\r\n$5\r\nkey-1\r\n",
    b"*-1\r\n*0\r\n\r\n",
    b"PING\r\nECHO \"a b\"\r\n",
    b"*1\r\n$-5\r\n",
    b"*2147483647\r\n$4\r\nPING\r\n",
    b"*2\r\n$3\r\nGET\r\n$536870913\r\n",
    b"*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n",
    b"*4\r\n$7\r\nRESTORE\r\n$1\r\nr\r\n$1\r\n0\r\n$14\r\n\x00\xc190\x0a\x00\x9d\x94\xea\x27\x93\xfc\x08\xb9\r\n",
    b"*2\r\n$9\r\nSUBSCRIBE\r\n$1\r\nc\r\n",
    b"*1\r\n$7\r\nMONITOR\r\n",
];

#[test]
fn no_arguments_break_a_command() {
    let server = Server::start(Kind::Cachebench, DIRECTIVES).expect("ours is always here");
    let mut connection = connect(&server);
    let commands = callable_commands(&mut connection);
    let mut rng = StdRng::seed_from_u64(11);
    for _ in 0..CALLS {
        let (name, arity) = commands.choose(&mut rng).expect("commands");
        let mut call = redis::cmd(name);
        for _ in 0..arguments_wanted(*arity, &mut rng) {
            call.arg(*ARGUMENTS.choose(&mut rng).expect("arguments"));
        }
        // An error reply is an answer; a connection that ends is not.
        if let Err(error) = call.query::<redis::Value>(&mut connection) {
            let packed = call.get_packed_command();
            // An error quotes bytes as they came, as redis-server's do; this client reads UTF-8 alone.
            let unreadable = error.kind() == redis::ErrorKind::Parse;
            let quotes_bytes = str::from_utf8(&packed).is_err();
            let answered = !error.is_io_error() && !error.is_connection_dropped();
            assert!(
                answered && (!unreadable || quotes_bytes),
                "{error} after {}",
                packed.escape_ascii()
            );
            if unreadable {
                connection = connect(&server);
            }
        }
    }
    ping(&mut server.connect());
    let executed = server.info("total_commands_processed");
    assert!(
        executed > CALLS as u64 / 2,
        "{executed} calls were well formed"
    );
}

fn connect(server: &Server) -> redis::Connection {
    let connection = server.connect();
    connection
        .set_read_timeout(Some(PATIENCE))
        .expect("a timeout");
    connection
}

/// Mostly as many as the command takes; now and then any number.
fn arguments_wanted(arity: i64, rng: &mut StdRng) -> i64 {
    match arity {
        _ if rng.random_ratio(1, 10) => rng.random_range(0..9),
        1.. => arity - 1,
        _ => -arity - 1 + rng.random_range(0..5),
    }
}

/// What may be called at random and still leave a connection that answers one reply per command.
/// Names and arities.
fn callable_commands(connection: &mut redis::Connection) -> Vec<(String, i64)> {
    let table: Vec<(String, i64, Vec<String>)> = redis::cmd("COMMAND")
        .query::<Vec<redis::Value>>(connection)
        .expect("COMMAND")
        .into_iter()
        .map(|row| first_three(&row))
        .collect();
    let ends_the_talk = [
        "shutdown",
        "quit",
        "monitor",
        "client",
        "hello",
        "auth",
        "reset",
        "debug",
        "config",
        "sync",
        "psync",
        "replicaof",
        "slaveof",
        "wait",
    ];
    let speaks_later = |flags: &[String]| flags.iter().any(|f| f == "blocking" || f == "pubsub");
    let kept = table
        .into_iter()
        .filter(|(name, _, flags)| !ends_the_talk.contains(&name.as_str()) && !speaks_later(flags));
    let names: Vec<_> = kept.map(|(name, arity, _)| (name, arity)).collect();
    assert!(names.len() > 40, "COMMAND lists what there is: {names:?}");
    names
}

fn first_three(row: &redis::Value) -> (String, i64, Vec<String>) {
    let redis::Value::Array(fields) = row else {
        panic!("a row of COMMAND: {row:?}")
    };
    let take = |at: usize| fields.get(at).cloned().expect("a field");
    let name = redis::from_redis_value(take(0)).expect("a name");
    let arity = redis::from_redis_value(take(1)).expect("an arity");
    (
        name,
        arity,
        redis::from_redis_value(take(2)).expect("flags"),
    )
}

/// Keys, numbers at their edges, and the words that commands know. None asks for more than a little memory.
const ARGUMENTS: &[&[u8]] = &[
    b"",
    b"key-1",
    b"key-2",
    b"key-3",
    b"\xff\x00\r\n",
    b"0",
    b"1",
    b"-1",
    b"15",
    b"16",
    b"1000",
    b"-1000",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"9223372036854775808",
    b"4611686018427387904",
    b"18446744073709551616",
    b"1.5",
    b"-0",
    b"1e308",
    b"nan",
    b"inf",
    b"-inf",
    b" 1",
    b"01",
    b"+1",
    b"0x1",
    b"*",
    b"[a-",
    b"?\\",
    b"EX",
    b"PX",
    b"EXAT",
    b"PXAT",
    b"NX",
    b"XX",
    b"GT",
    b"LT",
    b"GET",
    b"KEEPTTL",
    b"PERSIST",
    b"COUNT",
    b"MATCH",
    b"TYPE",
    b"string",
    b"REPLACE",
    b"ABSTTL",
    b"IDLETIME",
    b"FREQ",
    b"DB",
    b"ASYNC",
    b"SYNC",
    b"ENCODING",
    b"USAGE",
    b"STATS",
    b"SAMPLES",
    b"HELP",
    b"LEN",
    b"RESET",
    b"INFO",
    b"DOCS",
    b"LIST",
    b"GETKEYS",
    b"FILTERBY",
    b"PATTERN",
    b"VERSION",
    b"LIMIT",
    b"LEFT",
    b"RIGHT",
    b"WITHSCORES",
    b"BYSCORE",
    b"(1",
    b"[a",
    b"+",
    b"-",
    b"$",
    b"\x00\xc190\x0a\x00\x9d\x94\xea\x27\x93\xfc\x08\xb9",
    &[b'x'; 5_000],
];
