//! `--html`: where the page goes.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::exit::end_on_closed_pipe;
use crate::tell::check_place;

/// A file that does not stand in the way of any other, or the standard output.
#[derive(Debug)]
pub(crate) struct PageFile(PathBuf);

impl PageFile {
    /// Refuses what cannot be written or must not: `others` are read, or are written too.
    pub(crate) fn new<'a>(path: &Path, others: impl IntoIterator<Item = &'a Path>) -> anyhow::Result<Self> {
        let page = Self(path.to_owned());
        if page.is_stdout() {
            return Ok(page);
        }
        let name = path.display();
        anyhow::ensure!(!path.is_dir(), "{name}: is a directory: --html needs the name of a file, such as report.html");
        for other in others {
            anyhow::ensure!(
                !is_same_file(path, other),
                "{name}: is named for something else already, and --html would overwrite it"
            );
        }
        check_place(path)?;
        Ok(page)
    }

    /// Whether it is the standard output.
    pub(crate) fn is_stdout(&self) -> bool {
        is_stdout(&self.0)
    }

    /// Writes the page.
    pub(crate) fn write(&self, page: &str) -> anyhow::Result<()> {
        if self.is_stdout() {
            let mut out = io::stdout().lock();
            return Ok(end_on_closed_pipe(out.write_all(page.as_bytes()).and_then(|()| out.flush()))?);
        }
        fs::write(&self.0, page).with_context(|| format!("{}: cannot be written", self.0.display()))
    }
}

/// Whether a path of the command line is the standard output.
pub(crate) fn is_stdout(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Whether both name one file, which need not exist yet.
pub(crate) fn is_same_file(one: &Path, other: &Path) -> bool {
    match (fs::canonicalize(one), fs::canonicalize(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => one == other && !is_stdout(one),
    }
}
