//! A capture read twice at once: as events, and as the packets that they came in.

use std::cell::Cell;
use std::rc::Rc;

use super::container::Packet;
use super::fragments::Fragments;
use super::ip::{self, Datagram};
use super::link::{self, Payload};
use super::ports::Ports;
use super::sctp::SctpPacket;
use super::table::FlowKey;
use super::tcp::Segment;
use super::tracker::{SCTP, TCP, Tracker};
use super::{ConnId, Direction, Endpoint, FrameRef, Observed, Timestamp, Transport};

/// What is told, in the order of the capture.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// An event, and where it is [`TransportEvent::Data`](super::TransportEvent::Data), the place of its first byte: the
    /// sequence number of TCP, or the TSN of the SCTP chunk that it is.
    Event(Observed<'a>, u32),
    /// A packet of the wanted ports; comes behind the events that it brought.
    Packet(Located<'a>),
}

/// A packet of the wanted ports. Of one that came in fragments, all of it with the last one.
#[derive(Clone, Copy, Debug)]
pub struct Located<'a> {
    /// Its frame.
    pub frame: FrameRef,
    /// When it was recorded.
    pub time: Timestamp,
    /// Sender.
    pub from: Endpoint,
    /// Receiver.
    pub to: Endpoint,
    /// The identification of IPv4.
    pub id: u16,
    /// Its connection, and which end it is from; none where it belongs to none that is followed.
    pub conn: Option<(ConnId, Direction)>,
    /// What it carries.
    pub carried: Carried<'a>,
}

/// What a packet carries.
#[derive(Clone, Copy, Debug)]
pub enum Carried<'a> {
    /// TCP.
    Tcp {
        /// The number of the first byte of `data`, or of the SYN.
        sequence: u32,
        /// The number that the sender expects next.
        acknowledgment: u32,
        /// The byte of flags.
        flags: u8,
        /// The window as in the header.
        window: u16,
        /// The payload.
        data: &'a [u8],
        /// Bytes of payload that the capture does not hold.
        cut: u32,
    },
    /// SCTP: the packet from its common header, and how many bytes of it the capture does not hold.
    Sctp(&'a [u8], u32),
}

/// Takes packets, and tells both.
pub(super) struct Locator {
    pub(super) tracker: Tracker,
    ports: Ports,
    place: Rc<Cell<u32>>,
    fragments: Fragments,
}

impl Locator {
    pub(super) fn new(tracker: Tracker, ports: Ports) -> Self {
        let place = tracker.place.clone();
        Self { tracker, ports, place, fragments: Fragments::default() }
    }

    pub(super) fn handle_packet(&mut self, packet: &Packet<'_>, frame: FrameRef, sink: &mut impl FnMut(Step<'_>)) {
        let place = self.place.clone();
        let tell = &mut |observed: Observed<'_>| sink(Step::Event(observed, place.get()));
        self.tracker.handle_packet(packet, frame, tell);
        let Some(link) = packet.link else { return };
        let Payload::Ip(bytes) = link::payload(link, packet.data) else { return };
        let wire_len = packet.wire_len - (packet.data.len() - bytes.len());
        let Some(datagram) = ip::datagram(bytes, wire_len) else { return };
        let Some(fragment) = datagram.fragment else {
            return self.datagram(&datagram, packet.time, frame, sink);
        };
        if !matches!(datagram.protocol, TCP | SCTP) {
            return;
        }
        if let Some(payload) = self.fragments.add(&datagram, fragment) {
            let whole = Datagram { payload: &payload, missing: 0, fragment: None, ..datagram };
            self.datagram(&whole, packet.time, frame, sink);
        }
    }

    fn datagram(&mut self, datagram: &Datagram<'_>, time: Timestamp, frame: FrameRef, sink: &mut impl FnMut(Step<'_>)) {
        let parsed = match datagram.protocol {
            TCP => Segment::parse(datagram.payload, datagram.missing)
                .map(|segment| (segment.source_port, segment.destination_port, of_segment(datagram, &segment))),
            SCTP => SctpPacket::parse(datagram.payload).map(|packet| {
                let missing = u32::try_from(datagram.missing).unwrap_or(u32::MAX);
                (packet.source_port, packet.destination_port, Carried::Sctp(datagram.payload, missing))
            }),
            _ => None,
        };
        let Some((source, destination, carried)) = parsed else { return };
        if !self.ports.contains(source) && !self.ports.contains(destination) {
            return;
        }
        let transport = if datagram.protocol == TCP { Transport::Tcp } else { Transport::Sctp };
        let (key, from_low) = FlowKey::new((datagram.source, source), (datagram.destination, destination), transport);
        let conn = self.tracker.find(&key).map(|connection| (connection.id, connection.direction(from_low)));
        let from = Endpoint { addr: datagram.source.to_ip(), port: source };
        let to = Endpoint { addr: datagram.destination.to_ip(), port: destination };
        sink(Step::Packet(Located { frame, time, from, to, id: datagram.id, conn, carried }));
    }
}

fn of_segment<'a>(datagram: &Datagram<'a>, segment: &Segment<'a>) -> Carried<'a> {
    const WINDOW_AT: usize = 14;
    Carried::Tcp {
        sequence: segment.sequence,
        acknowledgment: segment.acknowledgment,
        flags: segment.flags,
        window: super::bytes::be16(datagram.payload, WINDOW_AT).unwrap_or_default(),
        data: segment.data,
        cut: segment.cut,
    }
}
