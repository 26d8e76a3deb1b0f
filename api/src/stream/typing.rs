//! Typing events, which follow the running tasks.

use std::{collections::BTreeMap, time::Duration};

use banter_shared::{
    chat::{Task, TaskStatus},
    event::EventData,
    id::{SessionId, TaskId},
};

use super::{
    event_stream::{CloseReason, EventStream},
    live_update::TaskChange,
    task_progress::TaskProgress,
};

/// Lifetime of a typing event unless it is renewed.
const TYPING_LEASE: Duration = Duration::from_secs(8);

impl EventStream {
    /// Applies a live event to the running tasks. Replayed events need not be applied, because a replay ends with the
    /// state of the running tasks.
    pub(super) async fn apply_task_change(
        &mut self,
        session_id: Option<SessionId>,
        task_change: Option<&TaskChange>,
    ) -> Result<(), CloseReason> {
        match task_change {
            Some(TaskChange::Updated { task, agent_key }) => self.apply_task_update(task, agent_key).await,
            Some(TaskChange::AllDeleted) => {
                self.running.retain(|_, running| Some(running.session_id) != session_id);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Sends typing events when an agent starts and stops.
    async fn apply_task_update(&mut self, task: &Task, agent_key: &str) -> Result<(), CloseReason> {
        if task.status == TaskStatus::Running {
            let running = self.running.entry(task.id).or_insert_with(|| TaskProgress {
                session_id: task.chat_session_id,
                agent_key: agent_key.to_owned(),
                attempt: task.attempt,
                next_offset: 0,
                held: Vec::new(),
                sent_steps: BTreeMap::new(),
            });
            if running.attempt != task.attempt {
                (running.attempt, running.next_offset) = (task.attempt, 0);
                running.held.clear();
                running.sent_steps.clear();
            }
            let running = running.clone();
            self.send(self.typing(task.id, &running, true), Some(running.session_id)).await
        } else if let Some(running) = self.running.remove(&task.id) {
            self.send(self.typing(task.id, &running, false), Some(running.session_id)).await
        } else {
            Ok(())
        }
    }

    pub(super) fn typing(&self, task_id: TaskId, running: &TaskProgress, is_typing: bool) -> EventData {
        let now = self.hub.store.clock().now();
        let expires_at = if is_typing { now.plus(TYPING_LEASE) } else { now };
        EventData::Typing { agent_key: running.agent_key.clone(), task_id, is_typing, expires_at }
    }

    pub(super) fn renew_typing(&self) {
        for (task_id, running) in &self.running {
            self.offer(self.typing(*task_id, running, true), Some(running.session_id));
        }
    }
}
