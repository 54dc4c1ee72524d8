//! Directories to evidence: which file is of which node, and of which moment.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::evidence::{Damage, Evidence, Node, Place};
use super::fields::trailing_number;
use super::snapshot::{Line, Snapshot, line};
use super::trace::Form;
use crate::capture::{CaptureOptions, OpenedInput};

/// Directories below one another that are looked into.
const DEPTH: usize = 4;
/// Longer lines are damage.
const LONGEST_LINE_BYTES: u64 = 64 * 1024;

/// Something named that gives nothing to read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct Unusable {
    /// What was named, or found below it.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// What a file holds, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Node,
    Comms,
    Sockets,
    Log,
    Tracefs,
    Sent,
    Delivered,
}

/// Reads all that the directories hold. What cannot be read at all is in the second list.
pub fn gather(paths: &[PathBuf]) -> (Evidence, Vec<Unusable>) {
    let mut gatherer = Gatherer::default();
    for path in paths {
        let before = gatherer.files;
        gatherer.directory(path, None, DEPTH);
        if gatherer.files == before && !gatherer.unusable.iter().any(|unusable| unusable.path.starts_with(&name(path)))
        {
            gatherer.unusable(path, "holds no comms.txt, ss.txt, dmesg.txt, trace.txt, sent.tsv or delivered.tsv");
        }
    }
    for node in gatherer.evidence.nodes.values_mut() {
        node.snapshots.retain(|snapshot| snapshot.records.is_some() || snapshot.sockets.is_some());
        if node.snapshots.iter().all(|snapshot| snapshot.time.is_some()) {
            let time = |snapshot: &Snapshot| snapshot.time.unwrap_or_default();
            node.snapshots.sort_by(|one, other| time(one).total_cmp(&time(other)));
        }
    }
    (gatherer.evidence, gatherer.unusable)
}

fn name(path: &Path) -> String {
    path.display().to_string()
}

#[derive(Default)]
struct Gatherer {
    evidence: Evidence,
    unusable: Vec<Unusable>,
    files: usize,
    /// In which directory files of a kind of one node are; moments in numbered directories below it count as there.
    homes: BTreeMap<(Kind, u32), PathBuf>,
    /// What is being read is not at home there, and was told.
    is_elsewhere: bool,
}

impl Gatherer {
    fn unusable(&mut self, path: &Path, reason: impl Into<String>) {
        self.unusable.push(Unusable { path: name(path), reason: reason.into() });
    }

    fn damage(&mut self, place: &Place, reason: impl Into<String>) {
        self.evidence.damage.push(Damage { place: place.clone(), reason: reason.into() });
    }

    /// False, and told, for what another directory has of this node: it is another node with the same id, or was collected
    /// another time, and must not be mixed with the first.
    fn is_at_home(&mut self, kind: Kind, id: u32, file: &str) -> bool {
        let mut directories = Path::new(file).ancestors().skip(1);
        let here = directories.find(|directory| number_of(directory).is_none()).unwrap_or(Path::new(""));
        if self.unusable.iter().any(|unusable| Path::new(&unusable.path) == here) {
            return false;
        }
        let home = self.homes.entry((kind, id)).or_insert_with(|| here.to_path_buf());
        if home == here {
            return true;
        }
        let reason = format!("node {id} is in {} already: diagnose one cluster at a time", name(home));
        self.unusable(here, reason);
        false
    }

    fn node(&mut self, id: u32) -> &mut Node {
        self.evidence.nodes.entry(id).or_default()
    }

    /// Files first, then numbered directories (moments of the same node), then the others.
    fn directory(&mut self, path: &Path, node: Option<u32>, depth: usize) {
        let (files, directories) = match entries(path) {
            Ok(entries) => entries,
            Err(error) => return self.unusable(path, format!("cannot be read as a directory: {error}")),
        };
        let node = id_in(path, &files).or(node).or_else(|| id_of_name(path));
        let mut known: Vec<_> = files.iter().filter_map(|file| Some((kind(file)?, file))).collect();
        known.sort();
        let label = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let mut started: Vec<u32> = Vec::new();
        for (kind, file) in known {
            self.files += 1;
            self.file(kind, file, node, &label, &mut started);
        }
        for directory in directories {
            if depth == 0 {
                self.unusable(&directory, "is too deep below what was named");
            } else {
                let is_moment = number_of(&directory).is_some();
                self.directory(&directory, node.filter(|_| is_moment), depth - 1);
            }
        }
    }

