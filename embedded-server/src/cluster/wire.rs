//! Messages as bytes: the bus protocol of Redis 7.0, version 1, all numbers in network order.
//!
//! | at | bytes | what |
//! |---|---|---|
//! | 0 | 4 | `RCmb` |
//! | 4 | 4 | length of the whole message |
//! | 8 | 2 | version |
//! | 10 | 2 | client port |
//! | 12 | 2 | kind |
//! | 14 | 2 | count of gossip entries |
//! | 16 | 8 | current epoch |
//! | 24 | 8 | configuration epoch |
//! | 32 | 8 | replication offset |
//! | 40 | 40 | sender |
//! | 80 | 2048 | slots |
//! | 2128 | 40 | master, zeros for none |
//! | 2168 | 46 | address in text, zeros for "that of the connection" |
//! | 2214 | 2 | count of extensions |
//! | 2216 | 30 | unused |
//! | 2246 | 2 | port without TLS where the client port is with it |
//! | 2248 | 2 | bus port |
//! | 2250 | 2 | flags of the sender |
//! | 2252 | 1 | 1 when the sender thinks the cluster is down |
//! | 2253 | 3 | flags of the message |
//! | 2256 | | what the kind adds |

use std::net::IpAddr;

use thiserror::Error;

use super::flags::NodeFlags;
use super::id::{ID_BYTES, NodeId};
use super::message::{Address, Body, Gossip, GossipKind, Header, Message};
use super::slot::{BITMAP_BYTES, SlotSet};

/// Bytes of the part that all messages share.
pub const HEADER_BYTES: usize = 2256;
/// The longest message taken: a published one with room for a string of usual size.
pub const MESSAGE_BYTES_MAX: usize = 64 << 20;

const SIGNATURE: &[u8; 4] = b"RCmb";
const VERSION: u16 = 1;
const IP_BYTES: usize = 46;
const GOSSIP_BYTES: usize = 104;
const EXTENSION_HEADER_BYTES: usize = 8;
const EXTENSION_HOSTNAME: u16 = 0;
const HOSTNAME_BYTES_MAX: usize = 256;
const UPDATE_BYTES: usize = 8 + ID_BYTES + BITMAP_BYTES;

const PAUSED: u8 = 1;
const FORCED: u8 = 1 << 1;
const EXTENDED: u8 = 1 << 2;

/// Why bytes from the bus are no message. The connection they came by is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum WireError {
    /// Other bytes than a message begins with.
    #[error("no cluster bus message: the signature is missing; is this port given to clients?")]
    Signature,
    /// A length that no message has.
    #[error("a message of {0} bytes: at least 2256 are needed and at most 67108864 are taken")]
    Length(u32),
    /// Another version of the protocol.
    #[error("bus protocol version {0}, where 1 is spoken here")]
    Version(u16),
    /// A name that is none.
    #[error("a node's name is not forty hexadecimal digits")]
    Name,
    /// A kind of message and a length that do not belong together.
    #[error("a message of kind {kind} with {bytes} bytes, which does not add up")]
    Content {
        /// The kind.
        kind: u16,
        /// The length.
        bytes: usize,
    },
}

/// How many bytes the message that `input` begins with has in all; `None` while that cannot be told.
///
/// # Errors
/// When no message begins so.
pub fn message_bytes(input: &[u8]) -> Result<Option<usize>, WireError> {
    let seen = input.len().min(SIGNATURE.len());
    if input.get(..seen) != SIGNATURE.get(..seen) {
        return Err(WireError::Signature);
    }
    let Some(length) = input.get(4..8).and_then(|bytes| bytes.try_into().ok()) else {
        return Ok(None);
    };
    let length = u32::from_be_bytes(length);
    match usize::try_from(length) {
        Ok(bytes) if (HEADER_BYTES..=MESSAGE_BYTES_MAX).contains(&bytes) => Ok(Some(bytes)),
        _ => Err(WireError::Length(length)),
    }
}

