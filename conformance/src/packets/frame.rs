//! One packet, with Ethernet and IP around it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::{EtherType, Ethernet2Header, IpNumber, Ipv4Header, Ipv6FlowLabel, Ipv6Header, TcpHeader};

use crate::capture::Endpoint;

const HOPS: u8 = 64;
const IPV6_HEADER: usize = 40;
const SCTP_CHECKSUM_AT: usize = 8;

/// Where a packet comes from and goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// The sender.
    pub from: Endpoint,
    /// The receiver.
    pub to: Endpoint,
    /// The identification of IPv4.
    pub id: u16,
}

/// A TCP segment without options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpPacket<'a> {
    /// Whose.
    pub ends: Ends,
    /// Number of its first byte.
    pub sequence: u32,
    /// Number that its sender expects next.
    pub acknowledgment: u32,
    /// The byte of flags as in the header.
    pub flags: u8,
    /// The window, not scaled.
    pub window: u16,
    /// The payload.
    pub data: &'a [u8],
    /// Bytes of payload on the wire behind `data`.
    pub cut: u32,
}

/// The Ethernet frame of a TCP segment. Where bytes are cut off, the checksum is 0, since it covers them.
pub fn tcp_frame(packet: &TcpPacket<'_>) -> Vec<u8> {
    let Ends { from, to, .. } = packet.ends;
    let mut header = TcpHeader::new(from.port, to.port, packet.sequence, packet.window);
    header.acknowledgment_number = packet.acknowledgment;
    let flag = |bit: u8| packet.flags & (1 << bit) != 0;
    (header.fin, header.syn, header.rst, header.psh) = (flag(0), flag(1), flag(2), flag(3));
    (header.ack, header.urg, header.ece, header.cwr) = (flag(4), flag(5), flag(6), flag(7));
    if packet.cut == 0 {
        header.checksum = match addresses(from.addr, to.addr) {
            Addresses::V4(from, to) => header.calc_checksum_ipv4_raw(from, to, packet.data),
            Addresses::V6(from, to) => header.calc_checksum_ipv6_raw(from, to, packet.data),
        }
        .unwrap_or_default();
    }
    let mut segment = header.to_bytes().to_vec();
    segment.extend_from_slice(packet.data);
    in_ip(packet.ends, IpNumber::TCP, &segment, packet.cut)
}

/// The Ethernet frame of an SCTP packet: `packet` begins with the common header, whose ports and checksum are made here.
pub fn sctp_frame(ends: Ends, packet: &[u8], cut: u32) -> Vec<u8> {
    let mut bytes = packet.to_vec();
    let [s0, s1] = ends.from.port.to_be_bytes();
    let [d0, d1] = ends.to.port.to_be_bytes();
    bytes.iter_mut().zip([s0, s1, d0, d1]).for_each(|(byte, port)| *byte = port);
    let mut checksum = [0; 4];
    if cut == 0 {
        put(&mut bytes, SCTP_CHECKSUM_AT, &checksum);
        checksum = crc32c(&bytes).to_le_bytes();
    }
    put(&mut bytes, SCTP_CHECKSUM_AT, &checksum);
    in_ip(ends, IpNumber::SCTP, &bytes, cut)
}

fn put(bytes: &mut [u8], at: usize, new: &[u8]) {
    bytes.iter_mut().skip(at).zip(new).for_each(|(byte, new)| *byte = *new);
}

/// The checksum of SCTP (RFC 9260, appendix A).
fn crc32c(bytes: &[u8]) -> u32 {
    const REVERSED_POLYNOMIAL: u32 = 0x82f6_3b78;
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| crc >> 1 ^ if crc & 1 == 1 { REVERSED_POLYNOMIAL } else { 0 })
    })
}

enum Addresses {
    V4([u8; 4], [u8; 4]),
    V6([u8; 16], [u8; 16]),
}

