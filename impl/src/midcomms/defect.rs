//! Historic defects (section 12), to be seeded into the implementation: a check that does not find them is worth nothing.
//!
//! Only with the feature `defects`, which no release has; without it there is not a byte of this in the program.

use core::fmt;
use core::str::FromStr;
use core::time::Duration;

/// How long the second step of a defect of two steps comes behind the first: a core without threads has no race, so that
/// its steps are apart in time.
pub(super) const SECOND_STEP: Duration = Duration::from_millis(1);

/// A historic defect of the kernel, by its number in the specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the table below says what each is")]
pub enum Defect {
    D1,
    D2,
    D3,
    D4,
    D5,
    D6,
    D7,
    D8,
    D9,
    D10,
    D11,
    D12,
    D13,
    D14,
    D15,
}

/// What a defect is here.
struct Row {
    defect: Defect,
    id: &'static str,
    /// What the implementation does with it.
    text: &'static str,
    /// Why it cannot be seeded.
    reason: Option<&'static str>,
}

const fn seeded(defect: Defect, id: &'static str, text: &'static str) -> Row {
    Row { defect, id, text, reason: None }
}

const ROWS: [Row; 15] = [
    seeded(
        Defect::D1,
        "D1",
        "shutdown goes to FIN_WAIT1, and a moment later sends FIN if the state still is FIN_WAIT1",
    ),
    seeded(Defect::D2, "D2", "shutdown does not remove the members first"),
    seeded(Defect::D3, "D3", "STATUS in a closing state resets and establishes"),
    seeded(
        Defect::D4,
        "D4",
        "a timed-out shutdown leaves the record as it is, and the next add member goes on with it",
    ),
    seeded(Defect::D5, "D5", "an ACK goes out behind the messages that wait, and so behind a FIN"),
    seeded(Defect::D6, "D6", "stop_rx is set after every FIN, also after the reset"),
    seeded(Defect::D7, "D7", "FIN is queued, and a moment later stop_tx set, whatever happened between"),
    seeded(Defect::D8, "D8", "on reaching CLOSED the connections are given up with what was to be written"),
    Row {
        defect: Defect::D9,
        id: "D9",
        text: "a message joins the send queue before it gets its number",
        reason: Some(
            "a message has no number of its own that could come late: it is its place in the queue, so that joining the \
             queue is getting the number",
        ),
    },
    seeded(Defect::D10, "D10", "remove member with users 0 decrements: the next add member brings users to 0"),
    seeded(Defect::D11, "D11", "shutdown does not wait for the version, and skips the handshake"),
    seeded(Defect::D12, "D12", "FIN is acknowledged before the state is looked at"),
    seeded(Defect::D13, "D13", "while a connection of the peer's stands, the next one is never read"),
    seeded(Defect::D14, "D14", "a message is reserved and never committed"),
    seeded(Defect::D15, "D15", "the copies of a pass that a break calls for are lost"),
];

impl Defect {
    /// Every defect.
    pub fn all() -> impl Iterator<Item = Self> {
        ROWS.iter().map(|row| row.defect)
    }

    /// Its number, such as `D1`.
    #[must_use]
    pub fn id(self) -> &'static str {
        self.row().map_or("", |row| row.id)
    }

    /// What the implementation does with it, in a sentence.
    #[must_use]
    pub fn text(self) -> &'static str {
        self.row().map_or("", |row| row.text)
    }

    /// Why it cannot be seeded here; `None` where it can.
    #[must_use]
    pub fn reason(self) -> Option<&'static str> {
        self.row().and_then(|row| row.reason)
    }

    fn row(self) -> Option<&'static Row> {
        ROWS.iter().find(|row| row.defect == self)
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

impl FromStr for Defect {
    type Err = UnknownDefect;

    fn from_str(id: &str) -> Result<Self, UnknownDefect> {
        Self::all().find(|defect| defect.id() == id).ok_or_else(|| UnknownDefect(id.to_owned()))
    }
}

/// A number that no defect has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a defect from D1 to D15, got `{0}`")]
pub struct UnknownDefect(pub String);
