//! Samples a process's resource usage from `/proc`.

use std::time::Instant;

use anyhow::{Context as _, Result};
use procfs::process::Process;

/// A process that is sampled repeatedly.
#[derive(Debug)]
pub struct ProcessSampler {
    /// The process's name in tables.
    pub name: String,
    pid: u32,
    before: Option<(Instant, f64)>,
}

/// A sample of a process.
#[derive(Clone, Copy, Debug)]
pub struct ProcessSample {
    /// Resident memory, in MiB.
    pub rss_mib: f64,
    /// Number of open file descriptors.
    pub handles: f64,
    /// CPU usage since the last sample, as a percentage of one core; 0 in the first sample.
    pub cpu_percent: f64,
}

impl ProcessSampler {
    /// Creates a sampler for a process.
    pub fn new(name: &str, pid: u32) -> Self {
        Self { name: name.to_owned(), pid, before: None }
    }

    /// Takes a sample.
    pub fn sample(&mut self) -> Result<ProcessSample> {
        let process = Process::new(i32::try_from(self.pid)?).with_context(|| self.missing())?;
        let stat = process.stat().with_context(|| self.missing())?;
        let used = (stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64;
        let now = Instant::now();
        let before = self.before.replace((now, used));
        let cpu_percent = before.map_or(0.0, |(at, before)| 100.0 * (used - before) / (now - at).as_secs_f64());
        let handles = process.fd_count().with_context(|| self.missing())? as f64;
        let rss_kib = process.status().ok().and_then(|status| status.vmrss).with_context(|| self.missing())?;
        Ok(ProcessSample { rss_mib: rss_kib as f64 / 1024.0, handles, cpu_percent })
    }

    fn missing(&self) -> String {
        format!("cannot inspect {} (pid {})", self.name, self.pid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_this_process() {
        let sample = ProcessSampler::new("bench", std::process::id()).sample().unwrap();

        assert!(sample.rss_mib > 0.0 && sample.handles >= 3.0, "{sample:?}");
    }
}