    fn file(&mut self, kind: Kind, path: &Path, node: Option<u32>, label: &str, started: &mut Vec<u32>) {
        let mut node = id_of_file(path).or(node);
        let file: Arc<str> = name(path).into();
        self.is_elsewhere = false;
        if node.is_some_and(|id| !self.is_at_home(kind, id, &file)) {
            return;
        }
        match (kind, node) {
            (Kind::Log, Some(id)) => self.node(id).log = Some(super::log::Log::default()),
            (Kind::Tracefs, Some(id)) => self.node(id).trace = Some(super::trace::Trace::default()),
            (Kind::Sent | Kind::Delivered, Some(id)) => {
                self.node(id).trace.get_or_insert_default();
            }
            _ => {}
        }
        let mut clock = [None, None];
        let read = lines(path, |number, text| {
            let place = Place { file: file.clone(), line: number };
            let Ok(text) = text else { return self.damage(&place, "is longer than 64 KiB") };
            if text.contains('\u{fffd}') {
                self.damage(&place, "is not UTF-8");
            }
            match kind {
                Kind::Comms | Kind::Sockets => self.snapshot(text, &place, &mut node, label, started),
                Kind::Node => self.about(text, &place, node, &mut clock),
                Kind::Log | Kind::Tracefs | Kind::Sent | Kind::Delivered => self.numbers(kind, text, &place, node),
            }
        });
        if let Err(error) = read {
            // An error of an input names its file itself.
            let reason = error.to_string();
            self.unusable(path, reason.strip_prefix(&format!("{file}: ")).unwrap_or(&reason));
        }
    }

    fn snapshot(&mut self, text: &str, place: &Place, node: &mut Option<u32>, label: &str, started: &mut Vec<u32>) {
        let read = line(text, place);
        if let Line::Damaged(reason) = read {
            return self.damage(place, reason);
        }
        if let Line::Moment(time, id, label) = read {
            *node = id.or(*node);
            self.is_elsewhere = node.is_some_and(|id| !self.is_at_home(Kind::Comms, id, &place.file));
            match *node {
                Some(_) if self.is_elsewhere => {}
                Some(id) => {
                    started.push(id);
                    self.node(id).snapshots.push(Snapshot { time: Some(time), label, ..Snapshot::default() });
                }
                None => self.damage(place, NO_ID),
            }
            return;
        }
        if read == Line::Nothing || self.is_elsewhere {
            return;
        }
        let Some(id) = *node else { return self.damage(place, NO_ID) };
        let snapshots = &mut self.evidence.nodes.entry(id).or_default().snapshots;
        if !started.contains(&id) {
            started.push(id);
            snapshots.push(Snapshot { label: label.to_owned(), ..Snapshot::default() });
        }
        let Some(snapshot) = snapshots.last_mut() else { return };
        match read {
            Line::Record(peer, record) => {
                snapshot.records.get_or_insert_default().insert(peer, record);
            }
            Line::NoRecords => {
                snapshot.records.get_or_insert_default();
            }
            Line::Sockets => {
                snapshot.sockets.get_or_insert_default();
            }
            Line::Socket(socket) => snapshot.sockets.get_or_insert_default().push(socket),
            Line::Moment(..) | Line::Nothing | Line::Damaged(_) => {}
        }
    }

    /// A line of `node.txt`.
    fn about(&mut self, text: &str, place: &Place, node: Option<u32>, clock: &mut [Option<f64>; 2]) {
        let Some(id) = node else { return self.damage(place, NO_ID) };
        let (key, value) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        let seconds = || value.trim().parse::<f64>().ok().filter(|time| time.is_finite());
        let [time, uptime] = clock;
        match key {
            "kernel" => self.node(id).kernel = Some(value.to_owned()),
            "time" | "uptime" if seconds().is_none() => self.damage(place, format!("no seconds behind {key}")),
            "time" => *time = seconds(),
            "uptime" => *uptime = seconds(),
            _ => {}
        }
        if let (Some(time), Some(uptime)) = (*time, *uptime) {
            self.node(id).booted = Some(time - uptime);
        }
    }

    fn numbers(&mut self, kind: Kind, text: &str, place: &Place, node: Option<u32>) {
        let Some(id) = node else {
            return if place.line == 1 {
                self.damage(place, NO_ID)
            };
        };
        let node = self.evidence.nodes.entry(id).or_default();
        let form = match kind {
            Kind::Sent => Form::Sent,
            Kind::Delivered => Form::Delivered,
            _ => Form::Tracefs,
        };
        let read = match kind {
            Kind::Log => node.log.get_or_insert_default().read(text, place),
            _ => node.trace.get_or_insert_default().read(text, form),
        };
        if let Err(reason) = read {
            self.damage(place, reason);
        }
    }
}

