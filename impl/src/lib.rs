//! A reliable message layer, wire compatible with the Linux DLM (version 3.2).

pub mod midcomms;
#[cfg(feature = "record")]
pub mod recording;
pub mod wire;
