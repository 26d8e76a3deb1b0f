//! Agents.

pub mod list;