/// Reads one whole message. `None` for a kind that is not known, which is passed over.
///
/// # Errors
/// When the bytes are no message.
pub fn decode(bytes: &[u8]) -> Result<Option<Message>, WireError> {
    let mut input = Input(bytes);
    let content = || WireError::Content {
        kind: kind_of(bytes),
        bytes: bytes.len(),
    };
    if message_bytes(bytes)? != Some(bytes.len()) {
        return Err(content());
    }
    let version = bytes
        .get(8..10)
        .map_or(0, |pair| u16::from_be_bytes([pair[0], pair[1]]));
    if version != VERSION {
        return Err(WireError::Version(version));
    }
    let read = header(&mut input).ok_or_else(content)?;
    let Some(body) = body(&mut input, &read).ok_or_else(content)? else {
        return Ok(None);
    };
    let sender = NodeId::parse(read.sender).ok_or(WireError::Name)?;
    let header = Header {
        sender,
        ..read.header
    };
    Ok(Some(Message { header, body }))
}

fn kind_of(bytes: &[u8]) -> u16 {
    bytes
        .get(12..14)
        .map_or(u16::MAX, |pair| u16::from_be_bytes([pair[0], pair[1]]))
}

/// A header, and what of it only the body needs.
struct Read<'a> {
    header: Header,
    sender: &'a [u8],
    kind: u16,
    count: u16,
    extensions: Option<u16>,
}

fn header<'a>(input: &mut Input<'a>) -> Option<Read<'a>> {
    input.take(10)?;
    let (port, kind, count) = (input.u16()?, input.u16()?, input.u16()?);
    let (current_epoch, config_epoch, offset) = (input.u64()?, input.u64()?, input.u64()?);
    let sender = input.take(ID_BYTES)?;
    let slots = SlotSet::from_bytes(input.take(BITMAP_BYTES)?);
    let master = NodeId::parse(input.take(ID_BYTES)?);
    let ip = input.ip()?;
    let extensions = input.u16()?;
    input.take(32)?;
    let (bus_port, flags) = (input.u16()?, NodeFlags::from_bits(input.u16()?));
    let is_ok = input.take(1)? == [0];
    let marks = *input.take(3)?.first()?;
    let header = Header {
        sender: NodeId::parse(&[b'0'; ID_BYTES])?,
        current_epoch,
        config_epoch,
        offset,
        slots,
        master,
        address: Address { ip, port, bus_port },
        flags,
        is_ok,
        is_paused: marks & PAUSED != 0,
        is_forced: marks & FORCED != 0,
    };
    let extensions = (marks & EXTENDED != 0).then_some(extensions);
    Some(Read {
        header,
        sender,
        kind,
        count,
        extensions,
    })
}

/// `None` when the bytes do not suffice or are too many, `Some(None)` for an unknown kind.
fn body(input: &mut Input<'_>, read: &Read<'_>) -> Option<Option<Body>> {
    let body = match read.kind {
        0 => gossip(input, read, GossipKind::Ping)?,
        1 => gossip(input, read, GossipKind::Pong)?,
        2 => gossip(input, read, GossipKind::Meet)?,
        3 => Body::Fail(NodeId::parse(input.take(ID_BYTES)?)?),
        4 => publish(input, false)?,
        5 => Body::VoteRequest,
        6 => Body::Vote,
        7 => update(input)?,
        8 => Body::FailoverStart,
        9 => {
            input.0 = &[];
            Body::Module
        }
        10 => publish(input, true)?,
        _ => return Some(None),
    };
    input.0.is_empty().then_some(Some(body))
}

fn publish(input: &mut Input<'_>, is_sharded: bool) -> Option<Body> {
    let (channel, message) = (input.u32()?, input.u32()?);
    Some(Body::Publish {
        is_sharded,
        channel: input.take(usize::try_from(channel).ok()?)?.to_vec(),
        message: input.take(usize::try_from(message).ok()?)?.to_vec(),
    })
}

