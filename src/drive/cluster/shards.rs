//! The stream to a cluster: sends each request to the node of its key, and hands the replies on in order.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::link::{Event, Id, Link, Taken, dialing};
use super::map::Map;
use super::redirection::Redirection;
use super::request::{self, First};
use crate::drive::access::{Access, Greeting, Peer};
use crate::drive::fault::Fault;
use crate::workload::plan::ReadFrom;

/// Bytes read at a time.
const READ_BYTES: usize = 16 * 1024;
/// Requests that were answered are cleared away once they are so many bytes.
const ANSWERED_BYTES_MAX: u64 = 64 * 1024;
/// A request is sent elsewhere so often at the most.
const REDIRECTIONS_MAX: u8 = 16;
/// A node that cannot be reached is tried so often for one request; in between another node is asked who has the slot.
const TRIES_MAX: u8 = 3;
/// The reply to a request whose connection was lost.
const DISCONNECTED: &[u8] = b"-node_lost\r\n";
/// The reply to a request whose node cannot be reached.
const UNREACHABLE: &[u8] = b"-node_unreachable\r\n";

/// A request whose reply has not been handed on.
#[derive(Debug, Clone, Copy)]
struct Flight {
    /// Where its bytes begin, counted from the first request of all.
    start: u64,
    length: usize,
    /// The place of the node it was last sent to.
    place: usize,
    redirections: u8,
    tries: u8,
}

/// A stream to a cluster.
pub struct Shards {
    map: Arc<Map>,
    /// How nodes are reached, but for their addresses.
    access: Access,
    /// By the places of their nodes.
    links: Vec<Link>,
    /// By the place of the master, who is asked in turn what only reads; empty where that is the master alone.
    readers: Vec<Vec<usize>>,
    /// Whose turn it is.
    turn: usize,
    /// In order; the first has the number `first`.
    flights: VecDeque<Flight>,
    first: Id,
    /// The bytes of the flights, and how many were cleared away before them.
    requests: Vec<u8>,
    cleared: u64,
    /// Replies that came before their turn.
    aside: BTreeMap<Id, Vec<u8>>,
    /// What is to be handed on, and how much of it has been.
    ready: Vec<u8>,
    given: usize,
    /// Whether a link has got something to send that it may not have been polled for.
    has_dispatched: bool,
    scratch: Box<[u8]>,
}

impl fmt::Debug for Shards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Shards");
        shown.field("flights", &self.flights.len());
        shown.finish_non_exhaustive()
    }
}

impl Shards {
    /// Connects to every master that can be reached.
    ///
    /// # Errors
    ///
    /// The first failure, where none can.
    pub(in crate::drive) async fn open(map: &Arc<Map>, access: &Access) -> Result<Self, Fault> {
        let mut shards = Self {
            map: Arc::clone(map),
            access: greeted(access),
            links: Vec::new(),
            readers: readers(map, access.read_from),
            turn: 0,
            flights: VecDeque::new(),
            first: 0,
            requests: Vec::new(),
            cleared: 0,
            aside: BTreeMap::new(),
            ready: Vec::new(),
            given: 0,
            has_dispatched: false,
            scratch: vec![0; READ_BYTES].into(),
        };
        let mut failure = None;
        for address in map.addresses() {
            match dialing(shards.access_to(address)).await {
                Ok(stream) => shards.links.push(Link::of(stream)),
                Err(fault) => {
                    failure.get_or_insert(fault);
                    shards.links.push(Link::default());
                }
            }
        }
        match failure {
            Some(fault) if !shards.is_up() => Err(fault),
            _ => Ok(shards),
        }
    }

    fn access_to(&self, address: SocketAddr) -> Access {
        Access {
            peer: Peer::Tcp(address),
            ..self.access.clone()
        }
    }

    fn is_up(&self) -> bool {
        self.links.iter().any(Link::is_up)
    }

    /// A node that is there, and not the one at `place` if there is another.
    fn other_than(&self, place: usize) -> usize {
        let mut up = self
            .links
            .iter()
            .enumerate()
            .filter(|(_, link)| link.is_up());
        let other = up.find(|(other, _)| *other != place);
        other.map_or(place, |(other, _)| other)
    }