const NO_ID: &str = "of which node is this? Name its directory node1, or write `nodeid 1` into node.txt beside it";

type Entries = (Vec<PathBuf>, Vec<PathBuf>);

/// Files, and directories, in the order of their numbers and names. Links to directories are not followed.
fn entries(path: &Path) -> io::Result<Entries> {
    let (mut files, mut directories) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            directories.push(entry.path());
        } else if entry.path().is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    directories.sort_by_key(|path| (number_of(path).unwrap_or(u32::MAX), path.clone()));
    Ok((files, directories))
}

/// The name without `.zst` or `.gz`.
fn plain_name(path: &Path) -> Option<&str> {
    let name = path.file_name()?.to_str()?;
    Some([".zst", ".gz"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name))
}

/// `comms.txt`, `node2.dmesg.txt.zst`, …
fn kind(path: &Path) -> Option<Kind> {
    let name = plain_name(path)?;
    let kinds = [
        ("node.txt", Kind::Node),
        ("comms.txt", Kind::Comms),
        ("ss.txt", Kind::Sockets),
        ("dmesg.txt", Kind::Log),
        ("trace.txt", Kind::Tracefs),
        ("sent.tsv", Kind::Sent),
        ("delivered.tsv", Kind::Delivered),
    ];
    let is = |end: &str| name.strip_suffix(end).is_some_and(|head| head.is_empty() || head.ends_with('.'));
    kinds.into_iter().find(|(end, _)| is(end)).map(|(_, kind)| kind)
}

fn number_of(directory: &Path) -> Option<u32> {
    directory.file_name()?.to_str()?.parse().ok()
}

fn id_of_file(path: &Path) -> Option<u32> {
    let (head, _) = plain_name(path)?.split_once('.')?;
    id_of(head)
}

fn id_of_name(directory: &Path) -> Option<u32> {
    id_of(directory.file_name()?.to_str()?)
}

/// 2 of `node2`, `dlm-node2`, `vm2`; nothing of other names, which end in numbers for reasons of their own.
fn id_of(name: &str) -> Option<u32> {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit()).to_ascii_lowercase();
    (stem.ends_with("node") || stem.ends_with("vm")).then(|| trailing_number(name))?
}

/// What `node.txt` says.
fn id_in(directory: &Path, files: &[PathBuf]) -> Option<u32> {
    let file = files.iter().find(|file| plain_name(file) == Some("node.txt"))?;
    let mut id = None;
    let _ = lines(&directory.join(file), |_, text| {
        let said = text.ok().and_then(|text| text.trim().strip_prefix("nodeid ")?.trim().parse().ok());
        id = id.or(said);
    });
    id
}

/// Calls with each line and its number; with an error for one that is too long.
fn lines(path: &Path, mut each: impl FnMut(u64, Result<&str, ()>)) -> anyhow::Result<()> {
    if fs::metadata(path)?.len() == 0 {
        return Ok(());
    }
    let mut reader = BufReader::new(OpenedInput::open(path, &CaptureOptions::default())?);
    let (mut line, mut number, mut is_long) = (Vec::new(), 0, false);
    loop {
        line.clear();
        if reader.by_ref().take(LONGEST_LINE_BYTES).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let is_whole = line.last() == Some(&b'\n') || (line.len() as u64) < LONGEST_LINE_BYTES;
        if !is_long {
            number += 1;
            let text = String::from_utf8_lossy(&line);
            each(number, if is_whole { Ok(text.trim_end_matches(['\n', '\r'])) } else { Err(()) });
        }
        is_long = !is_whole;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_a_file_holds_and_of_which_node() {
        let of = |name: &str| (kind(Path::new(name)), id_of_file(Path::new(name)));
        assert_eq!(of("comms.txt"), (Some(Kind::Comms), None));
        assert_eq!(of("node2.dmesg.txt.zst"), (Some(Kind::Log), Some(2)));
        assert_eq!(of("node11.sent.tsv.gz"), (Some(Kind::Sent), Some(11)));
        assert_eq!(of("readme.txt").0, None);
        assert_eq!(of("xcomms.txt").0, None);
        assert_eq!(id_of_name(Path::new("a/dlm-node3")), Some(3));
        assert_eq!(id_of_name(Path::new("a/stallhunt-k612")), None);
    }
}
