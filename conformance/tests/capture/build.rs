//! Packets and capture files, built; events, written down as text.

use etherparse::PacketBuilder;
use midcomms_conformance::capture::{
    CaptureOptions, CaptureReader, CaptureSummary, Direction, Observed, TransportEvent,
};
use std::io::Cursor;

pub(crate) const A: [u8; 4] = [10, 0, 0, 1];
pub(crate) const B: [u8; 4] = [10, 0, 0, 2];
pub(crate) const A_PORT: u16 = 40000;
pub(crate) const B_PORT: u16 = 21064;
/// Link type of Ethernet.
pub(crate) const ETHERNET: u32 = 1;

/// A frame of a capture.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) nanos: u64,
    pub(crate) data: Vec<u8>,
    /// Length on the wire.
    pub(crate) wire_len: usize,
}

impl Frame {
    pub(crate) fn new(nanos: u64, data: Vec<u8>) -> Self {
        let wire_len = data.len();
        Frame { nanos, data, wire_len }
    }
}

/// A TCP segment of the test connection; flags as letters out of `SAFR`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment<'a> {
    pub(crate) from_a: bool,
    pub(crate) flags: &'a str,
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    pub(crate) data: &'a [u8],
}

impl Segment<'_> {
    /// As an IPv4 packet.
    pub(crate) fn ipv4(&self) -> Vec<u8> {
        let ends = if self.from_a { (A, B) } else { (B, A) };
        self.finish(PacketBuilder::ipv4(ends.0, ends.1, 64))
    }

    /// As an IPv6 packet.
    pub(crate) fn ipv6(&self) -> Vec<u8> {
        let (a, b) = ([0xfd; 16], [0xfe; 16]);
        let ends = if self.from_a { (a, b) } else { (b, a) };
        self.finish(PacketBuilder::ipv6(ends.0, ends.1, 64))
    }

    /// In Ethernet and IPv4.
    pub(crate) fn ethernet(&self) -> Vec<u8> {
        ethernet(0x0800, &self.ipv4())
    }

    fn finish(&self, builder: etherparse::PacketBuilderStep<etherparse::IpHeaders>) -> Vec<u8> {
        let (source, destination) = match self.from_a {
            true => (A_PORT, B_PORT),
            false => (B_PORT, A_PORT),
        };
        let mut step = builder.tcp(source, destination, self.seq, 512);
        for flag in self.flags.chars() {
            step = match flag {
                'S' => step.syn(),
                'A' => step.ack(self.ack),
                'F' => step.fin(),
                'R' => step.rst(),
                other => panic!("no flag {other}"),
            };
        }
        let mut bytes = Vec::new();
        step.write(&mut bytes, self.data).unwrap();
        bytes
    }
}

pub(crate) fn ethernet(ethertype: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
    frame.extend_from_slice(&ethertype.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// A conversation in the making: A opens from port 40000 with ISN 999, B answers with ISN 4999.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    pub(crate) frames: Vec<Frame>,
}

impl Script {
    /// Both SYNs have passed; the streams start at 1000 (A) and 5000 (B).
    pub(crate) fn established() -> Self {
        let mut script = Script::default();
        script.a("S", 999, 0, "");
        script.b("SA", 4999, 1000, "");
        script.a("A", 1000, 5000, "");
        script
    }

    /// A frame a millisecond after the last one.
    pub(crate) fn push(&mut self, data: Vec<u8>) -> &mut Self {
        let nanos = 1_700_000_000_000_000_000 + self.frames.len() as u64 * 1_000_000;
        self.frames.push(Frame::new(nanos, data));
        self
    }

    pub(crate) fn a(&mut self, flags: &str, seq: u32, ack: u32, data: &str) -> &mut Self {
        self.segment(true, flags, seq, ack, data.as_bytes())
    }

    pub(crate) fn b(&mut self, flags: &str, seq: u32, ack: u32, data: &str) -> &mut Self {
        self.segment(false, flags, seq, ack, data.as_bytes())
    }

    pub(crate) fn segment(&mut self, from_a: bool, flags: &str, seq: u32, ack: u32, data: &[u8]) -> &mut Self {
        let segment = Segment { from_a, flags, seq, ack, data };
        self.push(segment.ethernet())
    }

    /// Cuts the last frame as a snapshot length would.
    pub(crate) fn cut_last(&mut self, bytes: usize) -> &mut Self {
        let frame = self.frames.last_mut().unwrap();
        frame.data.truncate(frame.data.len() - bytes);
        self
    }

    pub(crate) fn pcap(&self) -> Vec<u8> {
        pcap(PcapKind::default(), &self.frames)
    }

    pub(crate) fn log(&self) -> String {
        log(self.pcap())
    }
}

/// A flavour of pcap.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PcapKind {
    pub(crate) big_endian: bool,
    pub(crate) nanos: bool,
    pub(crate) link: u32,
}

