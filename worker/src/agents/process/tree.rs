//! Finds the descendants of a process in `/proc`.

use std::collections::{HashMap, HashSet};

use nix::{
    sys::signal::{Signal, kill as send},
    unistd::Pid,
};
use procfs::{
    Current as _, Uptime,
    process::{self, Stat},
};

/// A process, as described in `/proc/PID/stat`.
#[derive(Debug)]
struct Process {
    pid: u32,
    parent: u32,
    /// The ID of the process's Unix session.
    session: u32,
    /// The start time, in the unit of [`moment`].
    started: u64,
    /// Whether the process is a zombie.
    has_ended: bool,
}

/// Returns all descendants of `root`, including zombies, with parents before their children.
#[must_use]
pub fn descendants(root: u32) -> Vec<u32> {
    below(&processes(), &[root])
}

/// Returns the direct children of a process.
#[must_use]
pub fn children(parent: u32) -> Vec<u32> {
    processes().iter().filter(|process| process.parent == parent).map(|process| process.pid).collect()
}

/// Returns the descendants of `roots` among all processes, excluding the roots.
fn below(all: &[Process], roots: &[u32]) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for process in all {
        children.entry(process.parent).or_default().push(process.pid);
    }
    let mut found = roots.to_vec();
    let mut next = 0;
    while next < found.len() {
        found.extend(children.remove(&found[next]).unwrap_or_default());
        next += 1;
    }
    found.split_off(roots.len())
}

/// Returns the total resident memory, in bytes, of these processes and their descendants. Shared pages are counted once
/// per process.
#[must_use]
pub fn resident_bytes(roots: &[u32]) -> u64 {
    if roots.is_empty() {
        0
    } else {
        roots.iter().copied().chain(below(&processes(), roots)).filter_map(resident).sum()
    }
}

/// Returns the current time in hundredths of a second since boot, the unit in which Linux reports process start times.
#[must_use]
pub fn moment() -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive, and far below the maximum")]
    let hundredths = |uptime: Uptime| (uptime.uptime * 100.0).round() as u64;
    Uptime::current().map_or(u64::MAX, hundredths)
}

/// Returns the running descendants of `root` that started at `moment` or later.
#[must_use]
pub fn started_since(root: u32, moment: u64) -> Vec<u32> {
    let all = processes();
    let below: HashSet<u32> = below(&all, &[root]).into_iter().collect();
    let is_new = |process: &&Process| process.started >= moment && !process.has_ended && below.contains(&process.pid);
    all.iter().filter(is_new).map(|process| process.pid).collect()
}

/// Returns the running descendants of the supervisor `root` that started at `moment` or later and have detached from
/// the agent, along with their own descendants. A process has detached if it lost its parent and became a child of the
/// supervisor, or if neither `root` nor any descendant that started before `moment` is in its Unix session.
#[must_use]
pub fn detached_since(root: u32, moment: u64) -> Vec<u32> {
    let all = processes();
    let below_root: HashSet<u32> = below(&all, &[root]).into_iter().collect();
    let is_old =
        |process: &&Process| process.pid == root || process.started < moment && below_root.contains(&process.pid);
    let sessions: HashSet<u32> = all.iter().filter(is_old).map(|process| process.session).collect();
    let own_children = all.iter().filter(|process| process.parent == root);
    // The agent is the first child that the supervisor started.
    let agent = own_children.min_by_key(|process| (process.started, process.pid)).map(|agent| agent.pid);
    let is_detached = |process: &&Process| {
        let is_cut_off = process.parent == root || !sessions.contains(&process.session);
        let is_new = process.started >= moment && !process.has_ended && Some(process.pid) != agent;
        is_cut_off && is_new && below_root.contains(&process.pid)
    };
    let mut detached: Vec<u32> = all.iter().filter(is_detached).map(|process| process.pid).collect();
    detached.extend(below(&all, &detached));
    detached
}

/// Kills a process. Does nothing if it has already exited.
pub fn kill(pid: u32) {
    if let Ok(pid) = i32::try_from(pid) {
        let _ = send(Pid::from_raw(pid), Signal::SIGKILL);
    }
}

fn processes() -> Vec<Process> {
    let found = process::all_processes().into_iter().flatten().flatten();
    found.filter_map(|process| Process::new(&process.stat().ok()?)).collect()
}

fn resident(pid: u32) -> Option<u64> {
    let process = process::Process::new(i32::try_from(pid).ok()?).ok()?;
    process.status().ok()?.vmrss.map(|kilobytes| kilobytes * 1024)
}

impl Process {
    fn new(stat: &Stat) -> Option<Self> {
        Some(Self {
            pid: stat.pid.try_into().ok()?,
            parent: stat.ppid.try_into().ok()?,
            session: stat.session.try_into().ok()?,
            started: stat.starttime,
            has_ended: matches!(stat.state, 'Z' | 'X'),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_process_started_since_a_moment_until_it_exits() {
        let me = std::process::id();
        let before = moment();
        let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();

        assert!(started_since(me, before).contains(&child.id()));
        assert!(!started_since(me, moment() + 100).contains(&child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!started_since(me, before).contains(&child.id()));
    }

    #[test]
    fn finds_the_memory_and_parent_of_the_test_process() {
        let me = std::process::id();
        let parent = std::os::unix::process::parent_id();

        assert!(resident_bytes(&[me]) > 100_000);
        assert!(descendants(parent).contains(&me) && children(parent).contains(&me));
        assert!(!descendants(me).contains(&me));
    }
}