fn update(input: &mut Input<'_>) -> Option<Body> {
    let config_epoch = input.u64()?;
    let node = NodeId::parse(input.take(ID_BYTES)?)?;
    let slots = SlotSet::from_bytes(input.take(BITMAP_BYTES)?);
    Some(Body::Update {
        node,
        config_epoch,
        slots,
    })
}

fn gossip(input: &mut Input<'_>, read: &Read<'_>, kind: GossipKind) -> Option<Body> {
    let entries = (0..read.count)
        .map(|_| entry(input))
        .collect::<Option<Vec<_>>>()?;
    let mut hostname = None;
    for _ in 0..read.extensions.unwrap_or(0) {
        let (kind, content) = extension(input)?;
        if kind == EXTENSION_HOSTNAME {
            hostname = Some(name_in(content));
        }
    }
    // A sender that knows extensions and sends none has no hostname any more.
    let hostname = hostname.or_else(|| read.extensions.map(|_| String::new()));
    Some(Body::Gossip {
        kind,
        entries: entries.into_iter().flatten().collect(),
        hostname,
    })
}

/// One entry; the inner `None` is one whose node has no proper name, which is passed over.
fn entry(input: &mut Input<'_>) -> Option<Option<Gossip>> {
    let node = NodeId::parse(input.take(ID_BYTES)?);
    let (ping_sent_s, pong_received_s) = (input.u32()?, input.u32()?);
    let ip = input.ip()?;
    let (port, bus_port) = (input.u16()?, input.u16()?);
    let flags = NodeFlags::from_bits(input.u16()?);
    input.take(4)?;
    let address = Address { ip, port, bus_port };
    Some(node.map(|node| Gossip {
        node,
        ping_sent_s,
        pong_received_s,
        address,
        flags,
    }))
}

fn extension<'a>(input: &mut Input<'a>) -> Option<(u16, &'a [u8])> {
    let (length, kind) = (input.u32()?, input.u16()?);
    input.take(2)?;
    let content = usize::try_from(length)
        .ok()?
        .checked_sub(EXTENSION_HEADER_BYTES)?;
    Some((kind, input.take(content)?))
}

fn name_in(content: &[u8]) -> String {
    let end = content
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(content.len());
    let name = content
        .get(..end.min(HOSTNAME_BYTES_MAX))
        .unwrap_or_default();
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    if name.iter().all(is_plain) {
        String::from_utf8_lossy(name).into_owned()
    } else {
        String::new()
    }
}

/// Bytes still to be read; every reader answers `None` when they do not suffice.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2)?.try_into().ok().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take(8)?.try_into().ok().map(u64::from_be_bytes)
    }

    /// The inner `None` when no address is told.
    fn ip(&mut self) -> Option<Option<IpAddr>> {
        let text = self.take(IP_BYTES)?;
        let end = text
            .iter()
            .position(|byte| *byte == 0)
            .unwrap_or(text.len());
        let text = text
            .get(..end)
            .and_then(|text| std::str::from_utf8(text).ok());
        Some(text.and_then(|text| text.parse().ok()))
    }
}

