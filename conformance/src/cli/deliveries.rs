//! What was inferred as delivered, as TSV.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::render::printable;
use crate::replay::{DeliverySink, Label};

/// The file of `--deliveries`. Keeps the first error that writing gave.
pub(crate) struct Deliveries {
    out: BufWriter<Box<dyn Write + Send>>,
    error: Option<io::Error>,
    /// Several files are read as one: frames need the file beside their number.
    together: bool,
}

impl Deliveries {
    /// Creates `path`, or takes the standard output for `-`, and writes the head.
    pub(crate) fn create(path: &Path, together: bool) -> io::Result<Self> {
        let out: Box<dyn Write + Send> = match path.as_os_str() == "-" {
            true => Box::new(io::stdout()),
            false => Box::new(File::create(path)?),
        };
        let mut out = BufWriter::new(out);
        let file = if together { "\tfile" } else { "" };
        writeln!(out, "# midcomms-deliveries 1")?;
        writeln!(out, "frame\tfrom\tto\tseq\tlength\tcmd\ttype{file}")?;
        Ok(Self { out, error: None, together })
    }

    /// Says of which input the next lines are.
    pub(crate) fn begin_input(&mut self, name: &str) {
        let result = writeln!(self.out, "# file: {}", printable(name));
        self.keep(result);
    }

    /// Writes what is left, and tells the first error.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        match self.error.take() {
            Some(error) => Err(error),
            None => self.out.flush(),
        }
    }

    fn keep(&mut self, result: io::Result<()>) {
        if let Err(error) = result {
            self.error.get_or_insert(error);
        }
    }
}

impl DeliverySink for Deliveries {
    fn deliver(&mut self, from: u32, to: u32, seq: u32, label: &Label) {
        if self.error.is_some() {
            return;
        }
        let (frame, length, cmd) = (label.frame(), label.length(), label.cmd());
        let file = match self.together {
            true => format!("\t{}", label.frame.file),
            false => String::new(),
        };
        let kind = label.type_name();
        let result = writeln!(self.out, "{frame}\t{from}\t{to}\t{seq}\t{length}\t{cmd}\t{kind}{file}");
        self.keep(result);
    }
}
