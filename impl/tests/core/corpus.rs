//! The committed corpus of the fuzz targets `record` and `node`, through their bodies. `MIDCOMMS_BLESS=1` writes the
//! sessions below into it.

use std::path::{Path, PathBuf};
use std::{env, fs};

use midcomms::midcomms::Incarnation;

use crate::lone::{OWN, PEER, ack, ack_with, fin, gone, hello, msg, status, status_reply};
use crate::sessions;

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target)
}

/// Name and content of each file, sorted by name.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder(target))
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect();
    files.sort();
    files
}

/// A state (see `sessions::node`), the size of chunks, and messages.
fn node_sessions() -> Vec<(&'static str, Vec<u8>)> {
    let session = |state: u8, size: u8, messages: &[Vec<u8>]| [vec![state, size], messages.concat()].concat();
    let me = Some(OWN);
    let whole = [hello(0, PEER, None), status(), hello(0, PEER, me), status_reply(), msg(0), msg(1), ack(0), fin(2)];
    let newer = Incarnation(PEER.0 + 1);
    vec![
        ("hardened-session", session(1, 255, &whole)),
        ("hardened-session-by-bytes", session(1, 0, &whole)),
        ("hardened-to-closed", session(0, 255, &whole)),
        ("hardened-restart", session(2, 255, &[hello(0, newer, None), status(), hello(0, newer, me), msg(0)])),
        ("hardened-close", session(5, 4, &[hello(0, PEER, me), ack(2), msg(0), fin(1)])),
        ("hardened-gone", session(5, 4, &[hello(0, newer, None), gone(PEER, OWN)])),
        ("hardened-late-fin", session(0, 4, &[hello(0, PEER, Some(Incarnation(5))), fin(0), fin(0)])),
        ("linux-session", session(1, 255, &[status(), status_reply(), msg(0), ack(0), msg(1), fin(2)])),
        ("linux-close", session(3, 4, &[msg(0), fin(1), ack(1), fin(1)])),
        ("linux-late-fin", session(0, 4, &[fin(41), fin(41)])),
        ("linux-gap-and-duplicate", session(3, 255, &[msg(1), msg(0), msg(0), msg(1)])),
        ("odd-tail", session(2, 255, &[ack_with(0, b"HRD1"), hello(0, PEER, me), ack_with(0, &[0; 24])])),
        ("odd-ack-of-the-future", session(4, 255, &[hello(0, PEER, me), ack(9), ack(1), ack(0)])),
        ("odd-garbage", session(2, 255, &[vec![0xFF; 64]])),
    ]
}

/// What kernels sent, from the corpus of the framer: behind its sizes of chunks, to a record that waits for a version.
fn real_streams() -> Vec<(String, Vec<u8>)> {
    let stream = |(name, data): (String, Vec<u8>)| {
        let stream = data[1 + usize::from(data[0] & 15)..].to_vec();
        let from_node_1 = u8::from(stream[8] == 1) << 7;
        (name, [vec![1 | from_node_1, 255], stream].concat())
    };
    corpus("framer").into_iter().filter(|(name, _)| name.starts_with("real-")).map(stream).collect()
}

/// Programs for `sessions::record`: pairs of what and how.
fn record_programs() -> Vec<(&'static str, Vec<u8>)> {
    const BIND: [u8; 5] = [16, 1, 0, 20, 0];
    let begin = [&[0, 0, 4, 0, 8, 0][..], &BIND].concat();
    let program = |rest: &[u8]| [begin.as_slice(), rest].concat();
    vec![
        ("open-and-send", program(&[12, 0, 8, 0, 12, 9, 8, 0, 19, 0xA0])),
        ("receive", program(&[17, 0x40, 17, 0x40, 17, 0x20, 22, 0, 18, 0x40, 1, 0, 8, 0, 19, 0xA0])),
        ("reserve-and-break", program(&[13, 0, 12, 0, 10, 0, 4, 0, 14, 0, 8, 0, 13, 5, 15, 0, 8, 0])),
        ("shutdown", program(&[12, 0, 3, 0, 8, 0, 8, 0, 19, 0xE0, 18, 0x40, 8, 0])),
        ("time-out", program(&[12, 0, 3, 0, 11, 255, 22, 0, 22, 0])),
        ("fence-and-add", program(&[12, 0, 2, 0, 0, 0, 4, 0, 8, 0])),
        ("accept-and-finish", program(&[6, 0, 12, 0, 9, 0, 9, 1, 8, 0, 5, 0])),
        ("raw-bytes", program(&[7, 4, 1, 2, 3, 4, 7, 3, 0, 0, 0])),
        ("row-of-messages", program(&[36, 0x0E, 0, 36, 0x68, 9, 24, 4, 0, 0, 4, 0x85, 0, 0])),
        ("what-is-lost-goes-out-again", program(&[26, 9, 3, 8, 0, 22, 0, 8, 0, 37, 2, 10, 0, 4, 0, 8, 0, 38, 9])),
        ("numbers-that-wrap", [&[32, 3], program(&[36, 6, 0, 26, 7, 0, 8, 0, 38, 7, 18, 0x40]).as_slice()].concat()),
        ("towards-3-1", vec![0, 0, 4, 0, 8, 0, 25, 1, 21, 0, 12, 5, 34, 9, 13, 0, 15, 0, 8, 0, 21, 0, 3, 0, 0, 1]),
        (
            "odd-lengths-and-types",
            program(&[27, 255, 28, 9, 28, 0x8C, 29, 1, 29, 2, 34, 0, 34, 80, 35, 0, 30, 1, 26, 40, 0]),
        ),
        ("nobody-takes-events", program(&[31, 10, 36, 8, 0, 24, 3, 11, 2, 0, 9, 31, 3, 36, 4, 30, 31, 4])),
        (
            "twisted",
            program(&[24, 0x0F, 13, 0x1A, 0, 0, 13, 0x94, 0, 0, 13, 0x1E, 0, 0, 13, 0x70, 0, 0, 11, 3, 12, 0, 12, 1]),
        ),
    ]
}

fn bless<N: AsRef<Path>>(target: &str, files: &[(N, Vec<u8>)]) {
    if env::var_os("MIDCOMMS_BLESS").is_some() {
        fs::create_dir_all(folder(target)).unwrap();
        for (name, bytes) in files {
            fs::write(folder(target).join(name.as_ref()), bytes).unwrap();
        }
    }
}

#[test]
fn every_file_of_the_node_corpus_runs() {
    let sessions: Vec<_> =
        node_sessions().into_iter().map(|(name, bytes)| (name.to_owned(), bytes)).chain(real_streams()).collect();
    bless("node", &sessions);
    let files = corpus("node");
    for (name, bytes) in &sessions {
        assert!(
            files.iter().any(|file| file.0 == *name.as_str() && file.1 == *bytes),
            "{name}: MIDCOMMS_BLESS=1 writes it"
        );
    }
    assert!(sessions.len() >= 20, "{} sessions", sessions.len());
    files.iter().for_each(|(_, data)| sessions::node(data));
}

#[test]
fn every_file_of_the_record_corpus_runs() {
    let programs = record_programs();
    bless("record", &programs);
    let files = corpus("record");
    for (name, bytes) in &programs {
        assert!(files.iter().any(|file| file.0 == *name && file.1 == *bytes), "{name}: MIDCOMMS_BLESS=1 writes it");
    }
    files.iter().for_each(|(_, data)| sessions::record(data));
}

proptest::proptest! {
    #[test]
    fn no_program_breaks_an_invariant(program in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400)) {
        sessions::record(&program);
    }
}