/// Writes one message.
#[must_use]
pub fn encode(message: &Message) -> Vec<u8> {
    let Message { header, body } = message;
    let mut output = Vec::with_capacity(HEADER_BYTES + GOSSIP_BYTES * 4);
    let (count, extensions) = counts(body);
    output.extend_from_slice(SIGNATURE);
    output.extend_from_slice(&[0; 4]);
    for number in [VERSION, header.address.port, body.kind(), count] {
        output.extend_from_slice(&number.to_be_bytes());
    }
    for number in [header.current_epoch, header.config_epoch, header.offset] {
        output.extend_from_slice(&number.to_be_bytes());
    }
    output.extend_from_slice(header.sender.as_bytes());
    output.extend(header.slots.to_bytes());
    output.extend_from_slice(
        header
            .master
            .as_ref()
            .map_or(&[0; ID_BYTES], NodeId::as_bytes),
    );
    write_ip(&mut output, header.address.ip);
    output.extend_from_slice(&extensions.unwrap_or(0).to_be_bytes());
    output.extend_from_slice(&[0; 32]);
    output.extend_from_slice(&header.address.bus_port.to_be_bytes());
    output.extend_from_slice(&header.flags.bits().to_be_bytes());
    output.push(u8::from(!header.is_ok));
    let marks = [
        (header.is_paused, PAUSED),
        (header.is_forced, FORCED),
        (extensions.is_some(), EXTENDED),
    ];
    let marks = marks
        .iter()
        .filter(|(on, _)| *on)
        .fold(0, |marks, (_, mark)| marks | mark);
    output.extend_from_slice(&[marks, 0, 0]);
    write_body(&mut output, body);
    let length = u32::try_from(output.len())
        .unwrap_or(u32::MAX)
        .to_be_bytes();
    output
        .iter_mut()
        .skip(4)
        .zip(length)
        .for_each(|(to, from)| *to = from);
    output
}

/// How many gossip entries there are, and how many extensions, where they are told.
fn counts(body: &Body) -> (u16, Option<u16>) {
    match body {
        Body::Gossip {
            entries, hostname, ..
        } => {
            let extensions = hostname.as_ref().map(|name| u16::from(!name.is_empty()));
            (u16::try_from(entries.len()).unwrap_or(u16::MAX), extensions)
        }
        _ => (0, None),
    }
}

fn write_body(output: &mut Vec<u8>, body: &Body) {
    match body {
        Body::Gossip {
            entries, hostname, ..
        } => {
            entries
                .iter()
                .take(usize::from(u16::MAX))
                .for_each(|entry| write_entry(output, entry));
            if let Some(name) = hostname.as_ref().filter(|name| !name.is_empty()) {
                write_hostname(output, name);
            }
        }
        Body::Fail(node) => output.extend_from_slice(node.as_bytes()),
        Body::Publish {
            channel, message, ..
        } => {
            for text in [channel, message] {
                output.extend_from_slice(
                    &u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes(),
                );
            }
            output.extend_from_slice(channel);
            output.extend_from_slice(message);
        }
        Body::Update {
            node,
            config_epoch,
            slots,
        } => {
            output.reserve(UPDATE_BYTES);
            output.extend_from_slice(&config_epoch.to_be_bytes());
            output.extend_from_slice(node.as_bytes());
            output.extend(slots.to_bytes());
        }
        Body::VoteRequest | Body::Vote | Body::FailoverStart | Body::Module => {}
    }
}

fn write_entry(output: &mut Vec<u8>, entry: &Gossip) {
    output.extend_from_slice(entry.node.as_bytes());
    output.extend_from_slice(&entry.ping_sent_s.to_be_bytes());
    output.extend_from_slice(&entry.pong_received_s.to_be_bytes());
    write_ip(output, entry.address.ip);
    for number in [
        entry.address.port,
        entry.address.bus_port,
        entry.flags.bits(),
    ] {
        output.extend_from_slice(&number.to_be_bytes());
    }
    output.extend_from_slice(&[0; 4]);
}

/// The name ends with a zero and is padded to a multiple of eight bytes.
fn write_hostname(output: &mut Vec<u8>, name: &str) {
    let padded = (name.len() + 1).next_multiple_of(8);
    let length = u32::try_from(EXTENSION_HEADER_BYTES + padded).unwrap_or(u32::MAX);
    output.extend_from_slice(&length.to_be_bytes());
    output.extend_from_slice(&EXTENSION_HOSTNAME.to_be_bytes());
    output.extend_from_slice(&[0; 2]);
    output.extend_from_slice(name.as_bytes());
    output.resize(output.len() + padded - name.len(), 0);
}

