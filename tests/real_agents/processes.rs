//! The processes of an agent.

use std::{collections::BTreeMap, fs};

use banter_tests::fake_agent::processes_with;

/// Returns the supervisor of a session's agent, if there is one.
pub fn supervisor(session: &str) -> Option<u32> {
    processes_with(&format!("{session}.lock -- ")).first().copied()
}

/// Returns all descendants of a process, by id, with their command lines.
pub fn below(root: u32) -> BTreeMap<u32, String> {
    let parents: Vec<(u32, u32)> = all().filter_map(|pid| Some((pid, parent_of(pid)?))).collect();
    let mut found = BTreeMap::new();
    let mut next = vec![root];
    while let Some(parent) = next.pop() {
        for (pid, _) in parents.iter().filter(|(_, of)| *of == parent) {
            found.insert(*pid, command_of(*pid));
            next.push(*pid);
        }
    }
    found
}

/// Returns those that are still alive.
pub fn survivors(processes: &BTreeMap<u32, String>) -> Vec<String> {
    let alive = processes.iter().filter(|(pid, command)| !command.is_empty() && command_of(**pid) == **command);
    alive.map(|(pid, command)| format!("{pid} {command}")).collect()
}

/// Returns their total resident memory, in MiB. Shared pages count once per process.
pub fn resident_mib(processes: &BTreeMap<u32, String>) -> u64 {
    let resident = |pid: &u32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().strip_suffix(" kB")?.parse::<u64>().ok()
    };
    processes.keys().filter_map(resident).sum::<u64>() / 1024
}

fn all() -> impl Iterator<Item = u32> {
    fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn parent_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// Empty for a process that has exited.
fn command_of(pid: u32) -> String {
    let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&command).replace('\0', " ")
}
