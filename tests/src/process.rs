//! One process under test: its environment, its output, its signals, its end.

use std::{
    collections::BTreeMap,
    env, fs,
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};

use crate::wait::eventually;

/// The variables that a process gets besides the few that it inherits.
pub type Environment = BTreeMap<String, String>;

/// What a process inherits from the test: enough to run and to be debugged, nothing that configures it.
const INHERITED: [&str; 4] = ["PATH", "HOME", "RUST_LOG", "RUST_BACKTRACE"];

/// Lines of a log that are shown when a test fails.
const SHOWN_LINES: usize = 150;

/// A signal that a test sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM: stop in good order.
    Terminate,
    /// SIGINT: the same, from a keyboard.
    Interrupt,
    /// SIGKILL: no goodbye.
    Kill,
    /// SIGSTOP: frozen until thawed.
    Freeze,
    /// SIGCONT: thawed.
    Thaw,
}

impl Signal {
    const fn name(self) -> &'static str {
        match self {
            Self::Terminate => "TERM",
            Self::Interrupt => "INT",
            Self::Kill => "KILL",
            Self::Freeze => "STOP",
            Self::Thaw => "CONT",
        }
    }

    /// Sends it to a process. One that has ended does not mind.
    pub fn send(self, pid: u32) {
        self.send_to_all(&[pid]);
    }

    /// Sends it to several processes at once.
    pub fn send_to_all(self, pids: &[u32]) {
        // The shell has `kill` built in, so no other program is needed.
        let pids: Vec<String> = pids.iter().map(u32::to_string).collect();
        let line = format!("kill -s {} {}", self.name(), pids.join(" "));
        let _ = Command::new("sh").args(["-c", &line]).stderr(Stdio::null()).status();
    }
}

/// The path of one of the product's binaries.
///
/// It lies where `BANTER_BIN_DIR` says; else next to this executable, or next to the folder of this test executable
/// (`target/<profile>/deps/`).
pub fn binary(name: &str) -> PathBuf {
    let executable = env::current_exe().unwrap();
    let mut folders: Vec<PathBuf> = executable.ancestors().skip(1).take(2).map(Path::to_path_buf).collect();
    if let Some(folder) = env::var_os("BANTER_BIN_DIR") {
        folders = vec![folder.into()];
    }
    let paths: Vec<PathBuf> = folders.iter().map(|folder| folder.join(name)).collect();
    let path = paths.iter().find(|path| path.is_file()).or(paths.last()).unwrap().clone();
    assert!(path.is_file(), "{} is missing: run `make test`, or `cargo build --workspace` first", path.display());
    path
}

/// A command of the product with a cleared environment, in `folder`.
fn command(name: &str, arguments: &[&str], environment: &Environment, folder: &Path) -> Command {
    let mut command = Command::new(binary(name));
    command.args(arguments);
    alone(command, environment, folder)
}

/// With a cleared environment, in `folder`.
fn alone(mut command: Command, environment: &Environment, folder: &Path) -> Command {
    command.env_clear().current_dir(folder).stdin(Stdio::null());
    for variable in INHERITED {
        if let Some(value) = env::var_os(variable) {
            command.env(variable, value);
        }
    }
    command.envs(environment);
    command
}

/// Runs a command of the product to its end.
pub async fn run(name: &str, arguments: &[&str], environment: &Environment, folder: &Path) -> Output {
    let mut command = tokio::process::Command::from(command(name, arguments, environment, folder));
    command.kill_on_drop(true);
    tokio::time::timeout(Duration::from_mins(1), command.output())
        .await
        .unwrap_or_else(|_| panic!("`{name} {}` does not end", arguments.join(" ")))
        .unwrap()
}

/// A running process, killed when it is dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Process {
    /// Starts a binary of the product. `name` names it in the failure report and its log files in `folder`.
    pub fn spawn(name: &str, program: &str, arguments: &[&str], environment: &Environment, folder: &Path) -> Self {
        Self::start(name, command(program, arguments, environment, folder), folder)
    }

    /// Starts a line as a process manager does: by `sh -c`.
    pub fn spawn_line(name: &str, line: &str, environment: &Environment, folder: &Path) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", line]);
        Self::start(name, alone(command, environment, folder), folder)
    }

    fn start(name: &str, mut command: Command, folder: &Path) -> Self {
        let stdout = folder.join(format!("{name}.stdout"));
        let stderr = folder.join(format!("{name}.stderr"));
        let child =
            command.stdout(File::create(&stdout).unwrap()).stderr(File::create(&stderr).unwrap()).spawn().unwrap();
        Self { name: name.to_owned(), child, stdout, stderr }
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The most memory that it has had at once, in bytes.
    pub fn peak_memory(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
        peak.expect("the kernel tells of peaks").trim().parse::<usize>().unwrap() * 1024
    }

    /// Sends a signal. A process that has ended does not mind.
    pub fn signal(&self, signal: Signal) {
        signal.send(self.pid());
    }

    /// Kills it without a goodbye, and waits until it is gone.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// How it ended, if it has.
    pub fn exit_status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Waits for its end, at most `limit`.
    pub async fn wait_for_exit(&mut self, limit: Duration) -> ExitStatus {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.exit_status() {
                return status;
            }
            assert!(Instant::now() < deadline, "{} still runs after {limit:?}", self.name);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Sends SIGTERM, once it is listened to, and expects exit code 0 within `limit`.
    pub async fn stop(&mut self, limit: Duration) {
        eventually("the process listens to signals", async || (!self.is_starting()).then_some(())).await;
        self.signal(Signal::Terminate);
        let status = self.wait_for_exit(limit).await;
        assert!(status.success(), "{} stopped with {status}:\n{}", self.name, self.stderr());
    }

    /// Whether it lives and has not come so far that it listens to SIGTERM.
    fn is_starting(&mut self) -> bool {
        const BIT: u64 = 1 << (15 - 1);
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap_or_default();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        caught.is_some_and(|mask| mask & BIT == 0) && self.exit_status().is_none()
    }

    /// What it has written to stdout.
    pub fn stdout(&self) -> String {
        read(&self.stdout)
    }

    /// What it has written to stderr.
    pub fn stderr(&self) -> String {
        read(&self.stderr)
    }

    /// Prints the end of its log, for a test that fails.
    pub fn print_log(&self) {
        let text = self.stderr();
        let lines: Vec<&str> = text.lines().collect();
        let shown = lines.len().saturating_sub(SHOWN_LINES);
        println!("--- {} (pid {}), {} lines left out", self.name, self.pid(), shown);
        for line in &lines[shown..] {
            println!("{line}");
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}
