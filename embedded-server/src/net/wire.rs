//! A connection that this node opens to another and speaks the protocol over, as a client does.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
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
    #[error("the answer holds no line")]
    Overlong,
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
        address: SocketAddr,
        patience: Duration,
    ) -> Result<Self, WireError> {
        let stream = time::timeout(patience, TcpStream::connect(address)).await??;
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
            self.ask(&[b"AUTH", &password]).await?;
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
