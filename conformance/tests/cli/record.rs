//! `midcomms record`.

use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};

use super::{Desk, code, midcomms, stderr, stdout};

#[test]
fn the_list_has_every_scenario_with_its_sentence() {
    let output = midcomms(&["record", "--list"]);
    assert_eq!(code(&output), 0);
    let told = stdout(&output);
    assert!(told.contains("simultaneous-close") && told.contains("their FINs cross."), "{told}");
    assert!(told.lines().any(|line| line.starts_with("stale-connection") && line.ends_with("(simulation only)")));
}

#[test]
fn what_is_recorded_is_judged_by_replay_and_the_same_for_the_same_seed() {
    let desk = Desk::new();
    for name in ["one", "other"] {
        let output = midcomms(&["record", "open", "half-close", "--out", &desk.name(name), "--seed", "5"]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        assert!(stdout(&output).starts_with("seed 5\nopen ") && stdout(&output).contains("recorded 2 of 2 runs"));
    }
    for file in ["open/node1.jsonl", "half-close/node2.jsonl"] {
        let [one, other] = ["one", "other"].map(|name| fs::read(desk.path(name).join(file)).unwrap());
        assert!(!one.is_empty() && one == other, "{file}");
    }
    let output = midcomms(&["replay", &desk.name("one")]);
    assert_eq!(code(&output), 0, "{}{}", stdout(&output), stderr(&output));
    assert!(stdout(&output).contains("node2.jsonl"), "{}", stdout(&output));
}

#[test]
fn the_compact_form_has_files_of_its_own() {
    let desk = Desk::new();
    let output = midcomms(&["record", "crash-and-rejoin", "--out", &desk.name("out"), "--format", "compact"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let path = desk.path("out").join("crash-and-rejoin/node2-life2.mct");
    assert_eq!(fs::read(path).unwrap().first(), Some(&0x8a));
    let output = midcomms(&["replay", &desk.name("out")]);
    assert_eq!(code(&output), 0, "{}{}", stdout(&output), stderr(&output));
}

#[test]
fn the_files_of_a_run_with_several_lives_of_a_node_are_judged_together() {
    for (format, end) in [("jsonl", "jsonl"), ("compact", "mct")] {
        for scenario in ["crash-and-rejoin", "restart", "stale-connection"] {
            let desk = Desk::new();
            let recorded =
                midcomms(&["record", scenario, "--seed", "3", "--format", format, "--out", &desk.name("out")]);
            assert_eq!(code(&recorded), 0, "{}", stderr(&recorded));
            let run = desk.path("out").join(scenario);
            let lives = ["node1-life2", "node2-life2"].map(|name| run.join(format!("{name}.{end}")).is_file());
            assert!(lives.contains(&true), "{scenario}: nobody was started again");
            let output = midcomms(&["replay", "--together", run.to_str().unwrap()]);
            assert_eq!(code(&output), 0, "{scenario}: {}{}", stdout(&output), stderr(&output));
        }
    }
}

#[test]
fn several_seeds_have_directories_of_their_own() {
    let desk = Desk::new();
    let output = midcomms(&["record", "open", "--out", &desk.name("out"), "--seed", "8", "--seeds", "3"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    for seed in 8..11 {
        assert!(desk.path("out").join(format!("open/seed-{seed}/node2.jsonl")).is_file());
    }
}

#[test]
fn an_unknown_scenario_is_answered_with_the_nearest() {
    let desk = Desk::new();
    let output = midcomms(&["record", "haf-close", "--out", &desk.name("out")]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("no scenario is called `haf-close`; did you mean `half-close`?"));
    assert!(!desk.path("out").exists());
}

#[test]
fn nothing_is_overwritten_unless_that_is_asked_for() {
    let desk = Desk::new();
    fs::create_dir_all(desk.path("out/open")).unwrap();
    let kept = desk.write("out/open/node2.jsonl", b"mine");
    let output = midcomms(&["record", "open", "--out", &desk.name("out")]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains(&format!("{kept}: is there already")), "{}", stderr(&output));
    assert_eq!(fs::read(&kept).unwrap(), b"mine");
    assert!(!desk.path("out/open/node1.jsonl").exists());
    let output = midcomms(&["record", "open", "--out", &desk.name("out"), "--force"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_ne!(fs::read(&kept).unwrap(), b"mine");
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let desk = Desk::new();
    let file = desk.write("file", b"");
    let output = midcomms(&["record", "open", "--out", &format!("{file}/out")]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains(&format!("{file}/out: cannot be made: ")), "{}", stderr(&output));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_with_the_file() {
    let desk = Desk::new();
    fs::create_dir_all(desk.path("out/open")).unwrap();
    std::os::unix::fs::symlink("/dev/full", desk.path("out/open/node1.jsonl")).unwrap();
    let output = midcomms(&["record", "open", "--out", &desk.name("out"), "--force"]);
    assert_eq!(code(&output), 2);
    let told = stderr(&output);
    assert!(told.contains("node1.jsonl: cannot be written: ") && told.contains("No space left"), "{told}");
}

#[test]
fn a_scenario_of_ones_own_is_recorded_and_one_that_shows_nothing_is_not() {
    let desk = Desk::new();
    let scenario = |steps: &str| {
        format!(
            "format = \"midcomms-scenarios\"\nversion = 1\n[[scenario]]\nname = \"mine\"\ntext = \"It happens.\"\n\
             steps = [{{ join = {{ nodes = [1, 2] }} }}, {steps}]\nexpect = {{ delivers = [[1, 2]] }}\n"
        )
    };
    let send = scenario("{ send = { from = 1, to = 2, count = [1, 9] } }, { rest = {} }");
    let mine = desk.write("mine.toml", send.as_bytes());
    let output = midcomms(&["record", "--scenarios", &mine, "--out", &desk.name("out"), "--seed", "1"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let idle = desk.write("idle.toml", scenario("{ rest = {} }").as_bytes());
    let output = midcomms(&["record", "--scenarios", &idle, "--out", &desk.name("idle"), "--seed", "1"]);
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains("scenario mine, seed 1: vacuous: nothing of node 1"), "{}", stderr(&output));
    let output = midcomms(&["record", "--scenarios", &desk.name("none"), "--out", &desk.name("out")]);
    assert_eq!(code(&output), 2);
}

#[test]
fn a_recording_that_is_less_exact_than_promised_is_kept_and_told() {
    let desk = Desk::new();
    let scenario = |exact: &str| {
        format!(
            "format = \"midcomms-scenarios\"\nversion = 1\n[[scenario]]\nname = \"mine\"\ntext = \"It begins late.\"\n{exact}\n\
             steps = [{{ join = {{ nodes = [1, 2] }} }}, {{ rest = {{}} }}, {{ silence = {{ from = 2, to = 1 }} }}, \
             {{ send = {{ from = 1, to = 2, count = 20 }} }}, {{ wait = {{ ms = 50 }} }}, \
             {{ begin-recording = {{ nodes = [1, 2] }} }}, {{ let-through = {{ from = 2, to = 1 }} }}, \
             {{ send = {{ from = 2, to = 1, count = 5 }} }}, {{ rest = {{}} }}]\n\
             expect = {{ delivers = [[1, 2]] }}\n"
        )
    };
    let all = desk.write("all.toml", scenario("").as_bytes());
    let output = midcomms(&["record", "--scenarios", &all, "--out", &desk.name("all"), "--seed", "1"]);
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    let told = stderr(&output);
    assert!(
        told.contains("scenario mine, seed 1: not exact: replay holds ") && told.contains("promises 100"),
        "{told}"
    );
    assert!(desk.path("all/mine/node1.jsonl").is_file());
    let some = desk.write("some.toml", scenario("exact = { percent = 5, why = \"a queue\" }").as_bytes());
    let output = midcomms(&["record", "--scenarios", &some, "--out", &desk.name("some"), "--seed", "1"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
}

#[test]
fn what_sockets_cannot_do_is_skipped_and_said_so() {
    let desk = Desk::new();
    let output = midcomms(&["record", "wrap", "--sockets", "--out", &desk.name("out")]);
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    assert!(stdout(&output).contains("skipped, for it needs the simulation: numbers begin at 0 over sockets"));
}

#[test]
fn a_reader_that_has_enough_is_no_error() {
    let desk = Desk::new();
    let mut child = Command::new(env!("CARGO_BIN_EXE_midcomms"))
        .args(["record", "open", "--seeds", "2000", "--out", &desk.name("out")])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 4];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
