//! A search on disc, so that it can go on later: states, parents and how far it had come.
//!
//! Little-endian throughout: magic, version, bytes of a state, description, the properties asked, counters, violations,
//! frontier; then shard by shard the number of states, the states and their parents; then XXH3-64 of all before.
//! Tables are made anew.

use super::exploration::Exploration;
use super::explore::{Moment, Tally, begin, check, run};
use super::found::{Found, Report, Sighting};
use super::frontier::Frontier;
use super::shared::Shared;
use super::store::{Id, SHARDS, Shard, place_of};
use super::{EngineError, Options, Persist, Space};
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use xxhash_rust::xxh3::Xxh3;

const MAGIC: [u8; 8] = *b"SPACE-CP";
const VERSION: u32 = 1;
/// No description is longer; a damaged length must not make us allocate.
const MAX_DESCRIPTION: u32 = 1 << 20;

/// Where and when a search is saved.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// The file; it is replaced as a whole, never half.
    pub file: PathBuf,
    /// How often it is written; besides, it is written when a budget runs out.
    pub every: Duration,
    /// What was explored, in the caller's words: a search goes on only under the same.
    pub description: String,
}

/// Explores as [`super::explore`] does, and saves from time to time.
///
/// # Errors
/// As [`super::explore`], and if the file cannot be written.
pub fn explore_saving<'a, S: Space<State: Persist>>(
    space: &'a S,
    options: &Options<'_>,
    checkpoint: &Checkpoint,
) -> Result<Exploration<'a, S>, EngineError> {
    let (shared, tally) = begin(space, options)?;
    go(shared, tally, options, checkpoint)
}

/// Goes on where the file says, and saves from time to time. The result is that of a search without interruption.
///
/// # Errors
/// As [`super::explore`]; if the file cannot be read or written, is damaged, or is of another space.
pub fn resume<'a, S: Space<State: Persist>>(
    space: &'a S,
    options: &Options<'_>,
    checkpoint: &Checkpoint,
) -> Result<Exploration<'a, S>, EngineError> {
    check(space, options)?;
    let (shards, tally) = Input::open(&checkpoint.file)?.whole(options, &checkpoint.description)?;
    go(Shared::new(space, shards), tally, options, checkpoint)
}

fn go<'a, S: Space<State: Persist>>(
    shared: Shared<'a, S>,
    tally: Tally,
    options: &Options<'_>,
    checkpoint: &Checkpoint,
) -> Result<Exploration<'a, S>, EngineError> {
    let mut last = tally.before;
    run(shared, tally, options, &mut |shared, tally, elapsed, moment| {
        if moment == Moment::BudgetSpent || elapsed.saturating_sub(last) >= checkpoint.every {
            write(shared, tally, elapsed, options, checkpoint).map_err(|source| fault(&checkpoint.file, source))?;
            last = elapsed;
        }
        Ok(())
    })
}

fn fault(file: &Path, source: std::io::Error) -> EngineError {
    EngineError::Io { file: file.to_owned(), source }
}

fn write<S: Space<State: Persist>>(
    shared: &Shared<'_, S>,
    tally: &Tally,
    elapsed: Duration,
    options: &Options<'_>,
    checkpoint: &Checkpoint,
) -> std::io::Result<()> {
    let mut name = checkpoint.file.clone().into_os_string();
    name.push(".new");
    let mut out = Output { to: BufWriter::new(File::create(&name)?), sum: Xxh3::new() };
    out.put(&header::<S::State>(tally, elapsed, options, &checkpoint.description))?;
    for number in 0..SHARDS {
        shared.with_shard(number, |shard| out.shard(shard)).unwrap_or(Ok(()))?;
    }
    let sum = out.sum.digest();
    out.put(&sum.to_le_bytes())?;
    out.to.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
    std::fs::rename(&name, &checkpoint.file)
}

