//! Passwords among the words of a command: the slow log and MONITOR show a mark in their place.

use super::table::Command;
use super::{Arguments, is};
use crate::config::directives;

/// Stands for a secret.
const REDACTED: &[u8] = b"(redacted)";

impl Command {
    /// The words of a call as anybody may see them.
    #[must_use]
    pub fn public_words<'a>(&self, arguments: &Arguments<'a>) -> Vec<&'a [u8]> {
        let mut words: Vec<&[u8]> = arguments.iter().collect();
        let mut secrets = Vec::new();
        if let Some(find) = self.spec.find_secrets {
            find(arguments, &mut secrets);
        }
        for at in secrets {
            if let Some(word) = words.get_mut(at) {
                *word = REDACTED;
            }
        }
        words
    }
}

/// AUTH: all that it is given.
pub(super) fn of_auth(arguments: &Arguments<'_>, secrets: &mut Vec<usize>) {
    secrets.extend(1..arguments.len());
}

/// HELLO: the two words behind AUTH; every other option has one.
pub(super) fn of_hello(arguments: &Arguments<'_>, secrets: &mut Vec<usize>) {
    let mut at = 2;
    while let Some(option) = arguments.get(at) {
        if is(option, "auth") {
            secrets.extend([at + 1, at + 2]);
            at += 1;
        }
        at += 2;
    }
}

/// MIGRATE: what is behind AUTH and AUTH2, which come before the keys.
pub(super) fn of_migrate(arguments: &Arguments<'_>, secrets: &mut Vec<usize>) {
    let mut at = 6;
    while let Some(option) = arguments.get(at).filter(|word| !is(word, "keys")) {
        let words = match option {
            option if is(option, "auth") => 1,
            option if is(option, "auth2") => 2,
            _ => 0,
        };
        secrets.extend(at + 1..=at + words);
        at += 1 + words;
    }
}

/// CONFIG SET: the values of directives that are secrets.
pub(super) fn of_config_set(arguments: &Arguments<'_>, secrets: &mut Vec<usize>) {
    let is_secret = |name: &[u8]| {
        let found = std::str::from_utf8(name).ok().and_then(directives::find);
        found.is_some_and(|(_, directive)| directive.is_secret())
    };
    let names = (2..arguments.len()).step_by(2);
    let values = names.filter(|at| arguments.get(*at).is_some_and(is_secret));
    secrets.extend(values.map(|at| at + 1));
}
