//! Reports in further forms, each in a file beside the one on standard output.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::cli::args::ReplayPlan;
use crate::cli::page::{PageFile, is_same_file};
use crate::gate::Files;
use crate::gate::output::{junit, sarif};
use crate::html::Page;
use crate::inputs::Input;
use crate::replay::FileReport;
use crate::tell::check_place;

/// A page, SARIF, JUnit's XML: those that are wanted.
pub(super) struct Besides {
    page: Option<(PageFile, Page)>,
    sarif: Option<PathBuf>,
    junit: Option<PathBuf>,
    files: Files,
}

impl Besides {
    /// Checks that the files can be written, and that none of them is to be judged.
    pub(super) fn new(plan: &ReplayPlan, inputs: &[Input]) -> anyhow::Result<Self> {
        let args = &plan.args;
        let read: Vec<&Path> = inputs
            .iter()
            .flat_map(|input| match input {
                Input::Capture(paths) => paths.as_slice(),
                Input::Unusable(..) => &[],
            })
            .map(PathBuf::as_path)
            .collect();
        for path in args.sarif.iter().chain(&args.junit) {
            let is_read = read.iter().any(|read| is_same_file(read, path));
            anyhow::ensure!(!is_read, "{}: is to be judged, not overwritten", path.display());
            check_place(path)?;
        }
        let others = read.into_iter().chain(args.deliveries.as_deref());
        let file = args.html.as_ref().map(|path| PageFile::new(path, others)).transpose()?;
        let page = || Page::new(title(inputs)).strict(args.strict).of_files();
        Ok(Self {
            page: file.map(|file| (file, page())),
            sarif: args.sarif.clone(),
            junit: args.junit.clone(),
            files: Files::new(args.strict),
        })
    }

    /// Another file was judged.
    pub(super) fn file(&mut self, report: &FileReport) {
        if let Some((_, page)) = &mut self.page {
            page.file(report);
        }
        if self.sarif.is_some() || self.junit.is_some() {
            self.files.file(report);
        }
    }

    /// Writes them.
    pub(super) fn write(self) -> anyhow::Result<()> {
        if let Some((file, page)) = self.page {
            file.write(&page.finish())?;
        }
        let report = self.files.finish();
        let write = |path: &Path, text: String| {
            fs::write(path, text).with_context(|| format!("{}: cannot be written", path.display()))
        };
        if let Some(path) = &self.sarif {
            write(path, sarif(&report)?)?;
        }
        if let Some(path) = &self.junit {
            write(path, junit(&report)?)?;
        }
        Ok(())
    }
}

/// What the page is called.
fn title(inputs: &[Input]) -> String {
    match inputs {
        [one] => format!("midcomms replay of {}", one.name()),
        many => format!("midcomms replay of {} files", many.len()),
    }
}
