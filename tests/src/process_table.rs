//! The processes on this machine, read from `/proc`.

use procfs::process::{Process, all_processes};

/// Returns the IDs of the processes whose command line contains this text, except for the current process.
pub fn processes_with(text: &str) -> Vec<u32> {
    processes().filter(|pid| *pid != std::process::id() && command_of(*pid).contains(text)).collect()
}

/// Returns the IDs of all processes.
pub fn processes() -> impl Iterator<Item = u32> {
    all_processes().unwrap().filter_map(Result::ok).filter_map(|process| u32::try_from(process.pid()).ok())
}

/// Returns the ID of a process's parent, unless the process has exited.
pub fn parent_of(pid: u32) -> Option<u32> {
    u32::try_from(find(pid)?.stat().ok()?.ppid).ok()
}

/// Returns the command line of a process, or an empty string if it has exited.
pub fn command_of(pid: u32) -> String {
    find(pid).and_then(|process| process.cmdline().ok()).unwrap_or_default().join(" ")
}

/// Returns a process, unless it has exited.
pub fn find(pid: u32) -> Option<Process> {
    Process::new(i32::try_from(pid).ok()?).ok()
}
