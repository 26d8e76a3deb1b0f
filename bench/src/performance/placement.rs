//! Decides which CPUs the processes in a run use.
//!
//! A pinned run gives one CPU to the product (api and workers) and another to everything else (this process, the model,
//! and Redis), so that load generation does not take CPU time from the product. A process inherits its CPUs from the
//! thread that starts it, and sizes its thread pools accordingly.

use anyhow::{Context as _, Result, bail};
use nix::{
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    unistd::Pid,
};

/// The process ID that refers to the calling thread.
const THIS_THREAD: Pid = Pid::from_raw(0);

/// The CPUs used in a run.
#[derive(Clone, Copy, Debug)]
pub struct Placement {
    product: CpuSet,
    load: CpuSet,
}

/// A guard that, when dropped, moves the thread back to the CPUs for load generation.
#[derive(Debug)]
pub struct ProductSide(CpuSet);

impl Placement {
    /// Allows all processes to use every CPU. Must be called before the thread is pinned.
    ///
    /// # Errors
    /// Fails if the operating system does not report the CPUs.
    pub fn unpinned() -> Result<Self> {
        let all = sched_getaffinity(THIS_THREAD).context("list the CPUs")?;
        Ok(Self { product: all, load: all })
    }

    /// Uses the first of the allowed CPUs for the product and the second for load generation.
    ///
    /// # Errors
    /// Fails if there is only one CPU.
    pub fn pinned(self) -> Result<Self> {
        let mut cpus = (0..CpuSet::count()).filter(|cpu| self.product.is_set(*cpu).unwrap_or_default());
        let (Some(first), Some(second)) = (cpus.next(), cpus.next()) else { bail!("a pinned run needs two CPUs") };
        Ok(Self { product: only(first)?, load: only(second)? })
    }

    /// Moves this thread to the CPUs for load generation.
    ///
    /// # Errors
    /// Fails if the CPU affinity cannot be set.
    pub fn enter(&self) -> Result<()> {
        sched_setaffinity(THIS_THREAD, &self.load).context("set the CPUs")
    }

    /// Moves this thread to the product's CPUs until the returned guard is dropped. Processes that are started in the
    /// meantime stay on those CPUs.
    ///
    /// # Errors
    /// Fails if the CPU affinity cannot be set.
    pub fn enter_product_side(&self) -> Result<ProductSide> {
        sched_setaffinity(THIS_THREAD, &self.product).context("set the CPUs")?;
        Ok(ProductSide(self.load))
    }
}

impl Drop for ProductSide {
    fn drop(&mut self) {
        let _ = sched_setaffinity(THIS_THREAD, &self.0);
    }
}

fn only(cpu: usize) -> Result<CpuSet> {
    let mut set = CpuSet::new();
    set.set(cpu)?;
    Ok(set)
}
