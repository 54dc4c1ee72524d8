//! The `midcomms` binary.

use midcomms_conformance::replay::{NoDeliveries, ReplayOptions, replay_files};

fn main() {
    let options = ReplayOptions::default();
    for path in std::env::args().skip(1) {
        match replay_files(&[&path], &options, &mut NoDeliveries) {
            Ok(report) => println!("{}", serde_json::to_string_pretty(&report).unwrap_or_default()),
            Err(error) => eprintln!("{error}"),
        }
    }
}
