//! `midcomms convert`.

use std::io::{self, BufWriter, Write};

use anyhow::Context;

use super::args::ConvertArgs;
use super::exit::{Exit, end_on_closed_pipe};
use crate::capture::{CaptureOptions, OpenedInput};
use crate::native::compact::{CompactFile, FIRST_BYTE, convert};

/// Prints a compact native trace as JSON lines. What cannot be read is a line too, and makes the exit code 2.
pub(crate) fn run(args: &ConvertArgs) -> anyhow::Result<Exit> {
    let name = args.path.display();
    let mut input = OpenedInput::open(&args.path, &CaptureOptions::default())?;
    if input.begins_with(b'{')? {
        anyhow::bail!("{name}: begins with `{{`: if it is a native trace, it is JSON lines already");
    }
    if !input.begins_with(FIRST_BYTE)? {
        anyhow::bail!("{name}: is no compact native trace: byte 0 is not {FIRST_BYTE:#x}");
    }
    let file = CompactFile::open(input).map_err(|error| anyhow::anyhow!("{name}: {error}"))?;
    let mut out = BufWriter::new(io::stdout().lock());
    let written = convert(file, &mut out).and_then(|tally| out.flush().map(|()| tally));
    match written {
        Ok(tally) if tally.damaged > 0 => {
            let _ = writeln!(io::stderr(), "error: {name}: {} places cannot be read: see `damaged`", tally.damaged);
            Ok(Exit::Unusable)
        }
        Ok(_) => Ok(Exit::Good),
        Err(error) => {
            end_on_closed_pipe(Err(error)).context("the lines cannot be written")?;
            Ok(Exit::Good)
        }
    }
}
