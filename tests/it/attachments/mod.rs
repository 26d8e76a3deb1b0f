//! Attachments: uploading, downloading, sending, what agents receive, and the deletion of files.

mod agents;
mod answers;
mod download;
mod files;
mod send;
mod upload;
