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
        text: "shutdown: the state first, then the FIN only if the state still is FIN_WAIT1",
        base: TODAY,
        unmasked: &[],
        settings: &[("fin-step", "two")],
        environment: "both-leave",
        property: Property::BothClosed,
        note: "",
    },
];

/// The hazards.
pub const HAZARDS: &[Hazard] = &[
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
];

/// The measures of `hardened`.
pub const MEASURES: &[Measure] = &[
    Measure {
        id: "HRD-9",
        switch: "idle-ack",
        without: "off",
        environment: "mild",
        property: Property::QueueDrains,
    },
];
