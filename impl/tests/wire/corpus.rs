//! The committed fuzz corpus, through the bodies of the fuzz targets.

use std::fs;
use std::path::Path;

use midcomms::wire::decode;

use crate::bodies;

/// Name and content of each file, sorted by name.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn every_file_of_the_decode_corpus_is_what_its_name_says() {
    let files = corpus("decode");
    let mut counts = (0, 0);
    for (name, data) in &files {
        bodies::decode(data);
        let verdict = decode(data);
        match name.split('-').next() {
            Some("real" | "odd") => (counts.0 += 1, assert!(verdict.is_ok(), "{name}: {verdict:?}")).1,
            Some("hostile") => (counts.1 += 1, assert!(verdict.is_err(), "{name}: {verdict:?}")).1,
            _ => panic!("{name}: real, odd or hostile?"),
        }
    }
    assert!(counts.0 >= 10 && counts.1 >= 10, "{counts:?} of {}", files.len());
}

#[test]
fn every_file_of_the_framer_corpus_runs() {
    let files = corpus("framer");
    assert!(files.len() >= 8, "{} files", files.len());
    for (name, data) in &files {
        assert!(!data.is_empty(), "{name}");
        bodies::framer(data);
    }
}
