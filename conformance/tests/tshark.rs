//! What `midcomms decode` sees against what Wireshark's dissector sees.
//!
//! Needs the program `tshark` and therefore the feature of that name; `.ci/run` sets it. Wireshark 4.0 garbles the
//! bodies of bare 3.2 RCOM and shows no inner FIN, but it reads every outer header and the envelope: those are compared.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Frame, cmd, sequence number (OPTS and ACK), node id, length, nextcmd (OPTS).
type Row = (u64, String, Option<u64>, u64, u64, Option<String>);

/// How often each row comes.
type Rows = BTreeMap<Row, usize>;

#[test]
fn clean_k612_is_decoded_as_tshark_does() {
    assert_same("clean-k612");
}

#[test]
fn rejoin_k612_is_decoded_as_tshark_does() {
    assert_same("rejoin-k612");
}

fn assert_same(name: &str) {
    let packed = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../traces/kernel/{name}.pcap.zst"));
    let desk = tempfile::tempdir().unwrap();
    let plain = desk.path().join("plain.pcap");
    fs::write(&plain, zstd::decode_all(fs::File::open(packed).unwrap()).unwrap()).unwrap();
    let (theirs, ours) = (tshark(&plain), midcomms(&plain));
    assert!(theirs.values().sum::<usize>() > 500, "tshark saw hardly anything: is its dissector there?");
    for (row, count) in &theirs {
        assert_eq!(ours.get(row), Some(count), "tshark has {row:?}");
    }
    for (row, count) in &ours {
        assert_eq!(theirs.get(row), Some(count), "midcomms has {row:?}");
    }
}

fn midcomms(capture: &Path) -> Rows {
    let mut command = Command::new(env!("CARGO_BIN_EXE_midcomms"));
    command.args(["decode", "--format", "jsonl", "--messages-only"]).arg(capture);
    let output = command.output().unwrap();
    let mut rows = Rows::new();
    for line in String::from_utf8(output.stdout).unwrap().lines().skip(1) {
        let line: Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| line[key].as_str().map(str::to_owned);
        let number = |key: &str| line[key].as_u64().unwrap();
        let row = (
            number("frame"),
            text("cmd").unwrap(),
            line["seq"].as_u64(),
            number("nodeid"),
            number("length"),
            text("inner"),
        );
        *rows.entry(row).or_default() += 1;
    }
    rows
}

fn tshark(capture: &Path) -> Rows {
    let mut command = Command::new("tshark");
    command.arg("-r").arg(capture).args(["-Y", "dlm3", "-O", "dlm3"]);
    let output = command.output().unwrap_or_else(|error| {
        panic!("this test needs tshark ({error}): install it with `apt-get install tshark` or from wireshark.org")
    });
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    let mut rows = Rows::new();
    for frame in text.split("\n\n") {
        let number = frame.trim_start().strip_prefix("Frame ").and_then(|rest| rest.split(':').next());
        let Some(number) = number else { continue };
        for message in frame.split("Distributed Lock Manager\n").skip(1) {
            *rows.entry(row(number.parse().unwrap(), message)).or_default() += 1;
        }
    }
    rows
}

/// One message of tshark's tree. Fields of the outer header are indented by four spaces, those of the envelope by eight
/// below the command of the outer header.
fn row(frame: u64, message: &str) -> Row {
    let outer = |name: &str| field(message, &format!("    {name}: ")).unwrap();
    let number = |text: &str| text.split(' ').next().unwrap().parse::<u64>().unwrap();
    let cmd = command(outer("Command"));
    let seq = matches!(cmd.as_str(), "OPTS" | "ACK").then(|| number(outer("Sequence Number")));
    let next = (cmd == "OPTS").then(|| command(field(message, "        Next Command: ").unwrap()));
    (frame, cmd, seq, number(outer("Sender Node ID")), number(outer("Length")), next)
}

fn field<'a>(message: &'a str, prefix: &str) -> Option<&'a str> {
    message.lines().find_map(|line| line.strip_prefix(prefix))
}

/// `options (3)` as `OPTS`.
fn command(text: &str) -> String {
    let code = text.rsplit('(').next().and_then(|rest| rest.strip_suffix(')')).unwrap();
    match code {
        "1" => "MSG",
        "2" => "RCOM",
        "3" => "OPTS",
        "4" => "ACK",
        "5" => "FIN",
        other => other,
    }
    .to_owned()
}
