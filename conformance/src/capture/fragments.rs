//! Reassembly of IP fragments, within bounds.

use super::ip::{Address, Datagram, Fragment};
use etherparse::defrag::IpDefragBuf;
use etherparse::{IpFragOffset, IpNumber};

/// Datagrams that may wait at the same time; the oldest gives way.
const MAX_WAITING: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    source: Address,
    destination: Address,
    protocol: u8,
    id: u32,
}

/// Datagrams of which fragments are missing.
#[derive(Default)]
pub(super) struct Fragments {
    waiting: Vec<(Key, IpDefragBuf)>,
    /// Datagrams that were given up.
    pub(super) given_up: u64,
}

impl Fragments {
    /// Takes a fragment; the payload of the datagram when it was the last one missing.
    pub(super) fn add(&mut self, datagram: &Datagram<'_>, fragment: Fragment) -> Option<Vec<u8>> {
        let key = Key {
            source: datagram.source,
            destination: datagram.destination,
            protocol: datagram.protocol,
            id: fragment.id,
        };
        let at = self.position(key);
        let (_, buffer) = self.waiting.get_mut(at)?;
        let offset = IpFragOffset::try_new(fragment.offset).ok()?;
        let cut = datagram.missing > 0;
        if cut || buffer.add(offset, fragment.more, datagram.payload).is_err() {
            self.waiting.remove(at);
            self.given_up += 1;
            return None;
        }
        if !buffer.is_complete() {
            return None;
        }
        let (_, buffer) = self.waiting.remove(at);
        Some(buffer.take_bufs().0)
    }

    fn position(&mut self, key: Key) -> usize {
        if let Some(at) = self.waiting.iter().position(|(waiting, _)| *waiting == key) {
            return at;
        }
        if self.waiting.len() == MAX_WAITING {
            self.waiting.remove(0);
            self.given_up += 1;
        }
        let buffer = IpDefragBuf::new(IpNumber(key.protocol), Vec::new(), Vec::new());
        self.waiting.push((key, buffer));
        self.waiting.len() - 1
    }

    /// Datagrams that are still incomplete, when nothing more will come.
    pub(super) fn left_over(&self) -> u64 {
        self.waiting.len() as u64
    }
}
