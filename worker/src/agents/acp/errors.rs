//! What the user is told when an agent fails.

use std::{os::unix::process::ExitStatusExt as _, process::ExitStatus, time::Duration};

use agent_client_protocol::{Error, ErrorCode as RpcCode, is_connection_terminated, is_incoming_transport_closed};
use banter_shared::chat::ErrorCode;
use serde_json::Value;
use tokio::time::timeout;

use crate::{
    agents::{AgentError, process::Control},
    supervise,
};

/// How much of an agent's own words is shown, in characters.
const MAX_QUOTED_CHARS: usize = 300;
/// How long a process whose stdout ended may take to be gone.
const GONE_LIMIT: Duration = Duration::from_secs(5);

/// What an error means. One that says that the connection ended is explained by how the process did.
pub(super) async fn explain(error: &Error, fault: Option<String>, control: &Control) -> AgentError {
    if let Some(fault) = fault {
        return AgentError::new(ErrorCode::AgentProtocol, fault);
    }
    if is_incoming_transport_closed(error) || is_connection_terminated(error) {
        control.end();
        let status = timeout(GONE_LIMIT, control.gone()).await.ok().flatten();
        let stderr = control.last_words().await;
        tracing::warn!(?status, stderr, "an agent's process ended");
        return gone(status);
    }
    // As texts, whose control characters are escaped in the log.
    let (said, stderr) = (control.redact(&error.message), control.stderr());
    tracing::warn!(code = error.code.value(), said, stderr, "an agent reports an error");
    let quoted = quote(error, control);
    match error.code {
        RpcCode::AUTH_REQUIRED => AgentError::new(
            ErrorCode::AgentAuth,
            format!("The agent asks to be signed in first: see “Signing in” in docs/agents.md. ({quoted})"),
        ),
        RpcCode::METHOD_NOT_FOUND => AgentError::new(ErrorCode::AgentProtocol, quoted),
        RpcCode::INVALID_REQUEST | RpcCode::INVALID_PARAMS => AgentError::new(ErrorCode::AgentRefused, quoted),
        _ => AgentError::new(ErrorCode::AgentError, quoted),
    }
}

/// How a process ended, in words.
pub(in crate::agents) fn gone(status: Option<ExitStatus>) -> AgentError {
    let code = status.and_then(|status| status.code());
    let supervisor = |known: u8| code == Some(i32::from(known));
    if supervisor(supervise::NOT_FOUND) || supervisor(supervise::NOT_STARTED) {
        return AgentError::new(ErrorCode::AgentUnavailable, "The agent's program cannot be started on the worker.");
    }
    if supervisor(supervise::LOCKED) {
        let message = "Another agent still works in the folder of this conversation.";
        return AgentError::new(ErrorCode::AgentError, message);
    }
    let how = match (code, status.and_then(|status| status.signal())) {
        // As a shell says it: the supervisor passes a signal on as 128 and its number.
        (Some(code @ 129..=192), _) => format!("signal {}", code - 128),
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "for an unknown reason".to_owned(),
    };
    AgentError::new(ErrorCode::AgentCrashed, format!("The agent's process ended unexpectedly ({how})."))
}

/// The agent's own words, short and without secrets.
fn quote(error: &Error, control: &Control) -> String {
    let detail = error.data.as_ref().and_then(|data| match data {
        Value::String(text) => Some(text.as_str()),
        data => ["details", "message", "error"].into_iter().find_map(|field| data.get(field)?.as_str()),
    });
    let text = match detail {
        Some(detail) if !error.message.contains(detail) => format!("{}: {detail}", error.message),
        _ => error.message.clone(),
    };
    let text = control.redact(text.trim());
    let short: String = text.chars().filter(|c| !c.is_control()).take(MAX_QUOTED_CHARS).collect();
    if short.is_empty() { "The agent failed without saying why.".to_owned() } else { short }
}
