//! Makes the traces of `traces/rejected` from the captures in `traces/kernel`, and their entries in the manifest.

use std::path::PathBuf;
use std::process::ExitCode;

use midcomms_conformance::corpus::falsify;

fn main() -> ExitCode {
    let dir = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("traces"), PathBuf::from);
    match falsify::write(&dir) {
        Ok(count) => {
            println!("{count} traces written to {}", dir.join("rejected").display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}
