//! Agents: listed.

pub mod list;
