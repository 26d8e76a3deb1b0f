//! Sessions: lists, archiving, read positions, and titles.

mod archive;
mod list;
mod read;
mod title;
