//! Interprets responses that are received under load or during faults.

use crate::client::Reply;

/// The result of one request.
#[derive(Debug)]
pub enum Response {
    /// A response with an expected status.
    Success(Reply),
    /// A response with a status that is neither expected nor 503. The request had no effect.
    Rejected {
        /// The response.
        reply: Reply,
        /// The error code.
        code: String,
    },
    /// A 503 `store_busy` response: nothing was stored.
    NotStored,
    /// No response, or an inconclusive one. The request may have taken effect.
    Unknown(Failure),
}

/// The reason why the effect of a request is unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The error response violates the contract. The text describes the violation.
    Malformed(String),
    /// A 503 with a code other than `store_busy`.
    Unavailable,
    /// No connection could be established.
    Refused,
    /// The connection failed after it had been established.
    Disconnected,
    /// No response arrived in time.
    TimedOut,
}

impl Response {
    pub(super) fn of_reply(reply: Reply, expected: &[u16]) -> Self {
        if expected.contains(&reply.status) {
            return Self::Success(reply);
        }
        let code = match reply.check_problem(reply.status) {
            Ok(problem) => problem["code"].as_str().unwrap_or_default().to_owned(),
            Err(violation) => return Self::Unknown(Failure::Malformed(violation)),
        };
        match reply.status {
            503 if code == "store_busy" => Self::NotStored,
            503 => Self::Unknown(Failure::Unavailable),
            _ => Self::Rejected { reply, code },
        }
    }

    pub(super) fn of_error(error: &reqwest::Error) -> Self {
        Self::Unknown(if error.is_connect() { Failure::Refused } else { Failure::Disconnected })
    }

    /// Describes the result in a few words, for counters and logs.
    pub fn summary(&self) -> String {
        match self {
            Self::Success(reply) => reply.status.to_string(),
            Self::Rejected { reply, code } => format!("{} {code}", reply.status),
            Self::NotStored => "503 store_busy".into(),
            Self::Unknown(failure) => failure.summary().into(),
        }
    }
}

impl Failure {
    /// Describes the failure in a few words.
    pub const fn summary(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed error",
            Self::Unavailable => "503",
            Self::Refused => "connection refused",
            Self::Disconnected => "disconnected",
            Self::TimedOut => "timed out",
        }
    }
}
