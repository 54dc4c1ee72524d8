//! A rejection as a diagnostic in the style of a compiler.

use annotate_snippets::{AnnotationKind, Level, Message, Snippet};

use super::time::utc_of_seconds;
use super::{Paint, printable, wrapped};
use crate::replay::Rejection;

const WIDTH: usize = 100;

/// The diagnostic, several lines long.
pub(crate) fn rejection(rejection: &Rejection, path: &str, paint: Paint) -> String {
    let mut source = rejection.before.join("\n");
    if !source.is_empty() {
        source.push('\n');
    }
    let place = format!("frame {} {} {} > {}: ", rejection.frame, rejection.connection, rejection.from, rejection.to);
    let start = source.len() + place.len();
    source.push_str(&place);
    source.push_str(&rejection.message);
    let span = start..source.len();
    let mark = AnnotationKind::Primary.span(span).label(format!("got {}", rejection.got));
    let snippet = Snippet::source(source).line_numbering(false).fold(false).annotation(mark);
    let group = Level::ERROR
        .primary_title(rejection.rule_text)
        .id(rejection.rule)
        .element(Level::NOTE.with_name("file").message(printable(path)))
        .element(note("at", &place_of(rejection)))
        .element(snippet)
        .elements(notes(rejection).into_iter().map(|(name, text)| note(name, &text)));
    paint.renderer().render(&[group])
}

fn note(name: &'static str, text: &str) -> Message<'static> {
    Level::NOTE.with_name(name).message(wrapped(text, WIDTH))
}

/// Where it is, for Wireshark and for people.
fn place_of(rejection: &Rejection) -> String {
    let mut frames = format!("frame {}", rejection.frame);
    if rejection.first_frame != rejection.frame {
        frames = format!("frames {} to {}", rejection.first_frame, rejection.frame);
    }
    if rejection.file > 0 {
        frames = format!("{frames} of file {}", rejection.file + 1);
    }
    let time = utc_of_seconds(rejection.time);
    let (connection, from, to) = (&rejection.connection, rejection.from, rejection.to);
    format!("{frames}, {time}, connection {connection}, node {from} to node {to}")
}

fn notes(rejection: &Rejection) -> Vec<(&'static str, String)> {
    let rule = rejection.rule;
    vec![
        ("expected", rejection.expected.clone()),
        ("rule", format!("{rule}, model/PROTOCOL.md#{}", rule.to_ascii_lowercase())),
        ("note", "what follows between these two nodes was not judged".to_owned()),
    ]
}
