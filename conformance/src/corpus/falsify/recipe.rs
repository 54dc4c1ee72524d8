//! What a falsification is made of.

use super::packets::put;

/// A message of an original: the `index`-th, from 0, of those that frame `frame` completes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct At {
    pub(super) frame: u64,
    pub(super) index: usize,
}

/// Names a message.
pub(super) const fn at(frame: u64, index: usize) -> At {
    At { frame, index }
}

/// What is done to a message's bytes.
pub(super) type Alter = fn(&mut Vec<u8>);

/// What is done to the original.
#[derive(Clone, Copy, Debug)]
pub(super) enum Edit {
    /// A message is altered.
    Change(At, Alter),
    /// An altered copy of `source` is inserted behind `place`.
    Insert { place: At, source: At, alter: Alter },
    /// A message becomes the payload of an earlier frame that has none.
    Move { frame: u64, source: At },
    /// This many messages of a frame are taken out, from this one on.
    Remove(At, usize),
}

/// One small falsification of a capture, and how it must be refused.
#[derive(Clone, Copy, Debug)]
pub(super) struct Falsification {
    /// Name of the trace.
    pub(super) name: &'static str,
    /// The capture that it is made from.
    pub(super) made_from: &'static str,
    /// What is changed, in a sentence.
    pub(super) text: &'static str,
    pub(super) edit: Edit,
    /// The frame at which it must be refused.
    pub(super) frame: u64,
    /// The rule by which.
    pub(super) rule: &'static str,
    /// The revision without which there is nothing to refuse.
    pub(super) revision: Option<&'static str>,
}

/// A message of `made_from` is altered and refused by `rule` at its own frame.
pub(super) const fn change(
    name: &'static str,
    made_from: &'static str,
    place: At,
    rule: &'static str,
    text: &'static str,
    alter: Alter,
) -> Falsification {
    let edit = Edit::Change(place, alter);
    Falsification { name, made_from, text, edit, frame: place.frame, rule, revision: None }
}

/// An altered copy of `source` behind `place` is refused by `rule`.
pub(super) const fn insert(
    name: &'static str,
    made_from: &'static str,
    (place, source): (At, At),
    rule: &'static str,
    text: &'static str,
    alter: Alter,
) -> Falsification {
    let edit = Edit::Insert { place, source, alter };
    Falsification { name, made_from, text, edit, frame: place.frame, rule, revision: None }
}

/// Messages are taken out, from `place` on.
pub(super) const fn remove(
    name: &'static str,
    made_from: &'static str,
    (place, count): (At, usize),
    rule: &'static str,
    text: &'static str,
) -> Falsification {
    let edit = Edit::Remove(place, count);
    Falsification { name, made_from, text, edit, frame: place.frame, rule, revision: None }
}

impl Falsification {
    /// It is not the altered message that must be refused, but one in this frame.
    pub(super) const fn refused_at(self, frame: u64) -> Self {
        Self { frame, ..self }
    }

    /// It must be refused only where the nodes are known to speak this revision.
    pub(super) const fn under(self, revision: &'static str) -> Self {
        Self { revision: Some(revision), ..self }
    }

    /// The last frame of the original that is needed to make it.
    pub(super) fn last_frame(&self) -> u64 {
        let edited = match self.edit {
            Edit::Change(at, _) | Edit::Remove(at, _) => at.frame,
            Edit::Insert { place, source, .. } => place.frame.max(source.frame),
            Edit::Move { frame, source } => frame.max(source.frame),
        };
        edited.max(self.frame + FRAMES_KEPT)
    }

    /// The last frame of the original that the trace keeps.
    pub(super) fn cut_after(&self) -> u64 {
        // Without the revision all that is there must be accepted: nothing that contradicts it may follow.
        self.frame + if self.revision.is_some() { 0 } else { FRAMES_KEPT }
    }
}

/// Frames kept behind the one that is refused.
const FRAMES_KEPT: u64 = 2;

/// Offset of the inner header where there are no options.
pub(super) const INNER: usize = 24;
/// Offset of the version in a header.
pub(super) const VERSION: usize = 0;
/// Offset of the second word: number, lockspace.
pub(super) const WORD: usize = 4;
/// Offset of the node id.
pub(super) const NODEID: usize = 8;
/// Offset of the length.
pub(super) const LENGTH: usize = 12;
/// Offset of the cmd.
pub(super) const CMD: usize = 14;
/// Offset of the pad of a header.
pub(super) const PAD: usize = 15;
/// Offset of nextcmd in OPTS.
pub(super) const NEXTCMD: usize = 16;
/// Offset of optlen in OPTS.
pub(super) const OPTLEN: usize = 18;
/// Offset of the type, from the header of a MSG or RCOM.
pub(super) const TYPE: usize = 16;

pub(super) fn put8(message: &mut [u8], at: usize, value: u8) {
    put(message, at, &[value]);
}

pub(super) fn put16(message: &mut [u8], at: usize, value: u16) {
    put(message, at, &value.to_le_bytes());
}

pub(super) fn put32(message: &mut [u8], at: usize, value: u32) {
    put(message, at, &value.to_le_bytes());
}

/// Leaves a message alone.
pub(super) fn same(_: &mut Vec<u8>) {}

/// Takes the envelope off.
pub(super) fn unwrap(message: &mut Vec<u8>) {
    message.drain(..INNER.min(message.len()));
}

/// Puts an ACK of node `nodeid` in the place of a message.
pub(super) fn ack(message: &mut Vec<u8>, nodeid: u32, number: u32) {
    *message = vec![0; 16];
    put32(message, VERSION, 0x0003_0002);
    put32(message, WORD, number);
    put32(message, NODEID, nodeid);
    put16(message, LENGTH, 16);
    put8(message, CMD, 4);
}

/// Changes the length of the message by what is put behind it, which may be less than nothing.
pub(super) fn resize(message: &mut Vec<u8>, by: i16, headers: &[usize]) {
    let length = message.len().saturating_add_signed(by.into());
    message.resize(length, 0);
    for &header in headers {
        let old = message.get(header + LENGTH..header + LENGTH + 2).and_then(|bytes| bytes.try_into().ok());
        put16(message, header + LENGTH, u16::from_le_bytes(old.unwrap_or_default()).wrapping_add_signed(by));
    }
}
