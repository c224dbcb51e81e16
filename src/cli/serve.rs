//! `cachebench serve`: the embedded server alone, started, logging and stopped as redis-server is.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::Context;
use embedded_server::{Clock, Config, Level, Log, Options, Server, StartError, Stopper};
use tokio::signal::unix::{SignalKind, signal};

use super::exit::BadInput;
use super::{Exit, allocator, descriptors, terminal};

const HELP: &str = "\
Usage: cachebench serve [redis.conf | -] [--DIRECTIVE VALUE...]...
       cachebench serve -v | -h

Runs the embedded server until it is told to stop, with directives named as redis-server names them:

    cachebench serve --port 7000 --maxmemory 100mb --maxmemory-policy allkeys-lru
    cachebench serve redis.conf --port 0

Unknown directives are passed over with a warning. Directives of its own: --lru-clock-resolution MILLISECONDS,
--seed NUMBER, --maxmemory-policy allkeys-lru-exact.";

/// Arguments of `cachebench serve`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// `[redis.conf] [--DIRECTIVE VALUE]...`, as redis-server takes them.
    #[arg(
        value_name = "ARGUMENT",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    arguments: Vec<OsString>,
}

/// Serves until stopped: by SIGTERM, SIGINT or SHUTDOWN.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let words: Vec<String> = arguments
        .arguments
        .iter()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    match words.first().map(String::as_str) {
        Some("-v" | "--version") => terminal::result(&version())?,
        Some("-h" | "--help") => terminal::result(HELP)?,
        _ => {
            // As many clients as maxclients says; where the system allows fewer, that shows when they come.
            descriptors::raise();
            allocator::share_arena();
            return serve(&words);
        }
    }
    Ok(Exit::Done)
}

fn version() -> String {
    format!(
        "cachebench {} server v=7.0.15 bits={}",
        env!("CARGO_PKG_VERSION"),
        usize::BITS
    )
}

fn serve(words: &[String]) -> anyhow::Result<Exit> {
    if words.iter().any(|word| word == "--output-format") {
        let message = "serve has no result to print as JSON: it logs until it is stopped; ask the server itself, with INFO";
        return Err(BadInput(message.to_owned()).into());
    }
    let Settings {
        config,
        file,
        unknown,
    } = settings(words)?;
    let log = log(&config)?;
    let port = config.port;
    log.write(
        Level::Notice,
        &format!(
            "{} is starting, port={port}, PID: {}",
            version(),
            std::process::id()
        ),
    );
    for name in unknown {
        log.write(
            Level::Warning,
            &format!("Unknown directive '{name}' is passed over; is it spelt right?"),
        );
    }
    let options = Options {
        config,
        clock: Clock::Real,
        config_file: file,
        log: log.clone(),
        restore: true,
    };
    let node = match Server::start(options) {
        Ok(node) => node,
        Err(error @ (StartError::Bind(_) | StartError::Cluster(_))) => {
            log.write(Level::Warning, &error.to_string());
            return Ok(Exit::CouldNot);
        }
        Err(error) => return Err(error.into()),
    };
    stop_on_signals(node.stopper(), log)?;
    node.wait();
    Ok(Exit::Done)
}

/// What the arguments come to.
#[derive(Debug)]
struct Settings {
    config: Config,
    /// The file it came from, if from one.
    file: Option<PathBuf>,
    /// Directives that are not known.
    unknown: Vec<String>,
}

fn settings(words: &[String]) -> anyhow::Result<Settings> {
    let mut settings = Settings {
        config: Config::default(),
        file: None,
        unknown: Vec::new(),
    };
    let mut directives = words;
    if let Some((source, rest)) = words
        .split_first()
        .filter(|(first, _)| !first.starts_with("--"))
    {
        let text = if source == "-" {
            read_input()?
        } else {
            read_file(Path::new(source))?
        };
        let unknown = settings
            .config
            .apply_text(&text, &mut |path| {
                std::fs::read_to_string(path).map_err(|error| error.to_string())
            })
            .map_err(|error| BadInput(format!("{source}: {error}")))?;
        settings.unknown.extend(unknown);
        // An absolute path, as CONFIG REWRITE may come when the working directory is another.
        settings.file = (source != "-")
            .then(|| std::path::absolute(source))
            .transpose()?;
        directives = rest;
    }
    let unknown = settings
        .config
        .apply_arguments(directives)
        .map_err(|error| BadInput(error.to_string()))?;
    settings.unknown.extend(unknown);
    Ok(settings)
}