    /// Takes whole requests and sends them as far as sockets take them; `waker` is woken where more is to be done.
    pub(in crate::drive) fn write_now(&mut self, bytes: &[u8], waker: &Waker) -> io::Result<usize> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let first = request::first(rest).ok_or(io::ErrorKind::InvalidInput)?;
            let (length, place) = (first.length, self.place_for(&first));
            let (request, behind) = rest.split_at_checked(length).unwrap_or_default();
            if let Some(slot) = first.slot {
                self.map.count_wanted(slot);
            }
            let id = self.first + self.flights.len() as Id;
            self.flights.push_back(Flight {
                start: self.cleared + self.requests.len() as u64,
                length,
                place,
                redirections: 0,
                tries: 0,
            });
            self.requests.extend_from_slice(request);
            self.dispatch(id, place, false);
            rest = behind;
        }
        let mut cx = Context::from_waker(waker);
        let mut is_wanted = false;
        for link in &mut self.links {
            // What breaks is found when the reply is read.
            is_wanted |= link.flush(&mut cx).is_err() || link.is_waited_for();
        }
        if is_wanted {
            waker.wake_by_ref();
        }
        Ok(bytes.len())
    }

    /// Which node is asked.
    fn place_for(&mut self, request: &First<'_>) -> usize {
        let Some(slot) = request.slot else {
            return self.other_than(usize::MAX);
        };
        let master = self.map.owner(slot);
        let readers = self.readers.get(master).map_or(&[][..], Vec::as_slice);
        if readers.is_empty() || !request.reads() {
            return master;
        }
        self.turn = self.turn.wrapping_add(1);
        let (behind, first) = readers.split_at(self.turn % readers.len());
        let mut in_turn = first.iter().chain(behind);
        let can_be_reached =
            |place: &&usize| !self.links.get(**place).is_some_and(Link::is_resting);
        in_turn.find(can_be_reached).copied().unwrap_or(master)
    }

    /// Sends a request to the node at `place`.
    fn dispatch(&mut self, id: Id, place: usize, asking: bool) {
        let index = usize::try_from(id.saturating_sub(self.first)).unwrap_or(usize::MAX);
        let (Some(flight), Some(address)) = (self.flights.get_mut(index), self.map.address(place))
        else {
            return;
        };
        flight.place = place;
        let begin = usize::try_from(flight.start - self.cleared).unwrap_or(usize::MAX);
        let request = self.requests.get(begin..begin + flight.length);
        if self.links.len() <= place {
            self.links.resize_with(place + 1, Link::default);
        }
        let access = &self.access;
        let to = || Access {
            peer: Peer::Tcp(address),
            ..access.clone()
        };
        if let Some(link) = self.links.get_mut(place) {
            link.send(id, request.unwrap_or_default(), asking, to);
        }
        self.has_dispatched = true;
        self.map.count_request(place);
    }

    /// Goes on with every link, and hands on what has come, until nothing more is to be done.
    fn turn(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        loop {
            self.has_dispatched = false;
            self.poll_links(cx)?;
            self.deliver()?;
            if !self.has_dispatched {
                return Ok(());
            }
        }
    }

    fn poll_links(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let mut place = 0;
        while let Some(link) = self.links.get_mut(place) {
            match link.poll(cx, &mut self.scratch) {
                Event::Quiet => place += 1,
                Event::Opened => {
                    for (id, asking) in link.take_waiting() {
                        self.dispatch(id, place, asking);
                    }
                }
                Event::Lost => {
                    for id in link.take_lost() {
                        self.aside.insert(id, DISCONNECTED.to_vec());
                    }
                }
                Event::Rested => {
                    let waiting = link.take_waiting();
                    self.try_elsewhere(place, waiting)?;
                }
            }
        }
        Ok(())
    }

    /// Asks another node who has the slots of requests whose node cannot be reached.
    fn try_elsewhere(&mut self, place: usize, waiting: Vec<(Id, bool)>) -> io::Result<()> {
        if !waiting.is_empty() && !self.is_up() {
            return Err(io::ErrorKind::NotConnected.into());
        }
        let other = self.other_than(place);
        for (id, _) in waiting {
            let Some(flight) = self.flight(id) else {
                continue;
            };
            flight.tries += 1;
            if flight.tries > TRIES_MAX {
                self.aside.insert(id, UNREACHABLE.to_vec());
            } else {
                self.dispatch(id, other, false);
            }
        }
        Ok(())
    }

    fn flight(&mut self, id: Id) -> Option<&mut Flight> {
        let index = usize::try_from(id.checked_sub(self.first)?).ok()?;
        self.flights.get_mut(index)
    }

    /// Hands on replies as long as the oldest request has one.
    fn deliver(&mut self) -> io::Result<()> {
        while let Some(front) = self.flights.front() {
            let place = front.place;
            if let Some(reply) = self.aside.remove(&self.first) {
                self.ready.extend_from_slice(&reply);
                self.land();
                continue;
            }
            let Some(link) = self.links.get_mut(place) else {
                return Ok(());
            };
            let taken = link.take().map_err(io::Error::other)?;
            let Some(Taken {
                id,
                bytes: reply,
                is_error,
            }) = taken
            else {
                return Ok(());
            };
            if let Some(redirection) = is_error.then(|| Redirection::parse(reply)).flatten() {
                let reply = reply.to_vec();
                self.redirect(id, place, redirection, reply);
            } else if id == self.first {
                self.ready.extend_from_slice(reply);
                self.land();
            } else {
                self.aside.insert(id, reply.to_vec());
            }
        }
        Ok(())
    }

    /// The oldest request has been answered.
    fn land(&mut self) {
        self.flights.pop_front();
        self.first += 1;
        let start = self.flights.front().map_or(u64::MAX, |front| front.start);
        if start == u64::MAX {
            self.cleared += self.requests.len() as u64;
            self.requests.clear();
        } else if start - self.cleared > ANSWERED_BYTES_MAX {
            let answered = usize::try_from(start - self.cleared).unwrap_or(usize::MAX);
            self.requests.drain(..answered.min(self.requests.len()));
            self.cleared = start;
        }
    }

    /// Sends a request where its node has said; the refusal is its reply where that cannot be done.
    fn redirect(&mut self, id: Id, from: usize, to: Redirection, reply: Vec<u8>) {
        // A node that does not know its own address leaves it out.
        let host = to.host.or_else(|| Some(self.map.address(from)?.ip()));
        let address = host.map(|host| SocketAddr::new(host, to.port));
        let place = address.and_then(|address| self.map.place(address));
        if let Some(place) = place.filter(|_| to.is_for_good) {
            self.learn(to.slot, place);
        }
        let may_go_on = self.flight(id).is_some_and(|flight| {
            flight.redirections += 1;
            flight.redirections <= REDIRECTIONS_MAX
        });
        match place.filter(|_| may_go_on) {
            Some(place) => {
                match to.is_for_good {
                    true => self.map.count_moved(),
                    false => self.map.count_asked(),
                }
                self.dispatch(id, place, !to.is_for_good);
            }
            None => drop(self.aside.insert(id, reply)),
        }
    }
}

