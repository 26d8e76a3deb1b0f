//! What `api` and `worker` have in common: the words of the chat, the event log, the store and the relay.
//!
//! | module | what it holds | may use |
//! |---|---|---|
//! | [`chat`] | sessions, messages, tasks: types and rules, no I/O | [`id`], [`clock`] |
//! | [`event`] | what a user's stream carries, and its cursor | [`chat`] |
//! | [`store`] | every SQL statement, in whole transactions | [`chat`], [`event`] |
//! | [`relay`] | hints and live text between processes | [`chat`], [`event`] |
//! | [`agents_file`] | `agents.toml`: which agents there are | [`chat`] |
//! | [`lenient_json`] | JSON from programs that break its rules | |
//! | [`private`] | files and folders that only this account can read | |
//! | [`config`], [`telemetry`], [`shutdown`], [`version`] | what a process needs to start and to stop | |
//! | [`upkeep`] | what every process does on the side | [`store`], [`relay`] |
//!
//! The store and the relay do not know each other, and nothing here knows HTTP.

pub mod agents_file;
pub mod chat;
pub mod clock;
pub mod config;
pub mod event;
pub mod id;
pub mod lenient_json;
pub mod private;
pub mod relay;
pub mod shutdown;
pub mod store;
pub mod telemetry;
mod text_column;
pub mod upkeep;
pub mod version;
