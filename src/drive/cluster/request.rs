//! Finds the key of a request that is ready to be sent.

use crate::traffic::slot;

/// Commands without a key: any node will do.
const KEYLESS: [&str; 16] = [
    "PING",
    "ECHO",
    "INFO",
    "TIME",
    "DBSIZE",
    "PUBLISH",
    "COMMAND",
    "CLIENT",
    "CONFIG",
    "SCRIPT",
    "WAIT",
    "RANDOMKEY",
    "SCAN",
    "KEYS",
    "FLUSHDB",
    "FLUSHALL",
];
/// Commands whose first key is the second argument.
const SECOND: [&str; 13] = [
    "OBJECT",
    "MEMORY",
    "DEBUG",
    "XINFO",
    "XGROUP",
    "BITOP",
    "ZUNION",
    "ZINTER",
    "ZDIFF",
    "ZINTERCARD",
    "SINTERCARD",
    "LMPOP",
    "ZMPOP",
];
/// Commands whose first key is the third.
const THIRD: [&str; 8] = [
    "EVAL",
    "EVALSHA",
    "EVAL_RO",
    "EVALSHA_RO",
    "FCALL",
    "FCALL_RO",
    "BLMPOP",
    "BZMPOP",
];
/// Commands whose keys follow the word STREAMS.
const STREAMS: [&str; 2] = ["XREAD", "XREADGROUP"];

/// Commands that have a key, change nothing, and so may be asked of a replica.
const READS: [&str; 64] = [
    "GET",
    "MGET",
    "GETRANGE",
    "SUBSTR",
    "STRLEN",
    "LCS",
    "EXISTS",
    "TYPE",
    "TTL",
    "PTTL",
    "EXPIRETIME",
    "PEXPIRETIME",
    "TOUCH",
    "DUMP",
    "SORT_RO",
    "GETBIT",
    "BITCOUNT",
    "BITPOS",
    "BITFIELD_RO",
    "PFCOUNT",
    "HGET",
    "HMGET",
    "HGETALL",
    "HKEYS",
    "HVALS",
    "HLEN",
    "HEXISTS",
    "HSTRLEN",
    "HRANDFIELD",
    "HSCAN",
    "LRANGE",
    "LLEN",
    "LINDEX",
    "LPOS",
    "SMEMBERS",
    "SISMEMBER",
    "SMISMEMBER",
    "SCARD",
    "SRANDMEMBER",
    "SSCAN",
    "SINTER",
    "SUNION",
    "SDIFF",
    "ZRANGE",
    "ZREVRANGE",
    "ZRANGEBYSCORE",
    "ZREVRANGEBYSCORE",
    "ZRANGEBYLEX",
    "ZREVRANGEBYLEX",
    "ZRANK",
    "ZREVRANK",
    "ZSCORE",
    "ZMSCORE",
    "ZCARD",
    "ZCOUNT",
    "ZLEXCOUNT",
    "ZRANDMEMBER",
    "ZSCAN",
    "XRANGE",
    "XREVRANGE",
    "XLEN",
    "XREAD",
    "GEOPOS",
    "GEOSEARCH",
];

/// The first of some requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct First<'a> {
    /// Its bytes.
    pub(super) length: usize,
    /// The slot of its first key.
    pub(super) slot: Option<u16>,
    command: &'a [u8],
}

impl First<'_> {
    /// Whether it changes nothing, as far as the command's name tells.
    pub(super) fn reads(&self) -> bool {
        is_one_of(self.command, &READS)
    }
}

/// The first request in `bytes`; nothing where there is no whole one.
pub(super) fn first(bytes: &[u8]) -> Option<First<'_>> {
    let (words, mut at) = header(bytes, 0, b'*')?;
    let (mut place, mut follows_streams, mut key) = (None, false, None);
    let mut command = [].as_slice();
    for index in 0..words {
        let (length, begin) = header(bytes, at, b'$')?;
        let word = bytes.get(begin..begin.checked_add(length)?)?;
        at = begin + length + 2;
        if index == 0 {
            command = word;
            place = key_place(word);
            follows_streams = is_one_of(word, &STREAMS);
        } else if follows_streams && place.is_none() && word.eq_ignore_ascii_case(b"STREAMS") {
            place = Some(index + 1);
        } else if place == Some(index) {
            key = Some(slot::of_key(word));
        }
    }
    (at <= bytes.len()).then_some(First {
        length: at,
        slot: key,
        command,
    })
}

/// Which argument is the first key, as far as the command's name tells.
fn key_place(command: &[u8]) -> Option<usize> {
    if is_one_of(command, &KEYLESS) || is_one_of(command, &STREAMS) {
        None
    } else if is_one_of(command, &SECOND) {
        Some(2)
    } else if is_one_of(command, &THIRD) {
        Some(3)
    } else {
        Some(1)
    }
}

fn is_one_of(command: &[u8], names: &[&str]) -> bool {
    names
        .iter()
        .any(|name| command.eq_ignore_ascii_case(name.as_bytes()))
}

/// The number in a line such as `*3\r\n`, and where the line ends.
fn header(bytes: &[u8], at: usize, kind: u8) -> Option<(usize, usize)> {
    let line = bytes.get(at..)?.strip_prefix(&[kind])?;
    let digits = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let text = std::str::from_utf8(line.get(..digits)?).ok()?;
    line.get(digits..)?.starts_with(b"\r\n").then_some(())?;
    Some((text.parse().ok()?, at + 1 + digits + 2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drive::encode::append_command;

    fn slot_of(line: &str) -> Option<u16> {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let mut bytes = Vec::new();
        append_command(&words, &mut bytes);
        let length = bytes.len();
        assert_eq!(first(&bytes[..length - 1]), None);
        bytes.extend_from_slice(b"*1\r\n$4\r\nPING\r\n");
        let found = first(&bytes).unwrap();
        assert_eq!(found.length, length);
        assert_eq!(
            found.reads(),
            ["GET", "XREAD"].contains(&line.split(' ').next().unwrap())
        );
        found.slot
    }

    #[test]
    fn the_first_key_decides() {
        for line in [
            "GET foo",
            "mset foo 1 bar 2",
            "OBJECT FREQ foo",
            "EVAL script 1 foo",
            "XREAD COUNT 2 STREAMS foo 0",
            "LMPOP 1 foo LEFT",
            "SET x{foo}y 1",
        ] {
            assert_eq!(slot_of(line), Some(12_182), "{line}");
        }
        assert_eq!(slot_of("PING"), None);
        assert_eq!(slot_of("INFO memory"), None);
    }

    #[test]
    fn what_is_no_request_is_none() {
        for bytes in [
            b"".as_slice(),
            b"PING\r\n",
            b"*1\r\n",
            b"*1\r\n$99999999999999999999\r\n",
            b"*1\r\n$3\r\nGE",
        ] {
            assert_eq!(first(bytes), None);
        }
    }
}
