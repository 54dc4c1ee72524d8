//! Captures out: packets that this program makes, in a pcap file.
//!
//! Every byte of a packet is made here from what is asked for: nothing of another capture gets in unseen.

mod frame;
mod pcap;

pub use frame::{Ends, TcpPacket, sctp_frame, tcp_frame};
pub use pcap::PcapWriter;
