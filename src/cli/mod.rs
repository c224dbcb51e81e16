//! The edge: the only place that knows argv, the environment, the terminal and exit codes. One file per subcommand.

mod allocator;
mod check;
mod cluster;
mod compare;
mod descriptors;
mod exit;
mod format;
mod gate;
mod in_place;
mod interrupt;
mod metrics;
mod password;
mod progress;
mod report;
mod run;
mod schema;
mod serve;
mod shell;
mod terminal;
mod trend;
mod view;
mod workload;

use std::ffi::OsString;

use clap::{Parser, Subcommand};

pub use exit::Exit;

/// Which keys survive a flood, which eviction policy keeps the right ones, and what it costs.
#[derive(Debug, Parser)]
#[command(name = "cachebench", version, arg_required_else_help = true, after_help = EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a workload and leave a recording, pictures and a report
    Run(run::Arguments),
    /// Read workloads and print their plans; start nothing
    Check(check::Arguments),
    /// Draw the report and the pictures of a recording again
    Report(report::Arguments),
    /// Put recordings side by side: figures with their differences, and plots that overlay them
    Compare(compare::Arguments),
    /// Decide whether a change may pass: exact figures, objectives, and times of two targets in turns
    Gate(Box<gate::Arguments>),
    /// Look at a figure over the recordings in a folder, and where its level changed
    Trend(trend::Arguments),
    /// Run the embedded server alone, with arguments as redis-server takes them
    #[command(disable_help_flag = true)]
    Serve(serve::Arguments),
    /// Run a local cluster, formed and ready, until Ctrl-C
    Cluster(cluster::Arguments),
    /// Print the JSON schema of workloads, of recordings, or of what a subcommand prints as JSON
    Schema(schema::Arguments),
    /// Print a script that completes this command line in a shell
    Completions(shell::Completions),
    /// Print the manual page
    Man(shell::Man),
}

const EXIT_CODES: &str = "\
Exit codes:
  0    done, every expectation held
  1    could not: connection refused, disk full, a server that died
  2    bad arguments or a bad workload; nothing was started
  3    an expectation failed, or a gate did not open
  4    a gate could not tell, with --strict
  130  interrupted; what was recorded is kept";

/// Runs the command line `args` (program name first) and says how the process should end.
pub fn main(args: impl IntoIterator<Item = OsString>) -> Exit {
    match Arguments::try_parse_from(args) {
        Ok(arguments) => end(dispatch(arguments.command)),
        Err(usage) => {
            // Nothing is left to be done where neither the help nor the complaint can be shown.
            let _ = usage.print();
            if usage.use_stderr() {
                Exit::BadInput
            } else {
                Exit::Done
            }
        }
    }
}

fn dispatch(command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Gate(arguments) => gate::run(&arguments),
        Command::Trend(arguments) => trend::run(&arguments),
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Cluster(arguments) => cluster::run(&arguments),
        Command::Schema(arguments) => schema::run(&arguments),
        Command::Completions(arguments) => shell::completions(&arguments),
        Command::Man(arguments) => shell::man(&arguments),
    }
}

/// Says what went wrong, if anything, and with which code the process ends.
fn end(outcome: anyhow::Result<Exit>) -> Exit {
    match outcome {
        Ok(exit) => exit,
        // Whoever read our output has seen enough; that is no failure of ours.
        Err(error) if exit::is_broken_pipe(&error) => Exit::Done,
        Err(error) => {
            terminal::error(&error);
            exit::of(&error)
        }
    }
}
