//! Measurements: processes from `/proc`, the database from a read-only connection, and latencies.

mod backdate;
mod database;
mod latency;
mod process;

pub use backdate::Backdater;
pub use database::DatabaseSampler;
pub use latency::{Latencies, LatencyRecorder};
pub use process::ProcessSampler;