fn header<T: Persist>(tally: &Tally, elapsed: Duration, options: &Options<'_>, description: &str) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    let mut word = |value: u32| out.extend_from_slice(&value.to_le_bytes());
    word(VERSION);
    word(T::BYTES as u32);
    word(description.len() as u32);
    out.extend_from_slice(description.as_bytes());
    let nanos = elapsed.as_nanos() as u64;
    for value in [options.safety, options.goals, tally.transitions, nanos, tally.peak_bytes] {
        out.extend_from_slice(&value.to_le_bytes());
    }
    let mut word = |value: u32| out.extend_from_slice(&value.to_le_bytes());
    word(tally.overflow.unwrap_or(Id::NONE).0);
    word(tally.found.iter().count() as u32);
    for (bit, Sighting { at, step, length }) in tally.found.iter() {
        [bit, at.0, step.unwrap_or(u32::MAX), length].into_iter().for_each(&mut word);
    }
    word(tally.frontier.depth);
    tally.frontier.next.iter().chain(&tally.frontier.ends).copied().for_each(word);
    out
}

struct Output {
    to: BufWriter<File>,
    sum: Xxh3,
}

impl Output {
    fn put(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.sum.update(bytes);
        self.to.write_all(bytes)
    }

    fn shard<T: Persist + Clone + Eq + std::hash::Hash>(&mut self, shard: &Shard<T>) -> std::io::Result<()> {
        self.put(&shard.len().to_le_bytes())?;
        let mut bytes = Vec::new();
        for (local, state) in shard.states_in(0, shard.len()) {
            bytes.clear();
            state.write(&mut bytes);
            bytes.extend_from_slice(&shard.parent(local).unwrap_or(Id::NONE).0.to_le_bytes());
            self.put(&bytes)?;
        }
        Ok(())
    }
}

/// A file being read, and where.
struct Input {
    file: PathBuf,
    from: BufReader<File>,
    sum: Xxh3,
    offset: u64,
}

impl Input {
    fn open(file: &Path) -> Result<Self, EngineError> {
        let from = BufReader::new(File::open(file).map_err(|source| fault(file, source))?);
        Ok(Self { file: file.to_owned(), from, sum: Xxh3::new(), offset: 0 })
    }

