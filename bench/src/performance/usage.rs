//! Reads the resource usage of processes from `/proc`.

use std::ops::Sub;

use anyhow::{Context as _, Result};
use procfs::process::Process;

/// The combined resource usage of several processes since they were started.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// CPU time in user and system mode, in seconds.
    pub cpu_seconds: f64,
    /// Bytes written to files; the kernel counts whole pages.
    pub written_bytes: f64,
    /// Current resident memory, in bytes. Unlike the other values, this is not a running total.
    pub resident_bytes: f64,
}

impl Usage {
    /// Adds up the resource usage of these processes.
    ///
    /// # Errors
    /// Fails if one of them has exited.
    pub fn of(pids: &[u32]) -> Result<Self> {
        let mut total = Self::default();
        for pid in pids {
            let process = Process::new(i32::try_from(*pid)?).with_context(|| format!("process {pid}"))?;
            let stat = process.stat()?;
            total.cpu_seconds += (stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64;
            total.written_bytes += process.io()?.write_bytes as f64;
            total.resident_bytes += (stat.rss * procfs::page_size()) as f64;
        }
        Ok(total)
    }
}

impl Sub for Usage {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            cpu_seconds: self.cpu_seconds - before.cpu_seconds,
            written_bytes: self.written_bytes - before.written_bytes,
            resident_bytes: self.resident_bytes - before.resident_bytes,
        }
    }
}
