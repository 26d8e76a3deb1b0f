//! Samples of a process from `/proc` (proc(5)).

use std::{fs, time::Instant};

use anyhow::{Context as _, Result};

/// Clock ticks per second in `/proc/PID/stat`: `USER_HZ`, which is the same on every supported Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// A process that is sampled repeatedly.
#[derive(Debug)]
pub struct ProcessWatch {
    /// The name in tables.
    pub name: String,
    pid: u32,
    before: Option<(Instant, f64)>,
}

/// A sample.
#[derive(Clone, Copy, Debug)]
pub struct ProcessSample {
    /// Resident memory, in MiB.
    pub rss_mib: f64,
    /// Number of open file descriptors.
    pub handles: f64,
    /// CPU usage since the last sample, in percent of one core.
    pub cpu_percent: f64,
}

impl ProcessWatch {
    /// Creates a sampler of a process.
    pub fn new(name: &str, pid: u32) -> Self {
        Self { name: name.to_owned(), pid, before: None }
    }

    /// Takes a sample.
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
        // The name in parentheses may contain anything. The fields after it are state, ppid, …, with utime and stime as
        // the 12th and 13th.
        let (_, fields) = stat.rsplit_once(") ").with_context(|| self.gone())?;
        let ticks: Vec<f64> = fields.split(' ').skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
        Ok(ticks.iter().sum::<f64>() / TICKS_PER_SECOND)
    }
}
