//! What the cluster manager's daemon does on a node: tells the kernel who its peers are and who is in the lockspace, by
//! configfs, sysfs and the control device.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::peer::{LOCKSPACE, Over};

/// The lockspace's name.
pub(crate) const NAME: &str = "lab";
/// How long the kernel may take to make or remove a lockspace.
const PATIENCE: Duration = Duration::from_secs(30);

const CLUSTER: &str = "/sys/kernel/config/dlm/cluster";
const CONTROL_DEVICE: &str = "/dev/dlm-control";
const MONITOR_DEVICE: &str = "/dev/dlm-monitor";

/// Bytes of the control device's request (`struct dlm_write_request` of `linux/dlm_device.h`, 64 bits) before a name.
pub(crate) const REQUEST_LEN: usize = 120;
/// Where the parameters of a lockspace begin in it.
const LOCKSPACE_FLAGS: usize = 16;
const LOCKSPACE_MINOR: usize = 20;
const LOCKSPACE_NAME: usize = 24;
const CREATE_LOCKSPACE: u8 = 4;
const REMOVE_LOCKSPACE: u8 = 5;
/// Remove it although locks are held.
const FORCE: u32 = 2;

/// A request to the lock manager's devices, all zeros but for its head.
pub(crate) fn request(command: u8) -> Vec<u8> {
    let mut request = vec![0; REQUEST_LEN];
    put(&mut request, 0, &6_u32.to_le_bytes());
    put(&mut request, 12, &[command, 1]);
    request
}

/// Writes `bytes` at `offset` of a request.
pub(crate) fn put(request: &mut [u8], offset: usize, bytes: &[u8]) {
    if let Some(place) = request.get_mut(offset..offset + bytes.len()) {
        place.copy_from_slice(bytes);
    }
}

