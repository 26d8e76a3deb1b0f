//! Errors that occur while sending requests and receiving responses.

use std::{error::Error as _, io};

use banter_shared::chat::ErrorCode;

use crate::agents::AgentError;

/// Converts the error from a request that received no response, or only part of one.
pub(in super::super) fn from_transport(error: reqwest::Error) -> AgentError {
    let error = error.without_url();
    let mut reason = None;
    let mut source = error.source();
    let mut chain = error.to_string();
    while let Some(cause) = source {
        chain = format!("{chain}: {cause}");
        reason = cause.downcast_ref::<io::Error>().and_then(|error| reason_of(error.kind())).or(reason);
        source = cause.source();
    }
    let reason = reason.or_else(|| {
        let known = [("dns error", "unknown hostname"), ("certificate", "untrusted certificate")];
        known.into_iter().find(|(wording, _)| chain.contains(wording)).map(|(_, reason)| reason)
    });
    tracing::warn!(error = chain, "connection to the agent's server failed");

    let what = if error.is_connect() {
        "The agent's server is unreachable"
    } else {
        "The connection to the agent's server was lost"
    };
    let message = reason.map_or_else(|| format!("{what}."), |reason| format!("{what}: {reason}."));
    AgentError::new(ErrorCode::AgentNetwork, message)
}

fn reason_of(kind: io::ErrorKind) -> Option<&'static str> {
    match kind {
        io::ErrorKind::ConnectionRefused => Some("connection refused"),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Some("connection reset"),
        io::ErrorKind::TimedOut => Some("connection timed out"),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Some("no route to host"),
        _ => None,
    }
}
