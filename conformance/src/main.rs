//! The `midcomms` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    midcomms_conformance::cli::main()
}
