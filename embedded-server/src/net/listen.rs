//! Addresses to listen on, and who is let in.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use thiserror::Error;

use super::Shared;
use super::connection::Connection;
use super::stream::Stream;
use crate::client::{Address, Client, Endpoints};
use crate::config::Config;
use crate::node::Server;

/// Why a node cannot listen.
#[derive(Debug, Error)]
pub enum BindError {
    /// The system refused an address.
    #[error(
        "Failed listening on port {port} (tcp) at {address}: {source}; choose another port, or stop who has it"
    )]
    Refused {
        /// The port asked for.
        port: u16,
        /// The address asked for.
        address: IpAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The system refused the path of a Unix socket.
    #[error("Failed opening Unix socket {path}: {source}; choose another unixsocket")]
    Path {
        /// The path asked for.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// A word of `bind` is no address.
    #[error("'{0}' in bind is no address: give numbers such as 127.0.0.1 or ::1, or *")]
    NotAnAddress(String),
    /// The bus port would be none.
    #[error(
        "port {0} leaves no room for the bus 10000 above it: set cluster-port, or a port below 55536"
    )]
    NoBusPort(u16),
    /// The system gave no way to wait for clients.
    #[error("cannot wait for clients: {0}; raise the limit of open files")]
    NotWaitedFor(io::Error),
    /// No address was left to listen on.
    #[error("no address to listen on: give bind at least one, such as 127.0.0.1")]
    NoAddress,
}

/// A socket that listens.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(TcpListener),
    Unix(UnixSocket),
}

/// A Unix socket that listens; its file goes with it.
#[derive(Debug)]
pub(crate) struct UnixSocket {
    listener: UnixListener,
    path: Arc<str>,
}

impl UnixSocket {
    /// The same socket, as the loop waits for it.
    pub(super) fn waiting(&self) -> io::Result<tokio::net::UnixListener> {
        tokio::net::UnixListener::from_std(self.listener.try_clone()?)
    }

    pub(super) fn path(&self) -> Arc<str> {
        Arc::clone(&self.path)
    }
}

impl Drop for UnixSocket {
    fn drop(&mut self) {
        // It may have been removed by somebody else.
        let _ = fs::remove_file(&*self.path);
    }
}

impl Listener {
    /// The address that clients of TCP connect to.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok(),
            Self::Unix(_) => None,
        }
    }
}

/// Opens every socket to listen on: see [`bind_tcp`], and the path of `unixsocket`.
pub(crate) fn bind(config: &Config) -> Result<Vec<Listener>, BindError> {
    let mut listeners: Vec<_> = bind_tcp(config)?.into_iter().map(Listener::Tcp).collect();
    let path = String::from_utf8_lossy(config.text("unixsocket")).into_owned();
    if !path.is_empty() {
        let socket = bind_path(&path, config.text("unixsocketperm"));
        let socket = socket.map_err(|source| BindError::Path { path, source })?;
        listeners.push(Listener::Unix(socket));
    }
    if listeners.is_empty() {
        return Err(BindError::NoAddress);
    }
    Ok(listeners)
}

/// Opens a Unix socket, in place of one that a server left behind. `permissions` are octal; 0 leaves them.
fn bind_path(path: &str, permissions: &[u8]) -> io::Result<UnixSocket> {
    // Where there is none nothing is to be removed.
    let _ = fs::remove_file(path);
    let listener = UnixListener::bind(path)?;
    listener.set_nonblocking(true)?;
    let socket = UnixSocket {
        listener,
        path: path.into(),
    };
    let mode = u32::from_str_radix(&String::from_utf8_lossy(permissions), 8);
    let mode = mode.map_err(|_| io::Error::other("unixsocketperm is no octal number"))?;
    if mode != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    }
    Ok(socket)
}

/// Opens a listening socket for each address of `bind`. With port 0 the system chooses one, for the first address, and
/// the other addresses are left out.
fn bind_tcp(config: &Config) -> Result<Vec<TcpListener>, BindError> {
    let mut listeners = Vec::new();
    for wanted in wanted(config, config.port)? {
        listeners.extend(wanted.open(config.backlog)?);
        if config.port == 0 {
            break;
        }
    }
    Ok(listeners)
}

/// Where a node is to listen.
pub(super) struct Wanted {
    pub(super) address: SocketAddr,
    /// The address may be missing from the machine: it stands behind `-` in `bind`.
    optional: bool,
}

impl Wanted {
    /// Listens there; `None` where that cannot be and need not.
    pub(super) fn open(&self, backlog: i32) -> Result<Option<TcpListener>, BindError> {
        match listen(self.address, backlog) {
            Ok(listener) => Ok(Some(listener)),
            Err(_) if self.optional => Ok(None),
            Err(source) => Err(BindError::Refused {
                port: self.address.port(),
                address: self.address.ip(),
                source,
            }),
        }
    }
}

