//! A request and the interpretation of its response.

use std::time::{Duration, Instant};

use banter_tests::client::Reply;
use reqwest::RequestBuilder;

use super::ChaosClient;
use crate::history::{Action, OperationResult};

/// Time limit for a response.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// The interpretation of a response.
pub(super) enum Response {
    Success(Reply),
    /// Rejected with this code.
    Rejected(String),
    /// 503 `store_busy`: nothing was stored.
    NotStored,
    /// No response, or an inconclusive one.
    Unknown,
}

impl Response {
    /// Formats it for the log of the run.
    pub(super) fn summary(&self) -> &str {
        match self {
            Self::Success(_) => "yes",
            Self::Rejected(code) => code,
            Self::NotStored => "nothing stored",
            Self::Unknown => "unknown",
        }
    }

    /// Returns the result of the operation.
    pub(super) fn result(&self) -> OperationResult {
        match self {
            Self::Success(_) => OperationResult::acknowledged_now(),
            Self::Rejected(_) | Self::NotStored => OperationResult::Rejected,
            Self::Unknown => OperationResult::Unknown,
        }
    }
}

impl ChaosClient {
    /// Sends a request once. Any response other than a success, a rejection, and a 503 is a violation.
    pub(super) async fn answer(&self, name: &str, request: RequestBuilder, yes: &[u16], no: &[u16]) -> Response {
        let (client, history) = (&self.user.clients[0], &self.world.history);
        let reply = match tokio::time::timeout(ANSWER_LIMIT, client.try_call(request)).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(_)) => {
                history.count(&format!("{name}: no answer"));
                return Response::Unknown;
            }
            Err(_) => {
                history.count(&format!("{name}: not in time"));
                return Response::Unknown;
            }
        };
        if yes.contains(&reply.status) {
            history.count(&format!("{name}: {}", reply.status));
            return Response::Success(reply);
        }
        let problem = match reply.check_problem(reply.status) {
            Ok(problem) => problem,
            Err(violation) => {
                history.record_violation(format!("{name}: {violation}"));
                return Response::Unknown;
            }
        };
        let code = problem["code"].as_str().unwrap_or_default().to_owned();
        history.count(&format!("{name}: {} {code}", reply.status));
        if reply.status == 503 {
            return if code == "store_busy" { Response::NotStored } else { Response::Unknown };
        }
        if !no.contains(&reply.status) {
            history.record_violation(format!("{name} is answered {} {}", reply.status, reply.text()));
        }
        Response::Rejected(code)
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
            _ => None,
        };
        self.world.history.end_change(index, response.result(), position);
        match &response {
            Response::Success(_) => self.check_found(name, session, started),
            Response::Rejected(code) => self.check_missing(name, session, message, code),
            Response::NotStored | Response::Unknown => {}
        }
        response
    }
}
