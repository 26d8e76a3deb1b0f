//! The processes: startup, configuration, logs, health checks, metrics, and the Procfile.

mod config;
mod logs;
mod procfile;
mod public;
mod startup;
mod turn_times;
