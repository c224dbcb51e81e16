//! The control plane: one connection for INFO, CONFIG and the like, apart from those that carry load.

use std::collections::BTreeMap;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, FromRedisValue, RedisConnectionInfo};
use tokio::runtime::{Builder, Runtime};

use super::TargetError;
use crate::drive::access::Greeting;
use crate::drive::{Access, dial};

/// A server that does not answer the control plane for so long is taken for dead.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A connection of the control plane. It is made again when it has been lost.
pub struct Control {
    access: Access,
    runtime: Runtime,
    connection: MultiplexedConnection,
}

impl Control {
    /// Connects as `access` says, and sees that the server answers.
    ///
    /// # Errors
    ///
    /// Where the server cannot be reached or refuses the connection.
    pub fn open(access: &Access) -> Result<Self, TargetError> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|source| TargetError::System {
                doing: "starting a runtime",
                source,
            })?;
        let mut access = access.clone();
        access.greeting.push(Greeting::needed(&["PING"]));
        let connection = runtime.block_on(connect(&access))?;
        Ok(Self {
            access,
            runtime,
            connection,
        })
    }

    /// Sends a command and waits for its reply. A command may be sent a second time where the connection has broken.
    ///
    /// # Errors
    ///
    /// Where the server answers with an error or not at all.
    pub fn ask<T: FromRedisValue>(&mut self, words: &[&str]) -> Result<T, TargetError> {
        let mut command = Cmd::new();
        for word in words {
            command.arg(*word);
        }
        self.send(&command, &words.join(" "))
    }

    /// The same for a command whose words may be any bytes; errors call it `name`.
    ///
    /// # Errors
    ///
    /// Where the server answers with an error or not at all.
    pub fn send<T: FromRedisValue>(&mut self, command: &Cmd, name: &str) -> Result<T, TargetError> {
        self.runtime.block_on(async {
            match command.query_async(&mut self.connection).await {
                Err(error) if error.is_connection_dropped() => {
                    self.connection = connect(&self.access).await?;
                    command.query_async(&mut self.connection).await
                }
                answer => answer,
            }
            .map_err(|source| failure(name, source))
        })
    }

    /// INFO, the sections that are watched during a run; all of it where the server takes only one at a time.
    ///
    /// # Errors
    ///
    /// Where the server does not answer.
    pub fn watched_info(&mut self) -> Result<Info, TargetError> {
        match self.ask::<String>(&["INFO", "memory", "stats", "keyspace", "cpu"]) {
            Ok(text) => Ok(Info::parse(&text)),
            Err(TargetError::Command { .. }) => self.info(),
            Err(error) => Err(error),
        }
    }

    /// INFO.
    ///
    /// # Errors
    ///
    /// Where the server does not answer.
    pub fn info(&mut self) -> Result<Info, TargetError> {
        Ok(Info::parse(&self.ask::<String>(&["INFO"])?))
    }

    /// The directives that match `pattern`.
    ///
    /// # Errors
    ///
    /// Where the server does not answer, or does not let CONFIG GET be used.
    pub fn configuration(
        &mut self,
        pattern: &str,
    ) -> Result<BTreeMap<String, String>, TargetError> {
        self.ask(&["CONFIG", "GET", pattern])
    }

    /// CONFIG SET.
    ///
    /// # Errors
    ///
    /// Where the server refuses it.
    pub fn configure(&mut self, name: &str, value: &str) -> Result<(), TargetError> {
        self.ask(&["CONFIG", "SET", name, value])
    }
}

async fn connect(access: &Access) -> Result<MultiplexedConnection, TargetError> {
    let stream = dial(access).await?;
    // All that a connection must say has been said.
    let info = RedisConnectionInfo::default().set_skip_set_lib_name();
    let config = AsyncConnectionConfig::new().set_response_timeout(Some(TIMEOUT));
    let (connection, driver) = MultiplexedConnection::new_with_config(&info, stream, config)
        .await
        .map_err(|source| failure("connect", source))?;
    tokio::spawn(driver);
    Ok(connection)
}

fn failure(command: &str, source: redis::RedisError) -> TargetError {
    let command = command.to_owned();
    if source.kind() == redis::ErrorKind::Io || source.is_connection_dropped() {
        TargetError::Gone { command, source }
    } else {
        TargetError::Command { command, source }
    }
}

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Control").finish_non_exhaustive()
    }
}

/// What INFO answered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Info(BTreeMap<String, String>);

impl Info {
    /// Reads `name:value` lines.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let fields = text.lines().filter_map(|line| line.split_once(':'));
        Self(
            fields
                .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
                .collect(),
        )
    }

    /// A field; empty where it is not there.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// A field that is a whole number; 0 where it is not there.
    #[must_use]
    pub fn count(&self, name: &str) -> u64 {
        self.text(name).parse().unwrap_or(0)
    }

    /// Keys in all databases.
    #[must_use]
    pub fn keys(&self) -> u64 {
        let databases = self.0.iter().filter(|(name, _)| is_database(name));
        let keys = databases.filter_map(|(_, value)| {
            value
                .strip_prefix("keys=")?
                .split(',')
                .next()?
                .parse::<u64>()
                .ok()
        });
        keys.sum()
    }

    /// CPU seconds of the server, user and system.
    #[must_use]
    pub fn cpu_s(&self) -> f64 {
        let seconds = |name| self.text(name).parse().unwrap_or(0.0);
        seconds("used_cpu_sys") + seconds("used_cpu_user")
    }
}

fn is_database(name: &str) -> bool {
    name.strip_prefix("db")
        .is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn info_is_read_as_servers_write_it() {
        let info = Info::parse(
            "# Memory\r\nused_memory:1048576\r\n# CPU\r\nused_cpu_sys:1.25\r\nused_cpu_user:0.75\r\n# Keyspace\r\n\
             db0:keys=10,expires=0,avg_ttl=0\r\ndb12:keys=5,expires=1,avg_ttl=7\r\ndbx:keys=9\r\n",
        );
        assert_eq!(
            (info.count("used_memory"), info.keys(), info.cpu_s()),
            (1_048_576, 15, 2.0)
        );
        assert_eq!((info.text("absent"), info.count("absent")), ("", 0));
    }
}
