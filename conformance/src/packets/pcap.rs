//! The file.

use std::io::{self, Write};

use crate::capture::Timestamp;

/// Little-endian, times in nanoseconds.
const MAGIC: u32 = 0xa1b2_3c4d;
const MAJOR: u16 = 2;
const MINOR: u16 = 4;
const SNAPLEN: u32 = 1 << 20;
const ETHERNET: u32 = 1;

/// Writes a pcap file.
#[derive(Debug)]
pub struct PcapWriter<W> {
    out: W,
    packets: u64,
}

impl<W: Write> PcapWriter<W> {
    /// Writes the head of the file.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub fn new(mut out: W) -> io::Result<Self> {
        out.write_all(&MAGIC.to_le_bytes())?;
        out.write_all(&MAJOR.to_le_bytes())?;
        out.write_all(&MINOR.to_le_bytes())?;
        out.write_all(&[0; 8])?;
        out.write_all(&SNAPLEN.to_le_bytes())?;
        out.write_all(&ETHERNET.to_le_bytes())?;
        Ok(Self { out, packets: 0 })
    }

    /// Writes a packet of which the last `cut` bytes were on the wire and are not in `frame`. Times before 1970 and after
    /// 2106 are not in the format: the nearest is written.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn put(&mut self, time: Timestamp, frame: &[u8], cut: u32) -> io::Result<()> {
        let nanos = time.0.clamp(0, i64::from(u32::MAX) * 1_000_000_000 + 999_999_999);
        let held = u32::try_from(frame.len()).map_err(io::Error::other)?;
        for field in [(nanos / 1_000_000_000) as u32, (nanos % 1_000_000_000) as u32, held, held.saturating_add(cut)] {
            self.out.write_all(&field.to_le_bytes())?;
        }
        self.out.write_all(frame)?;
        self.packets += 1;
        Ok(())
    }

    /// Packets so far.
    pub fn packets(&self) -> u64 {
        self.packets
    }

    /// Ends the file.
    ///
    /// # Errors
    /// If what is left cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}
