//! Configuration as text: `redis.conf`, arguments in its style, and the file that CONFIG REWRITE leaves.

use std::collections::HashSet;

use thiserror::Error;

use super::{Config, ConfigError, Directive, RENAME, ValueError, directives};
use crate::resp::Batch;
use crate::resp::parse::{Limits, Parser};

/// Files that are read by one another, at most, so that a ring of them ends.
const INCLUDES_MAX: usize = 16;

/// A line or an argument that could not be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{place}: {reason}")]
pub struct ConfigTextError {
    /// `line 3: 'maxmemory lots'`, or without a number what an argument comes to.
    pub place: String,
    /// What is wrong there.
    pub reason: String,
}

impl ConfigTextError {
    /// As an error in a file.
    fn in_file(self, path: &str) -> Self {
        let place = format!("{path}: {}", self.place);
        Self { place, ..self }
    }
}

/// Reads a file that is included; the error is what the system says.
type Open<'a> = &'a mut dyn FnMut(&str) -> Result<String, String>;

/// What has been gathered of a configuration.
#[derive(Default)]
struct Gathered {
    /// Names that are not known.
    unknown: Vec<String>,
    /// Directives that have begun.
    seen: HashSet<usize>,
    /// How deep the file is that is being read.
    depth: usize,
}

impl Config {
    /// Applies a configuration in the style of `redis.conf`: a directive a line, its name and its arguments, words
    /// quoted as on the command line, `#` for comments; `include` takes in another file, which `open` reads. Returns the
    /// names it does not know, which do no harm.
    ///
    /// # Errors
    /// At the first line that is no directive, or whose value does not fit.
    pub fn apply_text(
        &mut self,
        text: &str,
        open: Open<'_>,
    ) -> Result<Vec<String>, ConfigTextError> {
        let mut gathered = Gathered::default();
        self.apply_lines(text, open, &mut gathered)?;
        Ok(gathered.unknown)
    }

    fn apply_lines(
        &mut self,
        text: &str,
        open: Open<'_>,
        gathered: &mut Gathered,
    ) -> Result<(), ConfigTextError> {
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let place = || format!("line {}: '{line}'", index + 1);
            match words(line).as_deref() {
                Some([name, path]) if name.eq_ignore_ascii_case(b"include") => {
                    self.include(&String::from_utf8_lossy(path), place(), open, gathered)?;
                }
                words => self.apply_line(words, place, gathered)?,
            }
        }
        Ok(())
    }

    fn include(
        &mut self,
        path: &str,
        place: String,
        open: Open<'_>,
        gathered: &mut Gathered,
    ) -> Result<(), ConfigTextError> {
        let failed = |reason| ConfigTextError { place, reason };
        if gathered.depth >= INCLUDES_MAX {
            return Err(failed("too many files that include one another".to_owned()));
        }
        let text = open(path).map_err(failed)?;
        gathered.depth += 1;
        let applied = self.apply_lines(&text, open, gathered);
        gathered.depth -= 1;
        applied.map_err(|error| error.in_file(path))
    }

    /// Applies directives given as arguments, which come to lines as redis-server has it: `--name` begins one, what follows
    /// are its words, and the word right behind the name may begin with `--` itself. Returns the names it does not know.
    ///
    /// # Errors
    /// When a value does not fit.
    pub fn apply_arguments(
        &mut self,
        arguments: &[String],
    ) -> Result<Vec<String>, ConfigTextError> {
        let mut gathered = Gathered::default();
        for line in lines_of(arguments) {
            let place = || format!("'{line}'");
            self.apply_line(words(&line).as_deref(), place, &mut gathered)?;
        }
        Ok(gathered.unknown)
    }

    /// One directive with its arguments, as a file or a command line gives it; none where its quotes do not match.
    fn apply_line(
        &mut self,
        words: Option<&[Vec<u8>]>,
        place: impl FnOnce() -> String,
        gathered: &mut Gathered,
    ) -> Result<(), ConfigTextError> {
        let reason = match words {
            None => "unbalanced quotes".to_owned(),
            Some([]) => return Ok(()),
            Some([name, values @ ..]) => {
                let name = String::from_utf8_lossy(name);
                match self.apply(&name, values, &mut gathered.seen) {
                    Ok(()) => return Ok(()),
                    Err(ConfigError::Unknown(name)) => {
                        gathered.unknown.push(name);
                        return Ok(());
                    }
                    Err(ConfigError::Refused { reason, .. }) => reason.to_string(),
                }
            }
        };
        let place = place();
        Err(ConfigTextError { place, reason })
    }

    /// Directives in several parts (`save`) gather the parts of all their lines; `seen` remembers which have begun.
    fn apply(
        &mut self,
        name: &str,
        values: &[Vec<u8>],
        seen: &mut HashSet<usize>,
    ) -> Result<(), ConfigError> {
        if name.eq_ignore_ascii_case(RENAME)
            && let [command, to] = values
        {
            return self.rename_command(command, to);
        }
        let (index, directive) =
            directives::find(name).ok_or_else(|| ConfigError::Unknown(name.to_owned()))?;
        if let Err(reason) = check_words(directive, values) {
            let name = name.to_owned();
            return Err(ConfigError::Refused { name, reason });
        }
        let mut value = values.join(&b' ');
        let again = !seen.insert(index);
        if again && directive.name == "save" && !value.is_empty() {
            value = [self.text("save"), b" ", &value].concat();
        }
        self.set_raw(name, &value)
    }
}

