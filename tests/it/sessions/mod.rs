//! Sessions: the list, the archive, reading, titles.

mod archive;
mod list;
mod read;
mod title;
