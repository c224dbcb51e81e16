//! A connection that this node opens to another and speaks the protocol over, as a client does.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time;

use super::Shared;
use crate::resp::Reply;

/// A line is no longer than this.
const LINE_BYTES_MAX: usize = 4096;

/// Why a conversation ended.
#[derive(Debug, Error)]
pub(super) enum WireError {
    #[error("{0}")]
    Connection(#[from] io::Error),
    #[error("the other node is silent")]
    Silent(#[from] time::error::Elapsed),
    #[error("the other node answers '{0}'")]
    Refused(String),
    #[error("Unable to AUTH to MASTER, which answers '{0}'; set masterauth to its password")]
    LoggedOut(String),
    #[error("the answer holds no line")]
    Overlong,
}

/// Opens a connection, from the address that `bind-source-addr` names if it names one.
pub(super) async fn open(node: &Shared, address: SocketAddr) -> io::Result<TcpStream> {
    let source = node
        .borrow()
        .server
        .config
        .text("bind-source-addr")
        .to_vec();
    if source.is_empty() {
        return TcpStream::connect(address).await;
    }
    let source = String::from_utf8_lossy(&source);
    let source: IpAddr = source.parse().map_err(|_| {
        let message = format!(
            "bind-source-addr is '{source}', which is no IP address; set it to one of this machine"
        );
        io::Error::new(io::ErrorKind::InvalidInput, message)
    })?;
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    socket.bind((source, 0).into())?;
    socket.connect(address).await
}

/// The connection.
pub(super) struct Wire {
    pub(super) stream: TcpStream,
    /// What was read and not used.
    pub(super) input: Vec<u8>,
    /// Whatever takes longer fails.
    pub(super) patience: Duration,
}

impl Wire {
    pub(super) async fn connect(
        node: &Shared,
        address: SocketAddr,
        patience: Duration,
    ) -> Result<Self, WireError> {
        let stream = time::timeout(patience, open(node, address)).await??;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            input: Vec::new(),
            patience,
        })
    }

    /// Gives the password that `masterauth` has, if it has one.
    pub(super) async fn log_in(&mut self, node: &Shared) -> Result<(), WireError> {
        let password = node.borrow().server.config.text("masterauth").to_vec();
        if !password.is_empty() {
            let answer = self.ask(&[b"AUTH", &password]).await;
            answer.map_err(|error| match error {
                WireError::Refused(answer) => WireError::LoggedOut(answer),
                error => error,
            })?;
        }
        Ok(())
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        Ok(time::timeout(self.patience, self.stream.write_all(bytes)).await??)
    }

    pub(super) async fn read(&mut self) -> Result<(), WireError> {
        let read = time::timeout(self.patience, self.stream.read_buf(&mut self.input)).await??;
        if read == 0 {
            Err(io::Error::from(io::ErrorKind::UnexpectedEof).into())
        } else {
            Ok(())
        }
    }

    /// Sends a command that must not be refused; the line it is answered with.
    pub(super) async fn ask(&mut self, words: &[&[u8]]) -> Result<String, WireError> {
        self.request(&Reply::command(words)).await
    }

    /// The same of a command that is put together.
    pub(super) async fn request(&mut self, command: &[u8]) -> Result<String, WireError> {
        self.send(command).await?;
        let answer = self.line().await?;
        if answer.starts_with('-') {
            Err(WireError::Refused(answer))
        } else {
            Ok(answer)
        }
    }

    /// The next line; empty ones only say that the other is still busy.
    pub(super) async fn line(&mut self) -> Result<String, WireError> {
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.input) {
                let line: Vec<u8> = self.input.drain(..=end).collect();
                let line = String::from_utf8_lossy(&line).trim_end().to_owned();
                if !line.is_empty() {
                    return Ok(line);
                }
            } else if self.input.len() > LINE_BYTES_MAX {
                return Err(WireError::Overlong);
            } else {
                self.read().await?;
            }
        }
    }
}
