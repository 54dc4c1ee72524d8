//! Packets in, transport events out.

use std::cell::Cell;
use std::rc::Rc;

use super::container::Packet;
use super::emit::{Emitter, Patience};
use super::fragments::Fragments;
use super::ip::{self, Datagram};
use super::link::{self, Payload};
use super::ports::Ports;
use super::sctp::{self, SctpPacket};
use super::summary::CaptureSummary;
use super::table::{Connection, FlowKey, Table};
use super::tcp::{self, Segment};
use super::{FrameRef, Observed, Timestamp};

pub(super) const TCP: u8 = 6;
pub(super) const SCTP: u8 = 132;

/// Everything that is remembered from packet to packet.
pub(super) struct Tracker {
    ports: Ports,
    patience: Patience,
    table: Table,
    fragments: Fragments,
    waiting_bytes: usize,
    last: (FrameRef, Timestamp),
    /// The number of the first unit of the data that was told last.
    pub(super) place: Rc<Cell<u32>>,
    pub(super) summary: CaptureSummary,
}

impl Tracker {
    pub(super) fn new(ports: Ports, patience: Patience) -> Self {
        Tracker {
            ports,
            patience,
            table: Table::default(),
            fragments: Fragments::default(),
            waiting_bytes: 0,
            last: Default::default(),
            place: Rc::default(),
            summary: CaptureSummary::default(),
        }
    }

    /// The connection of a packet, if it is followed.
    pub(super) fn find(&mut self, key: &FlowKey) -> Option<&Connection> {
        self.table.find(key).map(|connection| &*connection)
    }

    /// Takes the next packet of the capture.
    #[inline]
    pub(super) fn handle_packet<S: FnMut(Observed<'_>)>(&mut self, packet: &Packet<'_>, frame: FrameRef, sink: &mut S) {
        self.summary.frames += 1;
        self.last = (frame, packet.time);
        let Some(link) = packet.link else {
            self.summary.skipped.unknown_link += 1;
            return;
        };
        let bytes = match link::payload(link, packet.data) {
            Payload::Ip(bytes) => bytes,
            Payload::NotIp => {
                self.summary.skipped.not_ip += 1;
                return;
            }
            Payload::Bad => {
                self.summary.skipped.bad_headers += 1;
                return;
            }
        };
        let wire_len = packet.wire_len - (packet.data.len() - bytes.len());
        let Some(datagram) = ip::datagram(bytes, wire_len) else {
            self.summary.skipped.bad_headers += 1;
            return;
        };
        match datagram.fragment {
            None => self.handle_datagram(&datagram, sink),
            Some(_) => self.handle_fragment(&datagram, sink),
        }
    }

    #[cold]
    fn handle_fragment<S: FnMut(Observed<'_>)>(&mut self, datagram: &Datagram<'_>, sink: &mut S) {
        let Some(fragment) = datagram.fragment.filter(|_| matches!(datagram.protocol, TCP | SCTP)) else {
            self.summary.skipped.other_traffic += 1;
            return;
        };
        self.summary.skipped.fragments += 1;
        if let Some(payload) = self.fragments.add(datagram, fragment) {
            let whole = Datagram { payload: &payload, missing: 0, fragment: None, ..*datagram };
            self.handle_datagram(&whole, sink);
        }
    }

    #[inline]
    fn handle_datagram<S: FnMut(Observed<'_>)>(&mut self, datagram: &Datagram<'_>, sink: &mut S) {
        let packet = match datagram.protocol {
            TCP => Segment::parse(datagram.payload, datagram.missing).map(Transported::Tcp),
            SCTP => SctpPacket::parse(datagram.payload).map(Transported::Sctp),
            _ => {
                self.summary.skipped.other_traffic += 1;
                return;
            }
        };
        let Some(packet) = packet else {
            self.summary.skipped.bad_headers += 1;
            return;
        };
        let (source, destination) = packet.ports();
        if !self.ports.contains(source) && !self.ports.contains(destination) {
            self.summary.skipped.other_traffic += 1;
            return;
        }
        self.summary.dlm_frames += 1;
        self.summary.skipped.snaplen_cut += u64::from(datagram.missing > 0);
        let mut out = Emitter {
            sink,
            frame: self.last.0,
            time: self.last.1,
            patience: self.patience,
            summary: &mut self.summary,
            waiting_bytes: &mut self.waiting_bytes,
            place: &self.place,
        };
        let (table, ports) = (&mut self.table, &self.ports);
        match &packet {
            Transported::Tcp(segment) => tcp::handle_segment(table, datagram, segment, ports, &mut out),
            Transported::Sctp(packet) => sctp::handle_packet(table, datagram, packet, ports, &mut out),
        }
    }

    /// Takes over how the reading of the files went.
    pub(super) fn close(mut self, read: CaptureSummary) -> Self {
        self.summary.bytes = read.bytes;
        self.summary.damage = read.damage;
        self.summary.clock_offsets = read.clock_offsets;
        self
    }

    /// The capture is over: what still waits is settled.
    pub(super) fn finish<S: FnMut(Observed<'_>)>(mut self, sink: &mut S) -> CaptureSummary {
        let mut out = Emitter {
            sink,
            frame: self.last.0,
            time: self.last.1,
            patience: self.patience,
            summary: &mut self.summary,
            waiting_bytes: &mut self.waiting_bytes,
            place: &self.place,
        };
        self.table.close(&mut out);
        self.summary.skipped.fragments_lost = self.fragments.given_up + self.fragments.left_over();
        self.summary
    }
}

/// What an IP packet carries.
enum Transported<'a> {
    Tcp(Segment<'a>),
    Sctp(SctpPacket<'a>),
}

impl Transported<'_> {
    #[inline]
    fn ports(&self) -> (u16, u16) {
        match self {
            Transported::Tcp(segment) => (segment.source_port, segment.destination_port),
            Transported::Sctp(packet) => (packet.source_port, packet.destination_port),
        }
    }
}
