//! Sessions: the list, archiving, read positions, titles.

mod archive;
mod list;
mod read;
mod title;
