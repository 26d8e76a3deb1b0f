//! Samples of processes, from `/proc`, and of the database, from a read-only connection.

mod backdate;
mod database;
mod process;

pub use backdate::Backdater;
pub use database::DatabaseSampler;
pub use process::ProcessSampler;
