//! The wire codec, from outside.

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod framer;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod plan;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod resync;
#[cfg(test)]
mod roundtrip;

#[cfg(test)]
#[path = "../../fuzz/bodies.rs"]
mod bodies;
