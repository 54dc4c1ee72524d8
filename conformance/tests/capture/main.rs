//! The capture reader against captures built byte by byte, random ones and real ones.

#[cfg(test)]
mod build;
#[cfg(test)]
mod containers;
#[cfg(test)]
mod links;
#[cfg(test)]
mod tcp;
