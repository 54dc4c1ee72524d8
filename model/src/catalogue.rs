//! Defects, hazards and measures as data: which switches they are, and where the checker shows what they do (section 12 of
//! `PROTOCOL.md`).

use crate::revision::Revision;
use crate::rules::{Base, Rules, SwitchError};
use crate::system::Property;

/// A switch and its value.
pub type Setting = (&'static str, &'static str);

/// Rules with some switches set.
///
/// # Errors
/// If a switch or a value does not exist.
pub fn with(base: Rules, settings: &[Setting]) -> Result<Rules, SwitchError> {
    let mut rules = base;
    settings.iter().try_for_each(|(name, value)| rules.set(name, value))?;
    Ok(rules)
}

/// A historic defect, seeded where the property holds without it.
#[derive(Clone, Copy, Debug)]
pub struct Defect {
    /// Its number, such as `D1`.
    pub id: &'static str,
    /// What is wrong, in a sentence.
    pub text: &'static str,
    /// The rules that it is seeded into.
    pub base: Base,
    /// Measures of `hardened` that would mask it, switched off.
    pub unmasked: &'static [Setting],
    /// The defect itself.
    pub settings: &'static [Setting],
    /// The environment that exposes it.
    pub environment: &'static str,
    /// The property that breaks.
    pub property: Property,
    /// Where the reference's table names something else, why.
    pub note: &'static str,
}

/// What the checker says of a hazard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reality {
    /// There is a counterexample, and none with the remedy.
    Real,
    /// There is none, because of this.
    NotReachable(&'static str),
    /// The model does not know what it is about.
    OutsideTheModel(&'static str),
}

/// A hazard of today's kernels.
#[derive(Clone, Copy, Debug)]
pub struct Hazard {
    /// Its number, such as `H1`.
    pub id: &'static str,
    /// What is feared, in a sentence.
    pub text: &'static str,
    /// The rules in which it is looked for.
    pub base: Base,
    /// Switches that other hazards would need, so that this one stands alone.
    pub settings: &'static [Setting],
    /// What takes it away: the same question then has no counterexample.
    pub remedy: &'static [Setting],
    /// The environment.
    pub environment: &'static str,
    /// The property.
    pub property: Property,
    /// What must come out.
    pub reality: Reality,
}

/// A measure of `hardened`: the switch, and what fails without it.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    /// Its rule in section 11, such as `HRD-1`.
    pub id: &'static str,
    /// The switch.
    pub switch: &'static str,
    /// Its value without the measure: that of `linux-6.12`.
    pub without: &'static str,
    /// The environment in which a property fails without it.
    pub environment: &'static str,
    /// That property.
    pub property: Property,
}

const TODAY: Base = Base::Linux(Revision::Linux6_12);

