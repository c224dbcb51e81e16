//! Configuration as text: `redis.conf`, arguments in its style, and the file that CONFIG REWRITE leaves.

use std::collections::HashSet;

use thiserror::Error;

use super::{Config, ConfigError, directives};
use crate::resp::Batch;
use crate::resp::parse::{Limits, Parser};

/// A line or an argument that could not be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{place}: {reason}")]
pub struct ConfigTextError {
    /// `line 3: maxmemory`, or `--maxmemory`.
    pub place: String,
    /// What is wrong there.
    pub reason: String,
}

impl Config {
    /// Applies a configuration in the style of `redis.conf`: a directive a line, its name and its arguments, words
    /// quoted as on the command line, `#` for comments. Returns the names it does not know, which do no harm.
    ///
    /// # Errors
    /// At the first line that is no directive, or whose value does not fit.
    pub fn apply_text(&mut self, text: &str) -> Result<Vec<String>, ConfigTextError> {
        let mut unknown = Vec::new();
        let mut seen = HashSet::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let failed = |name: &str, reason: String| ConfigTextError {
                place: format!("line {}: {name}", index + 1),
                reason,
            };
            let words = words(line).ok_or_else(|| failed(line, "unbalanced quotes".to_owned()))?;
            let Some((name, values)) = words.split_first() else {
                continue;
            };
            let name = String::from_utf8_lossy(name).into_owned();
            match self.apply(&name, values, &mut seen) {
                Ok(()) => {}
                Err(ConfigError::Unknown(name)) => unknown.push(name),
                Err(ConfigError::Refused { reason, .. }) => {
                    return Err(failed(&name, reason.to_string()));
                }
            }
        }
        Ok(unknown)
    }

    /// Applies directives given as arguments: `--name` and the words up to the next one. Returns the names it does not
    /// know, which do no harm.
    ///
    /// # Errors
    /// When the first argument is no name, or a value does not fit.
    pub fn apply_arguments(
        &mut self,
        arguments: &[String],
    ) -> Result<Vec<String>, ConfigTextError> {
        let mut unknown = Vec::new();
        let mut seen = HashSet::new();
        let mut rest = arguments;
        while let Some((first, after)) = rest.split_first() {
            let failed = |reason: String| ConfigTextError {
                place: first.clone(),
                reason,
            };
            let name = first
                .strip_prefix("--")
                .ok_or_else(|| failed("a directive begins with --".to_owned()))?;
            let past = after
                .iter()
                .position(|word| word.starts_with("--"))
                .unwrap_or(after.len());
            let (values, next) = after.split_at(past);
            let values: Vec<_> = values
                .iter()
                .map(|value| value.as_bytes().to_vec())
                .collect();
            match self.apply(name, &values, &mut seen) {
                Ok(()) => {}
                Err(ConfigError::Unknown(name)) => unknown.push(name),
                Err(ConfigError::Refused { reason, .. }) => return Err(failed(reason.to_string())),
            }
            rest = next;
        }
        Ok(unknown)
    }

    /// One directive with its arguments, as a file or a command line gives it. Directives in several parts (`save`)
    /// gather the parts of all their lines; `seen` remembers which have begun.
    fn apply(
        &mut self,
        name: &str,
        values: &[Vec<u8>],
        seen: &mut HashSet<usize>,
    ) -> Result<(), ConfigError> {
        let (index, directive) =
            directives::find(name).ok_or_else(|| ConfigError::Unknown(name.to_owned()))?;
        let mut value = values.join(&b' ');
        let again = !seen.insert(index);
        if again && directive.name == "save" && !value.is_empty() {
            value = [self.text("save"), b" ", &value].concat();
        }
        self.set_raw(name, &value)
    }
}

/// The words of a line, quoted as an inline command's are.
fn words(line: &str) -> Option<Vec<Vec<u8>>> {
    let mut input = [line.as_bytes(), b"\n"].concat();
    // An inline command never opens with `*`, and neither does a directive.
    if input.first() == Some(&b'*') {
        return Some(vec![line.as_bytes().to_vec()]);
    }
    let mut batch = Batch::default();
    let limits = Limits {
        bulk_bytes_max: usize::MAX,
        authenticated: true,
    };
    let progress = Parser::default().parse(&mut input, limits, &mut batch);
    if progress.error.is_some() {
        return None;
    }
    Some(
        batch
            .commands(&input)
            .next()
            .map(|words| words.iter().map(<[u8]>::to_vec).collect())
            .unwrap_or_default(),
    )
}

