//! Tests for turns, including sending, outcomes, and changes in between.

use super::*;

#[tokio::test]
async fn logs_the_events_of_a_turn_in_order() {
    let f = Fixture::new().await;
    let session = f.session().await;

    let posted = f.post(session, "Hello").await;
    let claim = f.claim().await;
    let status = f.answer(&claim, "Hi").await.unwrap();

    assert_eq!((claim.task_id, claim.attempt, status), (posted.task.id, 1, TaskStatus::Succeeded));
    assert_eq!(f.transcript(session).await, [(Role::User, "Hello".into()), (Role::Assistant, "Hi".into())]);
    assert_eq!(
        f.log().await,
        ["session.created", "message.created", "task.updated", "message.created", "task.updated"]
    );
    let session = f.get(session).await;
    assert_eq!((session.title.as_str(), session.unread_count, session.last_seq), ("Hello", 1, 2));
    assert_eq!((session.active_task, session.queued_count), (None, 0));
}

#[tokio::test]
async fn retries_after_failures_and_keeps_the_latest_text() {
    let f = Fixture::new().await;
    let session = f.session().await;
    let id = f.post(session, "Hello").await.task.id;
    let first = f.claim().await;
    f.store_text(&first, 0, "from the first").await.unwrap();

    assert_eq!(f.fail(&first, ErrorCode::AgentError, "from the first").await, TaskStatus::Queued);
    let waiting = f.task(session, id).await;
    assert_eq!((waiting.failures, waiting.error.unwrap().code), (1, ErrorCode::AgentError));
    for expected in [TaskStatus::Queued, TaskStatus::Failed] {
        f.clock.advance(Duration::from_mins(1));
        let claim = f.claim().await;
        assert_eq!(f.fail(&claim, ErrorCode::AgentError, "").await, expected);
    }

    let page = f.store.list_messages(&f.user, session, TurnBound::Newest, 10).await.unwrap();
    assert_eq!(page.items[1].content, "from the first");
    assert_eq!(page.items[1].finish_reason, Some(FinishReason::Error));
}

#[tokio::test]
async fn a_stored_stop_request_takes_precedence_over_another_attempt() {
    let f = Fixture::new().await;
    for finish in [AttemptEnd::HandedBack { text: String::new() }, AttemptEnd::WorkerLost] {
        let session = f.session().await;
        let id = f.post(session, "Hello").await.task.id;
        let claim = f.claim().await;
        f.store_text(&claim, 0, "so far").await.unwrap();
        f.store.cancel_task(&f.user, session, id).await.unwrap();

        let status = f.store.finish(claim.task_id, claim.attempt, finish, &[]).await.unwrap().value;

        assert_eq!(status, TaskStatus::Cancelled);
        assert_eq!(f.transcript(session).await[1].1, "so far");
    }
}

#[tokio::test]
async fn cancelling_between_attempts_keeps_the_text() {
    let f = Fixture::new().await;
    let session = f.session().await;
    let id = f.post(session, "Hello").await.task.id;
    let claim = f.claim().await;
    f.store_text(&claim, 0, "so far").await.unwrap();
    f.fail(&claim, ErrorCode::AgentNetwork, "so far").await;

    let task = f.store.cancel_task(&f.user, session, id).await.unwrap().value;

    assert_eq!(task.status, TaskStatus::Cancelled);
    assert_eq!(f.transcript(session).await[1].1, "so far");
    assert!(matches!(f.store.cancel_task(&f.user, session, id).await, Err(StoreError::TaskEnded)));
}

#[tokio::test]
async fn a_retry_precedes_later_turns_and_replaces_the_answer() {
    let f = Fixture::new().await;
    let session = f.session().await;
    let first = f.post(session, "one").await.task.id;
    let claim = f.claim().await;
    f.fail(&claim, ErrorCode::AgentRefused, "half").await;
    f.post(session, "two").await;

    let task = f.store.retry_task(&f.user, session, first).await.unwrap().value;

    assert_eq!((task.status, task.failures, task.attempt, task.error), (TaskStatus::Queued, 0, 1, None));
    let again = f.claim().await;
    assert_eq!((again.task_id, again.turn, again.attempt), (first, 1, 2));
    assert_ne!(again.answer_message_id, claim.answer_message_id);
    f.answer(&again, "whole").await.unwrap();
    let texts: Vec<String> = f.transcript(session).await.into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, ["one", "whole", "two"]);
    assert!(matches!(f.store.retry_task(&f.user, session, first).await, Err(StoreError::TaskSucceeded)));
}

