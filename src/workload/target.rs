//! Target strings: `embedded`, `spawn:PROGRAM`, `redis://[user:password@]host[:port][/database]`.

use std::path::PathBuf;

use super::plan::Endpoint;
use super::words;

/// The port of a Redis server where none is said.
const PORT: u16 = 6379;

/// Databases are numbered below this; servers have 16 unless told otherwise, and refuse beyond what they have.
const DATABASES: u32 = 1_000_000;

/// What is driven, clock and permissions aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Driven {
    /// The reference server.
    Embedded,
    /// A program to start.
    Spawn(PathBuf),
    /// A server by address; nothing is permitted.
    Endpoint(Endpoint),
}

/// Reads a target string.
///
/// # Errors
///
/// A sentence with what was found and what is allowed.
pub(super) fn parse(text: &str) -> Result<Driven, String> {
    match text.split_once(':') {
        None if text == "embedded" => Ok(Driven::Embedded),
        None if text == "embedded-cluster" => Err(not_yet(
            "a cluster in this process",
            "embedded, or redis:// with one node of a cluster",
        )),
        Some(("spawn", program)) => spawn(program),
        Some(("redis", _)) => endpoint(text).map(Driven::Endpoint),
        Some(("rediss", _)) => Err(not_yet("TLS", "redis:// to a port without TLS")),
        Some(("unix", _)) => Err(not_yet("unix sockets", "redis:// to a TCP port")),
        _ => Err(words::unknown(
            "target",
            text,
            &["embedded", "spawn:PROGRAM", "redis://host:port/database"],
        )),
    }
}

fn not_yet(what: &str, instead: &str) -> String {
    format!("not yet: {what}; use {instead}")
}

/// A program by name or path.
pub(super) fn spawn(program: &str) -> Result<Driven, String> {
    if program.is_empty() || program.contains('\0') {
        return Err(
            "`spawn:` needs a program, as in spawn:redis-server or spawn:./src/redis-server"
                .to_owned(),
        );
    }
    Ok(Driven::Spawn(PathBuf::from(program)))
}

/// An endpoint by URL.
pub(super) fn endpoint(url: &str) -> Result<Endpoint, String> {
    let Some(rest) = url.strip_prefix("redis://") else {
        return Err(match parse(url) {
            Err(message) if message.starts_with("not yet") => message,
            _ => format!(
                "`{url}` is no address; write redis://[user:password@]host[:port][/database]"
            ),
        });
    };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (login, address) = authority
        .rsplit_once('@')
        .map_or(("", authority), |(login, address)| (login, address));
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let (host, port) = host_and_port(address)?;
    Ok(Endpoint {
        host,
        port,
        user: decoded(user)?,
        password: decoded(password)?,
        database: database(path)?,
        allow_flush: false,
        allow_config: false,
    })
}

/// `localhost`, `10.0.0.1:6380`, `[::1]:6379`.
fn host_and_port(address: &str) -> Result<(String, u16), String> {
    let (host, rest) = match address
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    {
        Some(bracketed) => bracketed,
        None => address.split_at(address.find(':').unwrap_or(address.len())),
    };
    if host.is_empty()
        || host
            .chars()
            .any(|letter| letter.is_control() || letter.is_whitespace())
    {
        return Err(format!(
            "`redis://{address}` names no host; write redis://host[:port][/database]"
        ));
    }
    let port = match rest.strip_prefix(':') {
        None if rest.is_empty() => PORT,
        None => {
            return Err(format!(
                "`{address}` is no host and port; write host:port, and an IPv6 address in brackets, as in [::1]:6379"
            ));
        }
        Some(port) => port
            .parse()
            .ok()
            .filter(|port| *port > 0)
            .ok_or_else(|| format!("`{port}` is no port; ports are 1 to 65535"))?,
    };
    Ok((host.to_owned(), port))
}

fn database(path: &str) -> Result<u32, String> {
    if path.is_empty() {
        return Ok(0);
    }
    let number = path.parse().ok().filter(|number| *number < DATABASES);
    number.ok_or_else(|| {
        format!("`/{path}` is no database; write its number, as in redis://host:port/0")
    })
}

/// Percent-decoding, for passwords with `@`, `:` or `/` in them.
fn decoded(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next(), rest.next()]
            .map(|digit| digit.and_then(|digit| char::from(digit).to_digit(16)));
        let [Some(high), Some(low)] = digits else {
            return Err("in the user or the password, `%` must be followed by two hexadecimal digits; write %25 for `%` itself".to_owned());
        };
        bytes.push((high * 16 + low) as u8);
    }
    String::from_utf8(bytes)
        .map_err(|_| "the user or the password is not UTF-8 once decoded".to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn endpoint_of(url: &str) -> (String, u16, String, String, u32) {
        let Endpoint {
            host,
            port,
            user,
            password,
            database,
            ..
        } = endpoint(url).unwrap();
        (host, port, user, password, database)
    }

    #[test]
    fn urls() {
        let plain = |host: &str, port, database| {
            (
                host.to_owned(),
                port,
                String::new(),
                String::new(),
                database,
            )
        };
        assert_eq!(
            endpoint_of("redis://localhost"),
            plain("localhost", 6379, 0)
        );
        assert_eq!(
            endpoint_of("redis://10.0.0.1:6380/3"),
            plain("10.0.0.1", 6380, 3)
        );
        assert_eq!(endpoint_of("redis://[::1]:7000/"), plain("::1", 7000, 0));
        let (_, _, user, password, _) = endpoint_of("redis://ann:p%40s%3As@host/1");
        assert_eq!((user.as_str(), password.as_str()), ("ann", "p@s:s"));
        let (_, _, user, password, _) = endpoint_of("redis://:secret@host");
        assert_eq!((user.as_str(), password.as_str()), ("", "secret"));
    }

    #[test]
    fn what_is_refused_says_what_to_write() {
        let cases = [
            (
                "embeded",
                "unknown target `embeded`; known: embedded, spawn:PROGRAM, redis://host:port/database; did you mean `embedded`?",
            ),
            (
                "spawn:",
                "`spawn:` needs a program, as in spawn:redis-server or spawn:./src/redis-server",
            ),
            (
                "rediss://host",
                "not yet: TLS; use redis:// to a port without TLS",
            ),
            (
                "unix:///tmp/s",
                "not yet: unix sockets; use redis:// to a TCP port",
            ),
            (
                "embedded-cluster",
                "not yet: a cluster in this process; use embedded, or redis:// with one node of a cluster",
            ),
            (
                "redis://:6379",
                "`redis://:6379` names no host; write redis://host[:port][/database]",
            ),
            ("redis://host:0", "`0` is no port; ports are 1 to 65535"),
            (
                "redis://host:70000",
                "`70000` is no port; ports are 1 to 65535",
            ),
            (
                "redis://host/one",
                "`/one` is no database; write its number, as in redis://host:port/0",
            ),
            (
                "redis://[::1]x",
                "`[::1]x` is no host and port; write host:port, and an IPv6 address in brackets, as in [::1]:6379",
            ),
            (
                "redis://a%4:b@host",
                "in the user or the password, `%` must be followed by two hexadecimal digits; write %25 for `%` itself",
            ),
        ];
        for (text, message) in cases {
            assert_eq!(parse(text).unwrap_err(), message);
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "(redis://|spawn:|unix:)?[\\[\\]:@/%a-f0-9ü]{0,30}") {
            let _ = parse(&text);
        }
    }
}
