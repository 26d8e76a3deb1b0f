//! `worker supervise`: stands between the worker and one agent, so that nothing the agent starts outlives it.
//!
//! To kill a process group is not enough, since agents run their tools under `setsid`. The supervisor is a subreaper
//! instead: whatever loses its parent below it becomes its child. Guarantees: when the agent ends, on SIGTERM, and when
//! the worker dies however it dies, every descendant is killed, again and again until none is left; only then the
//! supervisor ends, with the agent's exit code. Stdin and stdout belong to the agent: nothing here reads, writes or keeps them.
//! It also holds the lock of the work folder, so that the folder is free only when the last of these processes is gone.
//!
//! It is a process of its own with a single thread: signals are blocked and waited for, nothing is handled in between.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, ExitStatus},
    thread::sleep,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    sys::{
        prctl,
        resource::{Resource, setrlimit},
        signal::{SigSet, Signal, kill},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::{Pid, dup2_stdin, dup2_stdout, getppid},
};

use crate::agents::process::tree;

/// Exit code: the agent's program is not there.
pub const NOT_FOUND: u8 = 127;
/// Exit code: the agent's program cannot be started.
pub const NOT_STARTED: u8 = 126;
/// Exit code: the supervisor itself cannot do its work.
pub const BROKEN: u8 = 125;
/// Exit code: another supervisor keeps the work folder.
pub const LOCKED: u8 = 75;

/// How long an agent may take to end after SIGTERM before it is killed.
const TERM_PATIENCE: Duration = Duration::from_millis(1500);
/// How long the holder of the lock may take to end. It is told to, at the start.
const LOCK_PATIENCE: Duration = Duration::from_secs(8);
/// Pause between two looks at processes that are ending.
const LOOK_PAUSE: Duration = Duration::from_millis(2);

/// What to supervise.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The worker's process id; the supervisor ends with it.
    #[arg(long)]
    parent: Option<i32>,
    /// A file to hold locked as long as any of the processes lives.
    #[arg(long)]
    lock: Option<PathBuf>,
    /// The agent's program and its arguments.
    #[arg(last = true, required = true)]
    argv: Vec<OsString>,
}

/// Runs the agent to its end. See the module.
#[must_use]
pub fn run(arguments: &Arguments) -> ExitCode {
    match supervise(arguments) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("worker supervise: {error}");
            ExitCode::from(BROKEN)
        }
    }
}

fn supervise(arguments: &Arguments) -> io::Result<u8> {
    let parent = arguments.parent.map_or_else(getppid, Pid::from_raw);
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGCHLD, Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        signals.add(signal);
    }
    // Before anything can send one.
    signals.thread_block()?;
    prctl::set_child_subreaper(true)?;
    prctl::set_pdeathsig(Signal::SIGTERM)?;
    if getppid() != parent {
        // It died before the line above.
        return Ok(BROKEN);
    }
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    // Dropped, and with that unlocked, after the last descendant is gone.
    let _lock = match &arguments.lock {
        Some(path) => match lock(path, parent)? {
            Some(lock) => Some(lock),
            None => return Ok(LOCKED),
        },
        None => None,
    };
    let agent = match start(&arguments.argv) {
        Ok(agent) => agent,
        Err(error) => {
            eprintln!("worker supervise: {}: {error}", arguments.argv[0].display());
            return Ok(if error.kind() == io::ErrorKind::NotFound { NOT_FOUND } else { NOT_STARTED });
        }
    };
    let agent = Pid::from_raw(i32::try_from(agent.id()).map_err(io::Error::other)?);
    let_go_of_the_streams()?;
    let mut status = None;
    while status.is_none() {
        if signals.wait()? == Signal::SIGCHLD {
            reap(agent, &mut status);
            continue;
        }
        if getppid() == parent {
            // Asked to: the agent may still say goodbye.
            let _ = kill(agent, Signal::SIGTERM);
            let deadline = Instant::now() + TERM_PATIENCE;
            while status.is_none() && Instant::now() < deadline && getppid() == parent {
                sleep(LOOK_PAUSE);
                reap(agent, &mut status);
            }
        }
        break;
    }
    kill_all(agent, &mut status);
    Ok(status.map_or(BROKEN, exit_code))
}

/// The agent's stdin and stdout are its own: where it closes one, the worker is to see the end of it.
fn let_go_of_the_streams() -> io::Result<()> {
    let nowhere = OpenOptions::new().read(true).write(true).open("/dev/null")?;
    dup2_stdin(&nowhere)?;
    dup2_stdout(&nowhere)?;
    Ok(())
}

fn start(argv: &[OsString]) -> io::Result<Child> {
    let Some((program, arguments)) = argv.split_first() else { return Err(io::ErrorKind::InvalidInput.into()) };
    // The library gives every child an empty signal mask.
    Command::new(program).args(arguments).spawn()
}

/// Collects what has ended. False when there is no child any more.
fn reap(agent: Pid, status: &mut Option<ExitStatus>) -> bool {
    loop {
        let (pid, ended) = match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, code)) => (pid, ExitStatus::from_raw(code << 8)),
            Ok(WaitStatus::Signaled(pid, signal, _)) => (pid, ExitStatus::from_raw(signal as i32)),
            Ok(WaitStatus::StillAlive) => return true,
            // `ECHILD`: there is none, and so no descendant either.
            Ok(_) | Err(Errno::EINTR) => continue,
            Err(_) => return false,
        };
        if pid == agent {
            *status = Some(ended);
        }
    }
}

/// Kills every descendant until none is left, also those that are started meanwhile.
fn kill_all(agent: Pid, status: &mut Option<ExitStatus>) {
    while reap(agent, status) {
        for descendant in tree::descendants(std::process::id()) {
            tree::kill(descendant);
        }
        sleep(LOOK_PAUSE);
    }
}

/// The agent's exit code, by the shell's custom 128 and more for a signal.
fn exit_code(status: ExitStatus) -> u8 {
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
    u8::try_from(code).unwrap_or(BROKEN)
}

/// Takes the lock. A supervisor that holds it works for an attempt that is over, or keeps an idle agent warm: it is told to
/// end. `None` when it does not in time.
fn lock(path: &Path, parent: Pid) -> io::Result<Option<File>> {
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    let deadline = Instant::now() + LOCK_PATIENCE;
    let mut told = false;
    loop {
        match file.try_lock() {
            Ok(()) => {
                file.set_len(0)?;
                file.rewind()?;
                write!(file, "{}", std::process::id())?;
                return Ok(Some(file));
            }
            Err(TryLockError::WouldBlock) if Instant::now() < deadline && getppid() == parent => {
                if !told && let Some(holder) = holder(&mut file, path) {
                    eprintln!("worker supervise: killing process {holder}, which holds the work folder");
                    told = kill(holder, Signal::SIGTERM).is_ok();
                }
                sleep(10 * LOOK_PAUSE);
            }
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// The supervisor that holds this lock, if it can be seen from here. Its number alone would not do: it may have been
/// given to another process since.
fn holder(file: &mut File, path: &Path) -> Option<Pid> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.read_to_string(&mut text).ok()?;
    let pid: i32 = text.trim().parse().ok()?;
    let command = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let words: Vec<&[u8]> = command.split(|byte| *byte == 0).collect();
    let is_ours = words.contains(&b"supervise".as_slice()) && words.contains(&path.as_os_str().as_encoded_bytes());
    is_ours.then(|| Pid::from_raw(pid))
}
