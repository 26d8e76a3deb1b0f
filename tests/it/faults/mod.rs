//! Processes that die, freeze or stop in the middle of a turn; Redis, the store and the disk that fail them.

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
