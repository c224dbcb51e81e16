//! The bytes of a connection: over TCP, a unix socket, TLS over TCP, or to the nodes of a cluster.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use super::access::{Access, Peer};
use super::cluster::Shards;
use super::tls::Encrypted;

/// An open connection to a server.
#[derive(Debug)]
pub enum Stream {
    /// Over TCP.
    Tcp(TcpStream),
    /// Over a socket in the file system.
    Unix(UnixStream),
    /// Encrypted.
    Tls(Box<Encrypted>),
    /// To the nodes of a cluster.
    Cluster(Box<Shards>),
}

impl Stream {
    /// Connects, and says nothing yet.
    ///
    /// # Errors
    ///
    /// What the system says, or TLS.
    pub(super) async fn connect(access: &Access) -> io::Result<Self> {
        let stream = match &access.peer {
            Peer::Unix(path) => return UnixStream::connect(path).await.map(Self::Unix),
            Peer::Tcp(address) => TcpStream::connect(address).await?,
        };
        stream.set_nodelay(true)?;
        match &access.tls {
            None => Ok(Self::Tcp(stream)),
            Some(connector) => Ok(Self::Tls(Box::new(connector.connect(stream).await?))),
        }
    }

    /// Writes what the connection takes at once; 0 where that is nothing. `waker` is woken when a connection that needs
    /// more than a write to go on can do so.
    #[inline]
    pub(super) fn write_now(&mut self, bytes: &[u8], waker: &Waker) -> io::Result<usize> {
        let written = match self {
            Self::Tcp(stream) => stream.try_write(bytes),
            Self::Unix(stream) => stream.try_write(bytes),
            Self::Tls(stream) => return encrypt_now(stream, bytes, waker),
            Self::Cluster(shards) => return shards.write_now(bytes, waker),
        };
        match written {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            result => result,
        }
    }
}

/// Encrypts what fits and sends as much of it as the socket takes.
fn encrypt_now(stream: &mut Encrypted, bytes: &[u8], waker: &Waker) -> io::Result<usize> {
    let mut cx = Context::from_waker(waker);
    let written = match Pin::new(&mut *stream).poll_write(&mut cx, bytes) {
        Poll::Ready(written) => written?,
        Poll::Pending => 0,
    };
    match Pin::new(stream).poll_flush(&mut cx) {
        Poll::Ready(Err(error)) => Err(error),
        _ => Ok(written),
    }
}

/// Calls a method of whichever stream it is.
macro_rules! of_each {
    ($self:expr, $method:ident($($argument:expr),*)) => {
        match $self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).$method($($argument),*),
            Stream::Unix(stream) => Pin::new(stream).$method($($argument),*),
            Stream::Tls(stream) => Pin::new(&mut **stream).$method($($argument),*),
            Stream::Cluster(shards) => Pin::new(&mut **shards).$method($($argument),*),
        }
    };
}

impl AsyncRead for Stream {
    #[inline]
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        of_each!(self, poll_read(cx, buffer))
    }
}

impl AsyncWrite for Stream {
    #[inline]
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        of_each!(self, poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        of_each!(self, poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        of_each!(self, poll_shutdown(cx))
    }
}
