//! Every falsification. Frame and rule are what `PROTOCOL.md` asks for, not what replay was seen to say.

mod acks;
mod bare;
mod copies;
mod fields;
mod frames;
mod identity;
mod numbers;

use super::recipe::Falsification;

/// All of them, in the order of the manifest.
pub(super) fn all() -> impl Iterator<Item = &'static Falsification> {
    [frames::ALL, fields::ALL, identity::ALL, bare::ALL, numbers::ALL, copies::ALL, acks::ALL].into_iter().flatten()
}
