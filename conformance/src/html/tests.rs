use std::path::Path;

use super::*;
use crate::coverage::Share;
use crate::gate::{Finding, StepReport, UnitReport, Verdict as GateVerdict};
use crate::replay::picture::{About, What};
use crate::replay::{NoDeliveries, ReplayOptions, replay_files};

/// What a name may hold that a page must not take for its own.
const HOSTILE: &str = "</script><img src=x onerror=alert(1)>\"'&amp;<!--<script>@@\u{2028}]]>";

fn replayed(trace: &str) -> FileReport {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../traces").join(trace);
    let options = ReplayOptions { pictures: true, ..ReplayOptions::default() };
    replay_files(&[path], &options, &mut NoDeliveries).unwrap()
}

/// The object in a page, as a browser reads it.
fn data_of(page: &str) -> Value {
    let (_, from) = page.split_once("<script type=\"application/json\" id=\"data\">").unwrap();
    let (data, _) = from.split_once("</script>").unwrap();
    serde_json::from_str(data).unwrap()
}

fn hostile_gate() -> GateReport {
    let text = || HOSTILE.to_owned();
    let finding = Finding { message: text(), file: Some(text()), detail: text(), ..Finding::default() };
    let unit =
        UnitReport { name: text(), verdict: GateVerdict::Failed, findings: vec![finding], ..UnitReport::default() };
    let step = StepReport {
        name: text(),
        verdict: GateVerdict::Failed,
        planned: 1,
        units: vec![unit],
        ..StepReport::default()
    };
    let mut report =
        GateReport { profile: text(), verdict: GateVerdict::Failed, steps: vec![step], ..GateReport::default() };
    report.coverage.cells.insert(text(), [(text(), 3)].into());
    report.coverage.transitions.insert(text(), Share { covered: 1, all: 2 });
    report
}

fn page_of_file(report: &FileReport) -> String {
    let mut page = Page::new("a page");
    page.file(report);
    page.finish()
}

#[test]
fn what_is_hostile_is_neither_markup_nor_changed() {
    let mut file = FileReport::unreadable(HOSTILE.to_owned(), HOSTILE.to_owned());
    file.notes.push(HOSTILE.to_owned());
    let mut page = Page::new(HOSTILE);
    page.file(&file);
    page.gate(&hostile_gate());
    let page = page.finish();
    assert_eq!(page.matches("</script>").count(), 2, "an end tag from the data ends the data");
    assert_eq!(page.matches("<script").count(), 2);
    assert!(!page.contains("<img") && !page.contains("<!--"));
    assert_eq!(page.matches('\u{2028}').count(), 1, "elsewhere than in the title, where it is a blank");
    let data = data_of(&page);
    assert_eq!(data["title"], HOSTILE);
    assert_eq!(data["replay"]["files"][0]["path"], HOSTILE);
    assert_eq!(data["gate"]["steps"][0]["units"][0]["findings"][0]["detail"], HOSTILE);
    assert_eq!(data["gate"]["coverage"]["cells"][HOSTILE][HOSTILE], 3);
}

#[test]
fn a_page_loads_nothing() {
    let page = page_of_file(&replayed("rejected/message-missing.pcap.zst"));
    assert!(page.contains(
        "content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\""
    ));
    for from_elsewhere in ["src=\"", "@import", "url(", "https:", "fetch(", "XMLHttpRequest", "import("] {
        assert!(!page.contains(from_elsewhere), "{from_elsewhere}");
    }
    // The one address is the name of SVG's elements, which no browser asks for.
    assert_eq!(page.matches("http:").count(), page.matches("http://www.w3.org/2000/svg").count());
}

#[test]
fn the_scripts_make_no_markup() {
    let page = gate(&GateReport::default(), &[]);
    for sink in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"] {
        assert!(!page.contains(sink), "{sink}");
    }
}

#[test]
fn a_page_is_small_before_there_is_data_in_it() {
    assert!(assets::len_bytes() < 80_000, "{} bytes", assets::len_bytes());
}

#[test]
fn no_text_of_the_scripts_goes_over_several_lines() {
    for script in ["base.js", "sequence.js", "timeline.js", "views.js", "page.js"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/html").join(script);
        for (number, line) in std::fs::read_to_string(path).unwrap().lines().enumerate() {
            assert_eq!(line.matches('`').count() % 2, 0, "{script}:{}: {line}", number + 1);
        }
    }
}

#[test]
fn a_page_names_its_format_and_has_only_what_was_put_in() {
    let data = data_of(&gate(&hostile_gate(), &[]));
    assert_eq!((&data["format"], &data["version"]), (&json!("midcomms-page"), &json!(1)));
    assert!(data["replay"].is_null() && data["check"].is_null());
    assert_eq!(data_of(&Page::new("x").of_files().finish())["replay"], json!({ "files": [] }));
}