#[tokio::test]
async fn interrupting_stops_the_running_turn_and_keeps_the_queue() {
    let f = Fixture::new().await;
    let session = f.session().await;
    let first = f.post(session, "one").await.task.id;
    let claim = f.claim().await;
    f.post(session, "two").await;

    f.post_as(session, "three", OnBusy::Interrupt).await.unwrap();
    f.answer(&claim, "too late").await.unwrap();

    assert_eq!(f.task(session, first).await.status, TaskStatus::Interrupted);
    assert_eq!(f.claim().await.turn, 2);
    assert!(matches!(f.post_as(session, "four", OnBusy::Reject).await, Err(StoreError::AgentBusy)));
}

#[tokio::test]
async fn archiving_cancels_queued_turns_but_not_the_running_one() {
    let f = Fixture::new().await;
    let session = f.session().await;
    f.post(session, "one").await;
    let claim = f.claim().await;
    let waiting = f.post(session, "two").await.task.id;

    let archive = SessionPatch { status: Some(SessionStatus::Archived), ..SessionPatch::default() };
    f.store.update_session(&f.user, session, &archive).await.unwrap();
    f.answer(&claim, "done").await.unwrap();

    let task = f.task(session, waiting).await;
    assert_eq!((task.status, task.error.unwrap().code), (TaskStatus::Cancelled, ErrorCode::SessionArchived));
    assert!(matches!(f.post_as(session, "three", OnBusy::Queue).await, Err(StoreError::SessionArchived)));
    assert_eq!(f.get(session).await.unread_count, 0);
    assert!(!f.store.has_due_job(&f.worker).await.unwrap());
}

#[tokio::test]
async fn rejects_changes_to_a_message_that_has_started() {
    let f = Fixture::new().await;
    let session = f.session().await;
    let message = f.post(session, "one").await.message.id;
    f.claim().await;

    let edit = f.store.edit_message(&f.user, session, message, &Content::parse("two".into()).unwrap()).await;

    assert!(matches!(edit, Err(StoreError::TaskNotQueued)));
}

#[tokio::test]
async fn rejects_changes_to_a_message_in_the_history_of_a_later_turn() {
    let f = Fixture::new().await;
    let session = f.session().await;
    let first = f.post(session, "one").await;
    f.post(session, "two").await;
    f.store.cancel_task(&f.user, session, first.task.id).await.unwrap();
    let claim = f.claim().await;
    f.answer(&claim, "ok").await.unwrap();
    f.store.retry_task(&f.user, session, first.task.id).await.unwrap();

    let unsend = f.store.unsend_message(&f.user, session, first.message.id).await;

    assert_eq!(f.task(session, first.task.id).await.attempt, 0);
    assert!(matches!(unsend, Err(StoreError::TaskNotQueued)));
}

#[tokio::test]
async fn stores_an_empty_answer_with_its_finish_reason() {
    let f = Fixture::new().await;
    let session = f.session().await;
    for (finish_reason, expected) in [
        (FinishReason::Stop, FinishReason::Empty),
        (FinishReason::Length, FinishReason::Length),
        (FinishReason::Refusal, FinishReason::Refusal),
    ] {
        f.post(session, "Hello").await;
        let claim = f.claim().await;
        f.end(&claim, AttemptEnd::Answered { text: String::new(), finish_reason, usage: None, resume: None }).await;

        let page = f.store.list_messages(&f.user, session, TurnBound::Newest, 1).await.unwrap();
        let answer = page.items.last().unwrap();
        assert_eq!((answer.content.as_str(), answer.finish_reason), ("", Some(expected)));
    }
}
