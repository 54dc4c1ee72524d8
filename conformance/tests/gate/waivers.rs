//! What does not count until a day.

use super::*;

fn waiver(rule: &str, trace: &str, expires: &str) -> String {
    format!("[[waive]]\nrule = \"{rule}\"\ntrace = \"{trace}\"\nreason = \"known, see 7\"\nexpires = {expires}\n")
}

#[test]
fn a_rejection_is_red_and_names_the_rule_and_the_frame() {
    let workspace = Workspace::replaying(1, "");
    let (rule, frame) = workspace.add_rejected("traces/bad.pcap.zst");
    let ran = workspace.run(&["gate"]);
    assert_eq!(ran.code(), 1);
    let text = ran.text();
    assert!(text.contains("FAIL  replay") && text.contains(&rule), "{text}");
    assert!(text.contains(&format!("frame {frame}")) && text.contains("FAILED"), "{text}");
}

#[test]
fn what_is_waived_does_not_count_and_is_told() {
    for trace in ["*bad.pcap.zst", "traces/ba?.*"] {
        let workspace = Workspace::replaying(1, &waiver("*", trace, "9999-12-31"));
        workspace.add_rejected("traces/bad.pcap.zst");
        let ran = workspace.run(&["gate", "--report", "json=gate.json"]);
        assert_eq!(ran.code(), 0, "{}", ran.text());
        assert!(ran.text().contains("1 finding waived"), "{}", ran.text());
        let report = workspace.report("gate.json");
        let waived = &report["steps"][0]["units"][0]["findings"][0]["waived"];
        assert!(waived.as_str().unwrap().contains("known, see 7"), "{report:#}");
    }
}

#[test]
fn a_waiver_is_for_its_rule_and_its_trace_only() {
    for (rule, trace) in [("NO-1", "*"), ("*", "*good*")] {
        let workspace = Workspace::replaying(1, &waiver(rule, trace, "9999-12-31"));
        workspace.add_rejected("traces/bad.pcap.zst");
        let ran = workspace.run(&["gate", "--verbose"]);
        assert_eq!(ran.code(), 1, "{}", ran.text());
        assert!(ran.text().contains("waives nothing: it can go"), "{}", ran.text());
    }
}

#[test]
fn an_expired_waiver_is_red_although_it_waives_nothing() {
    let workspace = Workspace::replaying(1, &waiver("*", "*", "2020-02-29"));
    let ran = workspace.run(&["gate"]);
    assert_eq!(ran.code(), 1, "{}", ran.text());
    assert!(ran.text().contains("expired on 2020-02-29"), "{}", ran.text());
}

#[test]
fn a_file_that_cannot_be_read_is_never_waived() {
    let workspace = Workspace::replaying(1, &waiver("*", "*", "9999-12-31"));
    workspace.write("traces/broken.pcap", "no capture");
    let ran = workspace.run(&["gate"]);
    assert_eq!(ran.code(), 2, "{}", ran.text());
    assert!(ran.text().contains("broken.pcap"), "{}", ran.text());
}

#[test]
fn a_step_that_cannot_be_run_is_never_waived() {
    let config = format!("[profile.default]\nsteps = [\"corpus\"]\n{}", waiver("*", "*", "9999-12-31"));
    let ran = Workspace::new(&config).run(&["gate"]);
    assert_eq!(ran.code(), 2, "{}", ran.text());
    assert!(ran.text().contains("MANIFEST.toml"), "{}", ran.text());
}
