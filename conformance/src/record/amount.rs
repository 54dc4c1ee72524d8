//! A number, or a range of which each use takes one at random.

use fastrand::Rng;
use serde::Deserialize;

/// From `least` up to and with `most`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Typed")]
pub struct Amount {
    /// The least.
    pub least: u64,
    /// The most.
    pub most: u64,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a number from 0, or two as [least, most]")]
enum Typed {
    One(u64),
    Range([u64; 2]),
}

impl TryFrom<Typed> for Amount {
    type Error = String;

    fn try_from(typed: Typed) -> Result<Self, String> {
        let [least, most] = match typed {
            Typed::One(one) => [one; 2],
            Typed::Range(range) => range,
        };
        if least > most {
            return Err(format!("expected [least, most], got [{least}, {most}]"));
        }
        Ok(Self { least, most })
    }
}

impl Amount {
    /// This number and no other.
    pub const fn exactly(number: u64) -> Self {
        Self { least: number, most: number }
    }

    /// Either or any between.
    pub const fn between(least: u64, most: u64) -> Self {
        Self { least, most }
    }

    /// One of them.
    pub(super) fn draw(self, rng: &mut Rng) -> u64 {
        rng.u64(self.least..=self.most)
    }

    /// One of them, of milliseconds, as microseconds.
    pub(super) fn draw_us(self, rng: &mut Rng) -> u64 {
        rng.u64(self.least.saturating_mul(1000)..=self.most.saturating_mul(1000))
    }
}
