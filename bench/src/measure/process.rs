//! One process as the kernel shows it in `/proc` (proc(5)).

use std::{fs, time::Instant};

use anyhow::{Context as _, Result};

/// Clock ticks a second in `/proc/PID/stat`: `USER_HZ`, the same on every Linux that we run on.
const TICKS_PER_SECOND: f64 = 100.0;

/// A process that is looked at again and again.
#[derive(Debug)]
pub struct ProcessWatch {
    /// What it is called in tables.
    pub name: String,
    pid: u32,
    before: Option<(Instant, f64)>,
}

/// What it takes at one moment.
#[derive(Clone, Copy, Debug)]
pub struct ProcessSample {
    /// Resident memory, in MiB.
    pub rss_mib: f64,
    /// Open file handles.
    pub handles: f64,
    /// CPU since the last look, in per cent of one core.
    pub cpu_percent: f64,
}

impl ProcessWatch {
    /// Starts to watch a process.
    pub fn new(name: &str, pid: u32) -> Self {
        Self { name: name.to_owned(), pid, before: None }
    }

    /// Looks at it.
    pub fn sample(&mut self) -> Result<ProcessSample> {
        let used = self.cpu_seconds()?;
        let now = Instant::now();
        let before = self.before.replace((now, used));
        let cpu_percent = before.map_or(0.0, |(at, before)| 100.0 * (used - before) / (now - at).as_secs_f64());
        let handles = fs::read_dir(format!("/proc/{}/fd", self.pid)).with_context(|| self.gone())?.count() as f64;
        Ok(ProcessSample { rss_mib: self.rss_mib()?, handles, cpu_percent })
    }

    fn gone(&self) -> String {
        format!("cannot inspect {} (pid {})", self.name, self.pid)
    }

    fn rss_mib(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).with_context(|| self.gone())?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).with_context(|| self.gone())?;
        let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kib / 1024.0)
    }

    fn cpu_seconds(&self) -> Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).with_context(|| self.gone())?;
        // The name in parentheses may hold anything; after it come state, ppid, … with utime and stime as 12th and 13th.
        let (_, fields) = stat.rsplit_once(") ").with_context(|| self.gone())?;
        let ticks: Vec<f64> = fields.split(' ').skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
        Ok(ticks.iter().sum::<f64>() / TICKS_PER_SECOND)
    }
}
