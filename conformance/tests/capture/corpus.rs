//! The corpus of the fuzz target, as an ordinary test.

#[path = "../../fuzz/body/capture.rs"]
mod body;

use std::path::Path;

#[test]
fn the_fuzz_corpus_holds() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/capture");
    let mut files = 0;
    for entry in std::fs::read_dir(&corpus).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        body::check(&bytes);
        for length in 0..bytes.len().min(400) {
            body::check(&bytes[..length]);
        }
        files += 1;
    }
    assert!(files >= 30, "only {files} files in {}", corpus.display());
}
