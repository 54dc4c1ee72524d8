//! A file that a command makes of another.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::page::is_same_file;
use crate::shrink::Form;

/// Endings of a trace, longest first, and of its compressed form.
const ENDINGS: [&str; 8] = [".pcapng", ".jsonl", ".pcap", ".json", ".mct", ".ndjson", ".cap", ".dmp"];

/// The name of a trace with another ending in the place of its own.
pub(crate) fn sibling(trace: &Path, ending: &str) -> PathBuf {
    let name = trace.file_name().unwrap_or_default().to_string_lossy();
    let plain = [".zst", ".gz"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
    let stem = ENDINGS.iter().find_map(|end| plain.strip_suffix(end)).unwrap_or(plain);
    trace.with_file_name(format!("{stem}{ending}"))
}

/// The form that the name of an output asks for, if it asks for any.
pub(crate) fn form(path: &Path) -> anyhow::Result<Option<Form>> {
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    match &*ending {
        "pcap" | "cap" | "dmp" => Ok(Some(Form::Pcap)),
        "jsonl" | "json" | "ndjson" => Ok(Some(Form::Lines)),
        "pcapng" | "mct" | "zst" | "gz" => {
            anyhow::bail!("{}: what is written is pcap or JSON lines: end the name in .pcap or .jsonl", path.display())
        }
        _ => Ok(None),
    }
}

/// Refuses what would be lost if `path` were written: the input always, another file unless `force`.
pub(crate) fn check(path: &Path, input: &Path, force: bool) -> anyhow::Result<()> {
    anyhow::ensure!(!is_same_file(path, input), "{}: is the input, and is not overwritten", path.display());
    anyhow::ensure!(force || !path.exists(), "{}: is there already; --force overwrites it", path.display());
    Ok(())
}

/// Writes a file; with `force` in the place of another.
pub(crate) fn write(path: &Path, bytes: &[u8], force: bool) -> anyhow::Result<()> {
    let mut file = create(path, force).with_context(|| format!("{}: cannot be made", path.display()))?;
    file.write_all(bytes).with_context(|| format!("{}: cannot be written", path.display()))
}

fn create(path: &Path, force: bool) -> io::Result<File> {
    if force { File::create(path) } else { OpenOptions::new().write(true).create_new(true).open(path) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_promises_what_is_not_written_is_refused() {
        assert_eq!(form(Path::new("a/x.PCAP")).unwrap(), Some(Form::Pcap));
        assert_eq!(form(Path::new("x.jsonl")).unwrap(), Some(Form::Lines));
        assert_eq!(form(Path::new("x")).unwrap(), None);
        assert!(form(Path::new("x.mct")).unwrap_err().to_string().contains(".jsonl"));
        assert!(form(Path::new("x.pcap.zst")).is_err());
    }

    #[test]
    fn an_ending_takes_the_place_of_the_one_that_is_there() {
        for (trace, expected) in [
            ("a/x.pcap.zst", "a/x.shrunk.pcap"),
            ("x.pcapng.gz", "x.shrunk.pcap"),
            ("x.mct", "x.shrunk.pcap"),
            ("x", "x.shrunk.pcap"),
            ("x.pcap17", "x.pcap17.shrunk.pcap"),
        ] {
            assert_eq!(sibling(Path::new(trace), ".shrunk.pcap"), Path::new(expected));
        }
    }
}
