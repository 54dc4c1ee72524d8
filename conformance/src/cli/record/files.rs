//! Where recordings are kept. Nothing is overwritten unless that is asked for.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::args::Job;
use crate::record::{Form, Recording};

/// The directory of all recordings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Files<'a> {
    out: &'a Path,
    form: Form,
    overwrites: bool,
    has_many_seeds: bool,
}

impl<'a> Files<'a> {
    pub(super) fn new(out: &'a Path, form: Form, overwrites: bool, has_many_seeds: bool) -> Self {
        Self { out, form, overwrites, has_many_seeds }
    }

    /// The first life of a node has no number.
    fn path(&self, job: &Job<'_>, node: u32, life: u32) -> PathBuf {
        let mut path = self.out.join(&job.scenario.name);
        if self.has_many_seeds {
            path.push(format!("seed-{}", job.seed));
        }
        let life = if life > 1 { format!("-life{life}") } else { String::new() };
        path.join(format!("node{node}{life}.{}", self.form.extension()))
    }

    /// Looks, before anything is run, whether it can be kept.
    pub(super) fn check(&self, jobs: &[Job<'_>]) -> anyhow::Result<()> {
        fs::create_dir_all(self.out).with_context(|| format!("{}: cannot be made", self.out.display()))?;
        if self.overwrites {
            return Ok(());
        }
        let paths = jobs.iter().flat_map(|job| job.scenario.node_ids().map(|node| self.path(job, node, 1)));
        for path in paths {
            if fs::symlink_metadata(&path).is_ok() {
                bail!("{}: is there already: give another --out, or --force to overwrite it", path.display());
            }
        }
        Ok(())
    }

    /// Keeps what was recorded; says how many bytes that are.
    pub(super) fn write(&self, job: &Job<'_>, recording: &Recording) -> anyhow::Result<usize> {
        for trace in &recording.traces {
            let path = self.path(job, trace.node, trace.life);
            self.write_one(&path, &trace.bytes).with_context(|| format!("{}: cannot be written", path.display()))?;
        }
        Ok(recording.traces.iter().map(|trace| trace.bytes.len()).sum())
    }

    /// A file that cannot be written to its end would be taken for a whole one: it is removed.
    fn write_one(&self, path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        let mut file = if self.overwrites { File::create(path)? } else { File::create_new(path)? };
        let written = file.write_all(bytes).and_then(|()| file.flush());
        if written.is_err() && file.metadata().is_ok_and(|metadata| metadata.is_file()) {
            let _ = fs::remove_file(path);
        }
        Ok(written?)
    }
}
