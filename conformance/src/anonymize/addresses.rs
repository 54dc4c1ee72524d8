//! Addresses in the place of others.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::key::{Domain, Key};
use crate::capture::Endpoint;

impl Key {
    /// Another address of the same family. It is an ordinary one if `address` is: neither of a group nor of this machine.
    pub fn address(&self, address: IpAddr) -> IpAddr {
        let mut replaced = self.permuted(address);
        // Walking on until it is one of the ordinary ones permutes these.
        while is_ordinary(address) && !is_ordinary(replaced) {
            replaced = self.permuted(replaced);
        }
        replaced
    }

    fn permuted(&self, address: IpAddr) -> IpAddr {
        match address {
            IpAddr::V4(address) => {
                let mut bytes = address.octets();
                self.replace(Domain::Address, &mut bytes);
                IpAddr::V4(Ipv4Addr::from(bytes))
            }
            IpAddr::V6(address) => {
                let mut bytes = address.octets();
                self.replace(Domain::Address, &mut bytes);
                IpAddr::V6(Ipv6Addr::from(bytes))
            }
        }
    }

    /// Another address, the same port.
    pub(super) fn endpoint(&self, endpoint: Endpoint) -> Endpoint {
        Endpoint { addr: self.address(endpoint.addr), port: endpoint.port }
    }

    /// Another identification of IPv4: the same packet in two captures keeps the same one.
    pub(super) fn packet_id(&self, id: u16) -> u16 {
        let mut bytes = id.to_be_bytes();
        self.replace(Domain::Packet, &mut bytes);
        u16::from_be_bytes(bytes)
    }
}

fn is_ordinary(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [first, ..] = address.octets();
            (1..224).contains(&first) && first != 127
        }
        // An IPv4 address in its mapped form would be told as one.
        IpAddr::V6(address) => !address.is_multicast() && address.to_ipv4_mapped().is_none() && !address.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn ordinary_addresses_are_permuted(one: Ipv4Addr, other: Ipv4Addr, six: Ipv6Addr) {
            let key = Key::from_bytes(b"key");
            let [one, other, six] = [one.into(), other.into(), six.into()].map(|address: IpAddr| address);
            prop_assert_eq!(is_ordinary(one), is_ordinary(one) && is_ordinary(key.address(one)));
            if is_ordinary(one) == is_ordinary(other) {
                prop_assert_eq!(one == other, key.address(one) == key.address(other));
            }
            prop_assert!(key.address(one).is_ipv4() && key.address(six).is_ipv6());
        }
    }
}
