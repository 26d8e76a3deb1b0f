//! Attachments: uploading, downloading, sending, what agents receive, and the deletion and copying of files.

mod agents;
mod copy;
mod download;
mod files;
mod send;
mod upload;
