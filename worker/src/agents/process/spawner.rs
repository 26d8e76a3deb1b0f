//! Starts all supervisors from a single thread, and kills any descendants that killed supervisors leave behind.
//!
//! A supervisor exits when the thread that started it exits, because `PR_SET_PDEATHSIG` is tied to the thread, not to
//! the process. This thread therefore runs as long as the worker does. The worker is also a subreaper: the descendants
//! of a killed supervisor become children of the worker and are killed by this module. The worker has no other
//! children.

use std::{
    collections::HashSet,
    io,
    sync::{Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::{
        prctl,
        wait::{WaitPidFlag, waitpid},
    },
    unistd::Pid,
};
use tokio::{
    process::{Child, Command},
    runtime::Handle,
    sync::oneshot,
    time::sleep,
};

use super::tree;

/// How long the thread waits for killed orphans to exit before it handles other requests.
const SWEEP_LIMIT: Duration = Duration::from_secs(1);
/// Pause before trying again to kill the remaining orphans.
const SWEEP_PAUSE: Duration = Duration::from_millis(200);

/// The supervisors started by this process. The set is locked while a supervisor is being started, so that the new
/// supervisor is not mistaken for an orphan.
pub(super) static SUPERVISORS: Mutex<Option<HashSet<u32>>> = Mutex::new(None);

/// A handle to the thread; see the module documentation.
#[derive(Clone, Debug)]
pub struct Spawner {
    requests: mpsc::Sender<SpawnerRequest>,
}

#[derive(Debug)]
enum SpawnerRequest {
    Start(Box<Command>, oneshot::Sender<io::Result<Child>>),
    Sweep(u32, oneshot::Sender<bool>),
}

impl Spawner {
    /// Starts the thread and makes the process a subreaper. Must be called from within a tokio runtime.
    ///
    /// # Errors
    /// Fails if the thread cannot be started or the system is not Linux.
    pub fn new() -> io::Result<Self> {
        prctl::set_child_subreaper(true)?;
        let (requests, received) = mpsc::channel();
        let runtime = Handle::current();
        thread::Builder::new().name("spawner".to_owned()).spawn(move || {
            let _entered = runtime.enter();
            for request in received {
                match request {
                    SpawnerRequest::Start(command, reply) => {
                        if let Err(Ok(unwanted)) = reply.send(start(*command)) {
                            abandon(unwanted);
                        }
                    }
                    SpawnerRequest::Sweep(ended, reply) => {
                        let _ = reply.send(sweep(ended));
                    }
                }
            }
        })?;
        Ok(Self { requests })
    }

    /// Starts a supervisor.
    ///
    /// # Errors
    /// Fails if the process cannot be started.
    pub async fn start(&self, command: Command) -> io::Result<Child> {
        let (reply, started) = oneshot::channel();
        self.requests.send(SpawnerRequest::Start(Box::new(command), reply)).map_err(io::Error::other)?;
        started.await.map_err(io::Error::other)?
    }

    /// Kills any descendants left behind by the exited supervisor with the process ID `ended`, until none remain.
    pub async fn sweep(&self, ended: u32) {
        loop {
            let (reply, swept) = oneshot::channel();
            if self.requests.send(SpawnerRequest::Sweep(ended, reply)).is_err() || swept.await != Ok(false) {
                return;
            }
            sleep(SWEEP_PAUSE).await;
        }
    }
}

fn start(mut command: Command) -> io::Result<Child> {
    let mut supervisors = SUPERVISORS.lock().unwrap_or_else(PoisonError::into_inner);
    let child = command.spawn()?;
    supervisors.get_or_insert_default().extend(child.id());
    Ok(child)
}

/// Kills a supervisor whose turn was stopped while the supervisor was starting.
fn abandon(mut child: Child) {
    let Some(pid) = child.id() else { return };
    tree::descendants(pid).into_iter().for_each(tree::kill);
    if let (Ok(()), Ok(raw)) = (child.start_kill(), i32::try_from(pid)) {
        let _ = waitpid(Pid::from_raw(raw), None);
    }
    sweep(pid);
}

/// Kills orphans. Returns `true` if none remain.
fn sweep(ended: u32) -> bool {
    let mut supervisors = SUPERVISORS.lock().unwrap_or_else(PoisonError::into_inner);
    let known = supervisors.get_or_insert_default();
    known.remove(&ended);
    let deadline = Instant::now() + SWEEP_LIMIT;
    loop {
        let mut orphans = tree::children(std::process::id());
        orphans.retain(|pid| !known.contains(pid));
        if orphans.is_empty() || Instant::now() > deadline {
            return orphans.is_empty();
        }
        tracing::info!(count = orphans.len(), "killing processes left behind by an agent");
        for orphan in orphans {
            tree::descendants(orphan).into_iter().for_each(tree::kill);
            tree::kill(orphan);
            if let Ok(pid) = i32::try_from(orphan) {
                let _ = waitpid(Pid::from_raw(pid), Some(WaitPidFlag::WNOHANG));
            }
        }
        thread::sleep(Duration::from_millis(2));
    }
}

#[cfg(test)]
mod tests {
    use std::process::Stdio;

    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        process::{ChildStdin, ChildStdout},
        runtime::Builder,
    };

    use super::*;

    /// Sends a byte to `cat` and reads it back.
    async fn echo(stdin: &mut ChildStdin, stdout: &mut ChildStdout) -> io::Result<()> {
        stdin.write_all(b"x").await?;
        stdout.read_exact(&mut [0; 1]).await.map(drop)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn keeps_a_process_after_the_requesting_thread_ends() {
        let spawner = Spawner::new().unwrap();
        let work = async move {
            let mut command = Command::new("setpriv");
            command.args(["--pdeathsig", "KILL", "cat"]).stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut child = spawner.start(command).await.unwrap();
            let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
            // The process has responded, so it must be tied to a thread by now.
            echo(&mut stdin, &mut stdout).await.unwrap();
            (spawner, child, stdin, stdout)
        };

        let thread = thread::spawn(move || Builder::new_current_thread().enable_all().build().unwrap().block_on(work));
        let (_spawner, mut child, mut stdin, mut stdout) = thread.join().unwrap();

        echo(&mut stdin, &mut stdout).await.unwrap();
        drop(stdin);
        assert!(child.wait().await.unwrap().success(), "the process exited because its stdin was closed");
    }
}