/// The historic defects.
pub const DEFECTS: &[Defect] = &[
    Defect {
        id: "D1",
        text: "shutdown: state := FIN_WAIT1, then, as a second step, FIN is sent only if the state still is FIN_WAIT1",
        base: TODAY,
        unmasked: &[],
        settings: &[("fin-step", "two")],
        environment: "both-leave",
        property: Property::BothClosed,
        note: "",
    },
    Defect {
        id: "D2",
        text: "shutdown without removing the members first",
        base: TODAY,
        unmasked: &[],
        settings: &[("removes-members-first", "off")],
        environment: "both-leave",
        property: Property::ShutdownReturns,
        note: "",
    },
    Defect {
        id: "D3",
        text: "bare STATUS in a closing state resets and establishes",
        base: TODAY,
        unmasked: &[],
        settings: &[("status-in-closing", "resets")],
        environment: "early",
        property: Property::NoGhost,
        note: "NoLoss and BothClosed break too",
    },
    Defect {
        id: "D4",
        text: "a timed-out shutdown leaves the record as it is; the next incarnation starts from it",
        base: Base::Hardened,
        unmasked: &[],
        settings: &[("reset-after-shutdown", "never")],
        environment: "timeout",
        property: Property::NoLoss,
        note: "in linux-6.12 stale ACKs do the harm already",
    },
    Defect {
        id: "D5",
        text: "a threshold ACK is queued behind the message being reserved: an ACK may follow the FIN",
        base: TODAY,
        unmasked: &[],
        settings: &[("threshold-ack", "behind")],
        environment: "mild",
        property: Property::NoGhost,
        note: "",
    },
    Defect {
        id: "D6",
        text: "stop_rx is set after every FIN, also after the reset",
        base: TODAY,
        unmasked: &[],
        settings: &[("stop-rx", "every-fin")],
        environment: "mild",
        property: Property::CleanClosed,
        note: "",
    },
    Defect {
        id: "D7",
        text: "FIN is queued, then, as a second step, stop_tx set",
        base: TODAY,
        unmasked: &[],
        settings: &[("stop-tx", "after-fin")],
        environment: "mild",
        property: Property::CleanClosed,
        note: "",
    },
    Defect {
        id: "D8",
        text: "on reaching CLOSED the connections are dropped at once with what was in flight",
        base: TODAY,
        unmasked: &[],
        settings: &[("on-closed", "drops-connections")],
        environment: "mild",
        property: Property::NoGhost,
        note: "BothClosed breaks too",
    },
    Defect {
        id: "D9",
        text: "a message joins the send queue before it gets its number",
        base: TODAY,
        unmasked: &[],
        settings: &[("numbering", "after-queue")],
        environment: "mild",
        property: Property::NoFalseAck,
        note: "",
    },
    Defect {
        id: "D10",
        text: "remove member with users 0 decrements",
        base: TODAY,
        unmasked: &[],
        settings: &[("removal-at-zero-ignored", "off")],
        environment: "fence",
        property: Property::UsersConsistent,
        note: "",
    },
    Defect {
        id: "D11",
        text: "shutdown does not wait for the version, and skips the handshake",
        base: TODAY,
        unmasked: &[],
        settings: &[("waits-for-version", "off")],
        environment: "mild",
        property: Property::BothClosed,
        note: "",
    },
    Defect {
        id: "D12",
        text: "FIN is acknowledged before its state is looked at",
        base: TODAY,
        unmasked: &[("life-ids", "acks")],
        settings: &[("fin-ack", "before-state")],
        environment: "timeout",
        property: Property::NoFalseAck,
        note: "in linux-6.12 false ACKs come from stale ones already, so that these are masked",
    },
    Defect {
        id: "D13",
        text: "one accept per wake-up: a second waiting connection stays unread",
        base: Base::Hardened,
        unmasked: &[],
        settings: &[("accepts", "one")],
        environment: "two-breaks",
        property: Property::NoLoss,
        note: "in linux-6.12 a break loses messages already (H3)",
    },
    Defect {
        id: "D14",
        text: "a message is reserved and never committed",
        base: TODAY,
        unmasked: &[],
        settings: &[("commits", "off")],
        environment: "mild",
        property: Property::NoLoss,
        note: "",
    },
    Defect {
        id: "D15",
        text: "copies are queued before the broken page is dropped",
        base: TODAY,
        unmasked: &[("retransmits-on-close", "on"), ("copies", "after-drop")],
        settings: &[("copies", "before-drop")],
        environment: "pages",
        property: Property::NoLoss,
        note: "linux-6.12 has this defect (H2): it is taken out first",
    },
];

