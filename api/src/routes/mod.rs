//! The operations. Each one has its own file, `routes/<resource>/<verb>.rs`.

pub mod agents;
pub mod attachments;
pub mod auth;
pub mod drafts;
pub mod events;
pub mod exports;
pub mod folders;
pub mod imports;
pub mod messages;
pub mod search;
pub mod sessions;
pub mod system;
pub mod tasks;
