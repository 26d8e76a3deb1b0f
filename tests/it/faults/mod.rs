//! Processes that are killed, frozen, or stopped during a turn, and failures of Redis, PostgreSQL, the store, or the disk.

mod clock;
mod failed_claim;
mod freeze;
mod full_disk;
mod hostile_clients;
mod kill;
mod lost_hosts;
mod poison_message;
mod postgres;
mod read_only_disk;
mod redis;
mod relay;
mod shutdown;
mod store_lock;
mod suspend;
