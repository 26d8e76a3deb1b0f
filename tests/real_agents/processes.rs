//! Agent processes.

use std::collections::BTreeMap;

use banter_tests::process_table::{command_of, find, parent_of, processes, processes_with};

/// Returns the process ID of the supervisor of a session's agent, if the agent is running.
pub fn supervisor(session: &str) -> Option<u32> {
    processes_with(&format!("{session}.lock -- ")).first().copied()
}

/// Returns the command lines of all descendants of a process, by process ID.
pub fn below(root: u32) -> BTreeMap<u32, String> {
    let parents: Vec<(u32, u32)> = processes().filter_map(|pid| Some((pid, parent_of(pid)?))).collect();
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

/// Returns the IDs and command lines of the given processes that are still running.
pub fn survivors(processes: &BTreeMap<u32, String>) -> Vec<String> {
    let alive = processes.iter().filter(|(pid, command)| !command.is_empty() && command_of(**pid) == **command);
    alive.map(|(pid, command)| format!("{pid} {command}")).collect()
}

/// Returns the total resident memory of these processes, in MiB. Shared pages count once per process.
pub fn resident_mib(processes: &BTreeMap<u32, String>) -> u64 {
    let resident = |pid: &u32| find(*pid)?.status().ok()?.vmrss;
    processes.keys().filter_map(resident).sum::<u64>() / 1024
}
