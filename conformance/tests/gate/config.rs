//! `midcomms.toml`: what is refused, and what is in force.

use midcomms_conformance::gate::config::{Config, keys};

use super::*;

fn refused(config: &str) -> String {
    let ran = Workspace::new(config).run(&["gate"]);
    assert_eq!(ran.code(), 2, "{}", ran.text());
    ran.errors()
}

#[test]
fn an_unknown_key_is_answered_with_its_line_and_the_nearest_one() {
    let errors = refused("\n[profile.default.check]\nenviroments = []\n");
    assert!(errors.contains("midcomms.toml:4: no key of [profile.default.check] is called `enviroments`"), "{errors}");
    assert!(errors.contains("did you mean `environments`?"), "{errors}");
}

#[test]
fn every_fault_is_told_not_only_the_first() {
    let errors = refused("[profil.default]\n[profile.default.record]\nseeds = \"many\"\n[[waive]]\nrule = 1\n");
    for expected in [
        "did you mean `profile`?",
        "profile.default.record.seeds: expected a number from 1 to 1000000",
        "waive.rule: expected a text",
        "`waive.reason` is missing: why it does not count",
        "`waive.expires` is missing",
    ] {
        assert!(errors.contains(expected), "{expected}: {errors}");
    }
}

#[test]
fn values_that_make_no_sense_are_refused() {
    for (config, expected) in [
        ("[profile.default]\nsteps = [\"corpsu\"]\n", "did you mean `corpus`?"),
        ("[profile.default]\nsteps = []\n", "nothing would be checked"),
        ("[profile.default.check]\nenvironments = [\"mlid\"]\n", "did you mean `mild`?"),
        ("[profile.default.check]\nmax-states = 0\n", "got 0"),
        ("[profile.default]\nfail-fast = 1\n", "expected true or false"),
        ("[[waive]]\nrule = \"a\"\ntrace = \"b\"\nreason = \"c\"\nexpires = \"2027-01-01\"\n", "without quotes"),
        ("[[waive]]\nrule = \"a\"\ntrace = \"b\"\nreason = \" \"\nexpires = 2027-01-01\n", "gives no reason"),
        ("[profile\n", "midcomms.toml:2:"),
    ] {
        let errors = refused(config);
        assert!(errors.contains(expected), "{config}: {errors}");
    }
    let later = Workspace::new("").run(&["gate", "--config", "no-such-file.toml"]);
    assert_eq!(later.code(), 2);
    assert!(later.errors().contains("no-such-file.toml: cannot be read"), "{}", later.errors());
}

#[test]
fn a_version_of_the_future_is_refused() {
    let workspace = Workspace::new("");
    workspace.write("midcomms.toml", "version = 2\n");
    let ran = workspace.run(&["gate"]);
    assert_eq!(ran.code(), 2);
    assert!(ran.errors().contains("version: expected a number from 1 to 1, got 2"), "{}", ran.errors());
}

#[test]
fn an_unknown_profile_is_answered_with_those_of_the_file() {
    let ran = Workspace::new("[profile.nightly]\nsteps = [\"check\"]\n").run(&["gate", "--profile", "nightli"]);
    assert_eq!(ran.code(), 2);
    assert!(ran.errors().contains("did you mean `nightly`?"), "{}", ran.errors());
}

#[test]
fn a_profile_is_laid_over_the_default_of_the_file_and_that_over_the_built_in_one() {
    let text = "version = 1\n[profile.default.record]\nseeds = 3\n[profile.night.record]\nscenarios = [\"open\"]\n";
    let config = Config::parse(text, "m.toml", Path::new("."), "night").unwrap();
    assert_eq!((config.profile.record.seeds, &config.profile.record.scenarios[..]), (3, &["open".to_owned()][..]));
    assert_eq!(config.profile.steps, Config::load(None, "default").unwrap().profile.steps);
    let shown = Workspace::new("[profile.default.record]\nseeds = 3\n").run(&["gate", "--show-config"]).text();
    assert!(shown.contains("[profile.default.record]") && shown.contains("seeds = 3"), "{shown}");
    assert_eq!(Config::parse(&shown, "shown", Path::new("."), "default").unwrap().profile.record.seeds, 3);
}

#[test]
fn every_key_is_documented() {
    let documented = fs::read_to_string(Path::new(TRACES).join("../docs/gate.md")).unwrap();
    let printed = Workspace::new("").run(&["gate", "--keys"]).text();
    assert_eq!(printed, keys());
    for line in printed.lines().filter(|line| !line.is_empty()) {
        assert!(documented.contains(line), "docs/gate.md lacks: {line}");
    }
}

#[test]
fn a_configuration_is_found_in_a_directory_above() {
    let workspace = Workspace::replaying(1, "");
    fs::create_dir_all(workspace.path("deep/er")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_midcomms"));
    let ran = Ran(command.args(["gate"]).current_dir(workspace.path("deep/er")).output().unwrap());
    assert_eq!(ran.code(), 0, "{}{}", ran.text(), ran.errors());
    assert!(ran.text().contains("1 traces") || ran.text().contains("1 trace"), "{}", ran.text());
}
