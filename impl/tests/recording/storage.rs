//! Storages that fail, and a small reader of the bytes around events.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Condvar, Mutex};

use midcomms::recording::{Segment, Storage};

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) files: BTreeMap<u64, Vec<u8>>,
    /// Bytes that still fit; `None` is no limit.
    pub(crate) room: Option<usize>,
    /// Nothing is written while this holds.
    pub(crate) is_stuck: bool,
    pub(crate) removed: Vec<u64>,
}

/// Files in memory, on a disk that may fill up or hang.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk(pub(crate) Arc<(Mutex<State>, Condvar)>);

impl Disk {
    pub(crate) fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.0.0.lock().unwrap());
        self.0.1.notify_all();
        result
    }
}

impl Storage for Disk {
    fn create(&mut self, number: u64) -> io::Result<Box<dyn Segment>> {
        self.with(|state| state.files.insert(number, Vec::new()));
        Ok(Box::new(OnDisk { disk: self.clone(), number }))
    }

    fn remove(&mut self, number: u64) -> io::Result<()> {
        self.with(|state| {
            state.files.remove(&number);
            state.removed.push(number);
        });
        Ok(())
    }
}

struct OnDisk {
    disk: Disk,
    number: u64,
}

impl Segment for OnDisk {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let (state, changed) = &*self.disk.0;
        let mut state = changed.wait_while(state.lock().unwrap(), |state| state.is_stuck).unwrap();
        let fits = state.room.map_or(bytes.len(), |room| room.min(bytes.len()));
        state.room = state.room.map(|room| room - fits);
        state.files.get_mut(&self.number).unwrap().extend_from_slice(&bytes[..fits]);
        if fits < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn cut(&mut self, len: u64) -> io::Result<()> {
        self.disk.with(|state| state.files.get_mut(&self.number).unwrap().truncate(len as usize));
        Ok(())
    }
}

/// A block: its kind, its events, and how many were lost before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) kind: u8,
    pub(crate) entries: u32,
    pub(crate) lost: u64,
}

/// The blocks of a file, which has to be whole.
pub(crate) fn blocks(file: &[u8]) -> Vec<Block> {
    assert_eq!(&file[..8], b"\x8aMCT\r\n\x1a\n");
    let word = |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let mut rest = &file[16 + word(file, 12) as usize + 4..];
    let mut blocks = Vec::new();
    while !rest.is_empty() {
        assert_eq!(&rest[..4], b"MCB1");
        let lost = u64::from_le_bytes(rest[32..40].try_into().unwrap());
        blocks.push(Block { kind: rest[4], entries: word(rest, 24), lost });
        rest = &rest[48 + word(rest, 8) as usize..];
    }
    blocks
}