/// Whether a directive may be followed by these words.
fn check_words(directive: &Directive, values: &[Vec<u8>]) -> Result<(), ValueError> {
    match values {
        [_] if directive.name != "replicaof" => Ok(()),
        // Nobody's replica, as CONFIG REWRITE says it.
        [nobody] if nobody.is_empty() => Ok(()),
        [_, port] if directive.name == "replicaof" => {
            let port = std::str::from_utf8(port).ok();
            let port = port.and_then(|port| port.parse::<u16>().ok());
            port.map(drop).ok_or(ValueError::NotAMasterPort)
        }
        _ if directive.name != "replicaof" && directive.takes_many_words() => Ok(()),
        _ => Err(ValueError::WrongNumberOfWords),
    }
}

/// The lines that arguments come to.
fn lines_of(arguments: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut may_begin = true;
    for (index, argument) in arguments.iter().enumerate() {
        match argument.strip_prefix("--").filter(|_| may_begin) {
            Some(name) => {
                let next = arguments.get(index + 1);
                let is_empty_save = name.eq_ignore_ascii_case("save")
                    && next.is_none_or(|next| next.starts_with("--"));
                let line = if is_empty_save {
                    "save \"\""
                } else {
                    name.trim()
                };
                // A name alone takes the next word, whatever it begins with.
                may_begin = line.contains(' ');
                lines.push(line.to_owned());
            }
            None => {
                let word = quoted(argument);
                match lines.last_mut() {
                    Some(line) => line.extend([" ", &word]),
                    None => lines.push(word),
                }
                may_begin = true;
            }
        }
    }
    lines
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

/// Which directives a configuration file is to have in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Those that differ from their defaults.
    Changed,
    /// All.
    All,
}

/// The text `before` of a configuration file, with every directive brought up to date: lines that set one are replaced,
/// those of the scope that it lacks are added at the end, all else stays as it is.
#[must_use]
pub fn rewritten(before: &str, config: &Config, scope: Scope) -> String {
    let mut pending: Vec<_> = match scope {
        Scope::Changed => config.changed().collect(),
        Scope::All => config.all().collect(),
    };
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
    let many_words = directives::find(name).is_some_and(|(_, found)| found.takes_many_words());
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\');
    if !value.is_empty()
        && value
            .bytes()
            .all(|byte| plain(byte) || (many_words && byte == b' '))
    {
        return format!("{name} {value}");
    }
    format!("{name} {}", quoted(value))
}

