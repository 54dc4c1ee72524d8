//! `midcomms explain`, and the examples that it shows.

use std::collections::BTreeMap;
use std::fs;

use midcomms_conformance::corpus::Manifest;
use midcomms_conformance::explain::examples::{self, Example};

use crate::{midcomms, repository, stdout};

/// The first rejected trace of each rule, as replay tells it now.
fn examples_of_today() -> BTreeMap<String, Example> {
    let manifest = Manifest::load(&repository().join("traces")).unwrap();
    let mut today: BTreeMap<String, Example> = BTreeMap::new();
    for rejected in &manifest.rejected {
        if !today.contains_key(&rejected.rule) {
            let trace = format!("traces/{}", rejected.file);
            let path = repository().join(&trace);
            let output = midcomms(&["replay", "--quiet", "--format", "json", path.to_str().unwrap()]);
            let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
            let pairs = report["files"][0]["pairs"].as_array().unwrap();
            let told = pairs.iter().map(|pair| &pair["rejection"]).find(|told| told["rule"] == rejected.rule.as_str());
            let told = told.unwrap_or_else(|| panic!("{trace}: {report}"));
            let text = |key: &str| told[key].as_str().unwrap().to_owned();
            let before: Vec<String> = serde_json::from_value(told["before"].clone()).unwrap();
            let example = Example {
                trace,
                falsification: rejected.falsification.clone(),
                frame: told["frame"].as_u64().unwrap(),
                before: before.iter().rev().take(3).rev().cloned().collect(),
                message: text("message"),
                expected: text("expected"),
                got: text("got"),
            };
            today.insert(rejected.rule.clone(), example);
        }
    }
    today
}

/// `MIDCOMMS_ACCEPT=1` writes them anew.
#[test]
fn the_examples_are_what_replay_tells() {
    let today = examples_of_today();
    if std::env::var_os("MIDCOMMS_ACCEPT").is_some() {
        let path = repository().join("conformance/src/explain/examples.json");
        fs::write(path, serde_json::to_string_pretty(&today).unwrap() + "\n").unwrap();
        return;
    }
    assert_eq!(examples::all(), today);
    assert!(today.len() > 15, "{}", today.len());
}

#[test]
fn a_rule_is_explained_with_its_text_an_example_and_its_causes() {
    let output = midcomms(&["explain", "snd-6"]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0));
    for part in [
        "A copy is identical to the byte",
        "$ midcomms replay traces/rejected/",
        "What usually causes it",
        "PROTOCOL.md#snd-6",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn without_a_name_all_are_listed() {
    let text = stdout(&midcomms(&["explain"]));
    for name in ["RCV-4", "H2", "D15", "HRD-7", "NoLoss", "two-breaks", "linux-6.12", "vacuous", "CAP-3"] {
        assert!(text.contains(&format!("  {name} ")), "{name}: {text}");
    }
}

#[test]
fn an_unknown_name_is_answered_with_a_suggestion_and_the_others_are_explained() {
    let output = midcomms(&["explain", "RVC-4", "H2", "--format", "json"]);
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr.clone()).unwrap();
    assert!(stderr.contains("did you mean `RCV-4`"), "{stderr}");
    let topics: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(topics[0]["id"], "H2");
}