impl Default for PcapKind {
    fn default() -> Self {
        PcapKind { big_endian: false, nanos: true, link: ETHERNET }
    }
}

pub(crate) fn number(big_endian: bool, value: u32) -> [u8; 4] {
    match big_endian {
        true => value.to_be_bytes(),
        false => value.to_le_bytes(),
    }
}

pub(crate) fn pcap(kind: PcapKind, frames: &[Frame]) -> Vec<u8> {
    let magic = if kind.nanos { 0xa1b2_3c4d } else { 0xa1b2_c3d4 };
    let mut file = Vec::new();
    let version = if kind.big_endian { 0x0002_0004 } else { 0x0004_0002 };
    for value in [magic, version, 0, 0, 65535, kind.link] {
        file.extend(number(kind.big_endian, value));
    }
    for frame in frames {
        let fraction = frame.nanos % 1_000_000_000 / if kind.nanos { 1 } else { 1000 };
        for value in
            [(frame.nanos / 1_000_000_000) as u32, fraction as u32, frame.data.len() as u32, frame.wire_len as u32]
        {
            file.extend(number(kind.big_endian, value));
        }
        file.extend_from_slice(&frame.data);
    }
    file
}

pub(crate) fn reader(bytes: Vec<u8>) -> CaptureReader {
    CaptureReader::from_read("test", Cursor::new(bytes), &CaptureOptions::default()).unwrap()
}

/// Events as text, one per entry: `c1 open`, `c1> data`, `c1< fin`; adjoining data in one.
pub(crate) fn read(reader: CaptureReader) -> (String, CaptureSummary) {
    let mut log = Log::default();
    let summary = reader.read(&mut |observed| log.note(&observed));
    assert!(summary.frames >= summary.dlm_frames);
    (log.finish(), summary)
}

pub(crate) fn log(bytes: Vec<u8>) -> String {
    read(reader(bytes)).0
}

#[derive(Default)]
struct Log {
    entries: Vec<String>,
    data: Option<(String, Vec<u8>)>,
}

impl Log {
    fn note(&mut self, observed: &Observed<'_>) {
        let conn = observed.conn;
        let arrow = |direction| match direction {
            Direction::FromOpener => format!("{conn}>"),
            Direction::FromAcceptor => format!("{conn}<"),
        };
        let entry = match observed.event {
            TransportEvent::Data(direction, bytes) => {
                let arrow = arrow(direction);
                match &mut self.data {
                    Some((last, data)) if *last == arrow => data.extend_from_slice(bytes),
                    _ => {
                        self.flush();
                        self.data = Some((arrow, bytes.to_vec()));
                    }
                }
                return;
            }
            TransportEvent::Opened { complete: true, .. } => format!("{conn} open"),
            TransportEvent::Opened { .. } => format!("{conn} found"),
            TransportEvent::Accepted => format!("{conn} accept"),
            TransportEvent::Hole(direction, Some(bytes), reason) => {
                format!("{} {reason:?} {bytes}", arrow(direction))
            }
            TransportEvent::Hole(direction, None, reason) => {
                format!("{} {reason:?}", arrow(direction))
            }
            TransportEvent::Finished(direction) => format!("{} fin", arrow(direction)),
            TransportEvent::Reset(direction) => format!("{} rst", arrow(direction)),
            TransportEvent::Missing(direction) => format!("{} missing", arrow(direction)),
            TransportEvent::Forgotten => return,
        };
        self.flush();
        self.entries.push(entry);
    }

    fn flush(&mut self) {
        if let Some((arrow, data)) = self.data.take() {
            self.entries.push(format!("{arrow} {}", String::from_utf8_lossy(&data)));
        }
    }

    fn finish(mut self) -> String {
        self.flush();
        self.entries.join(", ")
    }
}
