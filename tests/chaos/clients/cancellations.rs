//! Cancels tasks and checks that each of them ends soon after the 202 response, as `cancelled` or `interrupted`.

use std::time::{Duration, Instant};

use banter_tests::{chat::has_ended, client::Reply, load::Response};
use serde_json::Value;

use super::{ChaosClient, SessionRef, messages::task_path};
use crate::history::{Action, Cancellation, SendRecord};

/// Time limit for a cancellation while no faults are in effect. The contract allows one second; the rest is headroom
/// for a busy machine.
const STOP_LIMIT: Duration = Duration::from_secs(6);

/// The longest time for which a client polls the task.
const PATIENCE: Duration = Duration::from_secs(10);

/// Polling interval.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

impl ChaosClient {
    pub(super) async fn cancel(&mut self, session: &SessionRef) {
        let Some(send) = self.pick_message(session, 3) else { return };
        let Some((message, _)) = send.ids.clone() else { return };
        let (client, started) = (self.client(), Instant::now());
        let request = client.request("POST", &format!("{}/cancel", task_path(&send)));
        let response = self.answer("cancel", request, &[202], &[409, 404]).await;
        self.log_line(&format!("cancel of {:?}: {}", send.ids, response.summary()));
        match response {
            Response::Success(reply) => {
                self.check_found("cancel", &session.id, started);
                self.follow_cancellation(&send, started, &reply).await;
            }
            Response::Rejected { code, .. } => self.check_missing("cancel", &session.id, Some(&message), &code),
            Response::NotStored | Response::Unknown(_) => {}
        }
    }

    /// Polls the task until it is no longer running or the client gives up, and then checks the cancellation.
    async fn follow_cancellation(&mut self, send: &SendRecord, started: Instant, reply: &Reply) {
        let (accepted, mut task) = (Instant::now(), reply.json());
        if has_ended(&task) {
            return self.world.history.count("cancellation: before the task began");
        }
        let attempt = task["attempt"].as_i64();
        let request = || self.user.client.apis()[0].request("GET", &task_path(send));
        loop {
            if has_ended(&task) || task["status"] != "running" || task["attempt"].as_i64() > attempt {
                break;
            }
            if accepted.elapsed() > PATIENCE {
                break;
            }
            tokio::time::sleep(POLL_INTERVAL).await;
            match self.answer("watch a cancellation", request(), &[200], &[404]).await {
                Response::Success(reply) => task = reply.json(),
                Response::Rejected { .. } => return,
                Response::NotStored | Response::Unknown(_) => {}
            }
        }
        self.check_cancellation(send, &task, started, accepted);
    }

    fn check_cancellation(&self, send: &SendRecord, task: &Value, started: Instant, accepted: Instant) {
        let history = &self.world.history;
        let (took, is_fault_free) =
            (accepted.elapsed(), self.world.fault_times.was_fault_free(started, Instant::now()));
        let message = send.ids.as_ref().map_or("", |(message, _)| message);
        // Another client may have retried the task.
        if history.may_have(message, |action| *action == Action::Retry) {
            return;
        }
        let status = task["status"].as_str().unwrap_or_default();
        match status {
            "cancelled" | "interrupted" => history.add_cancellation(Cancellation { took, is_fault_free }),
            "running" if !is_fault_free => return history.count("cancellation: not in time, during faults"),
            "running" => {}
            _ => history
                .record_violation(format!("the cancellation returned 202, but the task was not cancelled: {task}")),
        }
        if is_fault_free && took > STOP_LIMIT {
            history.record_violation(format!("a cancellation took {took:?} without faults: {task}"));
        }
    }
}
