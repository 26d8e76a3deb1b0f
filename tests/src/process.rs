//! A process under test: its environment, output, signals, and exit status.

use std::{
    collections::BTreeMap,
    env, fs,
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};

use crate::{
    network::{Host, command_on},
    process_table,
    wait::eventually,
};

/// The environment variables of a process, in addition to the few that it inherits.
pub type Environment = BTreeMap<String, String>;

/// The variables that a process inherits from the test: enough to run and debug it, but none that configure it.
const INHERITED: [&str; 4] = ["PATH", "HOME", "RUST_LOG", "RUST_BACKTRACE"];

/// Number of log lines printed when a test fails.
const SHOWN_LINES: usize = 150;

/// A signal sent by a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM: graceful shutdown.
    Terminate,
    /// SIGINT: graceful shutdown, as with Ctrl+C.
    Interrupt,
    /// SIGKILL: immediate termination.
    Kill,
    /// SIGSTOP: freeze.
    Freeze,
    /// SIGCONT: resume.
    Resume,
}

impl Signal {
    const fn name(self) -> &'static str {
        match self {
            Self::Terminate => "TERM",
            Self::Interrupt => "INT",
            Self::Kill => "KILL",
            Self::Freeze => "STOP",
            Self::Resume => "CONT",
        }
    }

    /// Sends the signal to a process. Does nothing if the process has exited.
    pub fn send(self, pid: u32) {
        self.send_to_all(&[pid]);
    }

    /// Sends the signal to several processes at once.
    pub fn send_to_all(self, pids: &[u32]) {
        // `kill` is built into the shell, so no other program is needed.
        let pids: Vec<String> = pids.iter().map(u32::to_string).collect();
        let line = format!("kill -s {} {}", self.name(), pids.join(" "));
        let _ = Command::new("sh").args(["-c", &line]).stderr(Stdio::null()).status();
    }
}

/// Returns the path of one of the product's binaries.
///
/// Binaries are located in `BANTER_BIN_DIR`, or else in the folder of this executable (`target/<profile>/deps/`) or in
/// the parent of that folder.
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

/// Creates a command that runs one of the product's binaries in `folder`, with only the inherited and the given
/// variables.
fn command(host: Option<&Host>, name: &str, arguments: &[&str], environment: &Environment, folder: &Path) -> Command {
    let mut command = command_on(host, binary(name));
    command.args(arguments);
    alone(command, environment, folder)
}

/// Makes a command run in `folder`, with only the inherited and the given variables.
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

/// Runs one of the product's binaries and waits for it to exit.
pub async fn run(name: &str, arguments: &[&str], environment: &Environment, folder: &Path) -> Output {
    let mut command = tokio::process::Command::from(command(None, name, arguments, environment, folder));
    command.kill_on_drop(true);
    tokio::time::timeout(Duration::from_mins(1), command.output())
        .await
        .unwrap_or_else(|_| panic!("`{name} {}` did not exit", arguments.join(" ")))
        .unwrap()
}

/// A running process. Dropping it kills the process.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Process {
    /// Starts one of the product's binaries. `name` identifies the process in failure reports and in the names of its
    /// log files in `folder`.
    pub fn spawn(name: &str, program: &str, arguments: &[&str], environment: &Environment, folder: &Path) -> Self {
        Self::start(name, command(None, program, arguments, environment, folder), folder)
    }

    /// Like [`Process::spawn`] without arguments, on a host of a network.
    pub fn spawn_on(host: Option<&Host>, name: &str, program: &str, environment: &Environment, folder: &Path) -> Self {
        Self::start(name, command(host, program, &[], environment, folder), folder)
    }

    /// Starts a command line with `sh -c`, as a process manager does.
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

    /// Returns the process ID.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns the peak memory usage, in bytes.
    pub fn peak_memory(&self) -> usize {
        let status = process_table::find(self.pid()).expect("a running process").status().unwrap();
        usize::try_from(status.vmhwm.expect("the kernel reports VmHWM")).unwrap() * 1024
    }

    /// Sends a signal. Does nothing if the process has exited.
    pub fn signal(&self, signal: Signal) {
        signal.send(self.pid());
    }

    /// Kills the process and waits for it to exit.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Returns the exit status, if the process has exited.
    pub fn exit_status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Waits for the process to exit. Panics if it is still running after `limit`.
    pub async fn wait_for_exit(&mut self, limit: Duration) -> ExitStatus {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.exit_status() {
                return status;
            }
            assert!(Instant::now() < deadline, "{} is still running after {limit:?}", self.name);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Sends SIGTERM once the process can handle it. Expects exit code 0 within `limit`.
    pub async fn stop(&mut self, limit: Duration) {
        eventually("the process handles signals", async || (!self.is_starting()).then_some(())).await;
        self.signal(Signal::Terminate);
        let status = self.wait_for_exit(limit).await;
        assert!(status.success(), "{} stopped with {status}:\n{}", self.name, self.stderr());
    }

    /// Returns whether the process is running but cannot handle SIGTERM yet.
    fn is_starting(&mut self) -> bool {
        const BIT: u64 = 1 << (15 - 1);
        let status = process_table::find(self.pid()).and_then(|process| process.status().ok());
        status.is_some_and(|status| status.sigcgt & BIT == 0) && self.exit_status().is_none()
    }

    /// Returns the contents of stdout.
    pub fn stdout(&self) -> String {
        read(&self.stdout)
    }

    /// Returns the contents of stderr.
    pub fn stderr(&self) -> String {
        read(&self.stderr)
    }

    /// Prints the last lines of the log, to help explain a failed test.
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
