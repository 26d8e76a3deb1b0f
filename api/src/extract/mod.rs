//! Extractors, which reject invalid requests.
//!
//! They run in the order of a handler's parameters. Every handler uses the same order: authentication ([`Principal`]),
//! ownership ([`OwnedSession`], [`OwnedAttachment`], [`OwnedMessage`], [`OwnedTask`], [`OwnedPermission`]), role
//! ([`WriteAccess`]), then the query ([`QueryParams`]), the headers ([`IdempotencyHeader`]), and the body
//! ([`JsonBody`], [`NoBody`]).
//!
//! [`Principal`]: banter_shared::chat::Principal

mod body;
mod cookie;
mod field_error;
mod idempotency;
mod memory_reservation;
mod ownership;
mod principal;
mod query;
mod stream_reader;
mod whole_number;

pub use body::{JsonBody, NoBody, OptionalBody, incomplete as body_error};
pub use cookie::{LoginCookie, NAME as LOGIN_COOKIE};
pub use idempotency::IdempotencyHeader;
pub use ownership::{OwnedAttachment, OwnedMessage, OwnedPermission, OwnedSession, OwnedTask};
pub use principal::WriteAccess;
pub use query::QueryParams;
pub use stream_reader::{StreamQuery, StreamReader};
pub use whole_number::WholeNumber;
