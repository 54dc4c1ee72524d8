//! Bytes to the model's messages, and the few bytes that the driver writes itself.

use bytes::Bytes;
use midcomms::midcomms::{Ids, Incarnation, Tail};
use midcomms::wire::{
    Ack, Body, Inner, LockspaceId, MSG_FIXED_LEN, Message, Msg as WireMsg, MsgType, NodeId, Options, Opts, Rcom,
    RcomType, Sender, Seq, Version, decode,
};
use midcomms_model::system::wire::Kind;

/// A message as the implementation wrote it.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) kind: Kind,
    pub(super) seq: Seq,
    /// It goes out without OPTS although it is data (SND-3).
    pub(super) is_bare: bool,
    /// It is a hello, and an ACK all the same (HRD-1).
    pub(super) is_hello: bool,
    /// From and for which incarnations: what the hello before it said, or its own tail.
    pub(super) ids: Ids,
    pub(super) bytes: Bytes,
}

/// What a message is, without what only its connection tells.
pub(super) struct Read {
    pub(super) kind: Kind,
    pub(super) seq: Seq,
    pub(super) is_bare: bool,
    pub(super) tail: Tail,
    pub(super) body: Option<[u8; MSG_FIXED_LEN]>,
}

/// The message in `bytes`, which `node` wrote in version 3.2.
pub(super) fn read(bytes: &[u8], node: NodeId) -> Result<Read, String> {
    let message = decode(bytes).map_err(|error| error.to_string())?;
    let header = message.header();
    if header.nodeid != node || message.version() != Version::V3_2 || !message.pads_are_zero() {
        return Err(format!("a header that is not node {node}'s: {header:?}"));
    }
    let plain = |kind, seq, body| Ok(Read { kind, seq, is_bare: false, tail: Tail::Plain, body });
    match &message {
        Message::Ack(ack) => {
            let tail = Tail::read(ack.tail());
            let kind = match tail {
                Tail::Plain | Tail::Hello(_) => Kind::Ack,
                Tail::Gone(_) => Kind::Gone,
                Tail::Unknown => return Err("an ACK with an unknown tail".to_owned()),
            };
            Ok(Read { kind, seq: ack.seq(), is_bare: false, tail, body: None })
        }
        Message::Opts(opts) => match opts.inner().body() {
            Body::Fin { tail: [] } => plain(Kind::Fin, opts.seq(), None),
            Body::Msg(msg) => plain(Kind::Data, opts.seq(), Some(*msg.fixed())),
            other => Err(format!("sequenced: {other:?}")),
        },
        Message::Bare(inner) => match inner.body() {
            Body::Msg(msg) => {
                let body = Some(*msg.fixed());
                Ok(Read { kind: Kind::Data, seq: Seq(0), is_bare: true, tail: Tail::Plain, body })
            }
            Body::Rcom(rcom) if rcom.kind() == Some(RcomType::Status) => plain(Kind::Status, Seq(0), None),
            Body::Rcom(rcom) if rcom.kind() == Some(RcomType::StatusReply) => plain(Kind::StatusReply, Seq(0), None),
            other => Err(format!("bare: {other:?}")),
        },
    }
}

/// The whole messages in `bytes`, one after the other.
pub(super) fn split(mut bytes: Bytes, mut each: impl FnMut(Bytes) -> Result<(), String>) -> Result<(), String> {
    while !bytes.is_empty() {
        let length = bytes.get(12..14).and_then(<[u8]>::first_chunk).map_or(0, |at| u16::from_le_bytes(*at));
        if usize::from(length) < 16 || usize::from(length) > bytes.len() {
            return Err(format!("a length of {length} with {} bytes left", bytes.len()));
        }
        each(bytes.split_to(usize::from(length)))?;
    }
    Ok(())
}

/// The body of a message that `sender` sends under a number in an incarnation: no two have the same.
pub(super) fn body(sender: usize, incarnation: Incarnation, seq: Seq) -> [u8; MSG_FIXED_LEN] {
    let mut body = [0; MSG_FIXED_LEN];
    let fields = (MsgType::Request.to_wire().to_le_bytes().into_iter())
        .chain((sender as u32).to_le_bytes())
        .chain(incarnation.0.to_le_bytes())
        .chain(seq.0.to_le_bytes());
    body.iter_mut().zip(fields).for_each(|(byte, field)| *byte = field);
    body
}

/// The lockspace with this index.
pub(super) fn lockspace(index: usize) -> LockspaceId {
    LockspaceId(0x10 + index as u32)
}

fn sender(node: usize, version: Version) -> Sender {
    Sender { version, nodeid: NodeId(node as u32 + 1) }
}

fn encode(message: &Message<'_>) -> Bytes {
    let mut bytes = Vec::new();
    message.encode_into(&mut bytes);
    Bytes::from(bytes)
}

/// A hello (HRD-1), as the specification lays it out.
pub(super) fn hello(node: usize, seq: Seq, ids: Ids) -> Bytes {
    let destination = ids.destination.map_or(0, |id| id.0);
    let tail: Vec<u8> = (b"HRD1".iter().copied())
        .chain(1_u32.to_le_bytes())
        .chain(ids.source.0.to_le_bytes())
        .chain(destination.to_le_bytes())
        .collect();
    Ack::new(sender(node, Version::V3_2), seq, &tail).map(|ack| encode(&ack.into())).unwrap_or_default()
}

/// An ACK without a tail.
pub(super) fn ack(node: usize, seq: Seq) -> Bytes {
    Ack::new(sender(node, Version::V3_2), seq, &[]).map(|ack| encode(&ack.into())).unwrap_or_default()
}

/// What the driver writes where the implementation does not: for a node of 3.1, and for what an output kept of an
/// incarnation that is over.
pub(super) fn written(node: usize, version: Version, kind: Kind, seq: Seq, ids: Ids, is_bare: bool) -> Bytes {
    let from = sender(node, version);
    let rcom = |code: RcomType| {
        let rcom = Rcom { code: code.to_wire(), result: 0, id: 1, seq: 1, seq_reply: 0, payload: &[0; 16] };
        Inner::rcom(from, lockspace(0), rcom).map(Message::from)
    };
    let fixed = body(node, ids.source, seq);
    let data = || Inner::msg(from, lockspace(0), WireMsg::new(&fixed, &[]));
    let message = match kind {
        Kind::Ack | Kind::Gone | Kind::End => return ack(node, seq),
        Kind::Status => rcom(RcomType::Status),
        Kind::StatusReply => rcom(RcomType::StatusReply),
        Kind::Fin => Opts::new(seq, Options::default(), Inner::fin(from)).map(Message::from),
        Kind::Data if is_bare => data().map(Message::from),
        Kind::Data => data().and_then(|inner| Opts::new(seq, Options::default(), inner)).map(Message::from),
    };
    message.map(|message| encode(&message)).unwrap_or_default()
}
