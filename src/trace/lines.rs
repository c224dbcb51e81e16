//! Plain keys, one a line. A key that is a decimal number is still a name: it is sent as it is written.

use super::source::{Bytes, Lines};
use super::{Access, Action, Fault, Key, Kind, Request};

pub(super) struct Ids {
    lines: Lines,
}

impl Ids {
    pub(super) fn new(bytes: Bytes) -> Self {
        Self {
            lines: Lines::new(bytes),
        }
    }

    pub(super) fn next(&mut self) -> Result<Option<Request<'_>>, Fault> {
        let line = self.lines.next()?;
        Ok(line.map(|(_, key)| Request {
            at_ns: 0,
            action: Action::Access(Access {
                key: Key::Name(key),
                kind: Kind::Get,
                size: None,
                ttl_s: None,
            }),
        }))
    }
}
