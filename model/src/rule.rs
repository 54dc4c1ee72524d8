//! Rules by number, and what is said when one is broken.

use std::fmt;

/// A numbered rule of `PROTOCOL.md`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Rule {
    id: &'static str,
    text: &'static str,
}

impl Rule {
    /// The rule's number, such as `RCV-4`.
    pub fn id(self) -> &'static str {
        self.id
    }

    /// The rule in one sentence.
    pub fn text(self) -> &'static str {
        self.text
    }

    /// The rule with this number, if replay judges by it.
    pub fn find(id: &str) -> Option<Rule> {
        ALL.iter().chain(INSIDE).copied().find(|rule| rule.id == id)
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id)
    }
}

/// A message that no explanation allows: by which rule, and what would have been right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The rule that is broken.
    pub rule: Rule,
    /// What would have been allowed.
    pub expected: String,
    /// What was seen instead.
    pub got: String,
}

impl Refusal {
    /// A refusal by `rule`.
    pub fn new(rule: Rule, expected: impl Into<String>, got: impl Into<String>) -> Self {
        Self { rule, expected: expected.into(), got: got.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, got {}", self.rule, self.expected, self.got)
    }
}

macro_rules! rules {
    ($(#[$about:meta])* $all:ident $($name:ident $id:literal $text:literal)*) => {
        $(#[doc = concat!($id, ": ", $text)] pub const $name: Rule = Rule { id: $id, text: $text };)*
        $(#[$about])*
        pub const $all: &[Rule] = &[$($name),*];
    };
}

rules! {
    /// Every rule that replay of a capture judges by.
    ALL
    WIRE_2 "WIRE-2" "an outer length lies between 16 and 4096"
    WIRE_4 "WIRE-4" "version, cmd and lengths are known and nest"
    WIRE_6 "WIRE-6" "pad bytes and the second word of a FIN are 0, types are those of the tables"
    WIRE_7 "WIRE-7" "the node id is the sender's, the same in both headers, and so is the version"
    WIRE_8 "WIRE-8" "an ACK of a Linux node is exactly 16 bytes, its FIN exactly 40 with the envelope, and its optlen is 0"
    SND_2 "SND-2" "RCOM STATUS and its normal reply go out bare; NAMES and its reply too before 6.6"
    SND_3 "SND-3" "nothing sequenced before the peer's version is known, no OPTS, ACK or FIN with a 3.1 peer"
    SND_4 "SND-4" "after its FIN a record uses no fresh number"
    SND_6 "SND-6" "a copy is identical to the byte to the original"
    SND_7 "SND-7" "numbers run without a gap from 0, and start at 0 again only after a reset"
    SND_8 "SND-8" "a copy is of a message that was sent before and is still unacknowledged"
    RCV_4 "RCV-4" "an ACK takes messages off the queue: what was acknowledged is not sent again"
    RCV_5 "RCV-5" "when an ACK is sent is the receiver's choice within what its revision says"
    RCV_6 "RCV-6" "bare is only RCOM STATUS, NAMES and their replies"
    RCV_7 "RCV-7" "the numbers of a record's ACKs never go back within one incarnation and one connection"
    VER_3 "VER-3" "every message of a record's peer has the version that was detected"
    CLS_5 "CLS-5" "a record sends a FIN only where the table says so, under one number an incarnation"
    NET_1 "NET-1" "a node sends on the connection that it opened; if it opened none, on the one that the peer opened"
    NET_3 "NET-3" "whoever notices a break sends its whole send queue again, oldest first; otherwise there are no copies"
    NET_7 "NET-7" "on one connection: what waited, then an ascending pass of copies for each break, fresh messages ascending"
    HRD_1 "HRD-1" "a hardened node begins every connection with a hello; its incarnation ids are not 0, never go back, and are its own"
    ACK_1 "ACK-1" "an ACK's number is at most one more than the highest number that its sender can have accepted"
}

rules! {
    /// Rules that only a node itself can be held to, by what it records of its own steps.
    INSIDE
    RCV_1 "RCV-1" "the expected number, and no other, is accepted, and seq_next grows by one"
    RCV_2 "RCV-2" "a number before seq_next is a duplicate: dropped, answered with an ACK"
    RCV_3 "RCV-3" "a number after seq_next is a gap: dropped, not answered"
    REC_1 "REC-1" "a reset returns every field but users to its initial value, empties the queue and ends in CLOSED"
    CLS_2 "CLS-2" "before its FIN a node that leaves knows the peer's version and removes all its members"
    CLS_6 "CLS-6" "a record changes where the table of section 7 or a reset says so, as it says, and nowhere else"
    HRD_2 "HRD-2" "no message makes a CLOSED record ESTABLISHED: what comes to it is dropped"
    HRD_3 "HRD-3" "a FIN for an incarnation that is over is answered, by gone, STATUS or an ACK"
    HRD_5 "HRD-5" "users is the number of lockspaces whose add was counted"
    RUN_1 "RUN-1" "what one node read on a connection is what the other wrote to it, from the beginning and in order"
    RUN_2 "RUN-2" "an incarnation accepts what the other one sent it, once and in order, and nothing else"
    RUN_3 "RUN-3" "a message leaves the send queue only if the peer accepted it, or by a reset"
}
