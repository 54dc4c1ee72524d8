//! How fast the stages of replay are, in messages a second: `cargo bench -p midcomms-conformance`.
//!
//! All of `heavy-k61`, uncompressed, from memory. `decode` has the messages cut and ready; `reassembly` goes from
//! packets to messages; `replay` is the whole way to the verdict.

#![expect(clippy::expect_used, reason = "a benchmark without its capture has nothing to measure")]

use std::hint::black_box;
use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use midcomms::wire;
use midcomms_conformance::capture::{CaptureOptions, CaptureReader};
use midcomms_conformance::messages::{Item, Messages};
use midcomms_conformance::replay::{NoDeliveries, Replay, ReplayOptions, Verdict};

/// A capture that can be read again and again.
#[derive(Clone)]
struct Capture(Arc<[u8]>);

impl AsRef<[u8]> for Capture {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Capture {
    fn heavy() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../traces/kernel/heavy-k61.pcap.zst");
        let packed = std::fs::read(path).expect("the capture is there");
        Self(zstd::decode_all(&packed[..]).expect("it is whole").into())
    }

    fn reader(&self) -> CaptureReader {
        let bytes = Cursor::new(self.clone());
        CaptureReader::from_read("heavy-k61", bytes, &CaptureOptions::default()).expect("it is a capture")
    }

    /// Hands out every message.
    fn messages(&self, sink: &mut impl FnMut(&[u8])) {
        let mut messages = Messages::default();
        self.reader().read(&mut |observed| {
            messages.handle(&observed, &mut |item| {
                if let Item::Message(seen) = item {
                    sink(seen.bytes);
                }
            });
        });
    }
}

fn stages(criterion: &mut Criterion) {
    let capture = Capture::heavy();
    let mut messages: Vec<Box<[u8]>> = Vec::new();
    capture.messages(&mut |bytes| messages.push(bytes.into()));
    let options = ReplayOptions::default();

    let mut group = criterion.benchmark_group("heavy-k61");
    group.sample_size(20).throughput(Throughput::Elements(messages.len() as u64));
    group.bench_function("decode", |bencher| {
        bencher.iter(|| messages.iter().filter(|bytes| wire::decode(black_box(bytes)).is_ok()).count());
    });
    group.bench_function("reassembly", |bencher| {
        bencher.iter(|| {
            let mut bytes = 0;
            capture.messages(&mut |message| bytes += message.len());
            bytes
        });
    });
    group.bench_function("replay", |bencher| {
        bencher.iter(|| {
            let mut nobody = NoDeliveries;
            let mut replay = Replay::new(&options, &mut nobody);
            let summary = capture.reader().read(&mut |observed| replay.observe(&observed));
            let report = replay.finish(String::new(), &summary);
            assert_eq!(report.verdict, Some(Verdict::Accepted));
            report.messages
        });
    });
    group.finish();
}

criterion_group!(benches, stages);
criterion_main!(benches);
