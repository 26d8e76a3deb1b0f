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

/// This moment in the system's count of hundredths of a second since it was started, by which it dates processes, too.
#[must_use]
pub fn moment() -> u64 {
    fs::read_to_string("/proc/uptime").ok().and_then(|text| moment_in(&text)).unwrap_or(u64::MAX)
}

fn moment_in(uptime: &str) -> Option<u64> {
    uptime.split_whitespace().next()?.replace('.', "").parse().ok()
}

/// The processes below `root` that were started at this moment or later and have not ended.
#[must_use]
pub fn started_since(root: u32, moment: u64) -> Vec<u32> {
    let is_new = |pid: &u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        started_in(&stat).is_some_and(|started| started >= moment)
    };
    descendants(root).into_iter().filter(is_new).collect()
}

/// When the process of a line of `/proc/PID/stat` was started; none: it has ended and is a zombie.
fn started_in(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    // The state is the third field of the line, the start its 22nd.
    let has_ended = matches!(fields.next()?, "Z" | "X");
    if has_ended { None } else { fields.nth(18)?.parse().ok() }
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
    fn a_process_is_dated() {
        let line = "12 (a b) S 7 12 12 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 98765 1000 20 18446744073709551615";
        assert_eq!(started_in(line), Some(98_765));
        assert_eq!(started_in(&line.replace(" S ", " Z ")), None);
        assert_eq!(started_in(""), None);
        assert_eq!(moment_in("350735.47 234388.90\n"), Some(35_073_547));
    }

    #[test]
    fn what_was_started_since_a_moment_is_found_until_it_ends() {
        let me = std::process::id();
        let begun = moment();
        let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();

        assert!(started_since(me, begun).contains(&child.id()));
        assert!(!started_since(me, moment() + 100).contains(&child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!started_since(me, begun).contains(&child.id()));
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
