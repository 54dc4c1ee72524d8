//! Counterexamples told and drawn.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::OnceLock;

use midcomms_model::engine::Options;
use midcomms_model::revision::Revision;
use midcomms_model::rules::Base;
use midcomms_model::story::chart::{Chart, Head, Item};
use midcomms_model::story::run::{Event, Fate};
use midcomms_model::story::{Ending, Story, html, lines, mermaid, svg, text};
use midcomms_model::system::check::{Finding, check};
use midcomms_model::system::{Environment, Property, World};

/// Environments that are exhausted at once.
const SMALL: &[&str] = &["mild", "both-leave", "rejoin", "early", "lockspaces", "fence", "break", "timeout", "upgrade"];

fn world(base: Base, environment: &str, settings: &[(&str, &str)]) -> World {
    let mut rules = base.rules();
    for (name, value) in settings {
        rules.set(name, value).unwrap();
    }
    World::new(Environment::named(environment).unwrap().clone(), [rules; 3])
}

fn today(environment: &str) -> World {
    world(Base::Linux(Revision::Linux6_12), environment, &[])
}

fn stories(world: &World) -> Vec<Story> {
    let answer =
        check(world, &Property::ALL, &Options { threads: 2, max_states: 500_000, ..Options::default() }).unwrap();
    let found = answer.findings.iter().filter_map(|(property, finding)| match finding {
        Finding::Violated(counterexample) => Some(Story::of(world, counterexample, *property)),
        _ => None,
    });
    found.collect()
}

/// Those of today's kernel in small environments, and one with three nodes.
fn all() -> &'static [Story] {
    static ALL: OnceLock<Vec<Story>> = OnceLock::new();
    ALL.get_or_init(find_all)
}

fn find_all() -> Vec<Story> {
    let mut all: Vec<_> = SMALL.iter().flat_map(|environment| stories(&today(environment))).collect();
    all.extend(stories(&world(Base::Linux(Revision::Linux5_14), "ring", &[])));
    assert!(all.len() > 20, "{}", all.len());
    assert!(all.iter().any(|story| story.run.nodes == 3));
    all
}

#[test]
fn a_story_reads_as_it_was_written_down() {
    let stories = stories(&today("mild"));
    let story = stories.iter().find(|story| story.property == Some(Property::QueueDrains)).unwrap();
    let told = text::text(story, 100);
    assert_eq!(told, include_str!("mild-queue-drains.txt"), "{told}");
    let drawn = lines::lines(&Chart::of(story), 100);
    assert_eq!(drawn, include_str!("mild-queue-drains-chart.txt"), "{drawn}");
}

#[test]
fn every_message_that_is_written_is_read_lost_or_under_way_at_the_end() {
    for story in all() {
        let last = story.run.frames.last().unwrap();
        for (from, to) in story.run.pairs() {
            let left = |fate| fate == Fate::UnderWay;
            let told =
                story.run.messages.iter().filter(|sent| (sent.from, sent.to) == (from, to) && left(sent.fate)).count();
            let held = last.end(from, to).link.fifo.len() + usize::from(last.end(to, from).stale_len);
            assert_eq!(told, held, "{}: {:?} {from} to {to}", story.title, story.property);
        }
        for sent in &story.run.messages {
            let end = match sent.fate {
                Fate::UnderWay => continue,
                Fate::Read { step, .. } | Fate::Lost { step } => step,
            };
            assert!(
                sent.written.is_none_or(|written| sent.queued <= written && written <= end),
                "{}: {sent:?}",
                story.title
            );
        }
    }
}

#[test]
fn every_arrow_has_the_ends_that_its_rows_say() {
    for story in all() {
        let chart = Chart::of(story);
        for (index, arrow) in chart.arrows.iter().enumerate() {
            let row = |row: usize| chart.rows.get(row).map(|row| row.item.clone());
            match arrow.head {
                Head::Read(head) => assert_eq!(row(head), Some(Item::Arrives(index))),
                Head::Lost(head) => assert_eq!(row(head), Some(Item::Vanishes(index))),
                Head::UnderWay => {}
            }
            assert!(matches!(row(arrow.tail), Some(Item::Departs(_) | Item::Vanishes(_))), "{}", story.title);
        }
        let written = story.run.steps.iter().flat_map(|step| &step.events);
        let written = written.filter(|event| matches!(event, Event::Written(_))).count();
        let departed = chart.rows.iter().filter(|row| matches!(row.item, Item::Departs(_))).count();
        assert_eq!(written, departed, "{}", story.title);
        for step in 0..story.run.steps.len() {
            assert!(chart.rows.iter().any(|row| row.step == step), "{}: step {step} is not on the chart", story.title);
        }
    }
}

#[test]
fn pictures_are_well_formed_and_ask_for_nothing_else() {
    for story in all() {
        let picture = svg::svg(&Chart::of(story));
        let document = roxmltree::Document::parse(&picture).unwrap_or_else(|error| panic!("{}: {error}", story.title));
        let arrows = document
            .descendants()
            .filter(|node| node.attribute("class").is_some_and(|class| class.starts_with("mc-msg")));
        assert_eq!(arrows.count(), Chart::of(story).arrows.len());
        let page = html::html(story);
        assert!(page.contains("<svg") && page.contains("<ol>"));
        for text in [&picture, &page] {
            assert!(!text.contains("href=") && !text.contains("src=") && !text.contains("url("), "{}", story.title);
        }
    }
}

#[test]
fn text_charts_fit_and_mermaid_closes_what_it_opens() {
    for story in all() {
        let chart = Chart::of(story);
        for line in lines::lines(&chart, 100).lines() {
            assert!(line.chars().count() <= 100, "{line}");
        }
        for line in text::text(story, 100).lines() {
            assert!(line.chars().count() <= 100, "{line}");
        }
        let diagram = mermaid::mermaid(&chart);
        let count = |word: &str| diagram.lines().filter(|line| line.trim().starts_with(word)).count();
        assert_eq!(count("loop ") + count("rect "), count("end"), "{diagram}");
        assert_eq!(count("participant "), story.run.nodes);
        assert!(diagram.lines().skip(1).all(|line| line.starts_with("    ") && !line.contains(';')), "{diagram}");
    }
}

#[test]
fn what_is_told_of_a_property_has_a_reason() {
    for story in all() {
        let least = if story.ending() == Ending::Violated { 2 } else { 3 };
        assert!(story.conclusion().len() >= least, "{}: {:?} {:?}", story.title, story.property, story.conclusion());
    }
}

#[test]
fn a_cycle_is_told_as_going_on_for_ever() {
    let world = today("break");
    let mut story = stories(&world).into_iter().find(|story| story.ending() == Ending::Stops).unwrap();
    let last = story.run.steps.len();
    story.cycle_at = last - 2;
    assert_eq!(story.ending(), Ending::Repeats(last - 2));
    let (chart, first) = (Chart::of(&story), story.conclusion().remove(0));
    assert_eq!(first, format!("From here on steps {} to {last} repeat for ever.", last - 1));
    assert!(text::text(&story, 100).contains("for ever:"));
    assert!(svg::svg(&chart).contains("mc-cycle") && mermaid::mermaid(&chart).contains("loop for ever"));
    assert!(lines::lines(&chart, 100).lines().any(|line| line.starts_with('┌')));
}
