//! Processes that die, freeze or stop in the middle of a turn.

mod frozen;
mod killed;
mod start;
mod stopped;
mod store;
