//! What the implementation records, replay judges: right runs are accepted, and a falsified event is not.

#[cfg(test)]
mod beside;
#[cfg(test)]
mod damaged;
#[cfg(test)]
mod exact;
#[cfg(test)]
mod falsified;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod recorded;
#[cfg(test)]
mod runs;
#[cfg(test)]
mod split;
#[cfg(test)]
mod together;

#[cfg(test)]
#[path = "../../../impl/tests/recording/world.rs"]
mod world;
