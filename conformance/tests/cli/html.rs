//! `--html`: pages for a browser, beside what is printed.

use std::fs;

use super::{Desk, code, json, kernel, midcomms, stderr, stdout};

fn data_of(page: &str) -> serde_json::Value {
    let (_, from) = page.split_once("id=\"data\">").unwrap();
    serde_json::from_str(from.split_once("</script>").unwrap().0).unwrap()
}

#[test]
fn a_page_is_written_beside_the_report_and_changes_neither_it_nor_the_exit_code() {
    let desk = Desk::new();
    let page = desk.name("report.html");
    for (input, expected) in [(kernel("stallhunt-k612"), 0), (desk.rejected(), 1), (desk.vacuous(), 3)] {
        let plain = midcomms(&["replay", &input]);
        let output = midcomms(&["replay", &input, "--html", &page]);
        assert_eq!(code(&output), expected, "{}", stderr(&output));
        assert_eq!(stdout(&output), stdout(&plain));
        let data = data_of(&fs::read_to_string(&page).unwrap());
        assert_eq!(data["replay"]["files"][0]["path"], input);
    }
}

#[test]
fn json_and_page_say_the_same() {
    let desk = Desk::new();
    let page = desk.name("report.html");
    let printed = json(&midcomms(&["replay", &desk.rejected(), "--format", "json", "--html", &page]));
    let data = data_of(&fs::read_to_string(&page).unwrap());
    let mut file = data["replay"]["files"][0].clone();
    assert!(file["pairs"][0]["picture"]["scenes"][0]["culprit"].is_u64());
    file["pairs"][0].as_object_mut().unwrap().remove("picture");
    assert_eq!(file, printed["files"][0]);
}

#[test]
fn a_page_on_the_standard_output_moves_the_report_to_stderr() {
    let output = midcomms(&["replay", &kernel("clean-k612"), "--html", "-"]);
    assert_eq!(code(&output), 0);
    assert!(stdout(&output).starts_with("<!doctype html>") && stdout(&output).trim_end().ends_with("</html>"));
    assert!(stderr(&output).contains("1 accepted"), "{}", stderr(&output));
}

#[test]
fn a_page_overwrites_nothing_that_is_read_and_is_no_directory() {
    let desk = Desk::new();
    let input = desk.rejected();
    let before = fs::read(&input).unwrap();
    let output = midcomms(&["replay", &input, "--html", &input]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("overwrite"), "{}", stderr(&output));
    assert_eq!(fs::read(&input).unwrap(), before);
    for (place, reason) in
        [(desk.name("."), "is a directory"), (desk.name("none/report.html"), "there is no directory")]
    {
        let output = midcomms(&["replay", &input, "--html", &place]);
        assert_eq!(code(&output), 2, "{place}");
        assert!(stderr(&output).contains(reason), "{}", stderr(&output));
    }
}

#[test]
fn two_outputs_do_not_share_a_place() {
    let desk = Desk::new();
    let (input, page) = (desk.rejected(), desk.name("report.html"));
    for arguments in [
        &["replay", &input, "--html", "-", "--format", "json"][..],
        &["replay", &input, "--html", "-", "--deliveries", "-"],
        &["replay", &input, "--html", &page, "--deliveries", &page],
        &["check", "--html", "-", "--format", "json"],
        &["check", "--html", &page, "--accept"],
        &["check", "--html", &page, "--expected"],
        &["check", "--revision", "linux-6.12", "--environment", "mild", "--html", &page, "--export", &page],
    ] {
        let output = midcomms(arguments);
        assert_eq!(code(&output), 2, "{arguments:?}: {}", stderr(&output));
    }
}

#[test]
fn a_check_has_its_rows_and_a_story_for_each_violated_one() {
    let desk = Desk::new();
    let page = desk.name("check.html");
    let output = midcomms(&["check", "--revision", "linux-6.12", "--environment", "mild", "--quiet", "--html", &page]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let data = data_of(&fs::read_to_string(&page).unwrap());
    let rows = data["check"]["report"]["rows"].as_array().unwrap();
    let violated: Vec<_> = (0..rows.len()).filter(|row| rows[*row]["verdict"] == "violated").collect();
    let told = data["check"]["counterexamples"].as_array().unwrap();
    let of: Vec<_> = told.iter().map(|one| one["row"].as_u64().unwrap() as usize).collect();
    assert_eq!(of, violated);
    assert!(!violated.is_empty());
    for (one, row) in told.iter().zip(&violated) {
        assert!(one["svg"].as_str().unwrap().starts_with("<svg"));
        assert_eq!(one["steps"].as_array().unwrap().len() as u64, rows[*row]["steps"].as_u64().unwrap());
    }
}
