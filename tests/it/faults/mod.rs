//! Processes that are killed, frozen, or stopped during a turn, and failures of Redis, the store, and the disk.

mod clock;
mod disk;
mod frozen;
mod hostile;
mod killed;
mod poison;
mod read_only;
mod redis;
mod relay;
mod start;
mod stopped;
mod store;
mod suspend;
