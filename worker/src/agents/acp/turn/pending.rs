//! A turn's pending permission requests.

use std::{collections::HashMap, time::Duration};

use banter_shared::chat::PermissionDecision;
use futures::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use tokio::{sync::oneshot, time::timeout};

use super::super::{
    mapper::UpdateMapper,
    peer::Responder,
    permission::{self, AcpPermissionRequest},
};
use crate::agents::{PermissionReply, Update};

/// How long to keep waiting for a decision after the time limit has passed.
const DECISION_SLACK: Duration = Duration::from_secs(5);

/// The permission requests that are still pending.
#[derive(Default)]
pub(super) struct PendingPermissions {
    decisions: FuturesUnordered<BoxFuture<'static, (usize, Option<PermissionReply>)>>,
    waiting: HashMap<usize, PendingPermission>,
    count: usize,
}

/// A pending permission request.
pub(super) struct PendingPermission {
    /// The ID of the tool call that needs permission, if known.
    pub tool: Option<String>,
    pub request: Box<AcpPermissionRequest>,
    pub responder: Responder,
}

impl PendingPermissions {
    /// Adds a request whose decision will arrive on `decision`.
    pub fn add(
        &mut self,
        permission: PendingPermission,
        decision: oneshot::Receiver<PermissionReply>,
        time_limit: Option<Duration>,
    ) {
        self.count += 1;
        let number = self.count;
        self.waiting.insert(number, permission);
        let decided = async move {
            let Some(time_limit) = time_limit else { return (number, decision.await.ok()) };
            match timeout(time_limit + DECISION_SLACK, decision).await {
                Ok(decision) => (number, decision.ok()),
                Err(_) => (number, Some(PermissionReply::Expired)),
            }
        };
        self.decisions.push(decided.boxed());
    }

    /// Waits for the next decision. Returns the request's number and the decision, or `None` if there are no requests.
    /// The decision is `None` if the request was cancelled.
    pub async fn next(&mut self) -> Option<(usize, Option<PermissionReply>)> {
        self.decisions.next().await
    }

    /// Returns whether there are no pending requests.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Responds to a request with the given decision. A request that has expired is rejected, and one without a
    /// decision is cancelled.
    pub fn decide(
        &mut self,
        number: usize,
        decision: Option<PermissionReply>,
        mapper: &mut UpdateMapper,
        out: &mut Vec<Update>,
    ) {
        let Some(permission) = self.waiting.remove(&number) else { return };
        match decision {
            Some(PermissionReply::Answered { decision, chosen }) => {
                permission.decide(decision, chosen.as_deref(), mapper, out);
            }
            Some(PermissionReply::Expired) => permission.decide(PermissionDecision::Reject, None, mapper, out),
            None => permission.responder.respond(Ok(permission::cancelled())),
        }
    }

    /// Cancels all requests. The protocol requires a response to every request when a turn ends or is stopped.
    pub fn cancel(&mut self) {
        for (_, permission) in self.waiting.drain() {
            permission.responder.respond(Ok(permission::cancelled()));
        }
    }
}

impl PendingPermission {
    /// Responds to the agent and updates the tool call accordingly. An approval is treated as a rejection if no option
    /// matches the approval.
    pub fn decide(
        self,
        decision: PermissionDecision,
        chosen: Option<&str>,
        mapper: &mut UpdateMapper,
        out: &mut Vec<Update>,
    ) {
        let PendingPermission { tool, request, responder } = self;
        let result = request.result(decision, chosen);
        let is_allowed = decision == PermissionDecision::Allow && result != permission::cancelled();
        responder.respond(Ok(result));
        match tool {
            Some(tool) if is_allowed => mapper.allow(&tool, out),
            Some(tool) => mapper.reject(&tool, out),
            None if !is_allowed => mapper.record_rejection(),
            None => {}
        }
    }
}