/// The text `before` of a configuration file, with every directive brought up to date: lines that set one are replaced,
/// directives that differ from their defaults are added at the end, all else stays as it is.
#[must_use]
pub fn rewritten(before: &str, config: &Config) -> String {
    let mut pending: Vec<_> = config.changed().collect();
    let mut lines: Vec<String> = Vec::new();
    let mut written = HashSet::new();
    for line in before.lines() {
        let name = line.split_whitespace().next().unwrap_or("");
        let Some((index, directive)) = directives::find(name) else {
            lines.push(line.to_owned());
            continue;
        };
        if written.insert(index) {
            pending.retain(|(changed, _)| changed.name != directive.name);
            lines.push(setting(
                directive.name,
                &config.get(name).unwrap_or_default(),
            ));
        }
    }
    lines.extend(
        pending
            .into_iter()
            .map(|(directive, value)| setting(directive.name, &value)),
    );
    lines.push(String::new());
    lines.join("\n")
}

fn setting(name: &str, value: &str) -> String {
    let many_words = matches!(
        name,
        "save" | "client-output-buffer-limit" | "bind" | "oom-score-adj-values"
    );
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\');
    if !value.is_empty()
        && value
            .bytes()
            .all(|byte| plain(byte) || (many_words && byte == b' '))
    {
        return format!("{name} {value}");
    }
    let mut quoted = String::new();
    for byte in value.bytes() {
        match byte {
            b'"' | b'\\' => quoted.extend(['\\', char::from(byte)]),
            b' '..=b'~' => quoted.push(char::from(byte)),
            _ => quoted.push_str(&format!("\\x{byte:02x}")),
        }
    }
    format!("{name} \"{quoted}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_line_by_line_and_unknown_names_are_told() {
        let mut config = Config::default();
        let text = "# a comment\nmaxmemory 2mb\n\nsave 900 1\nsave 300 10\nrequirepass \"two words\"\nnix 1\n";
        assert_eq!(config.apply_text(text).unwrap(), ["nix"]);
        assert_eq!(config.keyspace.maxmemory, 2 << 20);
        assert_eq!(config.get("save").as_deref(), Some("900 1 300 10"));
        assert_eq!(config.text("requirepass"), b"two words");
    }

    #[test]
    fn a_bad_line_is_located() {
        let error = Config::default()
            .apply_text("\nmaxmemory lots\n")
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 2: maxmemory: argument must be a memory value"
        );
        assert!(
            Config::default()
                .apply_text("requirepass \"open\n")
                .unwrap_err()
                .reason
                .contains("quotes")
        );
    }

    #[test]
    fn arguments_run_up_to_the_next_name() {
        let mut config = Config::default();
        let arguments = [
            "--save",
            "900",
            "1",
            "--port",
            "0",
            "--nix",
            "--save",
            "60",
            "5",
            "--appendonly",
            "no",
        ];
        let unknown = config
            .apply_arguments(&arguments.map(str::to_owned))
            .unwrap();
        assert_eq!((unknown, config.port), (vec!["nix".to_owned()], 0));
        assert_eq!(config.get("save").as_deref(), Some("900 1 60 5"));
        let error = config
            .apply_arguments(&["--hz".to_owned(), "x".to_owned()])
            .unwrap_err();
        assert_eq!(error.place, "--hz");
        assert!(config.apply_arguments(&["port".to_owned()]).is_err());
    }

    #[test]
    fn rewriting_keeps_what_it_does_not_know_and_reads_back_the_same() {
        let mut config = Config::default();
        config.set("maxmemory", "3mb").unwrap();
        config.set("requirepass", "a \"b\" \\c").unwrap();
        let text = rewritten("# mine\nmaxmemory 1mb\nnix 1\nmaxmemory 2mb\n", &config);
        assert!(
            text.starts_with("# mine\nmaxmemory 3145728\nnix 1\n"),
            "{text}"
        );
        let mut again = Config::default();
        again.apply_text(&text).unwrap();
        assert_eq!(again.text("requirepass"), config.text("requirepass"));
        assert_eq!(again.keyspace.maxmemory, 3 << 20);
    }
}
