//! Imports chats from this product's exports and from those of other products.
//!
//! | step | module |
//! |---|---|
//! | recognize the file, and split it into conversations | `input`, `elements` |
//! | convert a conversation to turns | `native`, `products`, `tree` |
//! | store its files, then the conversation | `importer` |
//!
//! A file is read conversation by conversation, so the memory needed does not depend on its length. A conversation that
//! cannot be converted or stored is reported, and does not affect the others. What a chat cannot represent becomes a
//! visible placeholder.

mod conversation;
mod elements;
mod entries;
mod failure;
mod files;
mod importer;
mod input;
mod keys;
mod native;
mod products;
mod tree;

pub use importer::{FailedImport, ImportError, ImportProgress, ImportReport, Importer};
