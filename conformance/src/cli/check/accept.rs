//! `--accept`: what came out becomes what must come out.

use std::path::{Path, PathBuf};

use anyhow::Context;

use super::args::CheckPlan;
use super::print;
use crate::check::Outcome;
use crate::check::accept::accept;
use crate::check::compare::Scope;
use crate::check::report::counted;
use crate::cli::Exit;

/// Where the file is in a workspace.
const PLACE: &str = "model/models.toml";

/// Writes models.toml.
pub(super) fn run(plan: &CheckPlan, outcomes: &[Outcome], scope: &Scope<'_>) -> anyhow::Result<Exit> {
    let expectations = &plan.args.expectations;
    let Some(file) = expectations.models.clone().or_else(find) else {
        anyhow::bail!("no {PLACE} here or in a directory above; name one with --models");
    };
    let name = file.display().to_string();
    let text = std::fs::read_to_string(&file).with_context(|| name.clone())?;
    let accepted = accept(&text, &name, outcomes, scope, expectations.why.as_deref())?;
    write(&file, &accepted.text).with_context(|| name.clone())?;
    let (added, changed, removed) = (accepted.added, accepted.changed, accepted.removed);
    print(&format!("{name}: {} added, {changed} changed, {removed} removed\n", counted(added, "world")))?;
    for key in &accepted.unknown {
        print(&format!("incomplete, and so as it was: {key}\n"))?;
    }
    Ok(if accepted.unknown.is_empty() { Exit::Good } else { Exit::Unproven })
}

/// The file of the workspace that the user is in, else of the one that this program was built from.
fn find() -> Option<PathBuf> {
    let here = std::env::current_dir().ok();
    let built_in = Path::new(env!("CARGO_MANIFEST_DIR"));
    let above = here.iter().flat_map(|here| here.ancestors());
    above.chain(built_in.parent()).map(|directory| directory.join(PLACE)).find(|file| file.is_file())
}

/// As a whole or not at all.
fn write(file: &Path, text: &str) -> std::io::Result<()> {
    let mut new = file.to_owned().into_os_string();
    new.push(".new");
    std::fs::write(&new, text)?;
    std::fs::rename(&new, file)
}
