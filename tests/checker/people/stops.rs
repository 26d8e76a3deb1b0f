//! Cancellations: after its 202, a task ends soon and as cancelled.

use std::time::{Duration, Instant};

use banter_tests::{chat::has_ended, client::Reply};
use serde_json::Value;

use super::{Person, Place, messages::task_path, told::Told};
use crate::history::{Action, Send, Stop};

/// Time limit for a cancellation without faults. The contract says one second; a busy machine needs a margin.
const STOP_LIMIT: Duration = Duration::from_secs(6);

/// How long a client polls the task.
const PATIENCE: Duration = Duration::from_secs(10);

/// Polling interval.
const LOOK_EVERY: Duration = Duration::from_millis(20);

impl Person {
    pub(super) async fn cancel(&mut self, place: &Place) {
        let Some(send) = self.pick_message(place, 3) else { return };
        let Some((message, _)) = send.ids.clone() else { return };
        let (client, started) = (self.client(), Instant::now());
        let request = client.request("POST", &format!("{}/cancel", task_path(&send)));
        let told = self.answer("cancel", request, &[202], &[409, 404]).await;
        self.note(&format!("cancel of {:?}: {}", send.ids, told.in_short()));
        match told {
            Told::Yes(reply) => {
                self.judge_found("cancel", &place.id, started);
                self.follow_stop(&send, started, &reply).await;
            }
            Told::No(code) => self.judge_missing("cancel", &place.id, Some(&message), &code),
            Told::NothingStored | Told::Nothing => {}
        }
    }

    /// Polls the task until it has ended.
    async fn follow_stop(&mut self, send: &Send, started: Instant, reply: &Reply) {
        let (accepted, mut task) = (Instant::now(), reply.json());
        if has_ended(&task) {
            return self.world.history.count("stop: before the task began");
        }
        let attempt = task["attempt"].as_i64();
        let request = || self.user.clients[0].request("GET", &task_path(send));
        loop {
            if has_ended(&task) || task["status"] != "running" || task["attempt"].as_i64() > attempt {
                break;
            }
            if accepted.elapsed() > PATIENCE {
                break;
            }
            tokio::time::sleep(LOOK_EVERY).await;
            match self.answer("watch a stop", request(), &[200], &[404]).await {
                Told::Yes(reply) => task = reply.json(),
                Told::No(_) => return,
                Told::NothingStored | Told::Nothing => {}
            }
        }
        self.judge_stop(send, &task, started, accepted);
    }

    fn judge_stop(&self, send: &Send, task: &Value, started: Instant, accepted: Instant) {
        let history = &self.world.history;
        let (took, is_calm) = (accepted.elapsed(), self.world.weather.was_calm(started, Instant::now()));
        let message = send.ids.as_ref().map_or("", |(message, _)| message);
        // Another client may have retried it.
        if history.may_have(message, |action| *action == Action::Retry) {
            return;
        }
        let status = task["status"].as_str().unwrap_or_default();
        match status {
            "cancelled" | "interrupted" => history.stopped(Stop { took, is_calm }),
            "running" if !is_calm => return history.count("stop: not in time, amid faults"),
            "running" => {}
            _ => history.complain(format!("cancelled with a 202, but {task}")),
        }
        if is_calm && took > STOP_LIMIT {
            history.complain(format!("a cancellation took {took:?} without faults: {task}"));
        }
    }
}
