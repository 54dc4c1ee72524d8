//! However messages are handed to a recorder, and however it writes them, they are read as if each had been alone.

use midcomms::midcomms::{ConnectionId, Observer, Occurrence, Outcome, Time};
use midcomms::recording::Bodies;
use midcomms::wire::NodeId;
use proptest::prelude::*;
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

use crate::recorded::{Recording, converted};

const OUTCOMES: [Outcome; 5] =
    [Outcome::Accepted, Outcome::Duplicate, Outcome::Gap, Outcome::Handled, Outcome::Dropped];

/// Messages of one direction, connection and time.
#[derive(Clone, Debug)]
struct Piece {
    later: u64,
    connection: u64,
    /// Written, or read with this outcome.
    outcome: Option<Outcome>,
    /// Lengths, and how many messages of each.
    lengths: Vec<(u16, usize)>,
    /// Where numbers go on, if not behind the last one.
    jumps_to: Option<u32>,
    head: Head,
    cmd: u8,
    /// Behind which messages one occurrence ends and the next begins.
    cuts: Vec<usize>,
}

/// How bytes 40 to 48 go on from message to message.
#[derive(Clone, Copy, Debug)]
enum Head {
    Same,
    Counts,
    Alternates,
    Differs,
}

fn pieces() -> impl Strategy<Value = Vec<Piece>> {
    let lengths = prop::sample::select(vec![16u16, 40, 64, 65, 112, 112, 112, 200, 300]);
    let count = prop_oneof![1usize..8, 1usize..60, 250usize..600];
    let jump = prop_oneof![4 => Just(None), 1 => any::<u32>().prop_map(Some), 1 => Just(Some(u32::MAX - 20))];
    let head = prop::sample::select(vec![Head::Same, Head::Counts, Head::Alternates, Head::Differs]);
    let piece = (
        prop_oneof![2 => Just(0u64), 1 => 1u64..1_000_000],
        1u64..4,
        prop::option::of(prop::sample::select(OUTCOMES.to_vec())),
        prop_oneof![
            prop::collection::vec((lengths.clone(), count), 1..4),
            prop::collection::vec((lengths, 1usize..3), 1..90),
        ],
        jump,
        head,
        prop_oneof![6 => Just(3u8), 1 => Just(2u8)],
        prop::collection::vec(0usize..600, 0..5),
    );
    let piece = piece.prop_map(|(later, connection, outcome, lengths, jumps_to, head, cmd, cuts)| Piece {
        later,
        connection,
        outcome,
        lengths,
        jumps_to,
        head,
        cmd,
        cuts,
    });
    prop::collection::vec(piece, 1..7)
}

fn message(len: u16, seq: u32, head: Head, cmd: u8) -> Vec<u8> {
    let word = match head {
        Head::Same => 7,
        Head::Counts => u64::from(seq) << 32 | 1,
        Head::Alternates => u64::from(seq % 3),
        Head::Differs => xxh3_64(&seq.to_le_bytes()),
    };
    let inner = len.saturating_sub(24).to_le_bytes();
    let mut out: Vec<u8> = (0..len).map(|at| (u32::from(at) * 7).wrapping_add(seq.wrapping_mul(13)) as u8).collect();
    let fixed: [(usize, &[u8]); 8] = [
        (0, &[2, 0, 3, 0]),
        (4, &seq.to_le_bytes()),
        (8, &[2, 0, 0, 0]),
        (12, &len.to_le_bytes()),
        (14, &[cmd, 0]),
        (16, &[1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 3, 0, 1, 0, 0, 0, 2, 0, 0, 0]),
        (36, &[inner[0], inner[1], 1, 0]),
        (40, &word.to_le_bytes()),
    ];
    for (at, bytes) in fixed {
        let end = out.len().min(at + bytes.len());
        if let Some(place) = out.get_mut(at..end) {
            place.copy_from_slice(&bytes[..end - at]);
        }
    }
    out
}

