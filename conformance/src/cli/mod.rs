//! The command line: arguments, files in parallel, progress, the exit code.

mod anonymize;
mod args;
mod check;
mod convert;
mod coverage;
mod decode;
mod deliveries;
mod diagnose;
mod drive;
mod exit;
mod explain;
mod explore;
mod gate;
mod output;
mod page;
mod parallel;
mod progress;
mod record;
mod replay;
mod shell;
mod shrink;
mod terminal;
mod trouble;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};
pub use exit::{EXIT_FAILED, EXIT_GOOD, EXIT_UNPROVEN, EXIT_UNUSABLE, Exit};

/// Runs the binary on the arguments of the process.
pub fn main() -> ExitCode {
    ExitCode::from(run(std::env::args_os()).code())
}

fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let command = match parse(arguments) {
        Ok(command) => command,
        Err(error) => return tell(&error),
    };
    let result = match command {
        Command::Replay(args) => replay::run(args),
        Command::Decode(args) => decode::run(args),
        Command::Convert(args) => convert::run(&args),
        Command::Shrink(args) => shrink::run(&args),
        Command::Anonymize(args) => anonymize::run(&args),
        Command::Explore(args) => explore::run(&args),
        Command::Check(args) => check::run(*args),
        Command::Record(args) => record::run(&args),
        Command::Gate(args) => gate::run(args),
        Command::Merge(args) => gate::merge(args),
        Command::Diagnose(args) => diagnose::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Completions(args) => shell::completions(&args),
        Command::Man(args) => shell::man(&args),
        Command::Drive(args) => drive::run(&args),
        Command::Coverage(args) => coverage::run(&args),
    };
    match result {
        Ok(exit) => exit,
        Err(error) if exit::is_closed_pipe(&error) => Exit::Good,
        Err(error) => match error.downcast_ref::<clap::Error>() {
            Some(usage) => tell(usage),
            None => {
                let _ = writeln!(io::stderr(), "error: {}", causes(&error));
                Exit::Unusable
            }
        },
    }
}

/// Without a subcommand it is the gate, with the arguments that it has when none are given.
fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, clap::Error> {
    if let Some(command) = Cli::try_parse_from(arguments)?.command {
        return Ok(command);
    }
    let gate = Cli::try_parse_from(["midcomms", "gate"])?;
    gate.command.ok_or_else(|| clap::Error::new(clap::error::ErrorKind::MissingSubcommand))
}

/// Prints help, version or what is wrong with the arguments.
fn tell(error: &clap::Error) -> Exit {
    let printed = error.print().and_then(|()| io::stdout().flush());
    let is_lost = printed.is_err_and(|error| error.kind() != io::ErrorKind::BrokenPipe);
    if error.use_stderr() || is_lost { Exit::Unusable } else { Exit::Good }
}

/// An error and its causes, without those that it tells itself.
fn causes(error: &anyhow::Error) -> String {
    error
        .chain()
        .skip(1)
        .map(ToString::to_string)
        .fold(error.to_string(), |told, cause| if told.ends_with(&cause) { told } else { format!("{told}: {cause}") })
}
