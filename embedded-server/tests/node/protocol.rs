//! Bytes in, replies out: pipelines, pieces, big values, protocol errors, RESP3.

use crate::client::{Client, command, node};

#[test]
fn a_command_may_arrive_byte_by_byte() {
    let node = node(&[]);
    let mut client = Client::of(&node);
    for byte in command(&[b"SET", b"key", b"value"]) {
        client.send([byte]);
    }
    client.expect("+OK\r\n");
    client.ask("GET key", "$5\r\nvalue\r\n");
}

#[test]
fn a_long_pipeline_is_answered_in_order_however_it_is_cut() {
    let node = node(&[]);
    let mut client = Client::of(&node);
    let (mut input, mut expected) = (Vec::new(), String::new());
    for number in 0..20_000 {
        input.extend(command(&[
            b"SET",
            format!("k{number}").as_bytes(),
            format!("v{number}").as_bytes(),
        ]));
        input.extend(command(&[b"GET", format!("k{}", number / 2).as_bytes()]));
        let value = format!("v{}", number / 2);
        expected.push_str(&format!("+OK\r\n${}\r\n{value}\r\n", value.len()));
    }
    for piece in input.chunks(7919) {
        client.send(piece);
    }
    client.expect(expected);
}

#[test]
fn a_big_value_goes_in_and_out_whole() {
    let node = node(&[]);
    let mut client = Client::of(&node);
    let value: Vec<u8> = (0..30_000_000u32)
        .map(|index| (index % 251) as u8)
        .collect();
    client.send(command(&[b"SET", b"big", &value]));
    client.expect("+OK\r\n");
    client.send("GET big\r\nPING\r\n");
    client.expect(
        [
            format!("${}\r\n", value.len()).as_bytes(),
            &value,
            b"\r\n+PONG\r\n",
        ]
        .concat(),
    );
}

#[test]
fn a_command_of_very_many_arguments_takes_linear_time() {
    let node = node(&[]);
    let mut client = Client::of(&node);
    let mut words: Vec<&[u8]> = vec![b"DEL"];
    words.resize(500_001, b"k");
    // In pieces, each of which ends within the command.
    for piece in command(&words).chunks(4000) {
        client.send(piece);
    }
    client.expect(":0\r\n");
}

#[test]
fn what_is_no_command_is_refused_and_ends_the_connection() {
    let node = node(&[]);
    for (input, error) in [
        (&b"*x\r\n"[..], "invalid multibulk length"),
        (b"*3000000000\r\n", "invalid multibulk length"),
        (b"*1\r\n#4\r\n", "expected '$', got '#'"),
        (b"*1\r\n$-5\r\n", "invalid bulk length"),
        (b"GET \"open\r\n", "unbalanced quotes in request"),
    ] {
        let mut client = Client::of(&node);
        client.send([b"PING\r\n", input, b"PING\r\n"].concat());
        let rest = String::from_utf8(client.closed()).unwrap();
        assert_eq!(rest, format!("+PONG\r\n-ERR Protocol error: {error}\r\n"));
    }
}

#[test]
fn refusals_are_those_of_redis_and_are_counted() {
    let node = node(&[]);
    let mut client = Client::of(&node);
    client.ask(
        "nix a b",
        "-ERR unknown command 'nix', with args beginning with: 'a' 'b' \r\n",
    );
    client.ask(
        "get",
        "-ERR wrong number of arguments for 'get' command\r\n",
    );
    client.ask(
        "config nix",
        "-ERR unknown subcommand 'nix'. Try CONFIG HELP.\r\n",
    );
    client.ask(
        "config get",
        "-ERR wrong number of arguments for 'config|get' command\r\n",
    );
    client.ask(
        "config set maxmemory",
        "-ERR wrong number of arguments for 'config|set' command\r\n",
    );
    client.ask("config set maxmemory 1 hz", "-ERR syntax error\r\n");
    client.ask("select 16", "-ERR DB index is out of range\r\n");
    client.ask(
        "select x",
        "-ERR value is not an integer or out of range\r\n",
    );
    assert_eq!(client.info("errorstat_ERR"), "count=8");
    assert_eq!(client.info("total_error_replies"), "8");
    assert!(
        client
            .info("cmdstat_select")
            .ends_with("rejected_calls=0,failed_calls=2")
    );
    assert!(client.info("cmdstat_get").starts_with("calls=0,"));
}

#[test]
fn hello_changes_the_protocol_and_reset_changes_it_back() {
    let node = node(&[]);
    let mut client = Client::of(&node);
    client.ask("GET none", "$-1\r\n");
    client.send("HELLO 3 SETNAME me\r\nGET none\r\nCONFIG GET hz\r\n");
    client.expect(
        "%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$5\r\nproto\r\n:3\r\n$2\r\nid\r\n:1\r\n\
         $4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n\
         _\r\n%1\r\n$2\r\nhz\r\n$2\r\n10\r\n",
    );
    client.ask("CLIENT GETNAME", "$2\r\nme\r\n");
    client.ask("RESET", "+RESET\r\n");
    client.ask("GET none", "$-1\r\n");
    client.ask("CLIENT GETNAME", "$-1\r\n");
    client.ask("HELLO 4", "-NOPROTO unsupported protocol version\r\n");
    client.ask(
        "HELLO x",
        "-ERR Protocol version is not an integer or out of range\r\n",
    );
    client.ask("HELLO 2 NIX", "-ERR Syntax error in HELLO option 'NIX'\r\n");
}

#[test]
fn replies_can_be_turned_off() {
    let node = node(&[]);
    let mut client = Client::of(&node);
    client.send("CLIENT REPLY SKIP\r\nPING skipped\r\nPING told\r\n");
    client.expect("$4\r\ntold\r\n");
    client.send("CLIENT REPLY OFF\r\nPING silent\r\nnix\r\nCLIENT REPLY ON\r\nPING again\r\n");
    client.expect("+OK\r\n$5\r\nagain\r\n");
}

#[test]
fn quit_answers_and_closes_and_what_follows_is_dropped() {
    let node = node(&[]);
    let mut client = Client::of(&node);
    client.send("SET a 1\r\nQUIT\r\nSET a 2\r\n");
    assert_eq!(client.closed(), b"+OK\r\n+OK\r\n");
    Client::of(&node).ask("GET a", "$1\r\n1\r\n");
}

#[test]
fn keys_of_a_command_are_told() {
    let node = node(&[]);
    let mut client = Client::of(&node);
    client.ask(
        "COMMAND GETKEYS MSET a 1 b 2",
        "*2\r\n$1\r\na\r\n$1\r\nb\r\n",
    );
    client.ask(
        "COMMAND GETKEYS PING a",
        "-ERR The command has no key arguments\r\n",
    );
    client.ask(
        "COMMAND GETKEYS NIX a",
        "-ERR Invalid command specified\r\n",
    );
    client.ask(
        "COMMAND GETKEYS GET a b",
        "-ERR Invalid number of arguments specified for command\r\n",
    );
    client.ask(
        "COMMAND LIST FILTERBY PATTERN config|get",
        "*1\r\n$10\r\nconfig|get\r\n",
    );
}
