//! Which recorded commands are sent again, and where their keys stand.
//!
//! Only those are whose every key is known by its place, so that keys can be told from other words: nothing that changes
//! the server or the connection, waits, runs scripts, or belongs to a transaction.

use crate::workload::plan::{Effect, effect_of};

/// Words of a command that are keys: the first, and every so many after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Keys {
    step: Option<usize>,
}

impl Keys {
    /// Whether word `place` is a key; the command's name is word 0.
    pub(super) fn has(self, place: usize) -> bool {
        match self.step {
            Some(step) => place % step == 1 % step && place > 0,
            None => place == 1,
        }
    }
}

/// What the command called `name` does, and where its keys are; none for one that is left out.
pub(super) fn admitted(name: &[u8]) -> Option<(Effect, Keys)> {
    let name = std::str::from_utf8(name).ok()?.to_ascii_uppercase();
    let step = match name.as_str() {
        "XREAD" | "PUBLISH" | "PING" => return None,
        "MGET" | "DEL" | "UNLINK" | "EXISTS" | "TOUCH" => Some(1),
        "MSET" => Some(2),
        _ => None,
    };
    Some((effect_of(&name)?, Keys { step }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_that_could_do_harm_are_left_out() {
        for name in [
            "FLUSHALL",
            "flushdb",
            "CONFIG",
            "SHUTDOWN",
            "DEBUG",
            "REPLICAOF",
            "EVAL",
            "MULTI",
            "SELECT",
            "BLPOP",
            "SUBSCRIBE",
            "CLIENT",
            "nonsense",
            "",
        ] {
            assert_eq!(admitted(name.as_bytes()), None, "{name}");
        }
        assert_eq!(admitted(b"\xff"), None);
    }

    #[test]
    fn keys_are_known_by_their_places() {
        let places = |name: &str| {
            let (_, keys) = admitted(name.as_bytes()).unwrap();
            (0..5).filter(|place| keys.has(*place)).collect::<Vec<_>>()
        };
        assert_eq!(places("get"), [1]);
        assert_eq!(places("MGET"), [1, 2, 3, 4]);
        assert_eq!(places("mset"), [1, 3]);
    }
}
