//! Measurements: processes from `/proc`, the database from a read-only connection, and latencies.

mod ageing;
mod database;
mod latency;
mod process;

pub use ageing::Ageing;
pub use database::DatabaseWatch;
pub use latency::{Latencies, percentile};
pub use process::ProcessWatch;
