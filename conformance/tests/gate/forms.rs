//! The report in its forms.

use super::*;

const FORMS: [&str; 7] = ["text", "json", "junit", "sarif", "github", "markdown", "html"];

fn red() -> Workspace {
    let workspace = Workspace::replaying(1, "");
    for number in 0..40 {
        workspace.add_rejected(&format!("traces/bad{number}.pcap.zst"));
    }
    workspace
}

#[test]
fn several_forms_are_written_at_once() {
    let workspace = red();
    let reports: Vec<String> = FORMS.iter().map(|form| format!("--report={form}={form}.out")).collect();
    let mut arguments = vec!["gate", "--html", "page.html"];
    arguments.extend(reports.iter().map(String::as_str));
    assert_eq!(workspace.run(&arguments).code(), 1);
    for form in FORMS {
        let text = fs::read_to_string(workspace.path(&format!("{form}.out"))).unwrap();
        assert!(text.contains("traces/bad0"), "{form}: {text}");
    }
    assert_eq!(fs::read(workspace.path("page.html")).unwrap(), fs::read(workspace.path("html.out")).unwrap());
    let nowhere = workspace.run(&["gate", "--report", "json=no/such/directory.json"]);
    assert_eq!(nowhere.code(), 2, "told before anything is run");
    assert!(nowhere.errors().contains("there is no directory"), "{}", nowhere.errors());
}

#[test]
fn the_text_fits_one_screen_however_much_is_wrong() {
    let text = red().run(&["gate"]).text();
    assert!(text.lines().count() <= 24, "{text}");
    assert!(text.contains("and 35 more"), "{text}");
}

#[test]
fn junit_has_a_case_for_each_unit_and_tells_failures() {
    let text = red().run(&["gate", "--format", "junit"]).text();
    let document = roxmltree::Document::parse(&text).unwrap();
    let count = |name: &str| document.descendants().filter(|node| node.has_tag_name(name)).count();
    assert_eq!((count("testsuite"), count("testcase"), count("failure")), (1, 41, 40));
}

#[test]
fn sarif_has_a_result_for_each_finding_and_the_rule_in_words() {
    let workspace = red();
    let sarif = workspace.run(&["gate", "--format", "sarif"]).json();
    assert_eq!((&sarif["version"], sarif["$schema"].is_string()), (&Value::from("2.1.0"), true));
    let run = &sarif["runs"][0];
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 40);
    let (rule, _) = workspace.add_rejected("traces/again.pcap.zst");
    assert_eq!(results[0]["ruleId"], rule.as_str());
    assert_eq!(results[0]["level"], "error");
    let place = &results[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert!(place.as_str().unwrap().ends_with("traces/bad0.pcap.zst"), "{place}");
    let described = run["tool"]["driver"]["rules"].as_array().unwrap();
    assert_eq!(described.len(), 1);
    assert!(described[0]["shortDescription"]["text"].as_str().unwrap().contains(' '), "{described:?}");
}

#[test]
fn github_gets_few_annotations_and_a_summary() {
    let workspace = red();
    let file = workspace.path("summary.md");
    fs::write(&file, "before\n").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_midcomms"));
    command.args(["gate", "--format", "github"]).current_dir(workspace.0.path()).env("GITHUB_STEP_SUMMARY", &file);
    let ran = Ran(command.output().unwrap());
    assert_eq!(ran.code(), 1);
    let annotations: Vec<String> =
        ran.text().lines().filter(|line| line.starts_with("::")).map(str::to_owned).collect();
    assert_eq!(annotations.len(), 1, "forty of one rule are one: {annotations:?}");
    assert!(annotations[0].starts_with("::error file=") && annotations[0].contains("and 39 more like this"));
    let summary = fs::read_to_string(file).unwrap();
    assert!(summary.starts_with("before\n## midcomms gate: ❌ failed"), "{summary}");
    assert!(summary.contains("### 40 findings"), "{summary}");
}

#[test]
fn names_cannot_inject_commands_or_markup() {
    let workspace = Workspace::replaying(1, "");
    let name = "traces/a|b`c`,d:e%0A::error::x <b>.pcap.zst";
    workspace.add_rejected(name);
    let summary = workspace.run(&["gate", "--format", "markdown"]).text();
    assert!(!summary.contains("<b>.pcap") || summary.contains("```"), "{summary}");
    let list: Vec<&str> = summary.lines().filter(|line| line.starts_with("- ")).collect();
    assert!(list.iter().all(|line| line.contains("\\|") && line.contains("&lt;b>")), "{list:?}");
    let text = workspace.run(&["gate", "--format", "github"]).text();
    let annotations: Vec<&str> = text.lines().filter(|line| line.starts_with("::")).collect();
    assert_eq!(annotations.len(), 1, "{text}");
    assert!(annotations[0].contains("%2Cd%3Ae%250A%3A%3Aerror"), "{annotations:?}");
}

#[test]
fn without_anything_to_check_it_is_not_green() {
    let workspace = Workspace::new("[profile.default]\nsteps = [\"replay\"]\n");
    let ran = workspace.run(&["gate"]);
    assert_eq!(ran.code(), 2, "{}", ran.text());
    assert!(ran.text().contains("replay.paths is empty"), "{}", ran.text());
}