fn read_input() -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .context("reading the configuration from stdin")?;
    Ok(text)
}

fn read_file(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).map_err(|error| {
        BadInput(format!(
            "{}: {error}; name a configuration file that is there",
            path.display()
        ))
        .into()
    })
}

/// Writes what the server tells to `logfile`, or to stdout where none is named.
fn log(config: &Config) -> anyhow::Result<Log> {
    let least = match config.get("loglevel").as_deref() {
        Some("debug") => Level::Debug,
        Some("verbose") => Level::Verbose,
        Some("warning" | "nothing") => Level::Warning,
        _ => Level::Notice,
    };
    let name = config.get("logfile").unwrap_or_default();
    let file = if name.is_empty() {
        None
    } else {
        Some(Mutex::new(open(Path::new(&name))?))
    };
    Ok(Log::new(move |level, message| {
        if level >= least {
            write(file.as_ref(), &line(level, message));
        }
    }))
}

fn open(path: &Path) -> anyhow::Result<File> {
    let file = OpenOptions::new().append(true).create(true).open(path);
    file.with_context(|| format!("opening the logfile {}", path.display()))
}

/// A log that cannot be written must not stop the server.
fn write(file: Option<&Mutex<File>>, line: &str) {
    match file.map(Mutex::lock) {
        Some(Ok(mut file)) => drop(writeln!(file, "{line}")),
        Some(Err(_)) => {}
        None => drop(terminal::result(line)),
    }
}

/// `1234:M 22 Nov 2026 13:31:17.567 * Ready to accept connections`
fn line(level: Level, message: &str) -> String {
    let mark = match level {
        Level::Debug => '.',
        Level::Verbose => '-',
        Level::Notice => '*',
        Level::Warning => '#',
    };
    let now = jiff::Zoned::now()
        .strftime("%d %b %Y %H:%M:%S%.3f")
        .to_string();
    format!("{}:M {now} {mark} {message}", std::process::id())
}

/// Stops the node when the process is asked to end.
fn stop_on_signals(stopper: Stopper, log: Log) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let signals = {
        let _entered = runtime.enter();
        (
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
        )
    };
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            let (mut terminate, mut interrupt) = signals;
            // A shutdown that could not save is given up; the next signal may try again.
            loop {
                let (name, directive) = runtime.block_on(async {
                    tokio::select! {
                        _ = terminate.recv() => ("SIGTERM", "shutdown-on-sigterm"),
                        _ = interrupt.recv() => ("SIGINT", "shutdown-on-sigint"),
                    }
                });
                log.write(
                    Level::Warning,
                    &format!("Received {name} scheduling shutdown..."),
                );
                stopper.shut_down(directive);
            }
        })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(words: &[&str]) -> anyhow::Result<Settings> {
        settings(
            &words
                .iter()
                .map(|&word| word.to_owned())
                .collect::<Vec<_>>(),
        )
    }

    #[test]
    fn arguments_come_after_the_file_and_win() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("redis.conf");
        std::fs::write(&file, "port 7000\nmaxmemory 1mb\nnix 1\n").unwrap();
        let settings = of(&[file.to_str().unwrap(), "--port", "7001"]).unwrap();
        assert_eq!((settings.config.port, settings.file), (7001, Some(file)));
        assert_eq!(settings.config.get("maxmemory").as_deref(), Some("1048576"));
        assert_eq!(settings.unknown, ["nix"]);
    }

    #[test]
    fn bad_arguments_are_named() {
        let refused = |words: &[&str]| of(words).unwrap_err().to_string();
        assert_eq!(
            refused(&["--hz", "soon"]),
            "'hz \"soon\"': argument couldn't be parsed into an integer"
        );
        assert!(refused(&["/nowhere/redis.conf"]).starts_with("/nowhere/redis.conf: "));
    }

    #[test]
    fn the_version_is_where_scripts_look_for_it() {
        assert!(version().contains(" v=7.0.15 "));
    }
}
