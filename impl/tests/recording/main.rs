//! Recordings, from outside: what is written, and what happens where it cannot be.

#[cfg(test)]
mod bursts;
#[cfg(test)]
mod compact;
#[cfg(test)]
mod json;
#[cfg(test)]
mod storage;
#[cfg(test)]
mod world;
