//! Says what to do where libzmq is missing, before the build of the zmq crate fails with less.

use std::process::{Command, ExitCode};

const ADVICE: &str = "the benchmark of ZeroMQ needs libzmq and pkg-config. On Debian and Ubuntu:

    apt-get install libzmq3-dev pkg-config

elsewhere the package is called zeromq, zeromq-devel or libzmq. To measure without ZeroMQ:

    cargo run --release --manifest-path impl/bench/Cargo.toml --no-default-features";

fn main() -> ExitCode {
    println!("cargo:rerun-if-env-changed=PKG_CONFIG_PATH");
    println!("cargo:rerun-if-changed=build.rs");
    let wanted = std::env::var_os("CARGO_FEATURE_ZMQ").is_some();
    let found = || Command::new("pkg-config").args(["--exists", "libzmq >= 4.1"]).status();
    if !wanted || found().is_ok_and(|status| status.success()) {
        return ExitCode::SUCCESS;
    }
    eprintln!("{ADVICE}");
    ExitCode::FAILURE
}
