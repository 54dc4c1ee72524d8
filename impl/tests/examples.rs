//! The examples, as a shell starts them: what goes where, and the exit codes. `cargo test -p midcomms` builds them as well; with
//! `--test examples` they have to be there (`cargo build -p midcomms --examples`).
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on should stop where it is")]

use std::process::{Command, Stdio};

/// Runs an example; its exit code, standard output and standard error.
fn run(example: &str, words: &[&str]) -> (Option<i32>, String, String) {
    let tests = std::env::current_exe().unwrap();
    let path = tests
        .ancestors()
        .nth(2)
        .unwrap()
        .join("examples")
        .join(example)
        .with_extension(std::env::consts::EXE_EXTENSION);
    let output = Command::new(&path).args(words).stdin(Stdio::null()).output();
    let output =
        output.unwrap_or_else(|error| panic!("{}: {error}: build it by `cargo build --examples`", path.display()));
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn who_asks_for_help_gets_it_on_standard_output() {
    for (example, word, says) in
        [("soak", "--help", "--break-after BYTES"), ("soak", "-h", "--minutes N"), ("cluster", "--help", "fence N")]
    {
        let (code, out, err) = run(example, &[word]);
        assert_eq!((code, err.as_str()), (Some(0), ""), "{example} {word}");
        assert!(out.starts_with(&format!("usage: {example} ")) && out.contains(says), "{out}");
    }
}

#[test]
fn a_wrong_argument_is_named_and_the_usage_told() {
    let cases: [(&str, &[&str], &str); 7] = [
        ("soak", &["--hours", "1"], "soak: there is no option --hours\n"),
        ("soak", &["--minutes"], "soak: --minutes needs a value\n"),
        ("soak", &["--minutes", "-1"], "soak: --minutes: expected a number greater than 0, got -1\n"),
        ("soak", &["--seed", "x"], "soak: --seed: expected a whole number, got x\n"),
        ("cluster", &[], "cluster: expected one node, 1, 2 or 3, got ``\n"),
        ("cluster", &["4"], "cluster: expected one node, 1, 2 or 3, got `4`\n"),
        ("cluster", &["1", "2"], "cluster: expected one node, 1, 2 or 3, got `1 2`\n"),
    ];
    for (example, words, says) in cases {
        let (code, out, err) = run(example, words);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{words:?}");
        assert!(err.starts_with(&format!("{says}usage: {example} ")), "{err}");
    }
}

#[test]
fn a_short_soak_breaks_connections_and_loses_nothing() {
    let (code, out, err) = run("soak", &["--minutes", "0.02", "--seed", "7", "--break-after", "1048576"]);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    assert!(out.contains("seed 7") && out.contains("0 lost, 0 doubled, 0 out of order"), "{out}");
}
