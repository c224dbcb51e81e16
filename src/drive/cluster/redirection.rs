//! Reads what a node says of a request that it does not serve: MOVED and ASK.

use std::net::IpAddr;

/// Where a node sends a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Redirection {
    /// MOVED, and not ASK.
    pub(super) is_for_good: bool,
    pub(super) slot: u16,
    /// None where a node does not know its own.
    pub(super) host: Option<IpAddr>,
    pub(super) port: u16,
}

impl Redirection {
    /// `-MOVED 866 127.0.0.1:7000`, `-ASK 866 :7000`; none for other errors.
    pub(super) fn parse(reply: &[u8]) -> Option<Self> {
        let line = std::str::from_utf8(reply).ok()?.trim_end();
        let mut words = line.split(' ');
        let is_for_good = match words.next()? {
            "-MOVED" => true,
            "-ASK" => false,
            _ => return None,
        };
        let slot = words.next()?.parse().ok()?;
        let (host, port) = words.next()?.rsplit_once(':')?;
        let host = match host {
            "" => None,
            host => Some(host.parse().ok()?),
        };
        Some(Self {
            is_for_good,
            slot,
            host,
            port: port.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirections_are_read_and_other_errors_are_not() {
        let moved = Redirection::parse(b"-MOVED 866 127.0.0.1:7000\r\n").unwrap();
        assert!(moved.is_for_good && (moved.slot, moved.port) == (866, 7000));
        let asked = Redirection::parse(b"-ASK 12182 :7001\r\n").unwrap();
        assert!(!asked.is_for_good && asked.host.is_none());
        let six = Redirection::parse(b"-MOVED 1 ::1:7002\r\n").unwrap();
        assert_eq!((six.host, six.port), ("::1".parse().ok(), 7002));
        for other in [
            "-ERR MOVED",
            "-MOVED",
            "-MOVED x 1:2",
            "-MOVED 1 host:2",
            "-CLUSTERDOWN The cluster is down",
        ] {
            assert_eq!(Redirection::parse(other.as_bytes()), None, "{other}");
        }
    }
}
