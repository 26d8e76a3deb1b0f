//! Checks that one user's stream contains exactly the expected events: no gaps, no duplicates, and one answer to each
//! message.

use std::collections::HashMap;

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;

use super::{model::ARRIVAL, stream::Frame};

/// What a stream has delivered so far.
#[derive(Debug, Default)]
pub struct Observer {
    last_seq: Option<u64>,
    tasks: HashMap<String, Trace>,
    ended: usize,
}

/// The events for one task.
#[derive(Debug, Default)]
struct Trace {
    question: Option<String>,
    answer: Option<String>,
    updates: u32,
}

/// A task that has succeeded, and its answer.
#[derive(Clone, Debug)]
pub struct Ended {
    /// The task's ID.
    pub task: String,
    /// The answer.
    pub answer: String,
}

#[derive(Debug, Deserialize)]
struct Data {
    cursor: Option<String>,
    message: Option<Message>,
    task: Option<Task>,
}

#[derive(Debug, Deserialize)]
struct Message {
    role: String,
    task_id: String,
    content: String,
}

/// The fields of a task that are checked.
#[derive(Debug, Deserialize)]
pub struct Task {
    /// The task's ID.
    pub id: String,
    status: String,
    attempt: u32,
}

impl Observer {
    /// Returns the number of tasks that have succeeded so far.
    pub fn ended(&self) -> usize {
        self.ended
    }

    /// Checks the next event, and returns the task that it ends, if any.
    ///
    /// # Errors
    /// Fails with a description of the violation.
    pub fn observe(&mut self, frame: &Frame) -> Result<Option<Ended>> {
        let kind = frame.kind();
        if kind == "resync" {
            bail!("resync: {}", frame.data());
        }
        if kind != "hello" && frame.seq().is_none() {
            return Ok(None);
        }
        let data: Data = serde_json::from_str(frame.data()).with_context(|| frame.data().to_owned())?;
        if kind == "hello" {
            let cursor = data.cursor.context("a hello without a cursor")?;
            let seq = cursor.rsplit_once('-').and_then(|(_, seq)| seq.parse().ok());
            self.last_seq = Some(seq.context("not a cursor")?);
            return Ok(None);
        }
        let (seq, last) = (frame.seq().context("no id")?, self.last_seq.context("no hello")?);
        ensure!(seq == last + 1, "event {seq} after event {last}");
        self.last_seq = Some(seq);
        match (kind, data.message, data.task) {
            ("message.created", Some(message), _) => self.record_message(message).map(|()| None),
            ("task.updated", _, Some(task)) => self.record_task(&task),
            _ => Ok(None),
        }
    }

    fn record_message(&mut self, Message { role, task_id, content }: Message) -> Result<()> {
        let trace = self.tasks.entry(task_id).or_default();
        let slot = if role == "user" { &mut trace.question } else { &mut trace.answer };
        ensure!(slot.is_none(), "a second {role} message: {content:.80}");
        *slot = Some(content);
        Ok(())
    }

    /// Records an update of a task, and returns the task if it has ended. A task is updated twice: when it starts and
    /// when it ends. An event shows the task as it is when the event is sent, so the first update may already show the
    /// final state.
    fn record_task(&mut self, task: &Task) -> Result<Option<Ended>> {
        let trace = self.tasks.get_mut(&task.id).with_context(|| format!("a task without a message: {task:?}"))?;
        trace.updates += 1;
        let is_ended = match (trace.updates, task.status.as_str()) {
            (1, "running" | "succeeded") => false,
            (2, "succeeded") => true,
            _ => bail!("update {} is unexpected: {task:?}", trace.updates),
        };
        ensure!(task.attempt == 1, "not the first attempt: {task:?}");
        if !is_ended {
            return Ok(None);
        }
        self.ended += 1;
        let answer = trace.answer.as_ref().context("a successful task without an answer")?;
        let question = trace.question.as_deref().unwrap_or_default();
        ensure!(
            question.starts_with('/') || answer.strip_suffix(arrival_of(answer)) == Some(question),
            "{question:?} was answered {answer:.80}"
        );
        Ok(Some(Ended { task: task.id.clone(), answer: answer.clone() }))
    }
}

/// Returns the part of an instant answer that follows the repeated message.
fn arrival_of(answer: &str) -> &str {
    answer.rfind(ARRIVAL).map_or("", |at| &answer[at..])
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO: &str = "event: hello\ndata: {\"cursor\":\"e-7\"}";

    fn message(seq: u64, role: &str, content: &str) -> String {
        let message = serde_json::json!({"role": role, "task_id": "t", "content": content});
        format!("id: e-{seq}\nevent: message.created\ndata: {{\"message\":{message}}}")
    }

    fn task(seq: u64, status: &str) -> String {
        let task = serde_json::json!({"id": "t", "status": status, "attempt": 1});
        format!("id: e-{seq}\nevent: task.updated\ndata: {{\"task\":{task}}}")
    }

    /// Returns whether all frames are accepted, and the number of tasks that ended.
    fn observe(frames: &[String]) -> (bool, usize) {
        let mut observer = Observer::default();
        observer.observe(&Frame::of(HELLO)).unwrap();
        let is_accepted = frames.iter().all(|frame| observer.observe(&Frame::of(frame)).is_ok());
        (is_accepted, observer.ended())
    }

    #[test]
    fn accepts_a_turn() {
        let frames =
            [message(8, "user", "a"), task(9, "running"), message(10, "assistant", "a @1"), task(11, "succeeded")];

        assert_eq!(observe(&frames), (true, 1));
    }

    #[test]
    fn rejects_gaps_duplicates_and_wrong_answers() {
        let question = message(8, "user", "a");
        let gap = [question.clone(), task(10, "running")];
        let repeated = [question.clone(), question.clone()];
        let twice = [question.clone(), message(9, "assistant", "a @1"), message(10, "assistant", "a @1")];
        let unanswered = [question.clone(), task(9, "running"), task(10, "succeeded")];
        let wrong = [question, task(9, "running"), message(10, "assistant", "b @1"), task(11, "succeeded")];

        for frames in [&gap[..], &repeated, &twice, &unanswered, &wrong] {
            assert!(!observe(frames).0, "{frames:?}");
        }
    }
}
