//! `GET /v1/agents`

use axum::{Json, extract::State};
use banter_shared::chat::Principal;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    agents::{Availability, KnownAgent},
    error::ApiError,
    openapi::AnyProblem,
    state::AppState,
};

/// An agent, as people see it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Agent {
    /// What sessions refer to.
    pub key: String,
    /// What people call it.
    pub name: String,
    /// A sentence about it; may be empty.
    pub description: String,
    /// How it is reached: `demo`, `openai`, ….
    pub driver: String,
    /// How to show its answers: `markdown`, or `text` for the output of a terminal, with ANSI escape sequences.
    pub answer_format: String,
    /// An emoji or a colour; null: pick something.
    #[schema(required)]
    pub avatar: Option<String>,
    /// Prompts for an empty session.
    pub starters: Vec<String>,
    /// Whether it can answer, as far as anybody knows.
    pub available: bool,
    /// Why it cannot.
    #[schema(required)]
    pub reason: Option<String>,
}

/// All agents.
#[derive(Debug, Serialize, ToSchema)]
pub struct AgentList {
    /// In the order in which they are offered.
    pub items: Vec<Agent>,
}

impl From<KnownAgent<'_>> for Agent {
    fn from(KnownAgent { config, availability }: KnownAgent<'_>) -> Self {
        let reason = match availability {
            Availability::Available => None,
            Availability::Unavailable(reason) => Some(reason),
        };
        Self {
            key: config.key.clone(),
            name: config.name.clone(),
            description: config.description.clone(),
            driver: config.driver.as_str().to_owned(),
            answer_format: config.driver.answer_format().as_str().to_owned(),
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
    responses((status = 200, description = "All of them.", body = AgentList), AnyProblem),
)]
pub async fn list(State(state): State<AppState>, _: Principal) -> Result<Json<AgentList>, ApiError> {
    let items = state.list_agents().await?.into_iter().map(Agent::from).collect();

    Ok(Json(AgentList { items }))
}
