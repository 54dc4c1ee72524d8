//! The `midcomms` binary.

fn main() {}