/// Both of one family: an IPv4 address beside an IPv6 one in its mapped form.
fn addresses(from: IpAddr, to: IpAddr) -> Addresses {
    let mapped = |address: IpAddr| match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    };
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => Addresses::V4(from.octets(), to.octets()),
        (from, to) => Addresses::V6(mapped(from).octets(), mapped(to).octets()),
    }
}

/// A length of 0 stands for one that does not fit, as with segmentation offload.
fn in_ip(ends: Ends, protocol: IpNumber, payload: &[u8], cut: u32) -> Vec<u8> {
    let (from, to) = (ends.from.addr, ends.to.addr);
    let on_wire = payload.len() + cut as usize;
    let mut frame = Vec::with_capacity(payload.len() + 60);
    let (ether_type, ip) = match addresses(from, to) {
        Addresses::V4(source, destination) => {
            let mut header = Ipv4Header {
                identification: ends.id,
                time_to_live: HOPS,
                protocol,
                source,
                destination,
                dont_fragment: true,
                ..Ipv4Header::default()
            };
            header.total_len = u16::try_from(header.header_len() + on_wire).unwrap_or_default();
            header.header_checksum = header.calc_header_checksum();
            (EtherType::IPV4, header.to_bytes().to_vec())
        }
        Addresses::V6(source, destination) => {
            let header = Ipv6Header {
                traffic_class: 0,
                flow_label: Ipv6FlowLabel::ZERO,
                payload_length: u16::try_from(on_wire).unwrap_or_default(),
                next_header: protocol,
                hop_limit: HOPS,
                source,
                destination,
            };
            debug_assert_eq!(header.to_bytes().len(), IPV6_HEADER);
            (EtherType::IPV6, header.to_bytes().to_vec())
        }
    };
    let link = Ethernet2Header { source: mac(from), destination: mac(to), ether_type };
    frame.extend_from_slice(&link.to_bytes());
    frame.extend_from_slice(&ip);
    frame.extend_from_slice(payload);
    frame
}

/// A locally administered address made of the last bytes of the IP address.
fn mac(address: IpAddr) -> [u8; 6] {
    let [.., a, b, c, d] = match address {
        IpAddr::V4(address) => Ipv4Addr::to_ipv6_mapped(&address).octets(),
        IpAddr::V6(address) => Ipv6Addr::octets(&address),
    };
    [2, 0, a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends() -> Ends {
        let end = |text: &str, port| Endpoint { addr: text.parse().unwrap(), port };
        Ends { from: end("10.0.0.1", 40000), to: end("10.0.0.2", 21064), id: 7 }
    }

    #[test]
    fn the_checksum_of_sctp_is_that_of_its_rfc() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn a_tcp_frame_is_what_another_parser_reads() {
        let packet = TcpPacket {
            ends: ends(),
            sequence: 1000,
            acknowledgment: 2000,
            flags: 0x18,
            window: 512,
            data: b"text",
            cut: 0,
        };
        let frame = tcp_frame(&packet);
        let sliced = etherparse::SlicedPacket::from_ethernet(&frame).unwrap();
        let Some(etherparse::TransportSlice::Tcp(tcp)) = sliced.transport else { panic!("no TCP") };
        assert_eq!((tcp.source_port(), tcp.sequence_number(), tcp.payload()), (40000, 1000, &b"text"[..]));
        assert!(tcp.ack() && tcp.psh() && !tcp.syn());
        assert_eq!(tcp.checksum(), tcp.calc_checksum_ipv4([10, 0, 0, 1], [10, 0, 0, 2]).unwrap());
    }

    #[test]
    fn what_was_cut_off_is_in_the_length_alone() {
        let packet =
            TcpPacket { ends: ends(), sequence: 1, acknowledgment: 1, flags: 0x10, window: 1, data: b"ab", cut: 9 };
        let frame = tcp_frame(&packet);
        assert_eq!((frame.len(), u16::from_be_bytes([frame[16], frame[17]])), (14 + 40 + 2, 40 + 2 + 9));
    }
}
