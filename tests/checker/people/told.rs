//! A request and the interpretation of its response.

use std::time::{Duration, Instant};

use banter_tests::client::Reply;
use reqwest::RequestBuilder;

use super::Person;
use crate::history::{Action, Fate};

/// Time limit for a response.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// The interpretation of a response.
pub(super) enum Told {
    Yes(Reply),
    /// Rejected with this code.
    No(String),
    /// 503 `store_busy`: nothing was stored.
    NothingStored,
    /// No response, or an inconclusive one.
    Nothing,
}

impl Told {
    /// Formats it for the log of the run.
    pub(super) fn in_short(&self) -> &str {
        match self {
            Self::Yes(_) => "yes",
            Self::No(code) => code,
            Self::NothingStored => "nothing stored",
            Self::Nothing => "unknown",
        }
    }

    /// Returns the result of the operation.
    pub(super) fn fate(&self) -> Fate {
        match self {
            Self::Yes(_) => Fate::yes(),
            Self::No(_) | Self::NothingStored => Fate::Refused,
            Self::Nothing => Fate::Unknown,
        }
    }
}

impl Person {
    /// Sends a request once. Any response other than a success, a rejection, and a 503 is a violation.
    pub(super) async fn answer(&self, name: &str, request: RequestBuilder, yes: &[u16], no: &[u16]) -> Told {
        let (client, history) = (&self.user.clients[0], &self.world.history);
        let reply = match tokio::time::timeout(ANSWER_LIMIT, client.try_call(request)).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(_)) => {
                history.count(&format!("{name}: no answer"));
                return Told::Nothing;
            }
            Err(_) => {
                history.count(&format!("{name}: not in time"));
                return Told::Nothing;
            }
        };
        if yes.contains(&reply.status) {
            history.count(&format!("{name}: {}", reply.status));
            return Told::Yes(reply);
        }
        let problem = match reply.check_problem(reply.status) {
            Ok(problem) => problem,
            Err(complaint) => {
                history.complain(format!("{name}: {complaint}"));
                return Told::Nothing;
            }
        };
        let code = problem["code"].as_str().unwrap_or_default().to_owned();
        history.count(&format!("{name}: {} {code}", reply.status));
        if reply.status == 503 {
            return if code == "store_busy" { Told::NothingStored } else { Told::Nothing };
        }
        if !no.contains(&reply.status) {
            history.complain(format!("{name} is answered {} {}", reply.status, reply.text()));
        }
        Told::No(code)
    }

    /// Performs an operation on a session or one of its messages, and records the result.
    pub(super) async fn change(
        &self,
        name: &str,
        (session, message): (&str, Option<&str>),
        action: Action,
        request: RequestBuilder,
        yes: u16,
    ) -> Told {
        let of = message.unwrap_or(session);
        self.note(&format!("{name} of {of}: {action:?}"));
        let index = self.world.history.begin_change(of, action);
        let started = Instant::now();
        let told = self.answer(name, request, &[yes], if message.is_some() { &[404, 409] } else { &[404] }).await;
        self.note(&format!("{name} of {of}: {}", told.in_short()));
        let position = match &told {
            Told::Yes(reply) if !reply.body.is_empty() => reply.json()["last_read_seq"].as_i64(),
            _ => None,
        };
        self.world.history.end_change(index, told.fate(), position);
        match &told {
            Told::Yes(_) => self.judge_found(name, session, started),
            Told::No(code) => self.judge_missing(name, session, message, code),
            Told::NothingStored | Told::Nothing => {}
        }
        told
    }
}
