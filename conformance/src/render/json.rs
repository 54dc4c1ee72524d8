//! The replay report as one JSON object, written file by file.

use std::io;

use crate::replay::FileReport;

/// Format `midcomms-replay` of `traces/SCHEMA.md`: one file a line.
#[derive(Debug, Default)]
pub(crate) struct JsonReport {
    files: usize,
}

impl JsonReport {
    /// What comes before the first file.
    pub(crate) fn head(&self) -> String {
        "{\"format\":\"midcomms-replay\",\"version\":1,\"files\":[".to_owned()
    }

    /// One file, with the comma before it.
    pub(crate) fn file(&mut self, report: &FileReport) -> io::Result<String> {
        let comma = if self.files == 0 { "\n" } else { ",\n" };
        self.files += 1;
        Ok(format!("{comma}{}", serde_json::to_string(report)?))
    }

    /// What comes behind the last file.
    pub(crate) fn tail(&self) -> String {
        "\n]}\n".to_owned()
    }
}
