//! The capture reader against captures built byte by byte, random ones and real ones.

#[cfg(test)]
mod build;
#[cfg(test)]
mod containers;
#[cfg(test)]
mod corpus;
#[cfg(test)]
mod kernels;
#[cfg(test)]
mod links;
#[cfg(test)]
mod random;
#[cfg(test)]
mod sctp;
#[cfg(test)]
mod tcp;
#[cfg(test)]
mod together;
