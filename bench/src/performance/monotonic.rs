//! A clock shared by all processes on this machine, so times from different processes can be compared.

use std::time::Duration;

use anyhow::{Context as _, Result};
use nix::time::{ClockId, clock_gettime};

/// Returns the time since an arbitrary moment that is the same for every process.
///
/// # Errors
/// Fails if the system has no monotonic clock.
pub fn now() -> Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_MONOTONIC).context("read the monotonic clock")?.into())
}
