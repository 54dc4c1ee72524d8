//! `midcomms decode`.

use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

use anyhow::Context;

use super::args::{DecodeArgs, DecodeFormat};
use super::exit::{Exit, end_on_closed_pipe};
use super::progress::Progress;
use super::terminal::ColorChoice;
use super::trouble::Trouble;
use crate::capture::{CaptureOptions, CaptureReader, Observed};
use crate::inputs::{Input, expand};
use crate::messages::{Item, Messages};
use crate::render::{DecodedLines, JsonLines, Paint, TextLines, printable};

/// Prints every message of captures.
pub(crate) fn run(args: DecodeArgs) -> anyhow::Result<Exit> {
    let args = args.validate()?;
    let inputs = expand(&args.input.paths, false);
    let total = inputs.iter().map(Input::bytes).sum();
    let progress = Progress::new(total, !io::stdout().is_terminal());
    let mut options = args.input.capture_options();
    options.progress = progress.counter();
    let mut lines: Box<dyn DecodedLines> = match args.format {
        DecodeFormat::Text => Box::new(TextLines::new(args.absolute)),
        DecodeFormat::Jsonl => Box::new(JsonLines::default()),
    };
    let mut output = Output { out: BufWriter::new(io::stdout().lock()), error: None };
    output.write(|out| lines.head(out));
    let mut exit = Exit::default();
    for input in &inputs {
        if inputs.len() > 1 {
            output.write(|out| lines.begin_input(&printable(&input.name()), out));
        }
        let one = Decoding { lines: &mut *lines, output: &mut output, args: &args, messages: 0 };
        exit = exit.max(one.run(input, &options));
        output.flush().context("the messages cannot be written")?;
    }
    Ok(exit)
}

/// The standard output; remembers the first error that is more than a closed pipe.
struct Output {
    out: BufWriter<StdoutLock<'static>>,
    error: Option<io::Error>,
}

impl Output {
    fn write(&mut self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) {
        if self.error.is_none() {
            self.error = end_on_closed_pipe(write(&mut self.out)).err();
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.error.take() {
            Some(error) => Err(error),
            None => end_on_closed_pipe(self.out.flush()),
        }
    }
}

/// The decoding of one input.
struct Decoding<'a> {
    lines: &'a mut dyn DecodedLines,
    output: &'a mut Output,
    args: &'a DecodeArgs,
    messages: u64,
}

impl Decoding<'_> {
    fn run(mut self, input: &Input, options: &CaptureOptions) -> Exit {
        let troubles = match self.read(input, options) {
            Ok(troubles) => troubles,
            Err(trouble) => vec![trouble],
        };
        let paint = Paint::new(ColorChoice::Auto.applies_to(&io::stderr()));
        let _ = self.output.out.flush();
        troubles.iter().for_each(|trouble| trouble.tell(paint));
        match (troubles.is_empty(), self.messages) {
            (false, _) => Exit::Unusable,
            (true, 0) => {
                let ports: Vec<_> = options.ports.iter().map(u16::to_string).collect();
                let (warning, name) = (paint.warning("warning:"), printable(&input.name()));
                let ports = ports.join(", ");
                let _ = writeln!(io::stderr(), "{warning} {name}: no message of DLM on port {ports} (see --port)");
                Exit::Unproven
            }
            (true, _) => Exit::Good,
        }
    }

    fn read(&mut self, input: &Input, options: &CaptureOptions) -> Result<Vec<Trouble>, Trouble> {
        let paths = match input {
            Input::Capture(paths) => paths,
            Input::Unusable(_, reason) => return Err(Trouble::with_input(&input.name(), reason)),
        };
        let reader = CaptureReader::open_together(paths, options).map_err(|error| Trouble::from(&error))?;
        let mut messages = Messages::default();
        let summary = reader.read(&mut |observed| self.observe(&observed, &mut messages));
        Ok(summary.damage.iter().map(Trouble::from).collect())
    }

    fn observe(&mut self, observed: &Observed<'_>, messages: &mut Messages) {
        let Self { lines, output, args, messages: count } = self;
        lines.transport(observed);
        if !args.messages_only {
            output.write(|out| lines.event(observed, out));
        }
        messages.handle(observed, &mut |item| match &item {
            Item::Message(seen) => {
                *count += 1;
                output.write(|out| lines.message(seen, out));
            }
            Item::Unparseable(seen, error) => {
                output.write(|out| lines.unparseable(seen, error, out));
            }
            Item::Resynchronised(_, direction, skipped) => {
                if !args.messages_only {
                    output.write(|out| lines.resynchronised(observed, *direction, *skipped, out));
                }
            }
        });
    }
}
