//! Work that is split, and joined.

use std::collections::BTreeSet;

use super::*;

fn part(workspace: &Workspace, part: usize, of: usize) -> Ran {
    let (slice, file) = (format!("slice:{part}/{of}"), format!("json=part{part}.json"));
    workspace.run(&["gate", "--seed", "7", "--partition", &slice, "--report", &file])
}

fn units(report: &Value) -> Vec<String> {
    let steps = report["steps"].as_array().unwrap().iter();
    let units = steps.flat_map(|step| step["units"].as_array().unwrap());
    units.map(|unit| unit["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn parts_have_every_unit_once_and_joined_they_are_the_whole() {
    let workspace = Workspace::replaying(7, "");
    workspace.add_rejected("traces/bad.pcap.zst");
    let whole = workspace.run(&["gate", "--seed", "7", "--format", "json"]).json();
    let mut codes = Vec::new();
    let mut seen = Vec::new();
    for number in 1..=3 {
        let ran = part(&workspace, number, 3);
        codes.push(ran.code());
        assert!(ran.text().contains(&format!("part {number} of 3")), "{}", ran.text());
        seen.extend(units(&workspace.report(&format!("part{number}.json"))));
    }
    codes.sort_unstable();
    assert_eq!(codes, [0, 0, 1], "one part has the rejected trace");
    assert_eq!(seen.len(), 8);
    assert_eq!(seen.iter().collect::<BTreeSet<_>>(), units(&whole).iter().collect());

    let merged = workspace.run(&["merge", "part3.json", "part1.json", "part2.json", "--format", "json"]);
    assert_eq!(merged.code(), 1);
    let merged = merged.json();
    assert_eq!(units(&merged), units(&whole), "in the order of the plan");
    assert_eq!(merged["verdict"], "failed");
    assert_eq!(merged["plan"], whole["plan"]);
}

#[test]
fn a_missing_part_is_incomplete_and_never_green() {
    let workspace = Workspace::replaying(4, "");
    assert_eq!(part(&workspace, 1, 2).code(), 0);
    let merged = workspace.run(&["merge", "part1.json"]);
    assert_eq!(merged.code(), 3, "{}", merged.text());
    assert!(merged.text().contains("part 2 of 2 is not among the reports"), "{}", merged.text());
    assert!(merged.text().contains("INCOMPLETE"), "{}", merged.text());
}

#[test]
fn a_part_that_was_stopped_is_incomplete_when_it_is_joined() {
    let workspace = Workspace::replaying(4, "");
    (1..=2).for_each(|number| assert_eq!(part(&workspace, number, 2).code(), 0));
    let mut report = workspace.report("part1.json");
    report["steps"][0]["units"].as_array_mut().unwrap().pop();
    workspace.write("part1.json", &report.to_string());
    let merged = workspace.run(&["merge", "part1.json", "part2.json"]);
    assert_eq!(merged.code(), 3, "{}", merged.text());
    assert!(merged.text().contains("3 of 4 units"), "{}", merged.text());
}

#[test]
fn parts_of_another_gate_are_refused() {
    let workspace = Workspace::replaying(2, "");
    (1..=2).for_each(|number| assert_eq!(part(&workspace, number, 2).code(), 0));
    let twice = workspace.run(&["merge", "part1.json", "part1.json"]);
    assert_eq!(twice.code(), 2);
    assert!(twice.errors().contains("is part 1, and so is"), "{}", twice.errors());
    workspace.copy(GOOD, "traces/one-more.pcap.zst");
    let other = workspace.run(&["merge", "part1.json", "part2.json"]);
    assert_eq!(other.code(), 2);
    assert!(other.errors().contains("part1.json: is of another gate"), "{}", other.errors());
}

#[test]
fn what_is_no_report_is_refused() {
    let workspace = Workspace::replaying(1, "");
    workspace.run(&["gate", "--report", "json=whole.json"]);
    workspace.write("other.json", "{\"format\": \"midcomms-replay\", \"version\": 1}");
    workspace.write("later.json", "{\"format\": \"midcomms-gate\", \"version\": 9}");
    workspace.write("half.json", "{\"format\": \"midc");
    for (file, expected) in [
        ("whole.json", "is the report of a whole gate"),
        ("other.json", "got `midcomms-replay`"),
        ("later.json", "version 9"),
        ("half.json", "is no report of a gate"),
        ("none.json", "cannot be read"),
    ] {
        let ran = workspace.run(&["merge", file]);
        assert_eq!(ran.code(), 2, "{file}");
        assert!(ran.errors().contains(file) && ran.errors().contains(expected), "{}", ran.errors());
    }
}

#[test]
fn a_part_needs_a_seed() {
    let ran = Workspace::replaying(1, "").run(&["gate", "--partition", "slice:1/2"]);
    assert_eq!(ran.code(), 2);
    assert!(ran.errors().contains("--seed"), "{}", ran.errors());
}

#[test]
fn after_the_first_failure_nothing_more_is_begun_if_so_configured() {
    let workspace = Workspace::replaying(30, "");
    let text = fs::read_to_string(workspace.path("midcomms.toml")).unwrap();
    workspace.write("midcomms.toml", &text.replace("steps = [", "fail-fast = true\nsteps = ["));
    workspace.add_rejected("traces/a-bad.pcap.zst");
    let ran = workspace.run(&["gate", "--threads", "1", "--format", "json"]);
    assert_eq!(ran.code(), 1);
    let report = ran.json();
    assert_eq!(units(&report).len(), 1);
    assert_eq!(report["steps"][0]["planned"], 31);
}
