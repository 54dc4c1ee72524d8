//! temp
#![allow(dead_code)]
#[path = "../src/cli/gate.rs"]
mod gate;
#[derive(clap::Parser)]
struct A {
    #[command(flatten)]
    g: gate::GateArgs,
}
fn main() -> std::process::ExitCode {
    let a = <A as clap::Parser>::parse();
    std::process::ExitCode::from(gate::run(&a.g).unwrap_or(9))
}