impl Shards {
    /// A slot is at another node now. Where its node cannot be reached, that one has taken its place: it has all its slots;
    /// what is not so will be told.
    fn learn(&self, slot: u16, place: usize) {
        let before = self.map.owner(slot);
        let is_gone = self.links.get(before).is_some_and(|link| !link.is_up());
        if is_gone && before != place {
            self.map.inherit(before, place);
        }
        self.map.give(slot, place);
    }
}

/// By the place of the master, who is asked what only reads.
fn readers(map: &Map, read_from: ReadFrom) -> Vec<Vec<usize>> {
    let mut readers = match read_from {
        ReadFrom::Masters => return Vec::new(),
        ReadFrom::Replicas | ReadFrom::Any => map.replicas(),
    };
    for (master, readers) in readers.iter_mut().enumerate() {
        if read_from == ReadFrom::Any {
            readers.push(master);
        }
    }
    readers
}

/// How nodes are reached: replicas answer only those who have said that they only read, and masters do not mind.
fn greeted(access: &Access) -> Access {
    let mut access = access.alone();
    if access.read_from != ReadFrom::Masters {
        access.greeting.push(Greeting::needed(&["READONLY"]));
    }
    access
}

impl AsyncRead for Shards {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let shards = self.get_mut();
        shards.turn(cx)?;
        let rest = shards.ready.get(shards.given..).unwrap_or_default();
        if rest.is_empty() {
            return Poll::Pending;
        }
        let given = rest.len().min(buffer.remaining());
        buffer.put_slice(rest.get(..given).unwrap_or_default());
        shards.given += given;
        if shards.given == shards.ready.len() {
            shards.ready.clear();
            shards.given = 0;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Shards {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(self.get_mut().write_now(bytes, cx.waker()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        for link in &mut self.get_mut().links {
            // What breaks is found when the reply is read.
            let _ = link.flush(cx);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Its links end with it.
        Poll::Ready(Ok(()))
    }
}
