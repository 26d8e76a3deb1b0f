//! Exports of chats.

pub mod session;
