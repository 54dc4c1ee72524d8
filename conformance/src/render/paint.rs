//! Colours, where they are wanted, and text that is safe to print.

use annotate_snippets::Renderer;
use clap::builder::styling::{AnsiColor, Style};

/// Paints, or leaves text as it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint {
    colors: bool,
}

impl Paint {
    /// Paints if `colors`.
    pub(crate) fn new(colors: bool) -> Self {
        Self { colors }
    }

    /// The renderer of diagnostics to match.
    pub(crate) fn renderer(self) -> Renderer {
        if self.colors { Renderer::styled() } else { Renderer::plain() }
    }

    /// A heading.
    pub(crate) fn heading(self, text: &str) -> String {
        self.with(Style::new().bold(), text)
    }

    /// All is well.
    pub(crate) fn good(self, text: &str) -> String {
        self.with(AnsiColor::Green.on_default(), text)
    }

    /// Not wrong, but worth a look.
    pub(crate) fn warning(self, text: &str) -> String {
        self.with(AnsiColor::Yellow.on_default().bold(), text)
    }

    /// Wrong.
    pub(crate) fn error(self, text: &str) -> String {
        self.with(AnsiColor::BrightRed.on_default().bold(), text)
    }

    /// Of less interest.
    pub(crate) fn faint(self, text: &str) -> String {
        self.with(Style::new().dimmed(), text)
    }

    fn with(self, style: Style, text: &str) -> String {
        match self.colors {
            true => format!("{style}{text}{style:#}"),
            false => text.to_owned(),
        }
    }
}

/// The same text, in which control characters (of a file name, say) do nothing to the terminal.
pub(crate) fn printable(text: &str) -> String {
    let escape = |c: char| match c {
        '\n' => vec![c],
        c if c.is_control() => c.escape_default().collect(),
        c => vec![c],
    };
    text.chars().flat_map(escape).collect()
}

/// Breaks lines between words so that none is longer than `width`, where words allow.
pub(crate) fn wrapped(text: &str, width: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colours_text_stays_as_it_is() {
        assert_eq!(Paint::new(false).error("x"), "x");
        assert!(Paint::new(true).error("x").starts_with('\u{1b}'));
    }

    #[test]
    fn control_characters_are_shown_and_not_obeyed() {
        assert_eq!(printable("a\u{1b}[31mb"), "a\\u{1b}[31mb");
        assert_eq!(printable("größer"), "größer");
    }

    #[test]
    fn lines_break_between_words() {
        assert_eq!(wrapped("one two three", 7), "one two\nthree");
        assert_eq!(wrapped("", 7), "");
    }
}
