//! Messages, written field by field.

use midcomms::midcomms::{Ids, Kind};
use midcomms::wire::{Cmd, HEADER_LEN, LockspaceId, NodeId, OPTS_LEN, Seq};

/// Who writes: version as on the wire, and node id.
#[derive(Clone, Copy, Debug)]
pub(super) struct Voice {
    pub(super) version: u32,
    pub(super) node: NodeId,
}

impl Voice {
    fn header(self, word: u32, len: usize, cmd: Cmd) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(len);
        bytes.extend(self.version.to_le_bytes());
        bytes.extend(word.to_le_bytes());
        bytes.extend(self.node.0.to_le_bytes());
        bytes.extend((len as u16).to_le_bytes());
        bytes.extend([cmd.to_wire(), 0]);
        bytes
    }

    pub(super) fn bare(self, kind: Kind, lockspace: LockspaceId, body: &[u8]) -> Vec<u8> {
        let mut bytes = self.header(lockspace.0, HEADER_LEN + body.len(), cmd(kind));
        bytes.extend_from_slice(body);
        bytes
    }

    pub(super) fn sequenced(self, seq: Seq, kind: Kind, lockspace: LockspaceId, body: &[u8]) -> Vec<u8> {
        self.enveloped(seq, cmd(kind), &self.bare(kind, lockspace, body))
    }

    pub(super) fn sequenced_fin(self, seq: Seq) -> Vec<u8> {
        self.enveloped(seq, Cmd::Fin, &self.fin())
    }

    fn enveloped(self, seq: Seq, cmd: Cmd, inner: &[u8]) -> Vec<u8> {
        let mut bytes = self.header(seq.0, OPTS_LEN + inner.len(), Cmd::Opts);
        bytes.extend([cmd.to_wire(), 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend_from_slice(inner);
        bytes
    }

    pub(super) fn fin(self) -> Vec<u8> {
        self.header(0, HEADER_LEN, Cmd::Fin)
    }

    pub(super) fn ack(self, seq: Seq) -> Vec<u8> {
        self.header(seq.0, HEADER_LEN, Cmd::Ack)
    }

    /// HRD-1.
    pub(super) fn hello(self, seq: Seq, ids: Ids) -> Vec<u8> {
        self.tailed(seq, 1, ids)
    }

    /// HRD-3.
    pub(super) fn gone(self, ids: Ids) -> Vec<u8> {
        self.tailed(Seq(0), 2, ids)
    }

    fn tailed(self, seq: Seq, kind: u32, ids: Ids) -> Vec<u8> {
        let mut bytes = self.header(seq.0, HEADER_LEN + 24, Cmd::Ack);
        bytes.extend(b"HRD1");
        bytes.extend(kind.to_le_bytes());
        bytes.extend(ids.source.0.to_le_bytes());
        bytes.extend(ids.destination.map_or(0, |id| id.0).to_le_bytes());
        bytes
    }
}

fn cmd(kind: Kind) -> Cmd {
    match kind {
        Kind::Msg => Cmd::Msg,
        Kind::Rcom => Cmd::Rcom,
    }
}

/// What stands behind the header of an RCOM.
pub(super) fn rcom(code: u32, result: i32, id: u64, seqs: [u64; 2], payload: usize) -> Vec<u8> {
    let mut body = Vec::with_capacity(32 + payload);
    body.extend(code.to_le_bytes());
    body.extend(result.to_le_bytes());
    body.extend(id.to_le_bytes());
    seqs.iter().for_each(|seq| body.extend(seq.to_le_bytes()));
    body.resize(32 + payload, 0);
    body
}