fn write_ip(output: &mut Vec<u8>, ip: Option<IpAddr>) {
    let end = output.len() + IP_BYTES;
    if let Some(ip) = ip {
        output.extend_from_slice(ip.to_string().as_bytes());
    }
    output.resize(end, 0);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(digit: u8) -> NodeId {
        NodeId::parse(&[digit; ID_BYTES]).unwrap()
    }

    fn message(body: Body) -> Message {
        let address = Address {
            ip: "127.0.0.1".parse().ok(),
            port: 7000,
            bus_port: 17_000,
        };
        let header = Header {
            sender: name(b'a'),
            current_epoch: 7,
            config_epoch: 5,
            offset: 1 << 40,
            slots: (0..5461).collect(),
            master: Some(name(b'b')),
            address,
            flags: NodeFlags::MASTER,
            is_ok: true,
            is_paused: true,
            is_forced: false,
        };
        Message { header, body }
    }

    fn bodies() -> Vec<Body> {
        let entry = Gossip {
            node: name(b'c'),
            ping_sent_s: 1,
            pong_received_s: 2,
            address: Address {
                ip: "::1".parse().ok(),
                port: 1,
                bus_port: 2,
            },
            flags: NodeFlags::REPLICA.and(NodeFlags::PFAIL),
        };
        let gossip = |kind, hostname| Body::Gossip {
            kind,
            entries: vec![entry; 3],
            hostname,
        };
        vec![
            gossip(GossipKind::Ping, None),
            gossip(GossipKind::Pong, Some(String::new())),
            gossip(GossipKind::Meet, Some("a.example".into())),
            Body::Fail(name(b'd')),
            Body::Publish {
                is_sharded: false,
                channel: b"news".to_vec(),
                message: b"hello".to_vec(),
            },
            Body::Publish {
                is_sharded: true,
                channel: Vec::new(),
                message: Vec::new(),
            },
            Body::VoteRequest,
            Body::Vote,
            Body::Update {
                node: name(b'e'),
                config_epoch: 9,
                slots: SlotSet::all(),
            },
            Body::FailoverStart,
            Body::Module,
        ]
    }

    #[test]
    fn every_kind_comes_back() {
        for body in bodies() {
            let sent = message(body);
            let bytes = encode(&sent);
            assert_eq!(message_bytes(&bytes), Ok(Some(bytes.len())));
            assert_eq!(decode(&bytes), Ok(Some(sent)));
        }
    }

    #[test]
    fn lengths_are_those_of_redis() {
        let bytes = bodies()
            .into_iter()
            .map(|body| encode(&message(body)).len() - HEADER_BYTES);
        assert_eq!(
            bytes.collect::<Vec<_>>(),
            [312, 312, 336, 40, 17, 8, 0, 0, 2096, 0, 0]
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        let good = encode(&message(Body::Vote));
        let broken = |at: usize, to: &[u8]| {
            let mut bytes = good.clone();
            bytes[at..at + to.len()].copy_from_slice(to);
            decode(&bytes).unwrap_err()
        };
        assert_eq!(broken(0, b"GET "), WireError::Signature);
        assert_eq!(broken(4, &[0, 0, 0, 1]), WireError::Length(1));
        assert_eq!(broken(8, &[0, 2]), WireError::Version(2));
        assert_eq!(broken(40, b"Z"), WireError::Name);
        assert_eq!(
            broken(12, &[0, 3]),
            WireError::Content {
                kind: 3,
                bytes: HEADER_BYTES
            }
        );
        let mut unknown = good.clone();
        unknown[13] = 99;
        assert_eq!(decode(&unknown), Ok(None));
        assert_eq!(message_bytes(b"RC"), Ok(None));
    }

    proptest! {
        #[test]
        fn no_bytes_break_the_reader(which in 0..11_usize, at in 0..2600_usize, byte: u8, cut in 0..3000_usize) {
            let mut bytes = encode(&message(bodies().swap_remove(which)));
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
            bytes.truncate(cut);
            let _ = decode(&bytes);
            let length = u32::try_from(bytes.len()).unwrap();
            if let Some(place) = bytes.get_mut(4..8) {
                place.copy_from_slice(&length.to_be_bytes());
            }
            let _ = decode(&bytes);
        }
    }
}
