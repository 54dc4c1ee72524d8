//! `--html`: the matrix and every counterexample for a browser.

use std::path::PathBuf;

use super::args::CheckPlan;
use super::telling::{Rows, stories};
use crate::check::report::{self, Report};
use crate::cli::page::PageFile;
use crate::html::{Counterexample, Page};

/// The file that the page goes to, which is none of those that are read or written besides.
pub(super) fn create(plan: &CheckPlan) -> anyhow::Result<Option<PageFile>> {
    let Some(path) = &plan.args.html else { return Ok(None) };
    let args = &plan.args;
    let named = [&args.what.variant, &args.expectations.models, &args.telling.chart, &args.telling.export];
    let saved = plan.disc.as_ref().map(|disc| &disc.file);
    let others = named.into_iter().flatten().chain(saved).map(PathBuf::as_path);
    PageFile::new(path, others).map(Some)
}

/// Writes the page. `rows` are the first of the report's, `variant` is a variant's name and that of its base.
pub(super) fn write(
    file: Option<&PageFile>,
    report: &Report<'_>,
    rows: Rows<'_>,
    variant: Option<(&str, &str)>,
) -> anyhow::Result<()> {
    let Some(file) = file else { return Ok(()) };
    let mut page = Page::new(match variant {
        Some((name, _)) => format!("midcomms check of the variant {name}"),
        None => "midcomms check".to_owned(),
    });
    let told = stories(rows, variant).map(|(row, story)| Counterexample::of(row, &story));
    page.check(serde_json::from_str(&report::json(report)?)?, told);
    file.write(&page.finish())
}
