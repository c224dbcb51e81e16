//! The control plane: one connection for INFO, CONFIG and the like, apart from those that carry load.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use redis::{
    Client, Cmd, Connection, ConnectionAddr, FromRedisValue, IntoConnectionInfo as _,
    RedisConnectionInfo,
};

use super::TargetError;

/// A server that does not answer the control plane for so long is taken for dead.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What a connection must say first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Login {
    /// ACL user; empty for the default user.
    pub user: String,
    /// Password; empty for none.
    pub password: String,
    /// Database number.
    pub database: u32,
}

/// A connection of the control plane.
pub struct Control {
    connection: Connection,
}

impl Control {
    /// Connects and logs in.
    ///
    /// # Errors
    ///
    /// Where the server cannot be reached or refuses the login.
    pub fn open(address: SocketAddr, login: &Login) -> Result<Self, TargetError> {
        let unreachable = |source| TargetError::Unreachable {
            address: address.to_string(),
            source,
        };
        let mut settings = RedisConnectionInfo::default()
            .set_db(login.database.into())
            .set_skip_set_lib_name();
        if !login.user.is_empty() {
            settings = settings.set_username(&login.user);
        }
        if !login.password.is_empty() {
            settings = settings.set_password(&login.password);
        }
        let host = ConnectionAddr::Tcp(address.ip().to_string(), address.port());
        let info = host
            .into_connection_info()
            .map_err(unreachable)?
            .set_redis_settings(settings);
        let connection = Client::open(info)
            .and_then(|client| client.get_connection_with_timeout(TIMEOUT))
            .map_err(unreachable)?;
        connection
            .set_read_timeout(Some(TIMEOUT))
            .map_err(unreachable)?;
        connection
            .set_write_timeout(Some(TIMEOUT))
            .map_err(unreachable)?;
        let mut control = Self { connection };
        control.ask::<()>(&["PING"])?;
        Ok(control)
    }

    /// Sends a command and waits for its reply.
    ///
    /// # Errors
    ///
    /// Where the server answers with an error or not at all.
    pub fn ask<T: FromRedisValue>(&mut self, words: &[&str]) -> Result<T, TargetError> {
        let mut command = Cmd::new();
        for word in words {
            command.arg(*word);
        }
        command.query(&mut self.connection).map_err(|source| {
            let command = words.join(" ");
            if source.kind() == redis::ErrorKind::Io || source.is_connection_dropped() {
                TargetError::Gone { command, source }
            } else {
                TargetError::Command { command, source }
            }
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
