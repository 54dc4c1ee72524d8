//! Bad input: said with file and offset, and the other files are judged.

use std::fs;

use super::{Desk, FILE_HEAD, RECORD_HEAD, code, json, kernel, midcomms, record, stderr, stdout, unpacked};

/// Replays `bad` before a good capture: exit code 2, the good one is judged, and stderr has `parts`.
fn is_told(bad: &str, parts: &[&str]) {
    let output = midcomms(&["replay", bad, &kernel("clean-k612")]);
    assert_eq!(code(&output), 2, "{}", stdout(&output));
    let told = stderr(&output);
    for part in [&[bad][..], parts].concat() {
        assert!(told.contains(part), "no `{part}` in\n{told}");
    }
    assert!(stdout(&output).contains("288 + 243 delivered"), "{}", stdout(&output));
    assert!(!told.contains("panicked"), "{told}");
    let output = midcomms(&["decode", "--messages-only", bad, &kernel("clean-k612")]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains(parts[0]), "{}", stderr(&output));
    assert!(stdout(&output).lines().count() >= 596);
}

#[test]
fn a_file_cut_inside_a_packet() {
    let desk = Desk::new();
    let pcap = unpacked("clean-k612");
    let at = record(&pcap, 300);
    let cut = desk.write("cut.pcap", &pcap[..at + RECORD_HEAD + 20]);
    is_told(&cut, &["ends inside a packet record", &format!("(at byte {at})"), "what comes before is judged"]);
    let report = json(&midcomms(&["replay", "--format", "json", &cut]));
    assert_eq!(report["files"][0]["verdict"], "accepted");
    assert_eq!(report["files"][0]["frames"], 299);
    assert!(report["files"][0]["error"].as_str().unwrap().contains("ends inside"));
}

#[test]
fn half_a_packet_record_head() {
    let desk = Desk::new();
    let pcap = unpacked("clean-k612");
    let at = record(&pcap, 300);
    is_told(&desk.write("half.pcap", &pcap[..at + 7]), &["ends inside a packet record: 7 of 16 bytes"]);
}

#[test]
fn zero_bytes() {
    let desk = Desk::new();
    is_told(&desk.write("empty.pcap", b""), &["is empty (zero bytes)", "nothing in it to judge"]);
}

#[test]
fn garbage_behind_a_valid_head() {
    let mut pcap = unpacked("clean-k612");
    pcap.truncate(FILE_HEAD);
    pcap.extend([0xff; 64]);
    let desk = Desk::new();
    is_told(&desk.write("garbage.pcap", &pcap), &["claims 4294967295 bytes", "damaged"]);
}

#[test]
fn a_hostile_length_in_the_middle() {
    let mut pcap = unpacked("clean-k612");
    let at = record(&pcap, 100);
    pcap[at + 8..at + 12].copy_from_slice(&0x7fff_ffff_u32.to_le_bytes());
    let at = format!("(at byte {at})");
    let desk = Desk::new();
    is_told(&desk.write("hostile.pcap", &pcap), &["claims 2147483647 bytes", &at]);
}

#[test]
fn a_head_that_is_cut() {
    let pcap = unpacked("clean-k612");
    let desk = Desk::new();
    is_told(&desk.write("head.pcap", &pcap[..10]), &["ends inside the file header: 10 of 24 bytes"]);
}

#[test]
fn compressed_data_that_is_cut() {
    let packed = fs::read(kernel("clean-k612")).unwrap();
    let desk = Desk::new();
    is_told(&desk.write("cut.pcap.zst", &packed[..packed.len() / 2]), &["zstd data is damaged"]);
}

#[test]
fn a_text_file() {
    let desk = Desk::new();
    is_told(&desk.write("text.txt", b"Nov 22 dlm: midcomms\n"), &["is not a packet capture", "(at byte 0)"]);
}

#[test]
fn a_directory_without_a_capture() {
    let desk = Desk::new();
    desk.write("notes.txt", b"nothing");
    is_told(&desk.name(""), &["is a directory without a capture"]);
}

#[test]
fn a_missing_file() {
    is_told(&Desk::new().name("missing.pcap"), &["cannot be opened", "the path or its permissions"]);
}

#[test]
fn a_capture_without_dlm_is_vacuous() {
    let desk = Desk::new();
    for command in ["replay", "decode"] {
        assert_eq!(code(&midcomms(&[command, &desk.vacuous()])), 3, "{command}");
    }
    let output = midcomms(&["decode", &desk.vacuous()]);
    assert!(stderr(&output).contains("no message of DLM on port 21064"));
}

#[test]
fn control_characters_of_a_name_do_not_reach_the_terminal() {
    let desk = Desk::new();
    let name = desk.write("a\u{1b}[31m.pcap", b"");
    let output = midcomms(&["replay", &name]);
    assert!(!stdout(&output).contains('\u{1b}') && !stderr(&output).contains('\u{1b}'));
}
