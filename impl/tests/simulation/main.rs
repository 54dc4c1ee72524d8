//! Clusters of two to five nodes in virtual time, with every fault that the transport and the cluster manager can make.
//!
//! Each run is drawn from a seed (`plan.rs`: the knobs and the steps, one sentence each), runs the real core over a
//! model of sockets (`net.rs`, `world.rs`), and is judged by what the protocol promises (`oracle.rs`, `run.rs`): exactly
//! once and in order per incarnation, nothing lost that had to arrive, queues that drain, shutdowns that return, records
//! that are CLOSED and clean in the end, no timer that spins and no exchange that never ends.
//!
//! A run that fails is shrunk by proptest; the message has its seed and the smallest plan. To work with it:
//!
//! | variable | meaning | default |
//! |---|---|---|
//! | `MIDCOMMS_SIM_SEEDS` | how many seeds | 2000 |
//! | `MIDCOMMS_SIM_FROM` | the first of them | 0 |
//! | `MIDCOMMS_SIM_SEED` | this one seed alone, told step by step on standard error, not shrunk | – |
//!
//! Many seeds: `MIDCOMMS_SIM_SEEDS=20000 cargo test --release -p midcomms --test simulation`.

#[cfg(test)]
mod manager;
#[cfg(test)]
mod net;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod plan;
#[cfg(test)]
mod run;
#[cfg(test)]
mod seeds;
#[cfg(test)]
mod world;
