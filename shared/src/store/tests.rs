//! The store's operations on a real file. Whole processes are tested in the crate `tests`.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use sqlx::Row as _;
use tempfile::TempDir;

use super::*;
use crate::{
    chat::{
        Content, ErrorCode, FinishReason, OnBusy, Role, Session, SessionStatus, TaskError, TaskStatus, Title, UserRef,
    },
    clock::{Clock, Timestamp},
    event::{Cursor, EventData},
    id::{SessionId, TaskId, WorkerId},
};

/// A clock that stands until it is set.
#[derive(Debug)]
struct SetClock(Mutex<Timestamp>);

impl SetClock {
    fn advance(&self, by: Duration) {
        let mut now = self.0.lock().unwrap();
        *now = now.plus(by);
    }
}

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

struct Fixture {
    _folder: TempDir,
    store: Store,
    clock: Arc<SetClock>,
    user: UserRef,
    worker: WorkerId,
}

impl Fixture {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = StoreOptions {
            path: folder.path().join("data/chat.db"),
            durable_against_power_cut: false,
            busy_timeout: Duration::from_secs(2),
        };
        let clock = Arc::new(SetClock(Mutex::new("2026-01-31T12:00:00Z".parse().unwrap())));
        let store = Store::open(options, clock.clone()).await.unwrap();
        let user = UserRef::local();
        store.ensure_user(&user).await.unwrap();
        Self { _folder: folder, store, clock, user, worker: WorkerId::generate() }
    }

    async fn session(&self) -> SessionId {
        let new = NewSession { agent_key: "demo".into(), title: None };
        self.store.create_session(&self.user, new, None).await.unwrap().value.id
    }

    async fn post(&self, session: SessionId, text: &str) -> Posted {
        self.post_as(session, text, OnBusy::Queue).await.unwrap()
    }

    async fn post_as(&self, session: SessionId, text: &str, on_busy: OnBusy) -> Result<Posted, StoreError> {
        let content = Content::parse(text.into()).unwrap();
        let post = PostMessage { content, on_busy, max_attempts: 3, key: None };
        Ok(self.store.post_message(&self.user, session, &post).await?.value)
    }

    async fn claim(&self) -> Claim {
        self.store.claim(&self.worker).await.unwrap().value.expect("a task is due")
    }

    async fn answer(&self, claim: &Claim, text: &str) -> Result<TaskStatus, StoreError> {
        let finish = Finish::Answered { text: text.into(), finish_reason: FinishReason::Stop, usage: None };
        Ok(self.store.finish(claim.task_id, claim.attempt, finish).await?.value)
    }

    async fn fail(&self, claim: &Claim, code: ErrorCode, text: &str) -> TaskStatus {
        let finish = Finish::Failed { text: text.into(), error: TaskError::new(code, "no"), retry_after: None };
        self.store.finish(claim.task_id, claim.attempt, finish).await.unwrap().value
    }

    async fn store_text(&self, claim: &Claim, start_offset: i64, text: &str) -> Result<(), StoreError> {
        let chunk = StoredChunk { task_id: claim.task_id, attempt: claim.attempt, start_offset, text: text.into() };
        self.store.append_chunk(&self.user, &chunk).await.map(|_| ())
    }

    async fn task(&self, session: SessionId, id: TaskId) -> crate::chat::Task {
        self.store.find_task(session, id).await.unwrap().unwrap().task
    }

    async fn transcript(&self, session: SessionId) -> Vec<(Role, String)> {
        let page = self.store.list_messages(&self.user, session, TurnBound::Newest, 200).await.unwrap();
        page.items.into_iter().map(|message| (message.role, message.content)).collect()
    }

    async fn get(&self, session: SessionId) -> Session {
        self.store.get_thread(&self.user, session, 50).await.unwrap().session
    }

    async fn findings(&self) -> Vec<&'static str> {
        self.store.check().await.unwrap().findings.into_iter().map(|finding| finding.rule).collect()
    }

    async fn damage(&self, statement: &'static str) {
        sqlx::query("PRAGMA foreign_keys = 0").execute(&self.store.inner.writer).await.unwrap();
        assert!(sqlx::query(statement).execute(&self.store.inner.writer).await.unwrap().rows_affected() > 0);
    }

    /// The types of all events of the user's log, which has to be numbered without a hole.
    async fn log(&self) -> Vec<&'static str> {
        let log_id = self.store.start_replay(&self.user, None).await.unwrap().user_log_id;
        let replay = self.store.read_log(log_id, 0, 1000, None).await.unwrap();
        for (expected, (seq, _)) in (1..).zip(&replay.events) {
            assert_eq!(*seq, expected);
        }
        replay.events.iter().map(|(_, event)| event.data.kind()).collect()
    }
}