fn quoted(value: &str) -> String {
    let mut quoted = "\"".to_owned();
    for byte in value.bytes() {
        match byte {
            b'"' | b'\\' => quoted.extend(['\\', char::from(byte)]),
            b' '..=b'~' => quoted.push(char::from(byte)),
            _ => quoted.push_str(&format!("\\x{byte:02x}")),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn none(_: &str) -> Result<String, String> {
        Err("no files here".to_owned())
    }

    #[test]
    fn a_file_is_read_line_by_line_and_unknown_names_are_told() {
        let mut config = Config::default();
        let text = "# a comment\nmaxmemory 2mb\n\nsave 900 1\nsave 300 10\nrequirepass \"two words\"\nnix 1\n";
        assert_eq!(config.apply_text(text, &mut none).unwrap(), ["nix"]);
        assert_eq!(config.keyspace.maxmemory, 2 << 20);
        assert_eq!(config.get("save").as_deref(), Some("900 1 300 10"));
        assert_eq!(config.text("requirepass"), b"two words");
    }

    #[test]
    fn a_bad_line_is_located() {
        let error = Config::default()
            .apply_text("\nmaxmemory lots\n", &mut none)
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 2: 'maxmemory lots': argument must be a memory value"
        );
        assert!(
            Config::default()
                .apply_text("requirepass \"open\n", &mut none)
                .unwrap_err()
                .reason
                .contains("quotes")
        );
    }

    #[test]
    fn arguments_come_to_lines() {
        let of = |line: &str| lines_of(&line.split('|').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(
            of("--save|900|1|--port|0|--appendonly|no"),
            ["save \"900\" \"1\"", "port \"0\"", "appendonly \"no\""]
        );
        assert_eq!(
            of("loglevel|verbose|--maxmemory '7mb'|--hz 20"),
            ["\"loglevel\" \"verbose\"", "maxmemory '7mb'", "hz 20"]
        );
        assert_eq!(
            of("--logfile|--my--log|--save|--hz|20|--save"),
            [
                "logfile \"--my--log\"",
                "save \"\"",
                "hz \"20\"",
                "save \"\""
            ]
        );
    }

    #[test]
    fn arguments_that_do_not_fit_are_quoted() {
        let refused = |words: &[&str]| {
            let words: Vec<_> = words.iter().map(|&word| word.to_owned()).collect();
            Config::default()
                .apply_arguments(&words)
                .unwrap_err()
                .to_string()
        };
        assert_eq!(refused(&["--port"]), "'port': wrong number of arguments");
        assert_eq!(
            refused(&["--port", "1", "2"]),
            "'port \"1\" \"2\"': wrong number of arguments"
        );
        assert_eq!(
            refused(&["--port", "--hz", "--hz", "1"]),
            "'port \"--hz\"': argument couldn't be parsed into an integer"
        );
        assert!(refused(&["--replicaof", "here", "abc"]).ends_with("Invalid master port"));
        assert!(refused(&["--replicaof", "here"]).ends_with("wrong number of arguments"));
        assert!(refused(&["--shutdown-on-sigint"]).contains("must be one of the following"));
    }

    #[test]
    fn files_include_one_another_within_bounds() {
        let mut config = Config::default();
        let mut open = |path: &str| match path {
            "more.conf" => Ok("hz 20\nnix 1\n".to_owned()),
            "bad.conf" => Ok("hz soon\n".to_owned()),
            "ring.conf" => Ok("include ring.conf\n".to_owned()),
            _ => Err("no such file".to_owned()),
        };
        let text = "hz 10\ninclude more.conf\nport 7\n";
        assert_eq!(config.apply_text(text, &mut open).unwrap(), ["nix"]);
        assert_eq!((config.hz, config.port), (20, 7));
        let mut refused = |text: &str| config.apply_text(text, &mut open).unwrap_err().to_string();
        assert!(refused("include bad.conf").starts_with("bad.conf: line 1: 'hz soon': "));
        assert!(refused("include ring.conf").ends_with("include one another"));
        assert!(refused("include nix.conf").ends_with("no such file"));
    }

    #[test]
    fn commands_are_renamed_and_a_rewritten_file_says_so_still() {
        let mut config = Config::default();
        let text = "rename-command FLUSHALL \"\"\nrename-command flushdb badger\n";
        assert!(config.apply_text(text, &mut none).unwrap().is_empty());
        assert!(config.renames.find(b"flushall").is_none());
        assert!(config.renames.find(b"badger").is_some());
        assert!(rewritten(text, &config, Scope::Changed).starts_with(text));
        let error = config.apply_text(text, &mut none).unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 1: 'rename-command FLUSHALL \"\"': No such command in rename-command"
        );
    }

    #[test]
    fn rewriting_keeps_what_it_does_not_know_and_reads_back_the_same() {
        let mut config = Config::default();
        config.set("maxmemory", "3mb").unwrap();
        config.set("requirepass", "a \"b\" \\c").unwrap();
        let text = rewritten(
            "# mine\nmaxmemory 1mb\nnix 1\nmaxmemory 2mb\n",
            &config,
            Scope::Changed,
        );
        assert!(
            text.starts_with("# mine\nmaxmemory 3145728\nnix 1\n"),
            "{text}"
        );
        let mut again = Config::default();
        again.apply_text(&text, &mut none).unwrap();
        assert_eq!(again.text("requirepass"), config.text("requirepass"));
        assert_eq!(again.keyspace.maxmemory, 3 << 20);
    }
}
