//! Messages as the protocol sees them: no bytes.

use std::fmt;

use crate::seq::Seq;

/// The protocol version in a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// 3.1: no OPTS, ACK, FIN or retransmission.
    V3_1,
    /// 3.2: the reliable protocol.
    V3_2,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Version::V3_1 => "3.1",
            Version::V3_2 => "3.2",
        })
    }
}

/// What is inside OPTS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Inner {
    /// MSG.
    Msg,
    /// RCOM STATUS, or its reply with a result other than "not ready".
    Status,
    /// RCOM STATUS_REPLY "not ready", the one STATUS message that is sequenced (SND-2).
    StatusNotReady,
    /// RCOM NAMES or its reply.
    Names,
    /// Any other RCOM.
    Rcom,
    /// FIN.
    Fin,
}

/// What goes out without OPTS and is no ACK.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BareKind {
    /// RCOM STATUS or its reply.
    Status,
    /// RCOM STATUS_REPLY "not ready", which should be sequenced (SND-2).
    StatusNotReady,
    /// RCOM NAMES or its reply.
    Names,
    /// MSG or any other RCOM: only to or from a 3.1 node.
    Other,
    /// FIN.
    Fin,
}

/// Whom messages are from and for: incarnation ids of records, 64 bits, not 0 (HRD-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ids {
    /// The sender's; in *gone* the one that is over.
    pub source: u64,
    /// The receiver's, as far as the sender knows it.
    pub destination: Option<u64>,
}

/// One message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// OPTS with its number and the identity of its bytes: equal exactly when the bytes are (a hash will do).
    Opts {
        /// The sequence number.
        seq: Seq,
        /// What is encapsulated.
        inner: Inner,
        /// Identity of the whole message's bytes.
        body: u64,
    },
    /// ACK with the number expected next.
    Ack(Seq),
    /// A hello: an ACK that says whom what follows on its connection is from and for (HRD-1).
    Hello(Seq, Ids),
    /// The news that an incarnation is over (HRD-3).
    Gone(Ids),
    /// A message outside OPTS.
    Bare(BareKind),
}
