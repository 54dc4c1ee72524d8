//! From files to events.

use super::clocks;
use super::container::{Packet, PacketSource};
use super::emit::Patience;
use super::error::{CaptureError, CaptureFault};
use super::input::Input;
use super::lane::{Lane, next_lane};
use super::located::{Locator, Step};
use super::options::CaptureOptions;
use super::ports::Ports;
use super::summary::{CaptureSummary, ClockOffset};
use super::tracker::Tracker;
use super::{FrameRef, Observed};
use std::io::Read;
use std::path::{Path, PathBuf};

/// What two recorders may disturb the order.
const MERGE_PATIENCE: Patience = Patience { frames: 1024, nanos: 1_000_000_000 };

/// An opened capture: one file, or several that are read as one stream.
///
/// ```
/// use midcomms_conformance::capture::{CaptureOptions, CaptureReader, TransportEvent};
/// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../traces/kernel/clean-k61.pcap.zst").as_ref();
/// let mut bytes = 0;
/// let summary = CaptureReader::open(path, &CaptureOptions::default())?.read(&mut |observed| {
///     if let TransportEvent::Data(_, data) = observed.event {
///         bytes += data.len();
///     }
/// });
/// assert_eq!((summary.connections, bytes), (2, 80_480));
/// assert!(summary.damage.is_empty());
/// # Ok::<(), midcomms_conformance::capture::CaptureError>(())
/// ```
pub struct CaptureReader {
    lanes: Vec<Lane>,
    clocks: Vec<ClockOffset>,
    options: CaptureOptions,
}

impl CaptureReader {
    /// Opens a capture: pcap or pcapng, plain or compressed by gzip or zstd; `-` is the standard input.
    ///
    /// Fails where nothing can be read at all; damage further on is reported by [`CaptureReader::read`].
    pub fn open(path: &Path, options: &CaptureOptions) -> Result<Self, CaptureError> {
        Self::open_together(&[path], options)
    }

    /// Opens files that are one capture: a ring, or what several nodes recorded at the same time.
    ///
    /// Packets come in the order of their times, those of each file in the order of the file. Clocks that are apart
    /// are set to the clock of the first file by packets that the beginnings of two files have in common; times of
    /// events are on that clock. Of packets in several files, the first counts.
    pub fn open_together(paths: &[impl AsRef<Path>], options: &CaptureOptions) -> Result<Self, CaptureError> {
        let paths: Vec<PathBuf> = paths.iter().map(|path| path.as_ref().into()).collect();
        let fail = |file: &str, fault| CaptureError { file: file.to_owned(), offset: 0, fault };
        if paths.is_empty() {
            return Err(fail("", CaptureFault::NoFile));
        }
        if paths.iter().filter(|path| path.as_os_str() == "-").count() > 1 {
            return Err(fail("-", CaptureFault::StandardInputTwice));
        }
        let sources = paths
            .iter()
            .map(|path| Input::open(path, options.progress.clone()).and_then(PacketSource::new))
            .collect::<Result<Vec<_>, _>>()?;
        let clocks = clocks::align(&paths, options.alignment_packets);
        Ok(Self::start(sources, clocks, options))
    }

    /// Reads a capture from anything; `name` is what errors call it.
    pub fn from_read(
        name: &str,
        reader: impl Read + Send + 'static,
        options: &CaptureOptions,
    ) -> Result<Self, CaptureError> {
        let progress = options.progress.clone();
        Self::from_input(Input::from_read(name.to_owned(), Box::new(reader), progress)?, options)
    }

    pub(super) fn from_input(input: Input, options: &CaptureOptions) -> Result<Self, CaptureError> {
        let source = PacketSource::new(input)?;
        Ok(Self::start(vec![source], vec![ClockOffset::default()], options))
    }

    fn start(sources: Vec<PacketSource>, clocks: Vec<ClockOffset>, options: &CaptureOptions) -> Self {
        let lanes = sources.into_iter().zip(&clocks);
        CaptureReader {
            lanes: lanes.map(|(source, clock)| Lane::new(source, *clock)).collect(),
            clocks,
            options: options.clone(),
        }
    }

    /// Reads to the end, or to where the capture is damaged.
    pub fn read(self, sink: &mut impl FnMut(Observed<'_>)) -> CaptureSummary {
        let (tracker, reading) = self.start_reading();
        let mut tracker = tracker;
        let read = reading.packets(&mut |packet, frame| tracker.handle_packet(packet, frame, sink));
        tracker.close(read).finish(sink)
    }

    /// Reads as [`CaptureReader::read`] does, and tells of the packets too. What waits at the end is told as events
    /// behind the last packet.
    pub fn read_located(self, sink: &mut impl FnMut(Step<'_>)) -> CaptureSummary {
        let ports = Ports::new(&self.options.ports);
        let (tracker, reading) = self.start_reading();
        let place = tracker.place.clone();
        let mut locator = Locator::new(tracker, ports);
        let read = reading.packets(&mut |packet, frame| locator.handle_packet(packet, frame, sink));
        let tracker = locator.tracker.close(read);
        tracker.finish(&mut |observed: Observed<'_>| sink(Step::Event(observed, place.get())))
    }

    fn start_reading(self) -> (Tracker, Reading) {
        let patience = match self.lanes.len() {
            1 => Patience::default(),
            _ => MERGE_PATIENCE,
        };
        let tracker = Tracker::new(Ports::new(&self.options.ports), patience);
        (tracker, Reading { lanes: self.lanes, clocks: self.clocks })
    }
}

/// What is read, packet by packet.
struct Reading {
    lanes: Vec<Lane>,
    clocks: Vec<ClockOffset>,
}

impl Reading {
    /// Hands the packets over in the order of their times, and tells how the reading went.
    #[inline]
    fn packets(mut self, sink: &mut impl FnMut(&Packet<'_>, FrameRef)) -> CaptureSummary {
        let mut damage = Vec::new();
        for lane in &mut self.lanes {
            damage.extend(lane.advance().err());
        }
        while let Some(lane) = next_lane(&mut self.lanes) {
            let (frame, packet) = lane.packet();
            sink(&packet, frame);
            if let Err(error) = lane.advance() {
                damage.push(error);
            }
        }
        let bytes = self.lanes.iter().map(Lane::bytes).sum();
        CaptureSummary { bytes, damage, clock_offsets: self.clocks, ..CaptureSummary::default() }
    }
}
