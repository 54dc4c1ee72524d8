//! Where files of the compact form lie.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

/// A place for the files of a trace. It is called by the writer's thread alone.
pub trait Storage: Send {
    /// Begins the file with this number; numbers go up by one.
    ///
    /// # Errors
    ///
    /// What the system says. It is tried again, with the same number, for the next block.
    fn create(&mut self, number: u64) -> io::Result<Box<dyn Segment>>;

    /// Removes the file with this number, for there are more than are to be kept.
    ///
    /// # Errors
    ///
    /// What the system says. It is not tried again.
    fn remove(&mut self, number: u64) -> io::Result<()>;
}

/// A file that is being written.
pub trait Segment: Send {
    /// Writes all of `bytes` behind what is there.
    ///
    /// # Errors
    ///
    /// What the system says. Some of the bytes may have been written: [`Segment::cut`] is called then.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Takes away what is behind the first `len` bytes.
    ///
    /// # Errors
    ///
    /// What the system says. The file is ended then.
    fn cut(&mut self, len: u64) -> io::Result<()>;
}

/// Files `PREFIX-NUMBER.mct` in a directory.
#[derive(Debug)]
pub struct Directory {
    directory: PathBuf,
    prefix: String,
    /// Added to the numbers: traces of earlier runs are not overwritten.
    base: u64,
}

impl Directory {
    /// Files go into this directory, which is made if it is not there. Their numbers go on behind those that are there.
    ///
    /// # Errors
    ///
    /// If the directory cannot be made or read.
    pub fn new(directory: impl AsRef<Path>, prefix: impl Into<String>) -> io::Result<Self> {
        let (directory, prefix) = (directory.as_ref().to_owned(), prefix.into());
        fs::create_dir_all(&directory)?;
        let mut base = 0;
        for entry in fs::read_dir(&directory)? {
            base = base.max(number_of(&entry?.file_name().to_string_lossy(), &prefix).unwrap_or(0));
        }
        Ok(Self { directory, prefix, base })
    }

    fn path(&self, number: u64) -> PathBuf {
        self.directory.join(format!("{}-{:06}.mct", self.prefix, self.base.saturating_add(number)))
    }
}

fn number_of(name: &str, prefix: &str) -> Option<u64> {
    name.strip_prefix(prefix)?.strip_prefix('-')?.strip_suffix(".mct")?.parse().ok()
}

impl Storage for Directory {
    fn create(&mut self, number: u64) -> io::Result<Box<dyn Segment>> {
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(self.path(number))?;
        Ok(Box::new(file))
    }

    fn remove(&mut self, number: u64) -> io::Result<()> {
        fs::remove_file(self.path(number))
    }
}

impl Segment for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn cut(&mut self, len: u64) -> io::Result<()> {
        self.set_len(len)?;
        self.seek(SeekFrom::Start(len)).map(|_| ())
    }
}
