//! Locks that a process takes from the kernel by the device of a lockspace (`linux/dlm_device.h`).

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{self, JoinHandle};

use anyhow::{Context as _, Result, bail};

use crate::manager::{NAME, put, request};

const LOCK: u8 = 1;
const UNLOCK: u8 = 2;
/// Where the parameters of a lock are in a request.
const NAME_LEN: usize = 17;
const LOCK_ID: usize = 24;
const AST_PARAMETER: usize = 48;
const AST_ADDRESS: usize = 56;
const STATUS_BLOCK: usize = 80;
/// Bytes of a result before a lock value block, and where its parts are.
const RESULT_LEN: usize = 72;
const RESULT_PARAMETER: usize = 24;
const RESULT_STATUS: usize = 40;
/// Status of an unlock that worked.
const UNLOCKED: i32 = -0x10002;

fn open() -> Result<File> {
    let path = format!("/dev/dlm_{NAME}");
    OpenOptions::new().read(true).write(true).open(&path).context(path)
}

/// A process's locks in the lockspace, all in the null mode.
pub(crate) struct Locks {
    device: File,
}

impl Locks {
    pub(crate) fn open() -> Result<Self> {
        Ok(Self { device: open()? })
    }

    /// Asks for a lock; returns its number. The answer comes as a result with `parameter`.
    fn ask(&mut self, resource: &str, parameter: u64) -> Result<u32> {
        let mut request = Self::request(LOCK, parameter);
        put(&mut request, NAME_LEN, &[u8::try_from(resource.len())?]);
        request.extend_from_slice(resource.as_bytes());
        let lock = self.device.write(&request).with_context(|| format!("cannot ask for a lock on {resource}"))?;
        Ok(u32::try_from(lock)?)
    }

    fn give_back(&mut self, lock: u32, parameter: u64) -> Result<()> {
        let mut request = Self::request(UNLOCK, parameter);
        put(&mut request, LOCK_ID, &lock.to_le_bytes());
        self.device.write(&request).with_context(|| format!("cannot give lock {lock} back"))?;
        Ok(())
    }

    fn request(command: u8, parameter: u64) -> Vec<u8> {
        let mut request = request(command);
        // The kernel only hands them back, but refuses zeros.
        put(&mut request, AST_PARAMETER, &(parameter + 1).to_le_bytes());
        for pointer in [AST_ADDRESS, STATUS_BLOCK] {
            put(&mut request, pointer, &1_u64.to_le_bytes());
        }
        request
    }

    /// Waits for the next result: its parameter, and its status.
    fn result(&mut self) -> Result<(u64, i32)> {
        let mut result = [0; RESULT_LEN + 64];
        let read = self.device.read(&mut result).context("cannot read the result of a lock")?;
        let parts = (
            result.get(RESULT_PARAMETER..).and_then(<[u8]>::first_chunk),
            result.get(RESULT_STATUS..).and_then(<[u8]>::first_chunk),
        );
        let (Some(parameter), Some(status), true) = (parts.0, parts.1, read >= RESULT_LEN) else {
            bail!("the result of a lock has {read} bytes");
        };
        Ok((u64::from_le_bytes(*parameter).wrapping_sub(1), i32::from_le_bytes(*status)))
    }

    /// Takes a lock on each of `resources`, to be held as long as this lives.
    pub(crate) fn hold(&mut self, resources: &[String]) -> Result<()> {
        for (index, resource) in resources.iter().enumerate() {
            self.ask(resource, index as u64)?;
        }
        for _ in resources {
            if let (index, status) = self.result()?
                && status != 0
            {
                bail!("the lock on resource {index} was refused with status {status}");
            }
        }
        Ok(())
    }

    /// Takes locks and gives them back, `window` at a time, `cycles` in all.
    fn cycle(&mut self, resources: &[String], window: u32, cycles: u32, done: &AtomicU32) -> Result<()> {
        let mut begun = window.min(cycles);
        let mut locks = vec![None; begun as usize];
        let pick = |turn: u32| resources.get(turn as usize % resources.len()).map_or("", String::as_str);
        for slot in 0..begun {
            let lock = self.ask(pick(slot), slot.into())?;
            self.note(&mut locks, slot.into(), Some(lock))?;
        }
        while done.load(Ordering::Relaxed) < cycles {
            let (slot, status) = self.result()?;
            match (status, locks.get(usize::try_from(slot)?).copied().flatten()) {
                (0, Some(lock)) => {
                    self.note(&mut locks, slot, None)?;
                    self.give_back(lock, slot)?;
                }
                (UNLOCKED, None) => {
                    done.fetch_add(1, Ordering::Relaxed);
                    if begun < cycles {
                        let lock = self.ask(pick(begun), slot)?;
                        self.note(&mut locks, slot, Some(lock))?;
                        begun += 1;
                    }
                }
                (status, lock) => bail!("slot {slot} with lock {lock:?} was answered with status {status}"),
            }
        }
        Ok(())
    }

    fn note(&self, locks: &mut [Option<u32>], slot: u64, lock: Option<u32>) -> Result<()> {
        *locks.get_mut(usize::try_from(slot)?).context("no such slot")? = lock;
        Ok(())
    }
}

/// Locks that are taken and given back by a thread.
pub(crate) struct Load {
    thread: JoinHandle<Result<()>>,
    done: Arc<AtomicU32>,
    cycles: u32,
}

impl Load {
    /// Begins.
    pub(crate) fn start(resources: Vec<String>, window: u32, cycles: u32) -> Result<Self> {
        let mut locks = Locks::open()?;
        let done = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&done);
        let thread = thread::spawn(move || locks.cycle(&resources, window, cycles, &count));
        Ok(Self { thread, done, cycles })
    }

    pub(crate) fn done(&self) -> u32 {
        self.done.load(Ordering::Relaxed)
    }

    pub(crate) fn cycles(&self) -> u32 {
        self.cycles
    }

    pub(crate) fn is_over(&self) -> bool {
        self.thread.is_finished()
    }

    /// What became of it; it must be over.
    pub(crate) fn outcome(self) -> Result<()> {
        self.thread.join().map_err(|_| anyhow::anyhow!("the thread of a load died"))?
    }
}
