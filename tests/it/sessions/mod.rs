//! Sessions: lists, archiving, read positions, and titles.

mod archive;
mod drafts;
mod list;
mod read;
mod title;
