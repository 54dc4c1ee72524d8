//! Completions and manual pages.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use crate::{midcomms, stdout};

fn subcommands() -> Vec<String> {
    let help = stdout(&midcomms(&["--help"]));
    let (_, list) = help.split_once("Commands:\n").unwrap();
    let lines = list.lines().take_while(|line| line.starts_with("  "));
    let names = lines.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

#[test]
fn completions_know_every_subcommand() {
    assert!(subcommands().len() >= 8);
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = stdout(&midcomms(&["completions", shell]));
        for name in subcommands() {
            assert!(script.contains(&name), "{shell}: {name}");
        }
    }
}

#[test]
fn bash_takes_its_completions() {
    let mut bash = Command::new("bash").arg("-n").stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    bash.stdin.take().unwrap().write_all(stdout(&midcomms(&["completions", "bash"])).as_bytes()).unwrap();
    let output = bash.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn every_subcommand_has_its_manual_page() {
    let desk = tempfile::tempdir().unwrap();
    let output = midcomms(&["man", "--out", desk.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    for name in subcommands() {
        let page = fs::read_to_string(desk.path().join(format!("midcomms-{name}.1"))).unwrap();
        assert!(page.contains(&format!(".TH midcomms-{name} 1")), "{page}");
        assert!(page.contains(".SH NAME") && page.contains(".SH SYNOPSIS"), "{name}");
        assert!(page.contains("specification version"), "{name}");
    }
    assert!(stdout(&midcomms(&["man"])).contains(".TH midcomms 1"));
}

#[test]
fn man_formats_every_page_without_a_warning() {
    let desk = tempfile::tempdir().unwrap();
    midcomms(&["man", "--out", desk.path().to_str().unwrap()]);
    if Command::new("man").arg("--version").output().is_err() {
        eprintln!("there is no man here: the pages were not formatted");
        return;
    }
    for page in fs::read_dir(desk.path()).unwrap() {
        let page = page.unwrap().path();
        let mut man = Command::new("man");
        let output =
            man.args(["--warnings", "-l"]).arg(&page).env("MANROFFSEQ", "").env("MANPAGER", "cat").output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{}: {output:?}", page.display());
        assert!(output.stdout.len() > 200, "{}", page.display());
    }
}

#[test]
fn the_version_names_the_version_of_the_specification() {
    let told = format!("specification version {}", midcomms_model::SPECIFICATION_VERSION);
    assert!(stdout(&midcomms(&["--version"])).contains(&told));
}
