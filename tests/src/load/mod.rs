//! A client for tests under load or with faults. It sends requests to any api, follows the user's streams, and records
//! the outcomes of tasks.
//!
//! The stress tests, the chaos test, and the benchmarks share this client. They differ in what they send and what they
//! check.

mod outcomes;
mod response;

pub use outcomes::{Outcome, Outcomes};
pub use response::{Failure, Response};

use std::{
    ops::Range,
    sync::Arc,
    time::{Duration, Instant},
};

use rand::RngExt as _;
use reqwest::RequestBuilder;

use crate::{
    client::{Client, Reply},
    follower::FollowerOptions,
    random::TestRng,
    sse::Event,
};

/// How to retry a request.
#[derive(Clone, Debug)]
pub struct RetryPolicy {
    /// Time limit for each response.
    pub response_limit: Duration,
    /// Time limit for all attempts.
    pub limit: Duration,
    /// The pause before each retry.
    pub pause: Range<Duration>,
    /// Whether to retry a request that got no response, which requires an idempotency key.
    pub retries_lost: bool,
}

/// A user's clients, one per api address, and the outcomes that arrive on the user's streams.
#[derive(Debug)]
pub struct LoadClient {
    apis: Vec<Client>,
    outcomes: Arc<Outcomes>,
}

impl LoadClient {
    /// Creates a client that uses these apis.
    pub fn new(apis: Vec<Client>) -> Self {
        Self { apis, outcomes: Arc::default() }
    }

    /// Returns the clients for all apis.
    pub fn apis(&self) -> &[Client] {
        &self.apis
    }

    /// Returns the client for a random api.
    pub fn random_api(&self, rng: &mut TestRng) -> &Client {
        &self.apis[rng.random_range(0..self.apis.len())]
    }

    /// Sends a request once.
    pub async fn attempt(&self, request: RequestBuilder, expected: &[u16], limit: Duration) -> Response {
        match tokio::time::timeout(limit, self.apis[0].try_call(request)).await {
            Ok(Ok(reply)) => Response::of_reply(reply, expected),
            Ok(Err(error)) => Response::of_error(&error),
            Err(_) => Response::Unknown(Failure::TimedOut),
        }
    }

    /// Sends a request to random apis until one of them returns an expected status. Passes every other result except a
    /// rejection to `report`.
    ///
    /// # Errors
    /// Fails if the request is rejected, must not be retried, or has not succeeded when the policy's time limit is
    /// reached.
    pub async fn retry(
        &self,
        rng: &mut TestRng,
        policy: &RetryPolicy,
        expected: &[u16],
        request: impl Fn(&Client) -> RequestBuilder,
        report: impl Fn(&Response),
    ) -> Result<Reply, String> {
        let deadline = Instant::now() + policy.limit;
        loop {
            let response = self.attempt(request(self.random_api(rng)), expected, policy.response_limit).await;
            let is_retried = match &response {
                Response::Success(_) | Response::Rejected { .. } | Response::Unknown(Failure::Malformed(_)) => false,
                Response::NotStored | Response::Unknown(Failure::Unavailable) => true,
                Response::Unknown(Failure::Refused | Failure::Disconnected | Failure::TimedOut) => policy.retries_lost,
            };
            match response {
                Response::Success(reply) => return Ok(reply),
                Response::Rejected { reply, .. } => {
                    return Err(format!("expected {expected:?}, got {} {}", reply.status, reply.text()));
                }
                response @ (Response::NotStored | Response::Unknown(_)) => {
                    report(&response);
                    if !is_retried || Instant::now() >= deadline {
                        return Err(response.summary());
                    }
                }
            }
            tokio::time::sleep(rng.random_range(policy.pause.clone())).await;
        }
    }

    /// Configures a follower of the user's stream. It connects to all apis, one after another, starting with index
    /// `first` modulo their number. The outcomes that arrive are recorded.
    pub fn follow(&self, first: usize) -> FollowerOptions {
        let mut apis = self.apis.clone();
        apis.rotate_left(first % self.apis.len());
        let outcomes = self.outcomes.clone();
        let record = move |event: &Event| {
            outcomes.record(event);
            Ok(())
        };
        FollowerOptions::user(&apis[0]).and_apis(apis[1..].to_vec()).with_check(Arc::new(record))
    }

    /// Returns the outcomes that arrive on the streams from [`Self::follow`].
    pub fn outcomes(&self) -> &Outcomes {
        &self.outcomes
    }
}
