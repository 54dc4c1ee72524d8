//! A reliable message layer, wire compatible with the Linux DLM (version 3.2).

pub mod midcomms;
pub mod wire;
