//! Samples processes (from `/proc`) and the database (over a read-only connection).

mod backdate;
mod database;
mod process;

pub use backdate::Backdater;
pub use database::DatabaseSampler;
pub use process::ProcessSampler;