/// Tells an observer of the pieces: each as it is cut, or message by message.
fn tell(observer: &mut dyn Observer, pieces: &[Piece], is_single: bool) {
    let (mut now, mut seq) = (1_700_000_000_000_000_000, [0u32; 2]);
    let opened = Occurrence::Opened { connection: ConnectionId(1), is_ours: true };
    observer.observe(Time(now), NodeId(1), NodeId(2), opened);
    for piece in pieces {
        now += piece.later;
        let seq = &mut seq[usize::from(piece.outcome.is_none())];
        *seq = piece.jumps_to.unwrap_or(*seq);
        let mut batch = Vec::new();
        let mut told = |batch: &mut Vec<u8>| {
            let connection = ConnectionId(piece.connection);
            let occurrence = match piece.outcome {
                None => Occurrence::Written { connection, messages: batch },
                Some(outcome) => Occurrence::Read { connection, messages: batch, outcome },
            };
            observer.observe(Time(now), NodeId(1), NodeId(2), occurrence);
            batch.clear();
        };
        let lengths = piece.lengths.iter().flat_map(|(len, count)| std::iter::repeat_n(*len, *count));
        for (index, len) in lengths.enumerate() {
            batch.extend(message(len, *seq, piece.head, piece.cmd));
            *seq = seq.wrapping_add(1);
            if is_single || piece.cuts.contains(&index) {
                told(&mut batch);
            }
        }
        if !batch.is_empty() {
            told(&mut batch);
        }
    }
}

/// JSON lines of both forms.
fn recorded(pieces: &[Piece], bodies: Bodies, is_single: bool) -> (Vec<Value>, Vec<Value>, usize) {
    let recording = Recording::new(1, bodies);
    let mut observer = recording.observer().unwrap();
    tell(&mut *observer, pieces, is_single);
    drop(observer);
    let (json, compact) = recording.finish();
    (events(&json), events(&converted(&compact)), compact.len())
}

fn events(text: &str) -> Vec<Value> {
    let lines = text.lines().skip(1).map(|line| serde_json::from_str(line).unwrap());
    lines.filter(|line: &Value| line["event"] != "known").collect()
}

/// What is left of a message by what is kept of the rest, if it is long: what SCHEMA.md says, written once more.
fn kept(event: &Value, bodies: Bodies) -> Value {
    let Some(digits) = event["message"]["bytes"].as_str() else { return event.clone() };
    let whole: Vec<u8> =
        (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect();
    if whole.len() <= 64 {
        return event.clone();
    }
    let (head, rest) = whole.split_at(48);
    let ends = if rest.len() > 128 { [&rest[..64], &rest[rest.len() - 64..]].concat() } else { rest.to_vec() };
    let number = u32::from_le_bytes(head[4..8].try_into().unwrap());
    let stands = match bodies {
        Bodies::Full => rest.to_vec(),
        Bodies::Hash => xxh3_64(rest).to_le_bytes().to_vec(),
        Bodies::Sparse if head[14] == 3 && !number.is_multiple_of(16) => vec![0],
        Bodies::Sample | Bodies::Sparse => xxh3_64(&ends).to_le_bytes().to_vec(),
        Bodies::None => vec![0],
    };
    let stands = stands.iter().copied().cycle().take(rest.len());
    let digits: String = head.iter().copied().chain(stands).map(|byte| format!("{byte:02x}")).collect();
    let mut event = event.clone();
    event["message"]["bytes"] = Value::String(digits);
    event
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_run_is_read_as_the_messages_that_it_is(pieces in pieces(), nth in 0usize..5) {
        let bodies = [Bodies::Full, Bodies::Hash, Bodies::Sample, Bodies::Sparse, Bodies::None][nth];
        let (json, compact, _) = recorded(&pieces, bodies, false);
        let (singly, compact_singly, _) = recorded(&pieces, bodies, true);
        prop_assert_eq!(&json, &singly);
        prop_assert_eq!(&compact, &compact_singly);
        let expected: Vec<_> = json.iter().map(|event| kept(event, bodies)).collect();
        prop_assert_eq!(compact, expected);
    }
}

#[test]
fn a_run_takes_hardly_more_than_its_samples() {
    let piece = |head| Piece {
        later: 0,
        connection: 1,
        outcome: Some(Outcome::Accepted),
        lengths: vec![(112, 16_384)],
        jumps_to: None,
        head,
        cmd: 3,
        cuts: (0..16_384).step_by(600).collect(),
    };
    let size = |head, bodies| recorded(&[piece(head)], bodies, false).2;
    assert!(size(Head::Same, Bodies::Sparse) < 16_384 * 8 / 16 + 8 * 1024);
    assert!(size(Head::Same, Bodies::None) < 3 * 1024);
    assert!(size(Head::Counts, Bodies::None) < 3 * 1024);
    assert!(size(Head::Alternates, Bodies::None) < 16_384 / 3);
    assert!(size(Head::Differs, Bodies::None) > 16_384 * 8);
}
