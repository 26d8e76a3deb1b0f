//! `GET /v1/agents`

use axum::{Json, extract::State};
use banter_shared::chat::Principal;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    availability::{Availability, KnownAgent},
    error::ApiError,
    openapi::AnyProblem,
    state::AppState,
};

/// An agent.
#[derive(Debug, Serialize, ToSchema)]
pub struct Agent {
    /// The agent's key, which sessions refer to as `agent_key`.
    pub key: String,
    /// The display name.
    pub name: String,
    /// A one-sentence description; may be empty.
    pub description: String,
    /// The driver: `acp`, `openai`, `command`, or `demo`.
    pub driver: String,
    /// The format of the agent's answers: `markdown`, or `text` for terminal output with ANSI escape sequences.
    pub answer_format: String,
    /// Which files can be sent to the agent.
    pub accepts: AcceptedContent,
    /// An emoji or a color; null if none is configured.
    #[schema(required)]
    pub avatar: Option<String>,
    /// Suggested prompts for an empty session.
    pub starters: Vec<String>,
    /// Whether the agent is configured and not known to be failing.
    pub available: bool,
    /// Why the agent is unavailable; null if it is available.
    #[schema(required)]
    pub reason: Option<String>,
}

/// Which files can be sent to an agent.
#[derive(Debug, Serialize, ToSchema)]
pub struct AcceptedContent {
    /// Whether the agent accepts images.
    pub images: bool,
    /// Whether the agent accepts other files. An agent with the `openai` driver accepts only text files.
    pub files: bool,
}

/// A list of agents.
#[derive(Debug, Serialize, ToSchema)]
pub struct AgentList {
    /// The agents in configuration order, then those that are installed on a worker but not enabled.
    pub items: Vec<Agent>,
}

impl From<KnownAgent<'_>> for Agent {
    fn from(KnownAgent { config, availability }: KnownAgent<'_>) -> Self {
        let reason = match availability {
            Availability::Available => None,
            Availability::Unavailable(reason) => Some(reason),
        };
        let accepted = config.driver.accepted_files();
        Self {
            key: config.key.clone(),
            name: config.name.clone(),
            description: config.description.clone(),
            driver: config.driver.as_str().to_owned(),
            answer_format: config.driver.answer_format().as_str().to_owned(),
            accepts: AcceptedContent { images: accepted.images, files: accepted.text || accepted.other },
            avatar: config.avatar.clone(),
            starters: config.starters.clone(),
            available: reason.is_none(),
            reason,
        }
    }
}

/// Lists the agents.
#[utoipa::path(
    get,
    path = "/v1/agents",
    operation_id = "listAgents",
    tag = "agents",
    summary = "List agents",
    responses((status = 200, description = "The agents.", body = AgentList), AnyProblem),
)]
pub async fn list(State(state): State<AppState>, _: Principal) -> Result<Json<AgentList>, ApiError> {
    let items = state.list_agents().await?.into_iter().map(Agent::from).collect();

    Ok(Json(AgentList { items }))
}
