//! Transitions of the model that the implementation never takes, by its own policy: each with its reason. What is not in
//! this table and not driven is a difference.

use midcomms_model::system::action::Action;
use midcomms_model::system::observer::Occurrence;
use midcomms_model::system::state::System;

macro_rules! reasons {
    ($($variant:ident $name:literal $text:literal)*) => {
        /// Why a transition is not driven.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Reason { $(#[doc = $text] $variant,)* }

        impl Reason {
            /// Every reason.
            pub const ALL: &'static [Reason] = &[$(Reason::$variant),*];

            /// Its name in a report.
            pub fn name(self) -> &'static str {
                match self { $(Reason::$variant => $name,)* }
            }

            /// What it says.
            pub fn text(self) -> &'static str {
                match self { $(Reason::$variant => $text,)* }
            }
        }
    };
}

reasons! {
    Eager "goes-on-at-once" "a shutdown that the peer's restart threw back waits, knowing the version: the implementation sends its FIN at once"
}

/// Why an action from `before` to `after` cannot be driven, if it cannot.
pub(super) fn obstacle<const N: usize, const M: usize>(
    _before: &System<N, M>,
    _after: &System<N, M>,
    _action: Action,
    _seen: &[Occurrence],
) -> Option<Reason> {
    None
}
