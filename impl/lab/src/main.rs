//! A real Linux kernel and the message layer in one lockspace.
//!
//! Runs inside a virtual machine that `impl/lab/run` boots. The machine's kernel is node 1. Node 2 is a process of this
//! program in a network namespace of its own: the `midcomms` crate, and above it as much of a lock manager as the kernel
//! needs to keep it as a member. A third part does what the cluster manager's daemon does on a real node.

mod locks;
mod manager;
mod message;
mod peer;
mod report;
mod scenario;
mod stand_in;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "midcomms-lab", about = "A real Linux kernel and the message layer in one lockspace")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run scenarios, one after the other, against the kernel that runs here; needs root, for it makes and removes lockspaces
    Run(scenario::Run),
    /// Be the kernel's peer; told what to do by lines of JSON on standard input, tells what happens on standard output
    Peer(peer::Args),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Run(run) => run.run(),
        Command::Peer(args) => peer::run(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("midcomms-lab: {error:#}");
            ExitCode::FAILURE
        }
    }
}