#[tokio::test]
async fn a_turn_takes_three_commits_and_leaves_its_events_in_order() {
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
async fn the_claim_reads_our_index_and_nothing_else() {
    let f = Fixture::new().await;

    let plan = sqlx::query(concat_plan()).fetch_all(&f.store.inner.readers).await.unwrap();

    let plan: Vec<String> = plan.iter().map(|row| row.get::<String, _>("detail")).collect();
    assert!(plan.iter().any(|step| step.contains("USING INDEX agent_jobs_ready")), "{plan:?}");
    assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE") || step.contains("SCAN")), "{plan:?}");
}

fn concat_plan() -> sqlx::AssertSqlSafe<String> {
    sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", jobs::CLAIM))
}

#[tokio::test]
async fn one_task_a_session_runs_and_the_next_waits_for_its_end() {
    let f = Fixture::new().await;
    let session = f.session().await;
    for text in ["one", "two", "three"] {
        f.post(session, text).await;
    }

    let mut seen = Vec::new();
    for _ in 0..3 {
        let claim = f.claim().await;
        assert!(f.store.claim(&f.worker).await.unwrap().value.is_none(), "a second task of the session was claimed");
        seen.push(f.store.read_history(session, claim.turn).await.unwrap().pop().unwrap().1);
        f.answer(&claim, "ok").await.unwrap();
    }

    assert_eq!(seen, ["one", "two", "three"]);
    assert!(!f.store.has_due_job().await.unwrap());
}

#[tokio::test]
async fn a_late_worker_writes_nothing() {
    let f = Fixture::new().await;
    let session = f.session().await;
    f.post(session, "Hello").await;
    let late = f.claim().await;
    f.store_text(&late, 0, "half an ans").await.unwrap();

    let beats = f.store.list_beats().await.unwrap();
    assert_eq!(f.store.reap(&beats[0]).await.unwrap().value, 1);
    let again = f.claim().await;

    assert!(matches!(f.store_text(&late, 11, "wer").await, Err(StoreError::LeaseLost)));
    assert!(matches!(f.answer(&late, "late").await, Err(StoreError::LeaseLost)));
    assert_eq!(again.attempt, 2);
    assert_eq!(again.answer_message_id, late.answer_message_id);
    f.answer(&again, "in time").await.unwrap();
    assert_eq!(f.transcript(session).await[1].1, "in time");
}

#[tokio::test]
async fn a_worker_that_beat_meanwhile_is_not_reaped() {
    let f = Fixture::new().await;
    let session = f.session().await;
    f.post(session, "Hello").await;
    f.claim().await;
    let before = f.store.list_beats().await.unwrap();

    f.store.heartbeat(&f.worker).beat().await.unwrap();

    assert_eq!(f.store.reap(&before[0]).await.unwrap().value, 0);
}

#[tokio::test]
async fn a_failure_backs_off_and_the_last_one_keeps_the_latest_text() {
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
async fn a_clock_stepped_back_does_not_hold_a_task_that_backed_off() {
    let f = Fixture::new().await;
    let session = f.session().await;
    f.post(session, "Hello").await;
    let claim = f.claim().await;
    let finish = Finish::Failed {
        text: String::new(),
        error: TaskError::new(ErrorCode::AgentRateLimited, "slow down"),
        retry_after: Some(Duration::from_secs(30)),
    };
    f.store.finish(claim.task_id, claim.attempt, finish).await.unwrap();
    assert!(!f.store.has_due_job().await.unwrap());

    *f.clock.0.lock().unwrap() = "2026-01-31T11:00:00Z".parse().unwrap();

    assert!(f.store.has_due_job().await.unwrap());
}

#[tokio::test]
async fn a_hand_back_is_no_failure_and_keeps_the_place_at_the_head() {
    let f = Fixture::new().await;
    let session = f.session().await;
    let first = f.post(session, "one").await.task.id;
    f.post(session, "two").await;
    let claim = f.claim().await;

    f.store.finish(claim.task_id, claim.attempt, Finish::HandedBack).await.unwrap();

    let again = f.claim().await;
    assert_eq!((again.task_id, again.attempt), (first, 2));
    assert_eq!(f.task(session, first).await.failures, 0);
}

#[tokio::test]
async fn a_stored_stop_comes_before_every_other_end() {
    let f = Fixture::new().await;
    for finish in [Finish::HandedBack, Finish::WorkerLost] {
        let session = f.session().await;
        let id = f.post(session, "Hello").await.task.id;
        let claim = f.claim().await;
        f.store_text(&claim, 0, "so far").await.unwrap();
        f.store.cancel_task(&f.user, session, id).await.unwrap();

        let status = f.store.finish(claim.task_id, claim.attempt, finish).await.unwrap().value;

        assert_eq!(status, TaskStatus::Cancelled);
        assert_eq!(f.transcript(session).await[1].1, "so far");
    }
}

#[tokio::test]
async fn a_stop_between_attempts_keeps_the_text() {
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
async fn a_retry_goes_before_later_turns_and_replaces_the_answer() {
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
async fn an_interrupt_stops_the_running_turn_and_keeps_the_queue() {
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
async fn archiving_cancels_what_waits_and_lets_the_running_turn_end() {
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
    assert!(!f.store.has_due_job().await.unwrap());
}

#[tokio::test]
async fn a_deleted_session_replays_as_its_deletion() {
    let f = Fixture::new().await;
    let session = f.session().await;
    f.post(session, "Hello").await;
    let claim = f.claim().await;

    f.store.delete_session(&f.user, session).await.unwrap();

    assert_eq!(f.log().await, ["session.deleted"; 4]);
    assert!(matches!(f.answer(&claim, "late").await, Err(StoreError::LeaseLost)));
    let jobs: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM Jobs").fetch_one(&f.store.inner.readers).await.unwrap();
    assert_eq!(jobs, 0);
}

#[tokio::test]
async fn an_unsent_message_replays_as_its_deletion_and_frees_the_queue() {
    let f = Fixture::new().await;
    let session = f.session().await;
    let first = f.post(session, "one").await.message.id;
    f.post(session, "two").await;

    f.store.unsend_message(&f.user, session, first).await.unwrap();

    assert_eq!(f.log().await, ["session.created", "message.deleted", "message.created", "message.deleted"]);
    assert_eq!(f.claim().await.turn, 2);
    assert!(matches!(f.store.unsend_message(&f.user, session, first).await, Err(StoreError::NotFound)));
}

#[tokio::test]
async fn a_started_message_can_not_be_changed_any_more() {
    let f = Fixture::new().await;
    let session = f.session().await;
    let message = f.post(session, "one").await.message.id;
    f.claim().await;

    let edit = f.store.edit_message(&f.user, session, message, &Content::parse("two".into()).unwrap()).await;

    assert!(matches!(edit, Err(StoreError::TaskNotQueued)));
}

#[tokio::test]
async fn a_text_in_the_history_of_a_later_turn_can_not_be_changed_any_more() {
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
async fn cursors_that_do_not_fit_say_why() {
    let f = Fixture::new().await;
    let session = f.session().await;
    f.clock.advance(Duration::from_hours(2));
    f.post(session, "Hello").await;
    let Cursor { epoch, seq } = f.store.start_replay(&f.user, None).await.unwrap().cursor;
    assert_eq!(seq, 2);
    f.store.prune(Retention { events: Duration::from_hours(1) }).await.unwrap();

    for (cursor, reason) in [
        ("-1".into(), Some(ResyncReason::Malformed)),
        ("other-1".into(), Some(ResyncReason::Foreign)),
        (format!("{}-3", epoch.as_str()), Some(ResyncReason::Future)),
        (format!("{}-0", epoch.as_str()), Some(ResyncReason::Pruned)),
        (format!("{}-1", epoch.as_str()), None),
        (format!("{}-2", epoch.as_str()), None),
    ] {
        let start = f.store.start_replay(&f.user, Some(&cursor)).await.unwrap();
        assert_eq!(start.resync, reason, "{cursor}");
        assert_eq!(start.cursor.seq, if cursor.ends_with("-1") && reason.is_none() { 1 } else { 2 });
    }
}

#[tokio::test]
async fn with_everything_pruned_only_the_head_is_a_cursor_and_numbers_go_on() {
    let f = Fixture::new().await;
    let session = f.session().await;
    f.clock.advance(Duration::from_hours(2));
    f.store.prune(Retention { events: Duration::from_hours(1) }).await.unwrap();

    let head = f.store.start_replay(&f.user, None).await.unwrap();
    f.post(session, "Hello").await;
    let replay = f.store.read_log(head.user_log_id, head.cursor.seq, 10, None).await.unwrap();

    assert_eq!(head.cursor.seq, 1);
    assert_eq!(replay.events.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), [2]);
}

#[tokio::test]
async fn a_waiting_task_without_a_job_gets_one() {
    let f = Fixture::new().await;
    let session = f.session().await;
    f.post(session, "Hello").await;
    sqlx::query("DELETE FROM Jobs").execute(&f.store.inner.writer).await.unwrap();
    assert!(!f.store.has_due_job().await.unwrap());

    assert_eq!(f.store.reconcile().await.unwrap().value, 1);

    assert_eq!(f.claim().await.attempt, 1);
    assert_eq!(f.store.reconcile().await.unwrap().value, 0);
}

#[tokio::test]
async fn an_idempotency_key_stands_for_one_message_until_it_is_unsent() {
    let f = Fixture::new().await;
    let session = f.session().await;
    let post = |text: &str, request: &'static [u8]| PostMessage {
        content: Content::parse(text.into()).unwrap(),
        on_busy: OnBusy::Reject,
        max_attempts: 3,
        key: Some(IdempotencyKey::new("k".into(), "POST /x".into(), request)),
    };
    let send = async |text: &'static str, request| f.store.post_message(&f.user, session, &post(text, request)).await;

    let first = send("one", b"one").await.unwrap().value.message.id;

    assert_eq!(send("one", b"one").await.unwrap().value.message.id, first);
    assert!(matches!(send("two", b"two").await, Err(StoreError::IdempotencyMismatch)));
    f.store.unsend_message(&f.user, session, first).await.unwrap();
    assert!(matches!(send("one", b"one").await, Err(StoreError::MessageGone)));
    f.clock.advance(Duration::from_hours(25));
    assert_ne!(send("one", b"one").await.unwrap().value.message.id, first);
}

#[tokio::test]
async fn the_list_is_pinned_first_then_by_activity_and_pages_do_not_overlap() {
    let f = Fixture::new().await;
    let mut sessions = Vec::new();
    for _ in 0..5 {
        sessions.push(f.session().await);
        f.clock.advance(Duration::from_secs(1));
    }
    let pin = SessionPatch { pinned: Some(true), ..SessionPatch::default() };
    f.store.update_session(&f.user, sessions[1], &pin).await.unwrap();
    f.post(sessions[0], "Hello").await;

    let mut listed = Vec::new();
    let mut filter = SessionFilter::default();
    loop {
        let page = f.store.list_sessions(&f.user, &filter, 2).await.unwrap();
        listed.extend(page.items.iter().map(|session| session.id));
        filter.after = page.next;
        if filter.after.is_none() {
            break;
        }
    }

    assert_eq!(listed, [1, 0, 4, 3, 2].map(|index: usize| sessions[index]));
}

#[tokio::test]
async fn a_title_search_takes_every_character_literally() {
    let f = Fixture::new().await;
    for title in ["100% done", "1000 done", "a_b", "axb", "Überfahrt"] {
        let new = NewSession { agent_key: "demo".into(), title: Some(Title::parse(title).unwrap()) };
        f.store.create_session(&f.user, new, None).await.unwrap();
    }
    let search = async |text: &str| {
        let filter = SessionFilter { title_contains: Some(text.into()), ..SessionFilter::default() };
        let page = f.store.list_sessions(&f.user, &filter, 10).await.unwrap();
        page.items.into_iter().map(|session| session.title).collect::<Vec<_>>()
    };

    assert_eq!(search("0%").await, ["100% done"]);
    assert_eq!(search("a_b").await, ["a_b"]);
    assert_eq!(search("DONE").await.len(), 2);
    assert_eq!(search("üBER").await, ["Überfahrt"]);
}

#[tokio::test]
async fn live_text_and_events_of_one_read_agree() {
    let f = Fixture::new().await;
    let session = f.session().await;
    f.post(session, "Hello").await;
    let from = f.store.tail_position().await.unwrap();
    let claim = f.claim().await;
    f.store_text(&claim, 0, "Hé").await.unwrap();
    f.store_text(&claim, 3, "llo").await.unwrap();

    let running = f.store.read_tail(from, |_| true).await.unwrap();
    f.answer(&claim, "Héllo").await.unwrap();
    let ended = f.store.read_tail(from, |_| true).await.unwrap();

    assert_eq!(running.chunks.iter().map(|row| row.chunk.text.as_str()).collect::<Vec<_>>(), ["Hé", "llo"]);
    assert_eq!(running.chunks[1].chunk.end_offset(), 6);
    assert!(ended.chunks.is_empty());
    assert!(matches!(&ended.rows.last().unwrap().event.as_ref().unwrap().data,
        EventData::TaskUpdated { task, .. } if task.status == TaskStatus::Succeeded));
}

#[tokio::test]
async fn reading_moves_forward_and_unread_marks_the_last_answer() {
    let f = Fixture::new().await;
    let session = f.session().await;
    for text in ["one", "two"] {
        f.post(session, text).await;
        let claim = f.claim().await;
        f.answer(&claim, "ok").await.unwrap();
    }

    let read = async |seq| f.store.mark_read(&f.user, session, seq).await.unwrap().value;
    assert_eq!(read(2).await.unread_count, 1);
    assert_eq!(read(1).await.last_read_seq, 2);
    assert_eq!(read(i64::MAX).await.last_read_seq, 4);
    let unread = f.store.mark_unread(&f.user, session).await.unwrap().value;
    assert_eq!((unread.last_read_seq, unread.unread_count), (3, 1));
}

#[tokio::test]
async fn the_check_finds_nothing_in_a_healthy_database_and_names_what_is_broken() {
    let damages = [
        ("UPDATE event_log SET seq = seq + 100 WHERE seq = 3", "a user's log is numbered without a hole"),
        (
            "DELETE FROM Jobs WHERE status = 'Pending'",
            "a session with a waiting task has a running one, or a job for the first that waits",
        ),
        ("DELETE FROM agent_task WHERE status = 'succeeded'", "a user's message has exactly one task"),
        ("DELETE FROM chat_message WHERE role = 'assistant'", "a task that succeeded has its answer"),
        (
            "UPDATE Jobs SET lock_by = 'x' WHERE status = 'Running'",
            "a running task has a running job, locked by its worker",
        ),
        (
            "UPDATE agent_task SET status = 'failed', worker_id = NULL, finished_at = 'x', job_id = NULL WHERE status = 'running'",
            "a job that waits or runs is some task's",
        ),
        ("UPDATE answer_chunk SET start_offset = 1", "stored text has no hole"),
    ];
    for (damage, rule) in damages {
        let f = Fixture::new().await;
        let (answered, running, waiting) = (f.session().await, f.session().await, f.session().await);
        f.post(answered, "one").await;
        let claim = f.claim().await;
        f.answer(&claim, "done").await.unwrap();
        f.post(running, "two").await;
        let claim = f.claim().await;
        f.store_text(&claim, 0, "so far").await.unwrap();
        f.post(waiting, "three").await;
        assert_eq!(f.findings().await, Vec::<&str>::new());

        f.damage(damage).await;

        assert!(f.findings().await.contains(&rule), "{damage}: {:?}", f.findings().await);
    }
}
