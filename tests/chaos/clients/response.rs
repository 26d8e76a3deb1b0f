//! Sends requests and records their responses.

use std::time::{Duration, Instant};

use banter_tests::load::{Failure, Response};
use reqwest::RequestBuilder;

use super::ChaosClient;
use crate::history::{Action, OperationResult};

/// Time limit for a response.
const RESPONSE_LIMIT: Duration = Duration::from_secs(10);

impl ChaosClient {
    /// Sends a request once. Any response other than a success, an allowed rejection, or a 503 is recorded as a
    /// violation.
    pub(super) async fn answer(
        &self,
        name: &str,
        request: RequestBuilder,
        expected: &[u16],
        rejections: &[u16],
    ) -> Response {
        let history = &self.world.history;
        let response = self.user.client.attempt(request, expected, RESPONSE_LIMIT).await;
        history.count(&format!("{name}: {}", response.summary()));
        match &response {
            Response::Rejected { reply, .. } if !rejections.contains(&reply.status) => {
                history.record_violation(format!("{name} returned {} {}", reply.status, reply.text()));
            }
            Response::Unknown(Failure::Malformed(violation)) => {
                history.record_violation(format!("{name}: {violation}"));
            }
            Response::Success(_)
            | Response::Rejected { .. }
            | Response::NotStored
            | Response::Unknown(Failure::Unavailable | Failure::Refused | Failure::Disconnected | Failure::TimedOut) => {
            }
        }
        response
    }

    /// Performs an operation on a session or one of its messages, and records the result.
    pub(super) async fn change(
        &self,
        name: &str,
        (session, message): (&str, Option<&str>),
        action: Action,
        request: RequestBuilder,
        yes: u16,
    ) -> Response {
        let of = message.unwrap_or(session);
        self.log_line(&format!("{name} of {of}: {action:?}"));
        let index = self.world.history.begin_change(of, action);
        let started = Instant::now();
        let response = self.answer(name, request, &[yes], if message.is_some() { &[404, 409] } else { &[404] }).await;
        self.log_line(&format!("{name} of {of}: {}", response.summary()));
        let position = match &response {
            Response::Success(reply) if !reply.body.is_empty() => reply.json()["last_read_seq"].as_i64(),
            Response::Success(_) | Response::Rejected { .. } | Response::NotStored | Response::Unknown(_) => None,
        };
        self.world.history.end_change(index, OperationResult::of(&response), position);
        match &response {
            Response::Success(_) => self.check_found(name, session, started),
            Response::Rejected { code, .. } => self.check_missing(name, session, message, code),
            Response::NotStored | Response::Unknown(_) => {}
        }
        response
    }
}
