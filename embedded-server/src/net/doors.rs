//! The doors of a running node: the sockets that let clients in, which CONFIG SET of `port` and `bind` may exchange.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, ready};

use tokio::task::{self, AbortHandle};

use super::listen::{self, BindError, Listener, UnixSocket};
use super::stream::Stream;
use super::turn::Turn;
use super::{ACCEPT_PAUSE, Shared};
use crate::client::Address;
use crate::config::Config;
use crate::log::{Level, Log};

/// A socket that listens, as the loop waits for it.
enum Door {
    Tcp(tokio::net::TcpListener),
    Unix(tokio::net::UnixListener, UnixSocket),
}

/// A client at the door, with its address and the node's.
type Guest = (Stream, Address, Address);

impl Door {
    fn of(listener: Listener) -> io::Result<Self> {
        Ok(match listener {
            Listener::Tcp(listener) => Self::Tcp(tokio::net::TcpListener::from_std(listener)?),
            Listener::Unix(socket) => Self::Unix(socket.waiting()?, socket),
        })
    }

    fn poll_accept(&self, task: &mut Context<'_>) -> Poll<io::Result<Guest>> {
        Poll::Ready(match self {
            Self::Tcp(listener) => ready!(listener.poll_accept(task)).map(|(stream, peer)| {
                let local = stream.local_addr().unwrap_or(peer);
                (Stream::Tcp(stream), Address::Ip(peer), Address::Ip(local))
            }),
            Self::Unix(listener, socket) => {
                ready!(listener.poll_accept(task)).map(|(stream, _)| {
                    let path = Address::Path(socket.path());
                    (Stream::Unix(stream), path.clone(), path)
                })
            }
        })
    }
}

/// A door in its frame, which is empty once it has been closed. Who waits at it shares the frame, so that closing it
/// frees the address at once.
type Frame = Rc<RefCell<Option<Door>>>;

/// A door that is open.
struct Open {
    /// Of TCP: where it listens.
    address: Option<SocketAddr>,
    frame: Frame,
    keeper: AbortHandle,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.frame.borrow_mut().take();
        self.keeper.abort();
    }
}

/// All doors of a node.
pub(super) struct Doors {
    node: Weak<RefCell<Turn>>,
    log: Log,
    open: Vec<Open>,
}

impl Doors {
    /// Lets clients in through these sockets.
    pub(super) fn open(listeners: Vec<Listener>, node: &Shared) -> Self {
        let mut doors = Self {
            node: Rc::downgrade(node),
            log: node.borrow().server.log.clone(),
            open: Vec::new(),
        };
        for listener in listeners {
            if let Err(error) = doors.add(listener) {
                let message = format!("Cannot accept clients: {error}");
                doors.log.write(Level::Warning, &message);
            }
        }
        doors
    }

    fn add(&mut self, listener: Listener) -> io::Result<()> {
        let Some(node) = self.node.upgrade() else {
            return Ok(());
        };
        let address = listener.address();
        let frame: Frame = Rc::new(RefCell::new(Some(Door::of(listener)?)));
        let keeper = task::spawn_local(keep(Rc::clone(&frame), node)).abort_handle();
        self.open.push(Open {
            address,
            frame,
            keeper,
        });
        Ok(())
    }

    /// Listens where `config` says, and nowhere else; says at which port. Doors that stay are not touched; when one
    /// cannot be opened, all is as before. `port` is the one in use, which stands for a free one.
    pub(super) fn exchange(&mut self, config: &Config, port: u16) -> Result<u16, BindError> {
        let port = if config.port == 0 { port } else { config.port };
        let wanted = listen::wanted(config, port)?;
        let is_wanted = |address| wanted.iter().any(|wanted| wanted.address == address);
        let (stay, close): (Vec<_>, Vec<_>) = self
            .open
            .drain(..)
            .partition(|door| door.address.is_none_or(is_wanted));
        self.open = stay;
        let before: Vec<_> = close.iter().filter_map(|door| door.address).collect();
        // An address may only be had when another that covers it is given back.
        drop(close);
        let kept = self.open.len();
        let missing: Vec<_> = wanted
            .iter()
            .filter(|wanted| {
                self.open
                    .iter()
                    .all(|door| door.address != Some(wanted.address))
            })
            .collect();
        let opened = missing.into_iter().try_for_each(|wanted| {
            let listener = wanted.open(config.backlog)?;
            listener.map_or(Ok(()), |listener| self.add_tcp(listener))
        });
        let nobody = !wanted.is_empty() && self.open.iter().all(|door| door.address.is_none());
        let outcome = opened.and(if nobody {
            Err(BindError::NoAddress)
        } else {
            Ok(port)
        });
        if outcome.is_err() {
            self.open.truncate(kept);
            self.reopen(&before, config.backlog);
        }
        outcome
    }

    fn add_tcp(&mut self, listener: TcpListener) -> Result<(), BindError> {
        self.add(Listener::Tcp(listener))
            .map_err(BindError::NotWaitedFor)
    }

    /// Listens again at addresses that have just been given back.
    fn reopen(&mut self, addresses: &[SocketAddr], backlog: i32) {
        for &address in addresses {
            let opened = listen::listen(address, backlog);
            if let Err(error) = opened.and_then(|listener| self.add(Listener::Tcp(listener))) {
                let message = format!("No longer listening at {address}: {error}");
                self.log.write(Level::Warning, &message);
            }
        }
    }
}

/// Lets clients in, each with a task of its own, until the door is closed.
async fn keep(frame: Frame, node: Shared) {
    let next = || {
        poll_fn(|task| match &*frame.borrow() {
            Some(door) => door.poll_accept(task).map(Some),
            None => Poll::Ready(None),
        })
    };
    while let Some(guest) = next().await {
        match guest {
            Ok((stream, peer, local)) => listen::welcome(stream, peer, local, &node),
            Err(error) => {
                let message = format!("Error accepting a client connection: {error}");
                node.borrow().server.log(Level::Warning, &message);
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
