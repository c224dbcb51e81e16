//! `rename-command`: commands that clients know under another name, or not at all.

use std::collections::HashMap;

use thiserror::Error;

use super::Arguments;
use super::table::{Command, table};

/// Why a command keeps its name, in Redis's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RenameError {
    /// There is no command of that name.
    #[error("No such command in rename-command")]
    NoSuchCommand,
    /// Another command has the new name.
    #[error("Target command name already exists")]
    Taken,
}

/// Which names mean something else than the table says: another command, or none.
#[derive(Debug, Clone, Default)]
pub struct Renames(HashMap<Vec<u8>, Option<&'static Command>>);

impl Renames {
    /// Gives the command called `name` so far another name; an empty one leaves it without any.
    ///
    /// # Errors
    /// [`RenameError`].
    pub fn rename(&mut self, name: &[u8], to: &[u8]) -> Result<(), RenameError> {
        let command = self.find(name).ok_or(RenameError::NoSuchCommand)?;
        if !to.eq_ignore_ascii_case(name) && self.find(to).is_some() {
            return Err(RenameError::Taken);
        }
        self.0.insert(name.to_ascii_lowercase(), None);
        if !to.is_empty() {
            self.0.insert(to.to_ascii_lowercase(), Some(command));
        }
        Ok(())
    }

    /// The command that a whole line means to a client; see [`Table::resolve`](super::table::Table::resolve).
    #[must_use]
    #[inline]
    pub fn resolve(&self, arguments: &Arguments<'_>) -> Option<&'static Command> {
        if self.0.is_empty() {
            return table().resolve(arguments);
        }
        let command = self.find(&arguments[0])?;
        Some(table().meant(command, arguments))
    }

    /// The top-level command that clients call `name`.
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Option<&'static Command> {
        let renamed = self.0.get(&name.to_ascii_lowercase());
        renamed.map_or_else(|| table().find(name), |command| *command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_move_and_end() {
        let mut renames = Renames::default();
        renames.rename(b"FlushDB", b"Badger").unwrap();
        renames.rename(b"badger", b"weasel").unwrap();
        renames.rename(b"keys", b"").unwrap();
        let named = |name: &[u8]| renames.find(name).map(|command| command.spec.name);
        assert_eq!(named(b"WEASEL"), Some("flushdb"));
        assert_eq!(named(b"get"), Some("get"));
        for gone in [&b"flushdb"[..], b"badger", b"KEYS", b""] {
            assert_eq!(named(gone), None);
        }
        assert_eq!(renames.rename(b"get", b"SET"), Err(RenameError::Taken));
        assert_eq!(
            renames.rename(b"keys", b"k"),
            Err(RenameError::NoSuchCommand)
        );
        renames.rename(b"get", b"GET").unwrap();
        assert_eq!(
            renames.find(b"get").map(|command| command.spec.name),
            Some("get")
        );
    }
}
