//! Transitions of the model that the implementation never takes, by its own policy: each with its reason. What is not in
//! this table and not driven is a difference.

use midcomms_model::system::action::{Action, ActionKind};
use midcomms_model::system::observer::{Occurrence, Outcome};
use midcomms_model::system::state::{Phase, System};
use midcomms_model::system::wire::Kind;

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
    TimedOut "reset-at-the-timeout" "a record that its node's shutdown gave up meets the peer's next incarnation before the sockets are closed: the implementation resets it when it gives up"
}

/// Why an action to `after` cannot be driven, if it cannot.
pub(super) fn obstacle<const N: usize, const M: usize>(
    (before, after): (&System<N, M>, &System<N, M>),
    action: Action,
    seen: &[Occurrence],
    is_shutting: bool,
) -> Option<Reason> {
    let (x, y) = (usize::from(action.node), usize::from(action.peer));
    let reads = matches!(action.kind, ActionKind::RecordReceives | ActionKind::RecordReceivesStale);
    let has_returned = matches!(before.node(x).phase, Phase::Lingering | Phase::Draining);
    let is_restart = seen.contains(&Occurrence::Reset { node: x, peer: y })
        && !seen.iter().any(|occurrence| matches!(occurrence, Occurrence::Met { .. }))
        && seen
            .iter()
            .any(|occurrence| matches!(occurrence, Occurrence::Read { message, .. } if message.kind() == Kind::Status));
    let version = |system: &System<N, M>| system.end(x, y).record.version;
    let goes_on = x != y && is_shutting && version(before).is_none() && version(after).is_some();
    // The FIN that binds the record is accepted in the model before the node's own goes out, here behind it.
    let is_fin = seen.iter().any(|occurrence| {
        matches!(occurrence, Occurrence::Read { message, outcome: Outcome::Accepted, .. } if message.kind() == Kind::Fin)
    });
    if reads && goes_on && is_fin && before.node(x).phase == Phase::Waiting {
        return Some(Reason::Eager);
    }
    (reads && has_returned && (is_restart || goes_on)).then_some(Reason::TimedOut)
}
