//! From files to events.

use super::container::PacketSource;
use super::emit::Patience;
use super::error::CaptureError;
use super::input::Input;
use super::options::CaptureOptions;
use super::ports::Ports;
use super::summary::CaptureSummary;
use super::tracker::Tracker;
use super::{FrameRef, Observed};
use std::io::Read;
use std::path::Path;

/// An opened capture.
pub struct CaptureReader {
    source: PacketSource,
    ports: Ports,
}

impl CaptureReader {
    /// Opens a capture: pcap or pcapng, plain or compressed by gzip or zstd; `-` is the standard input.
    ///
    /// Fails where nothing can be read at all; damage further on is reported by [`CaptureReader::read`].
    pub fn open(path: &Path, options: &CaptureOptions) -> Result<Self, CaptureError> {
        Self::start(Input::open(path, options.progress.clone())?, options)
    }

    /// Reads a capture from anything; `name` is what errors call it.
    pub fn from_read(
        name: &str,
        reader: impl Read + Send + 'static,
        options: &CaptureOptions,
    ) -> Result<Self, CaptureError> {
        let progress = options.progress.clone();
        let input = Input::from_read(name.to_owned(), Box::new(reader), progress)?;
        Self::start(input, options)
    }

    fn start(input: Input, options: &CaptureOptions) -> Result<Self, CaptureError> {
        Ok(CaptureReader {
            source: PacketSource::new(input)?,
            ports: Ports::new(&options.ports),
        })
    }

    /// Reads to the end, or to where the capture is damaged.
    pub fn read(self, sink: &mut impl FnMut(Observed<'_>)) -> CaptureSummary {
        let CaptureReader { mut source, ports } = self;
        let mut tracker = Tracker::new(ports, Patience::default());
        let mut frame = FrameRef::default();
        let damage = loop {
            match source.advance() {
                Ok(true) => {
                    frame.number += 1;
                    tracker.handle_packet(&source.packet(), frame, sink);
                }
                Ok(false) => break None,
                Err(error) => break Some(error),
            }
        };
        tracker.summary.bytes = source.offset();
        tracker.summary.damage.extend(damage);
        tracker.finish(sink)
    }
}
