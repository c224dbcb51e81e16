//! Target strings: `embedded`, `embedded-cluster`, `spawn:PROGRAM`, `redis://[user:password@]host[:port][/database]`, `rediss://` for TLS,
//! `unix://[user:password@]/path[?db=database]`.

use std::path::PathBuf;

use super::plan::{Address, Authority, Endpoint, Identity, Tls, TlsSettings, Verification};
use super::words;

/// The port of a Redis server where none is said.
const PORT: u16 = 6379;

/// Databases are numbered below this; servers have 16 unless told otherwise, and refuse beyond what they have.
const DATABASES: u32 = 1_000_000;

/// How targets are written.
const KNOWN: [&str; 6] = [
    "embedded",
    "embedded-cluster",
    "spawn:PROGRAM",
    "redis://host:port/database",
    "rediss://host:port/database",
    "unix:///path",
];

/// What is driven, clock and permissions aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Driven {
    /// The reference server.
    Embedded,
    /// A cluster of reference servers.
    EmbeddedCluster,
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
        None if text == "embedded-cluster" => Ok(Driven::EmbeddedCluster),
        Some(("spawn", program)) => spawn(program),
        Some(("redis" | "rediss" | "unix", _)) => endpoint(text).map(Driven::Endpoint),
        _ => Err(words::unknown("target", text, &KNOWN)),
    }
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
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let tls = match scheme {
        "redis" | "unix" => Tls::Off,
        "rediss" => Tls::On(Box::new(tls_settings())),
        _ => {
            return Err(format!(
                "`{url}` is no address; write redis://[user:password@]host[:port][/database], rediss:// for TLS, or unix:///path"
            ));
        }
    };
    // What stands before the last @ may hold slashes only where they are encoded.
    let before_path = rest.find('/').unwrap_or(rest.len());
    let (login, rest) = match rest.get(..before_path).and_then(|text| text.rfind('@')) {
        Some(at) => (
            rest.get(..at).unwrap_or_default(),
            rest.get(at + 1..).unwrap_or_default(),
        ),
        None => ("", rest),
    };
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let (address, database) = if scheme == "unix" {
        socket(rest)?
    } else {
        let (address, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = host_and_port(address)?;
        (Address::Tcp { host, port }, database(path)?)
    };
    Ok(Endpoint {
        user: decoded(user)?,
        password: decoded(password)?,
        database,
        tls,
        ..Endpoint::at(address)
    })
}

/// What `rediss://` means where nothing more is said.
fn tls_settings() -> TlsSettings {
    TlsSettings {
        authority: Authority::System,
        identity: Identity::None,
        server_name: String::new(),
        verification: Verification::Full,
    }
}

/// `/run/redis.sock`, `/run/redis.sock?db=3`.
fn socket(text: &str) -> Result<(Address, u32), String> {
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    if !path.starts_with('/') || path.contains('\0') {
        return Err(format!(
            "`unix://{text}` names no socket; write its whole path, as in unix:///run/redis.sock"
        ));
    }
    let number = match query.split_once('=') {
        None if query.is_empty() => 0,
        Some(("db", number)) => database(number)?,
        _ => {
            return Err(format!(
                "`?{query}` is not known; write the number of a database, as in unix:///run/redis.sock?db=3"
            ));
        }
    };
    Ok((Address::Unix(PathBuf::from(path)), number))
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
            address,
            user,
            password,
            database,
            ..
        } = endpoint(url).unwrap();
        match address {
            Address::Tcp { host, port } => (host, port, user, password, database),
            Address::Unix(path) => (path.display().to_string(), 0, user, password, database),
        }
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
        let (path, _, user, password, number) = endpoint_of("unix://ann:p%2Fw@/run/a@b.sock?db=3");
        assert_eq!((path.as_str(), number), ("/run/a@b.sock", 3));
        assert_eq!((user.as_str(), password.as_str()), ("ann", "p/w"));
    }

    #[test]
    fn a_url_shows_as_it_was_written_but_for_the_login() {
        for (url, shown) in [
            ("redis://ann:secret@host", "redis://host:6379/0"),
            ("rediss://[::1]:7000/2", "rediss://[::1]:7000/2"),
            ("unix:///run/redis.sock", "unix:///run/redis.sock?db=0"),
        ] {
            assert_eq!(endpoint(url).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_refused_says_what_to_write() {
        let cases = [
            (
                "embeded",
                "unknown target `embeded`; known: embedded, embedded-cluster, spawn:PROGRAM, redis://host:port/database, \
                 rediss://host:port/database, unix:///path; did you mean `embedded`?",
            ),
            (
                "spawn:",
                "`spawn:` needs a program, as in spawn:redis-server or spawn:./src/redis-server",
            ),
            (
                "unix://tmp/s",
                "`unix://tmp/s` names no socket; write its whole path, as in unix:///run/redis.sock",
            ),
            (
                "unix:///tmp/s?base=1",
                "`?base=1` is not known; write the number of a database, as in unix:///run/redis.sock?db=3",
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
        fn nothing_panics(text in "(rediss?://|spawn:|unix://)?[\\[\\]:@/%a-f0-9ü]{0,30}") {
            let _ = parse(&text);
        }
    }
}
