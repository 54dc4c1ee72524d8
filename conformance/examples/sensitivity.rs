//! Falsifies every field of accepted messages and prints what replay refuses: `sensitivity [DIR [MESSAGES-PER-KIND [SEED]]]`.

use std::path::PathBuf;
use std::process::ExitCode;

use midcomms_conformance::corpus::Manifest;
use midcomms_conformance::corpus::sensitivity::{Plan, measure};

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let dir = args.next().map_or_else(|| PathBuf::from("traces"), PathBuf::from);
    let mut plan = Plan::small();
    plan.per_kind = args.next().and_then(|number| number.parse().ok()).unwrap_or(plan.per_kind);
    plan.seed = args.next().and_then(|number| number.parse().ok()).unwrap_or(plan.seed);
    println!("seed {}, {} messages of each kind from each capture", plan.seed, plan.per_kind);
    match measure(&dir, &plan) {
        Ok(table) => {
            print!("{table}");
            let blind = Manifest::load(&dir).map(|manifest| manifest.blind).unwrap_or_default();
            let contradictions = table.contradictions(&blind);
            contradictions.iter().for_each(|contradiction| println!("{contradiction}"));
            ExitCode::from(u8::from(!contradictions.is_empty()))
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}
