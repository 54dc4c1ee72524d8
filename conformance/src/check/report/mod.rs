//! What was found, for people and for machines.

mod table;

pub(crate) use table::{grouped, legend, table};
