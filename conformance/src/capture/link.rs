//! Link layers: where the IP packet begins in a frame.

use super::bytes::be16;

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;
const ETHERNET_HEADER: usize = 14;
/// A hostile frame is no stack of tags.
const MAX_VLAN_TAGS: usize = 8;

/// The link layers that are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LinkType {
    Ethernet,
    /// Linux cooked, version 1.
    Sll,
    /// Linux cooked, version 2.
    Sll2,
    RawIp,
    /// BSD loopback and its cousin with the family in network order.
    Loopback,
}

impl LinkType {
    /// By the number that capture files use.
    pub(super) fn from_number(number: u32) -> Option<Self> {
        match number & 0xffff {
            0 | 108 => Some(LinkType::Loopback),
            1 => Some(LinkType::Ethernet),
            // 12 and 14 are what some systems write for 101.
            12 | 14 | 101 | 228 | 229 => Some(LinkType::RawIp),
            113 => Some(LinkType::Sll),
            276 => Some(LinkType::Sll2),
            _ => None,
        }
    }
}

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Payload<'a> {
    /// An IP packet with whatever trails it.
    Ip(&'a [u8]),
    NotIp,
    /// The frame ends inside its headers.
    Bad,
}

/// Takes the link layer off.
#[inline]
pub(super) fn payload(link: LinkType, frame: &[u8]) -> Payload<'_> {
    let found = match link {
        LinkType::Ethernet => tagged(frame, 12, ETHERNET_HEADER),
        LinkType::Sll => tagged(frame, 14, 16),
        LinkType::Sll2 => tagged(frame, 0, 20),
        LinkType::Loopback => frame.get(4..).map(Payload::Ip),
        LinkType::RawIp => Some(Payload::Ip(frame)),
    };
    match found {
        Some(Payload::Ip(packet)) => match packet.first().map(|byte| byte >> 4) {
            Some(4 | 6) => Payload::Ip(packet),
            Some(_) if matches!(link, LinkType::Loopback | LinkType::RawIp) => Payload::NotIp,
            _ => Payload::Bad,
        },
        Some(other) => other,
        None => Payload::Bad,
    }
}

/// A header that names its payload by an Ethernet type at `type_at`, perhaps behind VLAN tags.
#[inline]
fn tagged(frame: &[u8], type_at: usize, header: usize) -> Option<Payload<'_>> {
    let mut ethertype = be16(frame, type_at)?;
    let mut rest = frame.get(header..)?;
    for _ in 0..MAX_VLAN_TAGS {
        match ethertype {
            ETHERTYPE_IPV4 | ETHERTYPE_IPV6 => return Some(Payload::Ip(rest)),
            0x8100 | 0x88a8 | 0x9100 | 0x9200 => {
                ethertype = be16(rest, 2)?;
                rest = rest.get(4..)?;
            }
            _ => break,
        }
    }
    Some(Payload::NotIp)
}
