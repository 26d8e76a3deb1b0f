//! Event streams for all of a user's sessions, or for one session.

pub mod session;
pub mod user;

use axum::http::HeaderMap;

use crate::extract::StreamQuery;

/// The header that a browser sends to resume a stream
/// (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).
const LAST_EVENT_ID: &str = "Last-Event-ID";

/// Returns the client's cursor. The header takes precedence over `?after=`; an empty header or parameter counts as
/// absent.
fn requested_cursor(headers: &HeaderMap, query: StreamQuery) -> Option<String> {
    let header = headers.get(LAST_EVENT_ID).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    header.filter(|text| !text.is_empty()).or(query.after).filter(|text| !text.is_empty())
}
