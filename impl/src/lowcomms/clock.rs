//! The clock: wall time at the start, and a monotonic clock since.

use core::time::Duration;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use tokio::time::Instant;

use super::error::Error;
use crate::midcomms::{Incarnation, Time};

/// Ids up to this far ahead are written down as used, so that the file is written twice an hour and not at every reset.
const HORIZON: Duration = Duration::from_secs(3600);

/// Tells [`Time`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
    epoch: Time,
}

impl Clock {
    pub(crate) fn new() -> Self {
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self { started: Instant::now(), epoch: Time(0).after(since_1970) }
    }

    pub(crate) fn now(&self) -> Time {
        self.epoch.after(self.started.elapsed())
    }

    /// The instant that the runtime sleeps until.
    pub(crate) fn instant(&self, time: Time) -> Instant {
        // A century is as good as never, and can be added to any instant.
        self.started + time.since(self.epoch).min(Duration::from_secs(100 * 365 * 86400))
    }
}

/// The file that keeps incarnation ids growing: one decimal number, greater than every id used so far.
#[derive(Clone, Debug)]
pub(crate) struct Incarnations {
    path: PathBuf,
    /// The first id of this run: what is used grows from here, or with the clock.
    first: Time,
}

impl Incarnations {
    /// Reads the file, if there is one, and says which id to begin with at `now`.
    pub(crate) fn begin(path: &Path, now: Time) -> Result<(Self, Incarnation), Error> {
        let fail = |source| Error::Incarnations { path: path.to_owned(), source };
        let used = match std::fs::read_to_string(path) {
            Ok(text) => {
                let number = text.trim().parse::<u64>();
                number.map_err(|error| {
                    fail(io::Error::new(io::ErrorKind::InvalidData, format!("expected one number: {error}")))
                })?
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(fail(error)),
        };
        let first = Time(now.0.max(used.saturating_add(1)));
        let file = Self { path: path.to_owned(), first };
        file.extend(now).map_err(fail)?;
        Ok((file, Incarnation(first.0)))
    }

    /// Writes down that ids up to an hour after `now` are used, and never less than before.
    pub(crate) fn extend(&self, now: Time) -> io::Result<()> {
        let next = self.path.with_extension("new");
        let mut file = std::fs::File::create(&next)?;
        writeln!(file, "{}", now.max(self.first).after(HORIZON).0)?;
        file.sync_all()?;
        std::fs::rename(&next, &self.path)
    }

    /// How long until [`Incarnations::extend`] is due again.
    pub(crate) const fn interval() -> Duration {
        Duration::from_secs(1800)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_down_never_goes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("incarnations");
        let number = || std::fs::read_to_string(&path).unwrap().trim().parse::<u64>().unwrap();
        let (file, first) = Incarnations::begin(&path, Time(1000)).unwrap();
        assert_eq!(first.0, 1000);
        file.extend(Time(5000)).unwrap();
        let written = number();
        assert!(written > 5000);
        // The clock was set back while the node was down.
        let (file, first) = Incarnations::begin(&path, Time(10)).unwrap();
        assert_eq!(first.0, written + 1);
        file.extend(Time(20)).unwrap();
        assert!(number() > first.0);
    }
}