fn write(path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> Result<()> {
    let path = path.as_ref();
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

fn make(path: impl AsRef<Path>) -> Result<()> {
    let path = path.as_ref();
    fs::create_dir(path).with_context(|| format!("cannot make {}", path.display()))
}

fn remove(path: impl AsRef<Path>) -> Result<()> {
    let path = path.as_ref();
    fs::remove_dir(path).with_context(|| format!("cannot remove {}", path.display()))
}

/// Hands one request to the control device; a write's result is the minor number of a lockspace's device.
fn control(request: &[u8]) -> Result<usize> {
    let mut device = OpenOptions::new().write(true).open(CONTROL_DEVICE).context(CONTROL_DEVICE)?;
    device.write(request).context(CONTROL_DEVICE)
}

/// The kernel as a node of the cluster.
pub(crate) struct Manager {
    node: u32,
    peer: (u32, [u8; 4]),
    /// The kernel makes lockspaces only while a daemon has this open.
    _monitor: File,
}

impl Manager {
    /// Tells the kernel its own address and that of its peer.
    pub(crate) fn start(over: Over, node: (u32, [u8; 4]), peer: (u32, [u8; 4])) -> Result<Self> {
        make(CLUSTER)?;
        write(format!("{CLUSTER}/cluster_name"), "lab")?;
        write(format!("{CLUSTER}/protocol"), if over == Over::Sctp { "1" } else { "0" })?;
        write(format!("{CLUSTER}/log_debug"), "1")?;
        let monitor = File::open(MONITOR_DEVICE).context(MONITOR_DEVICE)?;
        Self::know(node)?;
        write(format!("{CLUSTER}/comms/{}/local", node.0), "1")?;
        Self::know(peer)?;
        Ok(Self { node: node.0, peer, _monitor: monitor })
    }

    /// Tells the kernel where a node is.
    fn know((node, address): (u32, [u8; 4])) -> Result<()> {
        let comm = format!("{CLUSTER}/comms/{node}");
        make(&comm)?;
        write(format!("{comm}/nodeid"), node.to_string())?;
        write(format!("{comm}/addr"), socket_address(address))
    }

    fn sysfs(file: &str) -> PathBuf {
        PathBuf::from(format!("/sys/kernel/dlm/{NAME}/{file}"))
    }

    fn member(node: u32) -> String {
        format!("{CLUSTER}/spaces/{NAME}/nodes/{node}")
    }

    /// Makes the lockspace, with this node as its only member.
    pub(crate) fn create(&self) -> Result<Lockspace> {
        let mut request = request(CREATE_LOCKSPACE);
        request.truncate(LOCKSPACE_NAME);
        request.extend_from_slice(NAME.as_bytes());
        request.resize(REQUEST_LEN + NAME.len() + 1, 0);
        let creating = thread::spawn(move || control(&request));
        let event = Self::sysfs("event_done");
        wait("the kernel begins to make the lockspace", || event.exists() || creating.is_finished())?;
        if creating.is_finished() {
            creating.join().map_err(|_| anyhow::anyhow!("a thread died"))??;
            bail!("the kernel made the lockspace without waiting for the cluster manager");
        }
        make(format!("{CLUSTER}/spaces/{NAME}"))?;
        Self::add_to_space(self.node)?;
        write(Self::sysfs("id"), LOCKSPACE.0.to_string())?;
        Self::go()?;
        write(event, "0")?;
        Ok(Lockspace { minor: finish(creating, "the kernel makes the lockspace")? })
    }

    fn add_to_space(node: u32) -> Result<()> {
        let member = Self::member(node);
        make(&member)?;
        write(format!("{member}/nodeid"), node.to_string())?;
        write(format!("{member}/weight"), "1")
    }

    fn stop() -> Result<()> {
        write(Self::sysfs("control"), "0")
    }

    fn go() -> Result<()> {
        write(Self::sysfs("control"), "1")
    }

    /// Tells the kernel that the peer has joined; it recovers with it before any lock goes on.
    pub(crate) fn add(&self) -> Result<()> {
        Self::stop()?;
        Self::add_to_space(self.peer.0)?;
        Self::go()
    }

    /// Tells the kernel that the peer has left.
    pub(crate) fn remove(&self) -> Result<()> {
        Self::stop()?;
        remove(Self::member(self.peer.0))?;
        Self::go()
    }

    /// Tells the kernel that the peer is dead: its record goes, and a new one begins when it joins again.
    pub(crate) fn fence(&self) -> Result<()> {
        self.remove()?;
        remove(format!("{CLUSTER}/comms/{}", self.peer.0))?;
        Self::know(self.peer)
    }

    /// Leaves and removes the lockspace: the kernel waits until it has closed with the peer, its fellow member.
    pub(crate) fn release(&self, lockspace: &Lockspace) -> Result<()> {
        let mut request = request(REMOVE_LOCKSPACE);
        put(&mut request, LOCKSPACE_FLAGS, &FORCE.to_le_bytes());
        put(&mut request, LOCKSPACE_MINOR, &u32::try_from(lockspace.minor)?.to_le_bytes());
        let removing = thread::spawn(move || control(&request));
        sleep(Duration::from_millis(150));
        Self::stop()?;
        write(Self::sysfs("event_done"), "0")?;
        finish(removing, "the kernel removes the lockspace")?;
        for node in [self.node, self.peer.0] {
            remove(Self::member(node))?;
        }
        remove(format!("{CLUSTER}/spaces/{NAME}"))
    }

    /// The state of the kernel's record of the peer, as debugfs shows it.
    pub(crate) fn state(&self) -> String {
        let state =
            fs::read_to_string(format!("/sys/kernel/debug/dlm/comms/{}/state", self.peer.0)).unwrap_or_default();
        state.trim().to_owned()
    }
}

/// A lockspace that the kernel has made.
pub(crate) struct Lockspace {
    minor: usize,
}

/// Waits until `holds`.
pub(crate) fn wait(what: &str, mut holds: impl FnMut() -> bool) -> Result<()> {
    let began = Instant::now();
    while !holds() {
        if began.elapsed() > PATIENCE {
            bail!("for {} s in vain: {what}", PATIENCE.as_secs());
        }
        sleep(Duration::from_millis(10));
    }
    Ok(())
}

fn finish(thread: JoinHandle<Result<usize>>, what: &str) -> Result<usize> {
    wait(what, || thread.is_finished())?;
    thread.join().map_err(|_| anyhow::anyhow!("a thread died"))?
}

/// `struct sockaddr_storage` with an IPv4 address and no port.
fn socket_address(address: [u8; 4]) -> Vec<u8> {
    const AF_INET: u16 = 2;
    let mut storage = vec![0; 128];
    put(&mut storage, 0, &AF_INET.to_le_bytes());
    put(&mut storage, 4, &address);
    storage
}
