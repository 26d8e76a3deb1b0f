//! What a user's event stream carries.
//!
//! Durable events are rows of the user's log, numbered without a hole; the others live only as long as their moment.

mod cursor;
mod envelope;
mod hints;
mod kind;

pub use cursor::{Cursor, Epoch, ParseCursorError};
pub use envelope::{Event, EventData};
pub use hints::Hints;
pub use kind::{EventRef, LogKind};
