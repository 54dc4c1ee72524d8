//! IP packets: whose, and what they carry.

use super::bytes::{be16, be32};
use std::net::{IpAddr, Ipv6Addr};

const IPV4_HEADER: usize = 20;
const IPV6_HEADER: usize = 40;

/// An IP address, IPv4 in its IPv6-mapped form: one compact kind for tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Address(pub(super) u128);

impl Address {
    #[inline]
    fn from_v4(bits: u32) -> Self {
        Address(0xffff_0000_0000 | u128::from(bits))
    }

    pub(super) fn to_ip(self) -> IpAddr {
        Ipv6Addr::from_bits(self.0).to_canonical()
    }
}

/// The place of a fragment in its datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fragment {
    pub(super) id: u32,
    /// In units of eight bytes.
    pub(super) offset: u16,
    pub(super) more: bool,
}

/// An IP packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Datagram<'a> {
    pub(super) source: Address,
    pub(super) destination: Address,
    pub(super) protocol: u8,
    /// What the capture holds of the payload.
    pub(super) payload: &'a [u8],
    /// How much more of it was on the wire.
    pub(super) missing: usize,
    pub(super) fragment: Option<Fragment>,
    /// The identification of IPv4, 0 for IPv6.
    pub(super) id: u16,
}

/// Reads the IP header. `wire_len` is what the packet had on the wire by the capture's account, link padding included.
#[inline]
pub(super) fn datagram(packet: &[u8], wire_len: usize) -> Option<Datagram<'_>> {
    match packet.first()? >> 4 {
        4 => ipv4(packet, wire_len),
        6 => ipv6(packet, wire_len),
        _ => None,
    }
}

#[inline]
fn ipv4(packet: &[u8], wire_len: usize) -> Option<Datagram<'_>> {
    let header = packet.first_chunk::<IPV4_HEADER>()?;
    let [v, _, l0, l1, i0, i1, f0, f1, _, protocol, _, _, s0, s1, s2, s3, d0, d1, d2, d3] = *header;
    let header_len = usize::from(v & 0x0f) * 4;
    let total = match u16::from_be_bytes([l0, l1]) {
        // Segmentation offload: the length is filled in by the network card, after the recorder.
        0 => wire_len,
        total => usize::from(total),
    };
    if header_len < IPV4_HEADER || total < header_len {
        return None;
    }
    let payload = packet.get(header_len..total.min(packet.len()))?;
    let flags = u16::from_be_bytes([f0, f1]);
    let id = u16::from_be_bytes([i0, i1]);
    let (offset, more) = (flags & 0x1fff, flags & 0x2000 != 0);
    Some(Datagram {
        source: Address::from_v4(u32::from_be_bytes([s0, s1, s2, s3])),
        destination: Address::from_v4(u32::from_be_bytes([d0, d1, d2, d3])),
        protocol,
        payload,
        missing: total - header_len - payload.len(),
        fragment: (offset != 0 || more).then_some(Fragment { id: id.into(), offset, more }),
        id,
    })
}

fn ipv6(packet: &[u8], wire_len: usize) -> Option<Datagram<'_>> {
    const HOP_BY_HOP: u8 = 0;
    const ROUTING: u8 = 43;
    const FRAGMENT: u8 = 44;
    const AUTHENTICATION: u8 = 51;
    const DESTINATION: u8 = 60;
    let header = packet.first_chunk::<IPV6_HEADER>()?;
    let total = match be16(header, 4)? {
        // A jumbogram, or segmentation offload.
        0 => wire_len,
        payload => IPV6_HEADER + usize::from(payload),
    };
    let mut protocol = *header.get(6)?;
    let mut at = IPV6_HEADER;
    let mut fragment = None;
    loop {
        let extension = match protocol {
            HOP_BY_HOP | ROUTING | DESTINATION => (usize::from(*packet.get(at + 1)?) + 1) * 8,
            AUTHENTICATION => (usize::from(*packet.get(at + 1)?) + 2) * 4,
            FRAGMENT => {
                let place = be16(packet, at + 2)?;
                fragment = Some(Fragment { id: be32(packet, at + 4)?, offset: place >> 3, more: place & 1 != 0 });
                8
            }
            _ => break,
        };
        protocol = *packet.get(at)?;
        at += extension;
        // Behind the header of a later fragment there is payload, not a further header.
        if fragment.is_some_and(|fragment| fragment.offset != 0) {
            break;
        }
    }
    let payload = packet.get(at..total.min(packet.len()))?;
    Some(Datagram {
        source: Address(u128::from_be_bytes(*header.get(8..)?.first_chunk()?)),
        destination: Address(u128::from_be_bytes(*header.get(24..)?.first_chunk()?)),
        protocol,
        payload,
        missing: total - at - payload.len(),
        // An atomic fragment is a whole datagram.
        fragment: fragment.filter(|fragment| fragment.offset != 0 || fragment.more),
        id: 0,
    })
}
