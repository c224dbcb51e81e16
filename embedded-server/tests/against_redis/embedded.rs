//! The embedded server under test, on a free loopback port; stopped when dropped.

use embedded_server::{Config, Handle, Server};

use crate::client::Client;

pub(crate) struct Embedded(Handle);

impl Embedded {
    /// Starts a node with the defaults, on the system's clock.
    pub(crate) fn start() -> Self {
        let mut config = Config::default();
        config.set("port", "0").expect("a known directive");
        Self(Server::start(config).expect("a node"))
    }

    pub(crate) fn client(&self) -> Client {
        Client::tcp(self.0.addr())
    }
}
