//! Processes that die, freeze or stop in the middle of a turn; Redis, the store and the disk that fail them.

mod disk;
mod frozen;
mod killed;
mod poison;
mod redis;
mod start;
mod stopped;
mod store;