/// The addresses of `bind`, at `port`.
pub(super) fn wanted(config: &Config, port: u16) -> Result<Vec<Wanted>, BindError> {
    let words = String::from_utf8_lossy(config.text("bind")).into_owned();
    let wanted = |word: &str| {
        let name = word.strip_prefix('-');
        let address = address(name.unwrap_or(word))?;
        Ok(Wanted {
            address: SocketAddr::new(address, port),
            optional: name.is_some(),
        })
    };
    words.split_whitespace().map(wanted).collect()
}

/// How far the bus is above the client port where `cluster-port` does not say.
const BUS_OFFSET: u16 = 10_000;

/// Opens the socket for other nodes, at the first address of `bind`. Where the client port is a free one, so is this.
pub(crate) fn bind_bus(config: &Config) -> Result<TcpListener, BindError> {
    let addresses = String::from_utf8_lossy(config.text("bind")).into_owned();
    let word = addresses
        .split_whitespace()
        .next()
        .ok_or(BindError::NoAddress)?;
    let address = address(word.strip_prefix('-').unwrap_or(word))?;
    let chosen = config
        .get("cluster-port")
        .and_then(|port| port.parse().ok());
    let port = match (chosen, config.port) {
        (Some(port @ 1..), _) => port,
        (_, 0) => 0,
        (_, port) => port
            .checked_add(BUS_OFFSET)
            .ok_or(BindError::NoBusPort(port))?,
    };
    listen(SocketAddr::new(address, port), config.backlog).map_err(|source| BindError::Refused {
        port,
        address,
        source,
    })
}

fn address(name: &str) -> Result<IpAddr, BindError> {
    match name {
        "*" => Ok(Ipv4Addr::UNSPECIFIED.into()),
        "::*" => Ok(Ipv6Addr::UNSPECIFIED.into()),
        "localhost" => Ok(Ipv4Addr::LOCALHOST.into()),
        _ => name
            .parse()
            .map_err(|_| BindError::NotAnAddress(name.to_owned())),
    }
}

pub(super) fn listen(address: SocketAddr, backlog: i32) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(backlog)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Lets a client in, unless it may not.
pub(super) fn welcome(stream: Stream, peer: Address, local: Address, node: &Shared) {
    let turn = &mut *node.borrow_mut();
    let server = &mut turn.server;
    server.read_clock();
    server.stats.connections += 1;
    if let Some(refusal) = refusal(server, &peer) {
        server.stats.rejected_connections += 1;
        // The socket's buffer is empty, so the line fits or the client is gone.
        let _ = stream.try_write(refusal);
        return;
    }
    if let Stream::Tcp(stream) = &stream {
        // Both only make the connection better; without them it still serves.
        let _ = stream.set_nodelay(true);
        let _ = keep_alive(stream, server.config.tcp_keepalive_seconds);
    }
    let endpoints = Endpoints {
        peer,
        local,
        fd: stream.as_raw_fd(),
    };
    let client = Client::new(endpoints, !server.has_password(), server.now_ms);
    let slot = server.clients.add(client);
    tokio::task::spawn_local(Connection::new(Rc::clone(node), stream, slot));
}

/// Why a client is not let in, if it is not.
fn refusal(server: &Server, peer: &Address) -> Option<&'static [u8]> {
    if server.clients.len() >= server.config.maxclients {
        return Some(b"-ERR max number of clients reached\r\n");
    }
    if server.config.protected_mode && !server.has_password() && !peer.is_near() {
        return Some(
            b"-DENIED This server is in protected mode: no password is set, so it serves this machine alone. \
              Set requirepass, or turn protected-mode off.\r\n",
        );
    }
    None
}

fn keep_alive(stream: &tokio::net::TcpStream, seconds: u32) -> io::Result<()> {
    if seconds == 0 {
        return Ok(());
    }
    let idle = Duration::from_secs(seconds.into());
    let interval = Duration::from_secs((seconds / 3).max(1).into());
    let probes = TcpKeepalive::new()
        .with_time(idle)
        .with_interval(interval)
        .with_retries(3);
    SockRef::from(stream).set_tcp_keepalive(&probes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(bind: &str, port: u16) -> Config {
        let mut config = Config::default();
        config.set("bind", bind).unwrap();
        config.set("port", &port.to_string()).unwrap();
        config
    }

    #[test]
    fn a_taken_port_is_named_and_an_optional_address_may_be_missing() {
        let taken = bind(&config("127.0.0.1", 0)).unwrap();
        let port = taken[0].address().unwrap().port();
        let error = bind(&config("127.0.0.1", port)).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("Failed listening on port {port}")),
            "{error}"
        );
        assert!(matches!(
            bind(&config("-127.0.0.1", port)),
            Err(BindError::NoAddress)
        ));
        assert!(matches!(
            bind(&config("here", 0)),
            Err(BindError::NotAnAddress(_))
        ));
    }
}