#[test]
fn a_rejection_has_the_events_around_it() {
    let report = replayed("rejected/message-missing.pcap.zst");
    let rejection = report.pairs[0].rejection.as_ref().unwrap();
    let picture = report.pairs[0].picture.as_ref().unwrap();
    let scene = picture.scenes.iter().find(|scene| scene.about == About::Rejection).unwrap();
    let culprit = &scene.events[scene.culprit.unwrap()];
    assert_eq!((culprit.frame, culprit.what), (rejection.frame, What::Refused));
    assert_eq!(culprit.text, "OPTS 10 MSG GRANT");
    let before: Vec<_> = scene.events[..scene.culprit.unwrap()].iter().filter(|event| !event.text.is_empty()).collect();
    let told: Vec<_> = rejection.before.iter().map(|line| line.split(": ").nth(1).unwrap()).collect();
    let drawn: Vec<_> = before.iter().rev().take(told.len()).rev().map(|event| event.text.as_str()).collect();
    assert_eq!(drawn, told);
    assert!(before.iter().all(|event| event.records.is_some()));
}

#[test]
fn every_rejected_trace_is_drawn_with_its_culprit() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../traces/rejected");
    let mut seen = 0;
    for entry in std::fs::read_dir(directory).unwrap() {
        let name = format!("rejected/{}", entry.unwrap().file_name().to_str().unwrap());
        let report = replayed(&name);
        for pair in report.pairs.iter().filter(|pair| pair.rejection.is_some()) {
            let scene = &pair.picture.as_ref().unwrap().scenes[0];
            assert_eq!(scene.about, About::Rejection, "{name}");
            let culprit = scene.culprit.map(|at| scene.events[at].frame);
            assert_eq!(culprit, pair.rejection.as_ref().map(|rejection| rejection.frame), "{name}");
            seen += 1;
        }
    }
    assert!(seen > 50, "{seen}");
}

#[test]
fn a_stall_is_drawn_from_its_gap_to_the_end() {
    let report = replayed("kernel/stallhunt-k612.pcap.zst");
    let pair = &report.pairs[0];
    let picture = pair.picture.as_ref().unwrap();
    let scene = picture.scenes.iter().find(|scene| scene.about == About::Stall(0)).unwrap();
    let culprit = scene.culprit.unwrap();
    let stall = &pair.stalls[0];
    assert_eq!((scene.events[culprit].frame, scene.events[culprit].number), (stall.frame, Some(7862)));
    assert_eq!(scene.events[culprit].what, What::Ignored(stall.seq));
    let is_break = |event: &&crate::replay::picture::Event| Some(event.frame) == stall.break_frame;
    assert_eq!(scene.events.iter().find(is_break).map(|event| event.what), Some(What::Reset));
    assert!(scene.events.iter().any(|event| event.text.ends_with("FIN")), "the end of it is left out");
    let [_, second] = &picture.states;
    assert_eq!(second.iter().map(|change| change.state).collect::<Vec<_>>(), ["CLOSED", "ESTABLISHED", "FIN_WAIT1"]);
    let last = picture.progress[1].last().unwrap();
    assert_eq!((last.sent, last.accepted), (7908, 7860));
}

#[test]
fn what_is_kept_of_a_long_trace_is_bounded() {
    for trace in ["kernel/stallhunt-k612.pcap.zst", "kernel/heavy-k61.pcap.zst", "kernel/reconnect-k612.pcap.zst"] {
        let report = replayed(trace);
        for pair in &report.pairs {
            let picture = pair.picture.as_ref().unwrap();
            assert!(picture.scenes.iter().all(|scene| scene.events.len() <= 64 + 24 + 24), "{trace}");
            assert!(picture.progress.iter().all(|points| points.len() <= 130), "{trace}");
            assert!(picture.states.iter().all(|lane| lane.len() <= 256), "{trace}");
        }
    }
}

#[test]
fn a_picture_changes_no_verdict() {
    for trace in ["rejected/ack-goes-back.pcap.zst", "kernel/stallhunt-k612.pcap.zst", "kernel/three-k612.pcap.zst"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../traces").join(trace);
        let plain = replay_files(&[path], &ReplayOptions::default(), &mut NoDeliveries).unwrap();
        assert!(plain.pairs.iter().all(|pair| pair.picture.is_none()), "{trace}");
        assert_eq!(value(&plain), value(&replayed(trace)), "{trace}");
    }
}

#[test]
fn what_does_not_fit_is_counted() {
    let accepted = replayed("kernel/clean-k612.pcap.zst");
    let mut page = Page::new("many");
    (0..2003).for_each(|_| page.file(&accepted));
    let data = data_of(&page.finish());
    assert_eq!(data["replay"]["files"].as_array().unwrap().len(), 2000);
    assert_eq!(data["cut"]["accepted"], 3);
    assert_eq!(data["cut"]["accepted_messages"], 3 * 596);
    assert_eq!(data["cut"]["pictures"], 1960);
    assert!(!data["replay"]["files"][0]["pairs"][0]["picture"].is_null());
}
