//! `midcomms explore`: the model in the browser, step by step.

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::Context;
use clap::Args;
use midcomms_model::catalogue::Defect;
use midcomms_model::system::space::Whole;
use midcomms_model::system::{Environment, World};
use stateright::Model;

use super::check::args::{defect, environment, subject};
use super::exit::Exit;
use crate::check::Subject;

/// `midcomms explore`, as typed.
#[derive(Debug, Args)]
pub(crate) struct ExploreArgs {
    /// Whose rules: linux-5.14, linux-6.1, linux-6.12, hardened, or two joined by + for node 1 and the others
    /// [default: that of --defect, or linux-6.12]
    #[arg(long, value_name = "NAME", value_parser = subject)]
    revision: Option<Subject>,
    /// Environment [default: that of --defect, or mild]
    #[arg(long, value_name = "NAME", value_parser = environment)]
    environment: Option<&'static Environment>,
    /// Seed a defect (D1, …)
    #[arg(long, value_name = "ID", value_parser = defect)]
    defect: Option<&'static Defect>,
    /// Port on this machine; 0 takes any that is free
    #[arg(long, value_name = "N", default_value_t = 3000)]
    port: u16,
}

impl ExploreArgs {
    /// The world, and what it is called.
    fn world(&self) -> anyhow::Result<(World, String)> {
        let known = |name: &str| Environment::named(name).with_context(|| format!("there is no environment {name}"));
        let environment = match (self.environment, self.defect) {
            (Some(environment), _) => environment,
            (None, Some(defect)) => known(defect.environment)?,
            (None, None) => known("mild")?,
        };
        let today = || Subject::named("linux-6.12").context("there is no revision linux-6.12");
        let (subject, seeded) = match (&self.revision, self.defect) {
            (Some(subject), Some(defect)) => (subject.with(defect.unmasked)?.with(defect.settings)?, true),
            (None, Some(defect)) => (Subject::of_base(defect.base).with(defect.unmasked)?.with(defect.settings)?, true),
            (Some(subject), None) => (subject.clone(), false),
            (None, None) => (today()?, false),
        };
        let with = self.defect.filter(|_| seeded).map(|defect| format!(" with {}", defect.id)).unwrap_or_default();
        let name = format!("{}{with}, environment {}", subject.name, environment.name);
        Ok((World::new(environment.clone(), subject.rules), name))
    }
}

/// Serves until it is stopped.
pub(crate) fn run(args: &ExploreArgs) -> anyhow::Result<Exit> {
    let (world, name) = args.world()?;
    let address = free_address(args.port)?;
    let mut out = io::stdout().lock();
    writeln!(out, "{name}: {}", world.environment.text)?;
    writeln!(out, "Open http://{address}/ in a browser. Ctrl-C stops it.")?;
    out.flush()?;
    drop(out);
    match world.environment.nodes {
        2 => drop(Whole::<2, 1> { world }.checker().serve(address)),
        _ => drop(Whole::<3, 2> { world }.checker().serve(address)),
    }
    Ok(Exit::Good)
}

/// The server would panic on a port that is taken: one looks first.
fn free_address(port: u16) -> anyhow::Result<SocketAddr> {
    let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let taken = || format!("port {port} cannot be used: choose another with --port, or 0 for any");
    let listener = TcpListener::bind(wanted).with_context(taken)?;
    listener.local_addr().with_context(taken)
}
