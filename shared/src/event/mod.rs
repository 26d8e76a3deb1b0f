//! The events of a user's stream.
//!
//! Durable events are stored in the user's log and numbered consecutively. Other events are not stored.

mod cursor;
mod envelope;
mod hints;
mod kind;

pub use cursor::{Cursor, Epoch, ParseCursorError};
pub use envelope::{Event, EventData};
pub use hints::Hints;
pub use kind::{EventRef, LogKind};
