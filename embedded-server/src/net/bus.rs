//! The cluster bus: the connections that nodes open to each other.
//!
//! Each connection has a task that reads messages and writes those that wait for it. What waits is bounded: a node that
//! does not read is hung up on.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{self, AbortHandle};
use tokio::time::{self, MissedTickBehavior};

use super::Shared;
use super::wire::open;
use crate::cluster::wire::{self, WireError};
use crate::cluster::{Event, LinkId};
use crate::log::Level;
use crate::member::Order;

/// How often the state machine is told that time passes.
const TICK: Duration = Duration::from_millis(100);
/// A connection that does not come about within so long is given up.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);
/// The most connections at a time.
const LINKS_MAX: usize = 16_384;

/// A connection, open or being opened.
struct Open {
    queue: UnboundedSender<Vec<u8>>,
    task: AbortHandle,
}

type Links = Rc<RefCell<BTreeMap<LinkId, Open>>>;

/// Serves the bus until the node ends.
pub(super) async fn serve(listener: TcpListener, node: Shared) {
    let inbox = node
        .borrow_mut()
        .server
        .cluster
        .as_mut()
        .and_then(|member| member.take_inbox());
    let (Some(mut orders), Ok(listener)) = (inbox, tokio::net::TcpListener::from_std(listener))
    else {
        return node
            .borrow()
            .server
            .log(Level::Warning, "The cluster bus cannot be served");
    };
    let links = Links::default();
    let mut tick = time::interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = tick.tick() => node.borrow_mut().server.on_bus(Event::Tick),
            Some(order) = orders.recv() => carry_out(order, &links, &node),
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => welcome(stream, peer, &links, &node),
                Err(error) => {
                    node.borrow().server.log(Level::Warning, &format!("Error accepting a bus connection: {error}"));
                    time::sleep(TICK).await;
                }
            },
        }
    }
}

fn carry_out(order: Order, links: &Links, node: &Shared) {
    match order {
        Order::Connect(link, address, is_cut) => {
            let (node, within) = (Rc::clone(node), CONNECT_WITHIN);
            spawn(link, links, Rc::clone(&node), async move {
                if is_cut {
                    time::sleep(within).await;
                    return None;
                }
                let stream = time::timeout(within, open(&node, address))
                    .await
                    .ok()?
                    .ok()?;
                node.borrow_mut().server.on_bus(Event::Connected(link));
                Some((stream, address))
            });
        }
        Order::Close(link) => {
            if let Some(open) = links.borrow_mut().remove(&link) {
                open.task.abort();
            }
        }
        Order::Send(link, bytes) => send(link, bytes, links, node),
    }
}

fn send(link: LinkId, bytes: Vec<u8>, links: &Links, node: &Shared) {
    let mut links = links.borrow_mut();
    let server = &mut node.borrow_mut().server;
    let Some(open) = links.get(&link) else {
        return server.sent_on_link(link, bytes.len());
    };
    if !server.is_link_over(link) {
        // A task that has ended has told so, or is about to.
        let _ = open.queue.send(bytes);
        return;
    }
    open.task.abort();
    links.remove(&link);
    server.log(
        Level::Warning,
        "Closing a bus connection: more waits to be sent than cluster-link-sendbuf-limit allows",
    );
    server.on_bus(Event::Closed(link));
}

fn welcome(stream: TcpStream, peer: SocketAddr, links: &Links, node: &Shared) {
    if links.borrow().len() >= LINKS_MAX {
        return;
    }
    let local = stream.local_addr().unwrap_or(peer);
    let link = node.borrow_mut().server.accept_link(peer.ip(), local.ip());
    if let Some(link) = link {
        spawn(
            link,
            links,
            Rc::clone(node),
            async move { Some((stream, peer)) },
        );
    }
}

/// Runs a connection in a task of its own, once `connecting` has brought one.
fn spawn(
    link: LinkId,
    links: &Links,
    node: Shared,
    connecting: impl Future<Output = Option<(TcpStream, SocketAddr)>> + 'static,
) {
    let (queue, messages) = unbounded_channel();
    let talk = talk(link, Rc::clone(links), node, connecting, messages);
    let task = task::spawn_local(talk).abort_handle();
    links.borrow_mut().insert(link, Open { queue, task });
}

async fn talk(
    link: LinkId,
    links: Links,
    node: Shared,
    connecting: impl Future<Output = Option<(TcpStream, SocketAddr)>>,
    messages: UnboundedReceiver<Vec<u8>>,
) {
    if let Some((stream, peer)) = connecting.await {
        // It only makes the connection better; without it it still serves.
        let _ = stream.set_nodelay(true);
        let (mut reader, mut writer) = stream.into_split();
        let read = read(link, &mut reader, &node, peer);
        tokio::select! {
            () = read => {}
            // The connection is over, which is all there is to say.
            _ = write(link, &mut writer, messages, &node) => {}
        }
    }
    // An order to close has taken it out and needs no telling.
    if links.borrow_mut().remove(&link).is_some() {
        node.borrow_mut().server.on_bus(Event::Closed(link));
    }
}

async fn write(
    link: LinkId,
    writer: &mut (impl AsyncWriteExt + Unpin),
    mut messages: UnboundedReceiver<Vec<u8>>,
    node: &Shared,
) -> io::Result<()> {
    while let Some(bytes) = messages.recv().await {
        writer.write_all(&bytes).await?;
        node.borrow_mut().server.sent_on_link(link, bytes.len());
    }
    Ok(())
}

/// Reads messages until the connection ends, or brings what is none.
async fn read(
    link: LinkId,
    reader: &mut (impl AsyncReadExt + Unpin),
    node: &Shared,
    peer: SocketAddr,
) {
    let mut input = Vec::new();
    while let Ok(1..) = reader.read_buf(&mut input).await {
        if let Err(error) = take_messages(link, &mut input, node) {
            return node.borrow().server.refuse_link(peer, error);
        }
    }
}

/// Takes every whole message out of `input`.
fn take_messages(link: LinkId, input: &mut Vec<u8>, node: &Shared) -> Result<(), WireError> {
    while let Some(bytes) = wire::message_bytes(input)? {
        let Some(whole) = input.get(..bytes) else {
            return Ok(());
        };
        if let Some(message) = wire::decode(whole)? {
            node.borrow_mut()
                .server
                .on_bus(Event::Received(link, Box::new(message)));
        }
        input.drain(..bytes);
    }
    Ok(())
}
