//! Describes where and how the figures were measured.

use std::{fs, process::Command};

use anyhow::Result;

use super::plan::Plan;

/// Returns a name for the results, based on the current time, and a description of the machine and the run.
///
/// # Errors
/// Fails if the number of available CPUs cannot be determined.
pub fn describe(plan: &Plan) -> Result<(String, Vec<(String, String)>)> {
    let time = output("date", &["-u", "+%Y-%m-%dT%H:%M:%SZ"]);
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map_or("?", |it| it.1);
    let cpus = std::thread::available_parallelism()?;
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    let environment = [
        ("Time", time.clone()),
        ("Machine", format!("{cpus} CPUs ({cpu}), Linux {}", output("uname", &["-r"]))),
        ("Commit", output("git", &["describe", "--always", "--dirty"])),
        ("Runs", format!("{}; cells show the median and [the range]", plan.runs)),
        ("Load average before the run (1 min)", load.to_owned()),
    ];
    Ok((time.replace(':', "-"), environment.map(|(name, value)| (name.to_owned(), value)).into()))
}

/// Returns the first line that a program prints, or a question mark if there is none.
fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.lines().next().map_or_else(|| "?".to_owned(), str::to_owned)
}
