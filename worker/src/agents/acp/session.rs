//! Opens the agent's session for a conversation: resumes the earlier session if possible, and otherwise starts a new
//! one.

use std::{path::Path, time::Duration};

use agent_client_protocol::v1::schema::{LoadSessionRequest, NewSessionRequest, ResumeSessionRequest};
use banter_shared::{
    agents_file::AcpConfig,
    chat::{ErrorCode, ResumePoint},
    count::seconds,
};
use serde::Serialize;
use serde_json::{Value, json};

use super::{connection::Connection, settle::SettleWindow, update::session_id_in};
use crate::agents::AgentError;

/// Time limit for each request that opens or configures a session.
const SESSION_LIMIT: Duration = Duration::from_secs(30);

/// An agent's session and how much of the conversation it contains.
#[derive(Clone, Debug)]
pub(super) struct OpenSession {
    /// The session ID assigned by the agent.
    pub id: String,
    /// The last turn that the session contains, or `None` if the session is new.
    pub last_turn: Option<i64>,
    /// The revision of the transcript's path. The session contains turns of another branch if it has changed.
    pub path_revision: i64,
}

/// Resumes an earlier session if possible, or else starts a new one. In both cases, sets the configured mode and model.
/// `path_revision` is that of the turn for which the session is opened.
pub(super) async fn open(
    connection: &Connection,
    config: &AcpConfig,
    resume: Option<&ResumePoint>,
    path_revision: i64,
    replay: Option<SettleWindow>,
) -> Result<OpenSession, AgentError> {
    let folder = connection.handle().folder().to_owned();
    if let Some(resume) = resume
        && restore(connection, config, &folder, &resume.session.id, replay).await
    {
        return Ok(OpenSession { id: resume.session.id.clone(), last_turn: Some(resume.turn), path_revision });
    }
    let request = NewSessionRequest::new(folder);
    let state = connection.request_within(SESSION_LIMIT, "session/new", request).await?;
    let Some(id) = session_id_in(&state) else {
        return Err(AgentError::new(ErrorCode::AgentProtocol, "The agent created a session without an ID."));
    };
    if state["sessionId"].is_number() {
        connection.use_numeric_sessions();
    }
    configure(connection, config, &id, &state).await?;
    Ok(OpenSession { id, last_turn: None, path_revision })
}

/// Tries to restore an earlier session with each method that the agent supports, until one succeeds. Returns whether
/// one did.
async fn restore(
    connection: &Connection,
    config: &AcpConfig,
    folder: &Path,
    id: &str,
    replay: Option<SettleWindow>,
) -> bool {
    if connection.agent_info.can_resume {
        let request = ResumeSessionRequest::new(id.to_owned(), folder);
        match try_restore(connection, config, id, "session/resume", request, replay).await {
            Ok(()) => return true,
            Err(error) => tracing::info!(%error, "agent could not resume its session"),
        }
    }
    if connection.agent_info.can_load && connection.is_open() {
        let request = LoadSessionRequest::new(id.to_owned(), folder);
        match try_restore(connection, config, id, "session/load", request, replay).await {
            Ok(()) => return true,
            Err(error) => tracing::info!(%error, "agent could not load its session"),
        }
    }
    false
}

async fn try_restore(
    connection: &Connection,
    config: &AcpConfig,
    id: &str,
    method: &str,
    request: impl Serialize,
    replay: Option<SettleWindow>,
) -> Result<(), AgentError> {
    let state = connection.request_within(SESSION_LIMIT, method, request).await?;
    configure(connection, config, id, &state).await?;
    // Some agents respond first and then replay the history, which is discarded because there is no listener yet.
    match replay {
        Some(window) if !connection.settle(window).await => {
            let message = format!("The agent kept sending updates for {} after `{method}`.", seconds(window.limit));
            Err(AgentError::new(ErrorCode::AgentProtocol, message))
        }
        Some(_) | None => Ok(()),
    }
}

/// Sets the configured mode and model. Fails if the agent does not offer them, because the agent would otherwise run
/// with a different mode or model.
async fn configure(
    connection: &Connection,
    config: &AcpConfig,
    session_id: &str,
    state: &Value,
) -> Result<(), AgentError> {
    let settings = [
        Setting {
            field: "mode",
            listed: names(&state["modes"]["availableModes"], "id"),
            method: "session/set_mode",
            parameter: "modeId",
        },
        Setting {
            field: "model",
            listed: names(&state["models"]["availableModels"], "modelId"),
            method: "session/set_model",
            parameter: "modelId",
        },
    ];
    for (wanted, settings) in [&config.mode, &config.model].into_iter().zip(settings) {
        if let Some(wanted) = wanted {
            settings.choose(connection, session_id, state, wanted).await?;
        }
    }
    Ok(())
}

/// A setting that agents offer either in a dedicated list or as a configuration option.
struct Setting {
    field: &'static str,
    listed: Vec<String>,
    method: &'static str,
    parameter: &'static str,
}

impl Setting {
    async fn choose(
        self,
        connection: &Connection,
        session_id: &str,
        state: &Value,
        wanted: &str,
    ) -> Result<(), AgentError> {
        let Self { field, listed, method, parameter } = self;
        if listed.iter().any(|name| name == wanted) {
            let parameters = json!({"sessionId": session_id, parameter: wanted});
            return connection.request_within(SESSION_LIMIT, method, parameters).await.map(drop);
        }
        let options = state["configOptions"].as_array().into_iter().flatten();
        let mut offered = listed;
        for option in options.filter(|option| option["category"] == field || option["id"] == field) {
            let values = option_values(option);
            if values.iter().any(|value| value == wanted) {
                let parameters = json!({"sessionId": session_id, "configId": option["id"], "value": wanted});
                let method = "session/set_config_option";
                return connection.request_within(SESSION_LIMIT, method, parameters).await.map(drop);
            }
            offered.extend(values);
        }
        offered.truncate(20);
        let message = if offered.is_empty() {
            format!("The agent has no {field} “{wanted}”. It offers no {field}s.")
        } else {
            format!("The agent has no {field} “{wanted}”. Available {field}s: {}.", offered.join(", "))
        };
        Err(AgentError::new(ErrorCode::AgentUnavailable, message))
    }
}

fn names(list: &Value, field: &str) -> Vec<String> {
    let items = list.as_array().into_iter().flatten();
    items.filter_map(|item| item[field].as_str().map(str::to_owned)).collect()
}

/// Returns the values of an option, whether or not they are grouped.
fn option_values(option: &Value) -> Vec<String> {
    let entries = option["options"].as_array().into_iter().flatten();
    entries
        .flat_map(|entry| match entry["options"] {
            Value::Array(_) => names(&entry["options"], "value"),
            _ => entry["value"].as_str().map(str::to_owned).into_iter().collect(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_flat_and_grouped_options() {
        let flat = json!({"options": [{"value": "a", "name": "A"}, {"value": "b", "name": "B"}]});
        let grouped = json!({"options": [{"group": "g", "name": "G", "options": [{"value": "c", "name": "C"}]}]});

        assert_eq!(option_values(&flat), ["a", "b"]);
        assert_eq!(option_values(&grouped), ["c"]);
        assert!(option_values(&json!({"type": "boolean"})).is_empty());
    }
}
