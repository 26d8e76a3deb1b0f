//! Attachments: uploading, downloading, sending, what agents receive, and the deletion and copying of files.

mod agents;
mod answers;
mod bucket;
mod copy;
mod download;
pub mod files;
mod send;
mod upload;
