#![no_main]

#[allow(dead_code, reason = "each target uses one of the bodies")]
#[path = "../sessions.rs"]
mod sessions;

libfuzzer_sys::fuzz_target!(|data: &[u8]| sessions::node(data));
