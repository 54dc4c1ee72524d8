//! Pages whose commands are run, so that they cannot rot.
//!
//! A block of code below `<!-- run CODE -->` is a command (`$ …`) and what it prints on standard output; the command ends
//! with CODE. A line that is `…` stands for any lines. `MIDCOMMS_ACCEPT=1` writes what is printed now, blocks with `…` apart.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::repository;

const PAGES: [&str; 2] = ["docs/replay-production-traces.md", "traces/example/README.md"];

/// Runs it at the top of the repository, with this build of `midcomms` in the path.
fn run(command: &str) -> (String, i32) {
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_midcomms"));
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", binary.parent().unwrap().display());
    let output =
        Command::new("bash").args(["-c", command]).current_dir(repository()).env("PATH", path).output().unwrap();
    (String::from_utf8(output.stdout).unwrap(), output.status.code().unwrap())
}

/// Whether `got` is `expected`, in which `…` stands for any lines.
fn fits(expected: &[&str], got: &[&str]) -> bool {
    match expected.split_first() {
        None => got.is_empty(),
        Some((&"…", rest)) => (0..=got.len()).any(|skipped| fits(rest, &got[skipped..])),
        Some((line, rest)) => {
            got.split_first().is_some_and(|(first, others)| first.trim_end() == line.trim_end() && fits(rest, others))
        }
    }
}

/// The page as it should be; how many blocks were run.
fn checked(page: &Path) -> (String, usize) {
    let text = fs::read_to_string(page).unwrap();
    let mut pieces = text.split("<!-- run ");
    let (mut out, mut count) = (pieces.next().unwrap().to_owned(), 0);
    for piece in pieces {
        let (code, rest) =
            piece.split_once(" -->\n```console\n$ ").unwrap_or_else(|| panic!("no block behind: {piece}"));
        let (block, after) = rest.split_once("\n```\n").unwrap();
        let (command, printed) = block.split_once('\n').unwrap_or((block, ""));
        let (got, ended) = run(command);
        assert_eq!(ended.to_string(), code, "{}: $ {command}\n{got}", page.display());
        let expected: Vec<&str> = printed.lines().collect();
        let printed = match fits(&expected, &got.lines().collect::<Vec<_>>()) {
            true => printed.to_owned(),
            false if expected.contains(&"…") => panic!("{}: $ {command}\nprints\n{got}", page.display()),
            false => got.trim_end().to_owned(),
        };
        let gap = if printed.is_empty() { "" } else { "\n" };
        out += &format!("<!-- run {code} -->\n```console\n$ {command}{gap}{printed}\n```\n{after}");
        count += 1;
    }
    (out, count)
}

#[test]
fn the_commands_of_the_pages_do_what_the_pages_say() {
    for name in PAGES {
        let path = repository().join(name);
        let (now, count) = checked(&path);
        assert!(count > 0, "{name}: nothing is run");
        if std::env::var_os("MIDCOMMS_ACCEPT").is_some() {
            fs::write(&path, &now).unwrap();
        }
        assert!(now == fs::read_to_string(&path).unwrap(), "{name}: should be\n{now}");
    }
}

#[test]
fn an_ellipsis_stands_for_lines_and_a_difference_is_seen() {
    assert!(fits(&["a", "…", "d"], &["a", "b", "c", "d"]));
    assert!(fits(&["…"], &[]));
    assert!(!fits(&["a", "…", "d"], &["a", "b", "c"]));
    assert!(!fits(&["a"], &["b"]));
}
