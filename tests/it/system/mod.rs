//! The processes: startup, configuration, logs, traces, health checks, metrics, and the Procfile.

mod config;
mod logs;
mod pooler;
mod procfile;
mod public;
mod startup;
mod tls;
mod traces;
mod turn_times;
