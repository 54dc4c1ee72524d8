//! The ports that are read.

/// A set of ports.
pub(super) struct Ports(Vec<u16>);

impl Ports {
    pub(super) fn new(ports: &[u16]) -> Self {
        Ports(ports.to_vec())
    }

    #[inline]
    pub(super) fn contains(&self, port: u16) -> bool {
        self.0.contains(&port)
    }

    /// A guess who opened a connection whose beginning was not seen: the end without a wanted port, else the lower one.
    pub(super) fn opener_is_source(&self, source: u16, destination: u16, source_is_low: bool) -> bool {
        match (self.contains(source), self.contains(destination)) {
            (true, false) => false,
            (false, true) => true,
            _ => source_is_low,
        }
    }
}
