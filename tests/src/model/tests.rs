use serde_json::{Value, json};

use super::Model;
use crate::sse::Event;

const SESSION: &str = "s";

fn model() -> Model {
    let position = Some(super::Position { epoch: "e".into(), seq: 0 });
    let mut model = Model { position, ..Model::default() };
    model.load(SESSION, &json!({"session": {"id": SESSION}, "messages": [message(1, "running")]}));
    model
}

fn message(attempt: i64, status: &str) -> Value {
    let task = json!({"id": "t", "attempt": attempt, "status": status});
    json!({"id": "u", "role": "user", "chat_session_id": SESSION, "task_id": "t", "task": task})
}

fn event(seq: Option<u64>, kind: &str, mut data: Value) -> Event {
    data["chat_session_id"] = json!(SESSION);
    data["session"] = json!({"id": SESSION});
    Event { id: seq.map(|seq| format!("e-{seq}")), kind: kind.into(), data }
}

fn delta(attempt: i64, offset: usize, text: &str) -> Event {
    let end = offset + text.len();
    let data = json!({"task_id": "t", "attempt": attempt, "message_id": "a", "offset": offset, "next_offset": end, "text": text});
    event(None, "message.delta", data)
}

fn partial(attempt: i64, text: &str) -> Event {
    let data = json!({"task_id": "t", "attempt": attempt, "message_id": "a", "next_offset": text.len(), "text": text});
    event(None, "message.partial", data)
}

fn task(seq: u64, attempt: i64, status: &str) -> Event {
    event(Some(seq), "task.updated", json!({"task": {"id": "t", "attempt": attempt, "status": status}}))
}

fn answer(seq: u64, content: &str) -> Event {
    let message = json!({
        "id": "a", "role": "assistant", "chat_session_id": SESSION, "task_id": "t", "content": content, "finish_reason": "stop"
    });
    event(Some(seq), "message.created", json!({"message": message}))
}

fn apply(events: &[Event]) -> (Model, Result<(), String>) {
    let mut model = model();
    let outcome = events.iter().try_for_each(|event| model.apply(event));
    (model, outcome)
}

fn refusal(events: &[Event]) -> String {
    apply(events).1.unwrap_err()
}

#[test]
fn combines_deltas_and_partials() {
    let (model, outcome) =
        apply(&[delta(1, 0, "Grü"), delta(1, 4, "ße"), partial(1, "Grüße an"), delta(1, 4, "ße"), delta(1, 10, "!")]);

    assert_eq!(outcome, Ok(()));
    assert_eq!(model.draft("t").unwrap().text, "Grüße an!");
}

#[test]
fn restarts_the_text_with_a_new_attempt_and_ignores_a_late_one() {
    let (model, outcome) =
        apply(&[delta(1, 0, "old"), task(1, 2, "running"), delta(2, 0, "new"), delta(1, 3, " old"), partial(1, "x")]);

    assert_eq!(outcome, Ok(()));
    assert_eq!(model.draft("t").unwrap().text, "new");
}

#[test]
fn detects_gaps_overlaps_and_contradictions() {
    assert!(refusal(&[delta(1, 5, "x")]).contains("a gap after"));
    assert!(refusal(&[delta(1, 0, "ab"), delta(1, 3, "x")]).contains("a gap after"));
    assert!(refusal(&[partial(1, "abc"), delta(1, 2, "cd")]).contains("overlaps offset"));
    assert!(refusal(&[delta(1, 0, "abc"), partial(1, "xyz")]).contains("contradicts"));
    assert!(refusal(&[delta(1, 0, "abc"), answer(1, "xyz")]).contains("does not start with the streamed text"));
}

#[test]
fn detects_a_missing_event_a_repeated_event_and_another_log() {
    assert!(refusal(&[task(2, 1, "running")]).contains("does not follow"));
    assert!(refusal(&[task(1, 1, "running"), task(1, 1, "running")]).contains("does not follow"));
    let mut foreign = task(1, 1, "running");
    foreign.id = Some("f-1".into());
    assert!(refusal(&[foreign]).contains("does not follow"));
}

#[test]
fn detects_a_second_answer_and_events_after_the_end() {
    let mut second = answer(2, "b");
    second.data["message"]["id"] = json!("b");
    assert!(refusal(&[answer(1, "a"), second]).contains("second answer"));
    assert!(refusal(&[answer(1, "a"), answer(2, "a")]).contains("created twice"));
    assert!(refusal(&[task(1, 1, "succeeded"), delta(1, 0, "x")]).contains("after the end of the task"));
    assert!(refusal(&[task(1, 2, "running"), task(2, 1, "running")]).contains("attempt number decreased"));
}

#[test]
fn ignores_a_task_only_if_its_message_was_reported_as_deleted() {
    let data = json!({"message_id": "u", "role": "user", "task_id": "t"});
    let deleted = event(Some(1), "message.deleted", data);
    let mut other = task(2, 1, "running");
    other.data["task"]["id"] = json!("other");

    assert_eq!(apply(&[deleted.clone(), answer(2, "a"), task(3, 1, "succeeded")]).1, Ok(()));
    assert!(refusal(&[deleted, other]).contains("a task of an unknown message"));
}

#[test]
fn requires_the_messages_of_a_session_that_had_some_when_it_was_created() {
    let created = |session: &str, last_seq: i64| {
        let mut created = event(Some(1), "session.created", json!({}));
        created.data["chat_session_id"] = json!(session);
        created.data["session"] = json!({"id": session, "last_seq": last_seq});
        created
    };

    let (mut imported, outcome) = apply(&[created("imported", 2)]);

    assert_eq!((outcome, imported.unloaded().collect::<Vec<_>>()), (Ok(()), vec!["imported"]));
    assert_eq!(apply(&[created("new", 0)]).0.unloaded().count(), 0);
    imported.load_messages("imported", &[message(1, "succeeded")]);
    assert_eq!((imported.unloaded().count(), imported.user_message("imported", "t").is_some()), (0, true));
}

#[test]
fn requires_a_resync_when_hello_has_a_different_cursor() {
    let hello = Event { id: None, kind: "hello".into(), data: json!({"cursor": "e-5"}) };
    let resync = Event { id: None, kind: "resync".into(), data: json!({"cursor": "e-5"}) };

    assert!(refusal(&[hello.clone(), task(6, 1, "running")]).contains("no resync follows"));
    let (model, outcome) = apply(&[hello, resync, task(6, 1, "running")]);

    assert_eq!(outcome, Ok(()));
    assert!(model.is_stale());
}
