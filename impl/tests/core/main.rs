//! The core, from outside: one record against a script, and two of them over a virtual network.

#[cfg(test)]
mod corpus;
#[cfg(all(test, feature = "defects"))]
mod defects;
#[cfg(test)]
mod hardened;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod linux;
#[cfg(test)]
mod lone;
#[cfg(test)]
mod pair;
#[cfg(test)]
mod pairs;
#[cfg(test)]
mod sending;
#[cfg(test)]
mod states;
#[cfg(test)]
mod table;
#[cfg(test)]
mod timers;

#[cfg(test)]
#[path = "../../fuzz/sessions.rs"]
mod sessions;