    fn damaged(&self, reason: impl Into<String>) -> EngineError {
        EngineError::Damaged { file: self.file.clone(), offset: self.offset, reason: reason.into() }
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EngineError> {
        match self.from.read_exact(bytes) {
            Ok(()) => {
                self.sum.update(bytes);
                self.offset += bytes.len() as u64;
                Ok(())
            }
            Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => {
                Err(self.damaged(format!("the file ends within {} bytes that should follow", bytes.len())))
            }
            Err(source) => Err(fault(&self.file, source)),
        }
    }

    fn word(&mut self) -> Result<u32, EngineError> {
        let mut bytes = [0; 4];
        self.fill(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn long(&mut self) -> Result<u64, EngineError> {
        let mut bytes = [0; 8];
        self.fill(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// Reads a word that has to be `expected`.
    fn demand(&mut self, expected: u32, what: &str) -> Result<(), EngineError> {
        let got = self.word()?;
        if got == expected { Ok(()) } else { Err(self.damaged(format!("{what}: expected {expected}, got {got}"))) }
    }

    fn whole<T>(mut self, options: &Options<'_>, description: &str) -> Result<(Vec<Shard<T>>, Tally), EngineError>
    where
        T: Persist + Clone + Eq + std::hash::Hash,
    {
        let mut magic = [0; 8];
        self.fill(&mut magic)?;
        if magic != MAGIC {
            return Err(self.damaged("this is no checkpoint"));
        }
        self.demand(VERSION, "version of the format")?;
        self.demand(T::BYTES as u32, "bytes of a state")?;
        self.description(description)?;
        let tally = self.tally(options)?;
        let shards = (0..SHARDS).map(|number| self.shard(number)).collect::<Result<Vec<_>, _>>()?;
        let sum = self.sum.digest();
        if self.long()? != sum {
            return Err(self.damaged("the checksum does not fit: some byte before it is wrong"));
        }
        if self.from.read(&mut [0]).map_err(|source| fault(&self.file, source))? != 0 {
            return Err(self.damaged("something follows the end"));
        }
        self.consistent(&shards, &tally)?;
        Ok((shards, tally))
    }

    fn description(&mut self, expected: &str) -> Result<(), EngineError> {
        let len = self.word()?;
        if len > MAX_DESCRIPTION {
            return Err(self.damaged(format!("a description of {len} bytes; at most {MAX_DESCRIPTION} are possible")));
        }
        let mut bytes = vec![0; len as usize];
        self.fill(&mut bytes)?;
        if bytes == expected.as_bytes() {
            return Ok(());
        }
        let got = String::from_utf8_lossy(&bytes).into_owned();
        Err(EngineError::OtherSpace { file: self.file.clone(), expected: expected.to_owned(), got })
    }

    fn tally(&mut self, options: &Options<'_>) -> Result<Tally, EngineError> {
        let asked = (self.long()?, self.long()?);
        if asked != (options.safety, options.goals) {
            return Err(self.damaged("other properties were asked than now"));
        }
        let (transitions, before) = (self.long()?, Duration::from_nanos(self.long()?));
        let peak_bytes = self.long()?;
        let overflow = Some(Id(self.word()?)).filter(|id| *id != Id::NONE);
        let mut found = Found::default();
        for _ in 0..self.word()? {
            let (bit, at) = (self.word()?, Id(self.word()?));
            let (step, length) = (Some(self.word()?).filter(|step| *step != u32::MAX), self.word()?);
            if bit > 63 {
                return Err(self.damaged(format!("a violation of property {bit}; there are 64")));
            }
            found.add(Report { violated: 1 << bit, sighting: Sighting { at, step, length } });
        }
        let mut frontier = Frontier::starting([0; SHARDS]);
        frontier.depth = self.word()?;
        for number in frontier.next.iter_mut().chain(&mut frontier.ends) {
            *number = self.word()?;
        }
        Ok(Tally { frontier, transitions, found, overflow, before, peak_bytes })
    }

    fn shard<T>(&mut self, number: usize) -> Result<Shard<T>, EngineError>
    where
        T: Persist + Clone + Eq + std::hash::Hash,
    {
        let (len, mut shard, mut bytes) = (self.word()?, Shard::new(), vec![0; T::BYTES]);
        for _ in 0..len {
            self.fill(&mut bytes)?;
            let parent = Id(self.word()?);
            let state = T::read(&bytes).ok_or_else(|| self.damaged("these bytes are no state"))?;
            let (home, hash) = place_of(&state);
            if home != number || !shard.restore(state, parent, hash) {
                return Err(self.damaged(format!("a state in shard {number} that does not belong there, or twice")));
            }
        }
        Ok(shard)
    }

    /// Whether numbers of states are those of states, and the frontier lies among them.
    fn consistent<T>(&self, shards: &[Shard<T>], tally: &Tally) -> Result<(), EngineError>
    where
        T: Clone + Eq + std::hash::Hash,
    {
        let exists = |id: Id| shards.get(id.shard()).is_some_and(|shard| id.local() < shard.len());
        let parents = shards.iter().flat_map(|shard| (0..shard.len()).filter_map(|local| shard.parent(local)));
        let named = parents.filter(|id| *id != Id::NONE).chain(tally.overflow);
        let frontier = tally.frontier.next.iter().zip(&tally.frontier.ends).zip(shards);
        let ordered = frontier.map(|((next, end), shard)| next <= end && *end <= shard.len());
        if named.chain(tally.found.iter().map(|(_, s)| s.at)).all(exists) && ordered.into_iter().all(|good| good) {
            return Ok(());
        }
        Err(self.damaged("a state is named that is not there"))
    }
}
