//! Implements `worker supervise`, which runs as an agent's parent process and kills all of the agent's descendants when
//! the agent exits.
//!
//! Killing the agent's process group is not enough, because agents may run their tools under `setsid`. Instead, the
//! supervisor is a subreaper: orphaned descendants become its children. When the agent exits, when the worker dies, or
//! on SIGTERM, SIGINT, or SIGHUP, the supervisor kills descendants until none are left. It then exits with the agent's
//! exit code.
//!
//! Stdin and stdout belong to the agent: the supervisor does not read from them, write to them, or keep them open. The
//! supervisor also holds the lock on the work folder, so the folder is not released until the last descendant has
//! exited.
//!
//! The supervisor is single-threaded. It blocks signals and waits for them synchronously.

use std::{
    env,
    ffi::{CString, OsString},
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    os::unix::{ffi::OsStrExt as _, process::ExitStatusExt as _},
    path::{Path, PathBuf},
    process::{ExitCode, ExitStatus},
    thread::sleep,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawnp},
    sys::{
        prctl,
        resource::{Resource, setrlimit},
        signal::{SigSet, Signal, kill},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::{Pid, dup2_stdin, dup2_stdout, getppid},
};

use crate::agents::process::tree;

/// The exit code if the agent's program was not found.
pub const NOT_FOUND: u8 = 127;
/// The exit code if the agent's program could not be started.
pub const NOT_STARTED: u8 = 126;
/// The exit code if the supervisor itself failed.
pub const FAILED: u8 = 125;
/// The exit code if another supervisor holds the lock on the work folder.
pub const LOCKED: u8 = 75;

/// How long an agent may take to exit after receiving SIGTERM before it is killed.
const TERM_LIMIT: Duration = Duration::from_millis(1500);
/// How long to wait for the lock while its holder exits.
const LOCK_LIMIT: Duration = Duration::from_secs(8);
/// Poll interval while waiting for processes to exit.
const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// The command line of `worker supervise`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The worker's process ID; the supervisor exits when the worker exits.
    #[arg(long)]
    parent: Option<i32>,
    /// A file that stays locked until the last process has exited.
    #[arg(long)]
    lock: Option<PathBuf>,
    /// The agent's program and its arguments.
    #[arg(last = true, required = true)]
    argv: Vec<OsString>,
}

/// Runs the agent until it exits; see the module documentation.
#[must_use]
pub fn run(arguments: &Arguments) -> ExitCode {
    match supervise(arguments) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("worker supervise: {error}");
            ExitCode::from(FAILED)
        }
    }
}

fn supervise(arguments: &Arguments) -> io::Result<u8> {
    let parent = arguments.parent.map_or_else(getppid, Pid::from_raw);
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGCHLD, Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        signals.add(signal);
    }
    // Block the signals before any of them can arrive.
    signals.thread_block()?;
    prctl::set_child_subreaper(true)?;
    prctl::set_pdeathsig(Signal::SIGTERM)?;
    if getppid() != parent {
        // The parent died before `set_pdeathsig` was called.
        return Ok(FAILED);
    }
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    // The lock is dropped, and thereby released, after the last descendant has exited.
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
    release_stdio()?;
    let mut status = None;
    while status.is_none() {
        if signals.wait()? == Signal::SIGCHLD {
            reap(agent, &mut status);
            continue;
        }
        if getppid() == parent {
            // Give the agent time to exit gracefully.
            let _ = kill(agent, Signal::SIGTERM);
            let deadline = Instant::now() + TERM_LIMIT;
            while status.is_none() && Instant::now() < deadline && getppid() == parent {
                sleep(POLL_INTERVAL);
                reap(agent, &mut status);
            }
        }
        break;
    }
    kill_all(agent, &mut status);
    Ok(status.map_or(FAILED, exit_code))
}

/// Replaces this process's stdin and stdout, so that the worker sees end of file when the agent closes its stdout.
fn release_stdio() -> io::Result<()> {
    let nowhere = OpenOptions::new().read(true).write(true).open("/dev/null")?;
    dup2_stdin(&nowhere)?;
    dup2_stdout(&nowhere)?;
    Ok(())
}

/// Starts the agent with an empty signal mask and the default action for SIGPIPE. The supervisor blocks signals, and
/// Rust programs ignore SIGPIPE. The standard library cannot reset the signal mask.
fn start(argv: &[OsString]) -> io::Result<Pid> {
    let mut attributes = PosixSpawnAttr::init()?;
    attributes.set_sigmask(&SigSet::empty())?;
    attributes.set_sigdefault(&SigSet::from(Signal::SIGPIPE))?;
    attributes.set_flags(PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK | PosixSpawnFlags::POSIX_SPAWN_SETSIGDEF)?;
    let argv = argv.iter().map(|argument| CString::new(argument.as_bytes())).collect::<Result<Vec<_>, _>>()?;
    let environment =
        env::vars_os().map(|(name, value)| CString::new([name.as_bytes(), b"=", value.as_bytes()].concat()));
    let environment = environment.collect::<Result<Vec<_>, _>>()?;
    let program = argv.first().ok_or(io::ErrorKind::InvalidInput)?;
    Ok(posix_spawnp(program, &PosixSpawnFileActions::init()?, &attributes, &argv, &environment)?)
}

/// Reaps children that have exited. Returns `false` if there are no children left.
fn reap(agent: Pid, status: &mut Option<ExitStatus>) -> bool {
    loop {
        let (pid, ended) = match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, code)) => (pid, ExitStatus::from_raw(code << 8)),
            Ok(WaitStatus::Signaled(pid, signal, _)) => (pid, ExitStatus::from_raw(signal as i32)),
            Ok(WaitStatus::StillAlive) => return true,
            Ok(_) | Err(Errno::EINTR) => continue,
            // `ECHILD` means that there are no children and therefore no descendants.
            Err(_) => return false,
        };
        if pid == agent {
            *status = Some(ended);
        }
    }
}

/// Kills descendants, including any that are started in the meantime, until none are left.
fn kill_all(agent: Pid, status: &mut Option<ExitStatus>) {
    while reap(agent, status) {
        for descendant in tree::descendants(std::process::id()) {
            tree::kill(descendant);
        }
        sleep(POLL_INTERVAL);
    }
}

/// Returns the agent's exit code, or 128 plus the signal number if it was killed by a signal, following the shell
/// convention.
fn exit_code(status: ExitStatus) -> u8 {
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
    u8::try_from(code).unwrap_or(FAILED)
}

/// Acquires the lock. A supervisor that already holds it belongs to an idle agent or a finished attempt, so it is sent
/// SIGTERM. Returns `None` if that supervisor does not exit in time, or if the worker exits.
fn lock(path: &Path, parent: Pid) -> io::Result<Option<File>> {
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    let deadline = Instant::now() + LOCK_LIMIT;
    let mut is_signaled = false;
    loop {
        match file.try_lock() {
            Ok(()) => {
                file.set_len(0)?;
                file.rewind()?;
                write!(file, "{}", std::process::id())?;
                return Ok(Some(file));
            }
            Err(TryLockError::WouldBlock) if Instant::now() < deadline && getppid() == parent => {
                if !is_signaled && let Some(holder) = holder(&mut file, path) {
                    eprintln!("worker supervise: killing process {holder}, which has the work folder locked");
                    is_signaled = kill(holder, Signal::SIGTERM).is_ok();
                }
                sleep(10 * POLL_INTERVAL);
            }
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// Returns the process ID of the supervisor that holds this lock, if that process is visible in this PID namespace.
/// Also checks its command line, because process IDs are reused.
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
