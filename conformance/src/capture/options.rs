//! How captures are read.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// The port of DLM.
pub const DLM_PORT: u16 = 21064;

/// What to read of a capture, and who watches.
#[derive(Clone, Debug)]
pub struct CaptureOptions {
    /// Connections with one of these ports on either side are read.
    pub ports: Vec<u16>,
    /// Counts the bytes read from the files, before decompression; for a progress bar.
    pub progress: Option<Arc<AtomicU64>>,
    /// Packets at the beginning of each file that are compared to set its clock against the other files.
    pub alignment_packets: u64,
}

impl Default for CaptureOptions {
    fn default() -> Self {
        CaptureOptions { ports: vec![DLM_PORT], progress: None, alignment_packets: 50_000 }
    }
}
