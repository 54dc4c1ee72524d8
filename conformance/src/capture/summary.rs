//! What a capture was, once it is read.

use super::error::CaptureError;

/// Counts and troubles of one reading.
#[derive(Debug, Default)]
pub struct CaptureSummary {
    /// Frames in the files.
    pub frames: u64,
    /// Bytes of the files, after decompression.
    pub bytes: u64,
    /// Frames on the wanted ports.
    pub dlm_frames: u64,
    /// Stream bytes handed over as data.
    pub payload_bytes: u64,
    /// Connections and associations seen.
    pub connections: u64,
    /// Holes in streams.
    pub holes: u64,
    /// Stream bytes behind a gap which the peer never acknowledged: no application has read them.
    pub undelivered_bytes: u64,
    /// What was passed over.
    pub skipped: Skipped,
    /// Where files are damaged; everything before was read, and other files to their end. Empty when all is well.
    pub damage: Vec<CaptureError>,
    /// The clocks of files that were read as one, in the order of the files.
    pub clock_offsets: Vec<ClockOffset>,
}

/// Frames that gave nothing, or less than they had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Frames of a link type that is not understood (pcapng may mix them).
    pub unknown_link: u64,
    /// Frames without IP.
    pub not_ip: u64,
    /// IP packets of other protocols or on other ports.
    pub other_traffic: u64,
    /// Frames whose headers contradict themselves or are cut.
    pub bad_headers: u64,
    /// Packets on the wanted ports that the snapshot length cut; each leaves a hole.
    pub snaplen_cut: u64,
    /// Fragments of TCP or SCTP packets, put together again where all were there.
    pub fragments: u64,
    /// Packets of which a fragment is missing.
    pub fragments_lost: u64,
    /// Resets without a connection that they could reset.
    pub stray_resets: u64,
    /// SCTP I-DATA chunks, which are not read.
    pub sctp_i_data: u64,
}

/// How a file's clock was set against that of the first file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClockOffset {
    /// Index of the file.
    pub file: u16,
    /// Added to the times of this file, in nanoseconds.
    pub nanos: i64,
    /// Packets found in both this file and an earlier one; with fewer than three, the clocks are taken to agree.
    pub common_packets: u64,
}
