//! Measures midcomms beside what one would use instead: `cargo run --release --manifest-path impl/bench/Cargo.toml`.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Result, ensure};
use clap::Parser;

use crate::args::{Args, Format};
use crate::contender::{Contender, Name};
use crate::cores::Cores;
use crate::figures::Figures;
use crate::link::{Linked, Nodes};

mod args;
mod bounds;
mod check;
mod codec;
mod contender;
mod cores;
mod figures;
mod link;
mod load;
mod measure;
mod midcomms;
mod proxy;
mod quic;
mod raw;
mod raw_tokio;
mod report;
mod resets;
mod threads;
mod workload;
#[cfg(feature = "zmq")]
mod zeromq;

/// Exit code 1 where a bound is missed, 2 where the benchmark itself fails.
fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("midcomms-bench: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Whether no bound is missed.
fn run(args: &Args) -> Result<bool> {
    let cores = Cores::new(args.placement)?;
    let nodes = Nodes::new(args.workers(), cores)?;
    let contenders = contenders(args, cores, &nodes)?;
    let figures = Figures(measure::run(args, &contenders)?);
    let verdicts = bounds::judge(&figures);
    match args.format {
        Format::Markdown => print!("{}", report::markdown(args, &figures, &verdicts)?),
        Format::Json => println!("{}", report::json(args, &figures, &verdicts)?),
    }
    Ok(!verdicts.iter().any(|verdict| verdict.missed))
}

/// Those that were asked for.
fn contenders(args: &Args, cores: Cores, nodes: &Arc<Nodes>) -> Result<Vec<Box<dyn Contender>>> {
    let mut all: Vec<Box<dyn Contender>> = vec![
        Box::new(raw::Raw { cores }),
        Box::new(Linked { link: raw_tokio::RawTokio, nodes: Arc::clone(nodes) }),
        Box::new(Linked { link: codec::Codec, nodes: Arc::clone(nodes) }),
        Box::new(Linked { link: quic::Quinn, nodes: Arc::clone(nodes) }),
    ];
    #[cfg(feature = "zmq")]
    all.push(Box::new(zeromq::ZeroMq { cores }));
    all.extend(midcomms::contenders(nodes));
    let names: Vec<Name> = all.iter().map(|contender| contender.name()).collect();
    for name in &args.only {
        ensure!(names.contains(name), "{} is not part of this build", name.title());
    }
    all.retain(|contender| args.wants(contender.name()));
    Ok(all)
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;
    use crate::workload::Workload;

    #[test]
    fn every_contender_delivers_every_workload() {
        let args = Args::parse_from(["midcomms-bench"]);
        let cores = Cores::new(args.placement).unwrap();
        for contender in contenders(&args, cores, &Nodes::new(2, cores).unwrap()).unwrap() {
            for workload in Workload::THROUGHPUT {
                let rate = contender.throughput(&workload.load(2000)).unwrap();
                assert!(rate > 0.0, "{:?}, {workload:?}", contender.name());
            }
            for workload in Workload::ROUND_TRIP {
                let times = contender.round_trips(&workload.load(100)).unwrap();
                assert_eq!(times.len(), 100, "{:?}, {workload:?}", contender.name());
            }
            for workload in Workload::RESET.iter().filter(|workload| contender.name().takes(**workload)) {
                let resets = contender.after_resets(&workload.load(20)).unwrap();
                assert_eq!(resets.breaks.len(), 20, "{:?}, {workload:?}", contender.name());
            }
        }
    }

    #[test]
    fn a_contender_that_is_not_part_of_the_build_is_refused() {
        let all = Args::parse_from(["midcomms-bench"]);
        let cores = Cores::new(all.placement).unwrap();
        let nodes = Nodes::new(1, cores).unwrap();
        let offered: Vec<Name> = contenders(&all, cores, &nodes).unwrap().iter().map(|one| one.name()).collect();
        for name in Name::value_variants() {
            let mut only = all.clone();
            only.only = vec![*name];
            assert_eq!(contenders(&only, cores, &nodes).is_ok(), offered.contains(name), "{name:?}");
        }
    }
}
