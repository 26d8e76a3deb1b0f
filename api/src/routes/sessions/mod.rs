//! Operations that create, fork, list, get, update, mark as read, archive, and delete sessions.

pub mod branch;
pub mod changes;
pub mod create;
mod cursor;

pub mod delete;
pub mod fork;
pub mod get;
pub mod list;
pub mod read;
pub mod unread;
pub mod update;

use banter_shared::chat::{Session, Title};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::ApiError;

/// The user's read position in a session.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReadPosition {
    /// Messages with a `seq` up to this value count as read.
    pub last_read_seq: i64,
    /// The number of answers after `last_read_seq`; 0 while the session is archived.
    pub unread_count: i64,
}

impl From<Session> for ReadPosition {
    fn from(session: Session) -> Self {
        Self { last_read_seq: session.last_read_seq, unread_count: session.unread_count }
    }
}

/// Parses the `title` field of a request body.
fn parse_title(title: Option<&str>) -> Result<Option<Title>, ApiError> {
    title.map(Title::parse).transpose().map_err(|error| ApiError::invalid("title", error.to_string()))
}
