//! Code shared by `api` and `worker`, including the chat domain, the event log, the store, and the relay.
//!
//! | Module | Contents | Depends on |
//! |---|---|---|
//! | [`chat`] | sessions, messages, tasks: types and rules, no I/O | [`id`], [`clock`] |
//! | [`event`] | the events of a user's stream, and cursors | [`chat`] |
//! | [`attachments`] | the contents of attachments, outside the database | [`id`], [`chat`] |
//! | [`archive`] | exported chats: JSON, Markdown, HTML | [`store`], [`attachments`] |
//! | [`store`] | all SQL, with one transaction per operation | [`chat`], [`event`] |
//! | [`relay`] | hints and live text between processes | [`chat`], [`event`] |
//! | [`agents_file`] | `agents.toml` | |
//! | [`lenient_json`] | a parser that repairs invalid JSON | |
//! | [`private`] | files and folders that only this account can read | |
//! | [`config`], [`shutdown`], [`version`] | starting and stopping a process | [`store`], [`relay`] |
//! | [`upkeep`] | background work in every process | [`store`], [`relay`] |
//!
//! The store and the relay do not depend on each other, and nothing here handles HTTP requests.

pub mod agents_file;
pub mod archive;
pub mod attachments;
pub mod chat;
pub mod clock;
mod companion;
pub mod config;
pub mod count;
pub mod event;
mod hex;
pub mod id;
pub mod lenient_json;
pub mod private;
pub mod relay;
pub mod shutdown;
pub mod store;
pub mod stored_files;
mod text_column;
mod tls;
pub mod upkeep;
pub mod version;
