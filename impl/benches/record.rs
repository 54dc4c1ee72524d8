//! What recording costs: `cargo bench -p midcomms --features record --bench record`.
//!
//! An observer is told of messages as the core tells it, in batches. The cost on the
//! protocol's thread is measured alone, as the median of batches; the compact form gets time to write in between, which counts in CPU seconds of
//! all threads together. Nothing may be lost.

use std::hint::black_box;
use std::io;
use std::time::{Duration, Instant};

use midcomms::midcomms::{ConnectionId, Observer, Occurrence, Outcome, Time};
use midcomms::recording::{Bodies, JsonRecorder, Options, Origin, Recorder, Segment, Storage};
use midcomms::wire::NodeId;

/// Messages of one batch, and batches of one measurement.
const BATCH: usize = 256;
const BATCHES: usize = 8192;

struct Nothing;

impl Observer for Nothing {
    fn observe(&mut self, now: Time, node: NodeId, peer: NodeId, occurrence: Occurrence<'_>) {
        black_box((now, node, peer, occurrence));
    }
}

/// Counts bytes.
struct Sink;

impl Storage for Sink {
    fn create(&mut self, _: u64) -> io::Result<Box<dyn Segment>> {
        Ok(Box::new(Sink))
    }

    fn remove(&mut self, _: u64) -> io::Result<()> {
        Ok(())
    }
}

impl Segment for Sink {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        black_box(bytes);
        Ok(())
    }

    fn cut(&mut self, _: u64) -> io::Result<()> {
        Ok(())
    }
}

/// A batch of OPTS(MSG) with numbers from `seq` on and bodies that differ.
fn fill(batch: &mut Vec<u8>, len: usize, seq: u32) {
    batch.clear();
    for index in 0..BATCH as u32 {
        let seq = seq.wrapping_add(index);
        let begin = batch.len();
        batch.extend([2, 0, 3, 0]);
        batch.extend(seq.to_le_bytes());
        batch.extend(2_u32.to_le_bytes());
        batch.extend((len as u16).to_le_bytes());
        batch.extend([3, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 3, 0, 1, 0, 0, 0]);
        batch.extend(2_u32.to_le_bytes());
        batch.extend((len as u16 - 24).to_le_bytes());
        batch.extend([1, 0, 1, 0, 0, 0]);
        batch.extend(seq.wrapping_mul(0x9e37_79b9).to_le_bytes());
        // What compresses no better than real bodies do.
        let mut state = u64::from(seq) << 32 | 0x5555;
        while batch.len() < begin + len {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            batch.extend((state >> 32).to_le_bytes());
        }
        batch.truncate(begin + len);
    }
}

/// CPU time of this process so far, where the system tells.
fn cpu() -> Duration {
    const TICK_MS: u64 = 10;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ').skip(11).take(2);
    Duration::from_millis(fields.filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>() * TICK_MS)
}

struct Cost {
    sending: f64,
    receiving: f64,
    /// CPU nanoseconds of all threads for an event, without what it takes to make the messages.
    cpu: f64,
}

/// `catch_up` waits until everything is written.
fn measure(observer: &mut dyn Observer, len: usize, catch_up: &dyn Fn(), idle: f64) -> Cost {
    let connection = ConnectionId(1);
    let (node, peer) = (NodeId(1), NodeId(2));
    let mut batch = Vec::with_capacity(BATCH * len);
    let mut spent = [const { Vec::new() }; 2];
    let cpu_before = cpu();
    for round in 0..BATCHES {
        fill(&mut batch, len, (round * BATCH) as u32);
        let now = Time(1_700_000_000_000_000_000 + round as u64 * 100_000);
        let begin = Instant::now();
        let messages = &batch;
        let occurrence = match round % 2 {
            0 => Occurrence::Written { connection, messages },
            _ => Occurrence::Read { connection, messages, outcome: Outcome::Accepted },
        };
        observer.observe(now, node, peer, occurrence);
        if let Some(spent) = spent.get_mut(round % 2) {
            spent.push(begin.elapsed());
        }
        catch_up();
    }
    // The median: others use the machine too.
    let [sending, receiving] = spent.map(|mut spent: Vec<Duration>| {
        spent.sort();
        spent.get(spent.len() / 2).map_or(0.0, |median| median.as_nanos() as f64 / BATCH as f64)
    });
    Cost { sending, receiving, cpu: (cpu() - cpu_before).as_nanos() as f64 / (BATCH * BATCHES) as f64 - idle }
}

fn row(name: &str, cost: &Cost, bytes: u64, base: &Cost) {
    let events = (BATCH * BATCHES) as f64;
    println!(
        "{name:<24} {:>9.1} {:>9.1} {:>9.1} {:>9.1} {:>9.0} {:>8.1}",
        cost.sending,
        cost.receiving,
        cost.receiving / base.receiving,
        1e3 / cost.receiving,
        cost.cpu,
        bytes as f64 / events,
    );
}

fn main() -> io::Result<()> {
    let origin = Origin::new(NodeId(1));
    for len in [112, 4024] {
        println!("\nmessages of {len} bytes on the wire; nanoseconds for a message, unless it says otherwise");
        println!(
            "{:<24} {:>9} {:>9} {:>9} {:>9} {:>9} {:>8}",
            "observer", "sent", "received", "x nothing", "M read/s", "CPU, all", "bytes"
        );
        let idle = measure(&mut Nothing, len, &|| {}, 0.0).cpu;
        let base = measure(&mut Nothing, len, &|| {}, idle);
        row("nothing", &base, 0, &base);
        for (name, bodies, compression) in [
            ("compact, sparse", Bodies::Sparse, Some(1)),
            ("compact, sparse, fast", Bodies::Sparse, Some(-5)),
            ("compact, sparse, stored", Bodies::Sparse, None),
            ("compact, sample", Bodies::Sample, Some(1)),
            ("compact, hash", Bodies::Hash, Some(1)),
            ("compact, none", Bodies::None, Some(1)),
            ("compact, full", Bodies::Full, Some(1)),
        ] {
            let options = Options { bodies, compression, ..Options::default() };
            let recorder = Recorder::new(Box::new(Sink), &origin, options)?;
            let told = std::cell::Cell::new(0);
            let catch_up = || {
                told.set(told.get() + BATCH as u64);
                while told.get() - recorder.status().written > 4 * BATCH as u64 + 64 * 1024 {
                    std::thread::sleep(Duration::from_micros(50));
                }
            };
            let mut observer = recorder.observer();
            let cost = measure(&mut *observer, len, &catch_up, idle);
            let status = recorder.finish();
            row(name, &cost, status.bytes, &base);
            if status.lost > 0 {
                println!("{:>24} {} events lost", "", status.lost);
            }
        }
        let recorder = JsonRecorder::new(io::sink(), &origin)?;
        let cost = measure(&mut *recorder.observer(), len, &|| {}, idle);
        row("JSON lines", &cost, recorder.finish().bytes, &base);
    }
    Ok(())
}
