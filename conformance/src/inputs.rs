//! From what was named on the command line to what is read.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// One thing to judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// Files that are read as one stream; mostly one.
    Capture(Vec<PathBuf>),
    /// Something named that gives no capture, and why.
    Unusable(PathBuf, String),
}

impl Input {
    /// What it is called in reports.
    pub(crate) fn name(&self) -> String {
        match self {
            Input::Capture(paths) => {
                let names: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
                names.join(" + ")
            }
            Input::Unusable(path, _) => path.display().to_string(),
        }
    }

    /// Bytes to be read, where files say so.
    pub(crate) fn bytes(&self) -> u64 {
        match self {
            Input::Capture(paths) => {
                paths.iter().filter_map(|path| fs::metadata(path).ok()).map(|file| file.len()).sum()
            }
            Input::Unusable(..) => 0,
        }
    }
}

/// Replaces directories by the captures in them, in the order of their names.
pub(crate) fn expand(paths: &[PathBuf], together: bool) -> Vec<Input> {
    let inputs: Vec<Input> = paths.iter().flat_map(|path| expand_one(path)).collect();
    if !together {
        return inputs;
    }
    let mut captures = Vec::new();
    let mut rest = Vec::new();
    for input in inputs {
        match input {
            Input::Capture(paths) => captures.extend(paths),
            Input::Unusable(..) => rest.push(input),
        }
    }
    let all = (!captures.is_empty()).then_some(Input::Capture(captures));
    all.into_iter().chain(rest).collect()
}

fn expand_one(path: &Path) -> Vec<Input> {
    if path.as_os_str() == "-" || !path.is_dir() {
        return vec![Input::Capture(vec![path.to_owned()])];
    }
    let mut found = Vec::new();
    walk(path, &mut found);
    if found.is_empty() {
        let reason = "is a directory without a capture (names that end in .pcap or .pcapng, also \
                      with a number, .gz or .zst behind) or a native trace (.mct, .jsonl)";
        found.push(Input::Unusable(path.to_owned(), reason.to_owned()));
    }
    found
}

/// Links to directories are not followed: they may lead in circles.
fn walk(directory: &Path, found: &mut Vec<Input>) {
    let entries = match entries(directory) {
        Ok(entries) => entries,
        Err(error) => {
            let reason = format!("cannot be read: {error}");
            found.push(Input::Unusable(directory.to_owned(), reason));
            return;
        }
    };
    for (path, is_directory) in entries {
        if is_directory {
            walk(&path, found);
        } else if is_capture_name(&path) && !path.is_dir() {
            found.push(Input::Capture(vec![path]));
        }
    }
}

fn entries(directory: &Path) -> io::Result<Vec<(PathBuf, bool)>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        entries.push((entry.path(), entry.file_type()?.is_dir()));
    }
    entries.sort();
    Ok(entries)
}

/// `a.pcap`, `a.pcapng`, `ring.pcap17` as tcpdump numbers the files of a ring, native traces `a.mct` and `a.jsonl`, and each
/// of them compressed.
fn is_capture_name(path: &Path) -> bool {
    let Some(name) = path.file_name() else { return false };
    let name = name.to_string_lossy().to_ascii_lowercase();
    let plain = [".zst", ".gz"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
    let unnumbered = plain.trim_end_matches(|c: char| c.is_ascii_digit());
    let is_native = plain.ends_with(".mct") || plain.ends_with(".jsonl");
    is_native || unnumbered.ends_with(".pcap") || unnumbered.ends_with(".pcapng")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captures_are_known_by_their_names() {
        for name in [
            "a.pcap",
            "a.pcapng",
            "A.PCAP",
            "a.pcap.zst",
            "a.pcapng.gz",
            "node1.jsonl",
            "node-000001.mct.zst",
            "ring.pcap0",
            "ring.pcap07.gz",
            "ring_00001_20261122101500.pcap",
            "node1-000001.mct",
            "node1.jsonl.zst",
        ] {
            assert!(is_capture_name(Path::new(name)), "{name}");
        }
        for name in ["pcap", "a.jsonl1", "a.pcap.txt", "a.txt", "a.zst", "a.pcap.sha256", "a.pcap~"] {
            assert!(!is_capture_name(Path::new(name)), "{name}");
        }
    }

    #[test]
    fn directories_are_read_to_the_bottom_in_the_order_of_names() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("b")).unwrap();
        for name in ["c.pcap", "a.pcap", "b/z.pcapng", "b/readme.txt"] {
            fs::write(root.path().join(name), "").unwrap();
        }
        let expected: Vec<_> = ["a.pcap", "b/z.pcapng", "c.pcap"]
            .iter()
            .map(|name| Input::Capture(vec![root.path().join(name)]))
            .collect();
        assert_eq!(expand(&[root.path().to_owned()], false), expected);
        let [Input::Capture(all)] = &expand(&[root.path().to_owned()], true)[..] else { panic!("not one input") };
        assert_eq!(all.len(), 3);
    }

    #[test]
    fn a_directory_without_captures_is_unusable_and_the_others_stay() {
        let root = tempfile::tempdir().unwrap();
        let paths = [root.path().to_owned(), PathBuf::from("x.pcap")];
        let found = expand(&paths, false);
        assert!(matches!(&found[0], Input::Unusable(path, _) if path == root.path()));
        assert_eq!(found[1], Input::Capture(vec!["x.pcap".into()]));
    }
}
