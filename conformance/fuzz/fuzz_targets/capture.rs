//! Arbitrary bytes as a capture: `cargo +nightly fuzz run capture`, in `conformance`.

#![no_main]

#[path = "../body/capture.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| body::check(bytes));