/// The hazards.
pub const HAZARDS: &[Hazard] = &[
    Hazard {
        id: "H1",
        text: "a message reserved but not committed when the break is noticed is not copied, then goes out ahead of the copies",
        base: TODAY,
        settings: &[("retransmits-on-close", "on"), ("copies", "after-drop")],
        remedy: &[("late-commit-copies", "on")],
        environment: "split",
        property: Property::NoLoss,
        reality: Reality::Real,
    },
    Hazard {
        id: "H2",
        text: "copies are queued into the page that is then dropped as partly written",
        base: TODAY,
        settings: &[("retransmits-on-close", "on")],
        remedy: &[("copies", "after-drop")],
        environment: "pages",
        property: Property::NoLoss,
        reality: Reality::Real,
    },
    Hazard {
        id: "H3",
        text: "an orderly close by the peer triggers no retransmission",
        base: TODAY,
        settings: &[],
        remedy: &[("retransmits-on-close", "on")],
        environment: "two-breaks",
        property: Property::NoLoss,
        reality: Reality::Real,
    },
    Hazard {
        id: "H4",
        text: "no TIME_WAIT: when the last ACK is lost, the FIN comes again to a reset record and makes a ghost",
        base: TODAY,
        settings: &[("retransmits-on-close", "on")],
        remedy: &[("life-ids", "all"), ("establishes", "never"), ("answers-gone", "on")],
        environment: "two-breaks",
        property: Property::ExactlyOnceInOrder,
        reality: Reality::Real,
    },
    Hazard {
        id: "H5",
        text: "no incarnation id: stale messages and ACKs are valid in the next incarnation",
        base: TODAY,
        settings: &[("retransmits-on-close", "on")],
        remedy: &[("life-ids", "all"), ("establishes", "never"), ("answers-gone", "on")],
        environment: "timeout",
        property: Property::NoCrossIncarnation,
        reality: Reality::Real,
    },
    Hazard {
        id: "H6",
        text: "an ACK handled in two passes, with a reset in between, removes messages of the next incarnation",
        base: TODAY,
        settings: &[("ack-in-two-passes", "on")],
        remedy: &[("ack-in-two-passes", "off")],
        environment: "rejoin",
        property: Property::NoFalseAck,
        reality: Reality::NotReachable(
            "the next incarnation sends nothing before the peer's version is known, and the thread that reads it is the one between the two passes",
        ),
    },
    Hazard {
        id: "H7",
        text: "an idle send queue never drains",
        base: TODAY,
        settings: &[],
        remedy: &[("idle-ack", "on")],
        environment: "mild",
        property: Property::QueueDrains,
        reality: Reality::Real,
    },
    Hazard {
        id: "H8",
        text: "users are miscounted after a fence and rejoin with two lockspaces",
        base: TODAY,
        settings: &[],
        remedy: &[("members-by-lockspace", "on")],
        environment: "lockspaces",
        property: Property::UsersConsistent,
        reality: Reality::Real,
    },
    Hazard {
        id: "H9",
        text: "inner lengths and minimum sizes are not checked: reads beyond the message",
        base: TODAY,
        settings: &[],
        remedy: &[],
        environment: "mild",
        property: Property::NoUnexpected,
        reality: Reality::OutsideTheModel(
            "messages have no bytes here; the codec refuses such lengths (WIRE-4), which its tests and fuzz targets show",
        ),
    },
    Hazard {
        id: "H11",
        text: "plain < at the wrap: duplicates are not acknowledged",
        base: Base::Hardened,
        settings: &[("comparison", "plain")],
        remedy: &[("comparison", "serial")],
        environment: "wrap",
        property: Property::QueueDrains,
        reality: Reality::Real,
    },
    Hazard {
        id: "H13",
        text: "peers are shut down one after the other: nodes wait for each other in a ring",
        base: TODAY,
        settings: &[],
        remedy: &[],
        environment: "ring",
        property: Property::ShutdownReturns,
        reality: Reality::NotReachable(
            "each node removes all its members before it closes with the first peer (CLS-2), so that every FIN finds users 0 and is answered at once; with D2 the ring is real",
        ),
    },
    Hazard {
        id: "H14",
        text: "an ACK for a duplicate, sent after the own FIN, revives the closed peer",
        base: TODAY,
        settings: &[("establishes", "status-or-ack")],
        remedy: &[("establishes", "bare-status-or-names")],
        environment: "break",
        property: Property::NoGhost,
        reality: Reality::Real,
    },
    Hazard {
        id: "H15",
        text: "an ACK written to a connection that is gone, before its end notices, is lost, and nothing asks for it again",
        base: TODAY,
        settings: &[
            ("retransmits-on-close", "on"),
            ("copies", "after-drop"),
            ("late-commit-copies", "on"),
            ("idle-ack", "on"),
            ("life-ids", "all"),
            ("establishes", "never"),
            ("answers-gone", "on"),
        ],
        remedy: &[("retransmits-in-time", "on")],
        environment: "break",
        property: Property::QueueDrains,
        reality: Reality::Real,
    },
    Hazard {
        id: "H16",
        text: "a peer of version 3.1 leaves and comes back with 3.2: its record still says 3.1, and refuses all it sends",
        base: TODAY,
        settings: &[],
        remedy: &[("life-ids", "all"), ("establishes", "never"), ("answers-gone", "on"), ("first-add", "resets-old")],
        environment: "upgrade",
        property: Property::ShutdownReturns,
        reality: Reality::Real,
    },
];

/// The measures of `hardened`.
pub const MEASURES: &[Measure] = &[
    Measure {
        id: "HRD-1",
        switch: "life-ids",
        without: "none",
        environment: "timeout",
        property: Property::NoCrossIncarnation,
    },
    Measure {
        id: "HRD-2",
        switch: "establishes",
        without: "any-message",
        environment: "give-up",
        property: Property::NoGhost,
    },
    Measure {
        id: "HRD-3",
        switch: "answers-gone",
        without: "off",
        environment: "break",
        property: Property::BothClosed,
    },
    Measure {
        id: "HRD-4",
        switch: "first-add",
        without: "table",
        environment: "upgrade",
        property: Property::BothClosed,
    },
    Measure {
        id: "HRD-5",
        switch: "members-by-lockspace",
        without: "off",
        environment: "lockspaces",
        property: Property::UsersConsistent,
    },
    Measure { id: "HRD-6", switch: "comparison", without: "plain", environment: "wrap", property: Property::NoLoss },
    Measure {
        id: "HRD-7",
        switch: "retransmits-in-time",
        without: "off",
        environment: "mild",
        property: Property::QueueDrains,
    },
];
