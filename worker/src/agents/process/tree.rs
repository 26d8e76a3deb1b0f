//! The processes below a process, as `/proc` shows them.

use std::{collections::HashMap, fs};

use nix::{
    sys::signal::{Signal, kill as send},
    unistd::Pid,
};

/// All processes below `root`, parents before their children. Zombies are among them.
#[must_use]
pub fn descendants(root: u32) -> Vec<u32> {
    let mut found = with_descendants(&[root]);
    found.remove(0);
    found
}

/// These processes and all below them.
fn with_descendants(roots: &[u32]) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for (pid, parent) in processes() {
        children.entry(parent).or_default().push(pid);
    }
    let mut found = roots.to_vec();
    let mut next = 0;
    while next < found.len() {
        found.extend(children.remove(&found[next]).unwrap_or_default());
        next += 1;
    }
    found
}

/// The direct children of a process.
#[must_use]
pub fn children(parent: u32) -> Vec<u32> {
    processes().filter(|(_, its_parent)| *its_parent == parent).map(|(pid, _)| pid).collect()
}

/// The memory of these processes and of all below them: resident pages, in bytes. Pages that they share count for each.
#[must_use]
pub fn resident_bytes(roots: &[u32]) -> u64 {
    if roots.is_empty() { 0 } else { with_descendants(roots).into_iter().filter_map(resident).sum() }
}

/// Kills a process. One that has ended does not mind.
pub fn kill(pid: u32) {
    if let Ok(pid) = i32::try_from(pid) {
        let _ = send(Pid::from_raw(pid), Signal::SIGKILL);
    }
}

/// Every process with its parent.
fn processes() -> impl Iterator<Item = (u32, u32)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        Some((pid, parent_in(&fs::read_to_string(entry.path().join("stat")).ok()?)?))
    })
}

/// The parent in a line of `/proc/PID/stat`. The second field is the program's name in parentheses, which may itself hold
/// anything.
fn parent_in(stat: &str) -> Option<u32> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

fn resident(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_programs_name_may_look_like_the_rest_of_the_line() {
        assert_eq!(parent_in("12 (a) b (c)) S 7 12 12 0 -1"), Some(7));
        assert_eq!(parent_in(""), None);
    }

    #[test]
    fn the_test_itself_has_memory_and_a_parent() {
        let me = std::process::id();
        let parent = std::os::unix::process::parent_id();

        assert!(resident_bytes(&[me]) > 100_000);
        assert!(descendants(parent).contains(&me) && children(parent).contains(&me));
        assert!(!descendants(me).contains(&me));
    }
}
