//! What is wrong with an input, and whose fault that is.

use std::io::{self, Write};

use crate::capture::{CaptureError, CaptureFault};
use crate::native::{HeadError, LineError};
use crate::render::{Paint, printable};
use crate::replay::TogetherError;

/// Trouble with an input, told on stderr.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// File, what is wrong, where.
    pub(super) what: String,
    /// Whose fault it is and what that means for the verdict.
    whose: &'static str,
}

impl Trouble {
    /// An input that is no file to read.
    pub(crate) fn with_input(name: &str, reason: &str) -> Self {
        Self { what: format!("{name}: {reason}"), whose: "nothing to judge here: name a capture" }
    }

    /// A native trace that cannot be read at all.
    pub(crate) fn with_head(name: &str, error: &HeadError) -> Self {
        let whose = "the file is at fault, not the nodes: there is nothing in it to judge";
        Self { what: format!("{name}: {error}"), whose }
    }

    /// Prints it; that nobody reads stderr is no error.
    pub(crate) fn tell(&self, paint: Paint) {
        let (error, what) = (paint.error("error:"), printable(&self.what));
        let _ = writeln!(io::stderr(), "{error} {what}\n       {}", self.whose);
    }
}

impl From<&CaptureError> for Trouble {
    fn from(error: &CaptureError) -> Self {
        let place = if error.offset == 0 && has_place(&error.fault) { " (at byte 0)" } else { "" };
        Self { what: format!("{error}{place}"), whose: whose(&error.fault) }
    }
}

impl From<&TogetherError> for Trouble {
    fn from(error: &TogetherError) -> Self {
        match error {
            TogetherError::Capture(error) => error.into(),
            TogetherError::Head { name, error } => Self::with_head(name, error),
        }
    }
}

impl From<&LineError> for Trouble {
    fn from(error: &LineError) -> Self {
        let whose = "the file is at fault there, not the nodes: the rest is judged, as behind a hole";
        Self { what: error.to_string(), whose }
    }
}

fn has_place(fault: &CaptureFault) -> bool {
    !matches!(
        fault,
        CaptureFault::Open(_)
            | CaptureFault::Directory
            | CaptureFault::NoFile
            | CaptureFault::StandardInputTwice
            | CaptureFault::Empty
    )
}

fn whose(fault: &CaptureFault) -> &'static str {
    match fault {
        CaptureFault::Open(_) => "the path or its permissions are at fault: nothing was judged",
        CaptureFault::Read(_) => "the system is at fault: what comes before is judged",
        CaptureFault::Directory | CaptureFault::NoFile | CaptureFault::StandardInputTwice => {
            "the command line is at fault: nothing was judged"
        }
        CaptureFault::Empty | CaptureFault::NotACapture(_) | CaptureFault::TruncatedHeader { .. } => {
            "the file is at fault, not the nodes: there is nothing in it to judge"
        }
        CaptureFault::TruncatedRecord { .. } => {
            "the file was cut, by the recorder or by who copied it, not by the nodes: what comes before is judged"
        }
        CaptureFault::HostileLength { .. } | CaptureFault::BadBlock(_) | CaptureFault::Decompression { .. } => {
            "the file is damaged, which is not the nodes' fault: what comes before is judged"
        }
        CaptureFault::UnknownLinkType(_) => {
            "a limit of this program: record on an Ethernet, cooked (-i any), raw IP or loopback interface"
        }
    }
}
