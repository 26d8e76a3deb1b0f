//! The processes: startup, configuration, health checks, metrics, and the Procfile.

mod config;
mod procfile;
mod public;
mod startup;
