//! Tests for lists, searches, read positions, idempotency keys, and the database check.

use std::cmp::Reverse;

use super::*;

/// Lists all sessions, page by page.
async fn list_all(f: &Fixture, mut filter: SessionFilter, limit: u32) -> Vec<SessionId> {
    let mut listed = Vec::new();
    loop {
        let page = f.store.list_sessions(&f.user, &filter, limit).await.unwrap();
        listed.extend(page.items.iter().map(|session| session.id));
        filter.after = page.next;
        if filter.after.is_none() {
            return listed;
        }
    }
}

#[tokio::test]
async fn an_idempotency_key_refers_to_one_message_until_it_is_unsent() {
    let f = Fixture::new().await;
    let session = f.session().await;
    let post = |text: &str, request: &'static [u8]| NewMessage {
        on_busy: OnBusy::Reject,
        key: Some(IdempotencyKey::new("k".into(), "POST /x".into(), request)),
        ..NewMessage::new(Content::parse(text.into()).unwrap(), 3)
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
async fn lists_pinned_sessions_first_then_by_activity_in_disjoint_pages() {
    let f = Fixture::new().await;
    let mut sessions = Vec::new();
    for _ in 0..5 {
        sessions.push(f.session().await);
        f.clock.advance(Duration::from_secs(1));
    }
    let pin = SessionPatch { pinned: Some(true), ..SessionPatch::default() };
    f.store.update_session(&f.user, sessions[1], &pin).await.unwrap();
    f.post(sessions[0], "Hello").await;

    let listed = list_all(&f, SessionFilter::default(), 2).await;
    assert_eq!(listed, [1, 0, 4, 3, 2].map(|index: usize| sessions[index]));
}

#[tokio::test]
async fn searches_titles_literally() {
    let f = Fixture::new().await;
    for title in ["100% done", "1000 done", "a_b", "axb", "Überfahrt"] {
        let new = NewSession { agent_key: "demo".into(), title: Some(Title::parse(title).unwrap()), folder: None };
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
async fn lists_active_sessions_with_answers_after_the_read_position_as_unread() {
    let f = Fixture::new().await;
    let mut sessions = Vec::new();
    for _ in 0..4 {
        let session = f.session().await;
        f.post(session, "Hello").await;
        let claim = f.claim().await;
        f.answer(&claim, "ok").await.unwrap();
        f.clock.advance(Duration::from_secs(1));
        sessions.push(session);
    }
    let waiting = f.session().await;
    f.post(waiting, "Hello").await;
    f.store.mark_read(&f.user, sessions[1], 2).await.unwrap();
    let archive = SessionPatch { status: Some(SessionStatus::Archived), ..SessionPatch::default() };
    f.store.update_session(&f.user, sessions[2], &archive).await.unwrap();

    let filter = SessionFilter { unread: true, ..SessionFilter::default() };
    assert_eq!(list_all(&f, filter, 1).await, [sessions[3], sessions[0]]);
}

#[tokio::test]
async fn lists_sessions_of_every_status_and_kind_in_the_same_order() {
    let f = Fixture::new().await;
    let mut sessions = Vec::new();
    for number in 0..24 {
        let session = f.session().await;
        if number % 2 == 0 {
            f.clock.advance(Duration::from_secs(1));
        }
        if number % 4 == 1 {
            f.post(session, "Hello").await;
            let claim = f.claim().await;
            f.answer(&claim, "ok").await.unwrap();
        }
        let patch = SessionPatch {
            title: Some(Title::parse(["apple", "pear"][number / 3 % 2]).unwrap()),
            status: (number % 5 == 0).then_some(SessionStatus::Archived),
            pinned: (number % 3 == 0).then_some(true),
            agent_key: None,
        };
        sessions.push(f.store.update_session(&f.user, session, &patch).await.unwrap().value);
    }
    sessions.sort_by_key(|session| (session.pinned_at.is_none(), Reverse((session.last_activity_at, session.id))));

    for status in [None, Some(SessionStatus::Active), Some(SessionStatus::Archived)] {
        for (unread, text) in [(false, None), (false, Some("pp")), (true, None), (true, Some("pear"))] {
            let filter =
                SessionFilter { status, title_contains: text.map(str::to_owned), unread, ..SessionFilter::default() };
            let is_listed = |session: &&Session| {
                status.is_none_or(|status| session.status == status)
                    && text.is_none_or(|text| session.title.contains(text))
                    && (!unread || session.unread_count > 0)
            };
            let expected: Vec<_> = sessions.iter().filter(is_listed).map(|session| session.id).collect();
            for limit in [1, 2, 3, 7, 50] {
                assert_eq!(list_all(&f, filter.clone(), limit).await, expected, "{filter:?}, {limit}");
            }
        }
    }
}

#[tokio::test]
async fn counts_unread_answers_through_every_change() {
    let f = Fixture::new().await;
    let session = f.session().await;
    let unread = async || (f.get(session).await.unread_count, f.findings().await);
    let none = Vec::<&str>::new();
    let mut tasks = Vec::new();
    for text in ["one", "two", "three"] {
        tasks.push(f.post(session, text).await.task.id);
        let claim = f.claim().await;
        f.fail(&claim, ErrorCode::AgentAuth, "partial").await;
    }
    assert_eq!(unread().await, (3, none.clone()));

    f.store.mark_read(&f.user, session, 2).await.unwrap();
    assert_eq!(unread().await, (2, none.clone()), "one of three is read");

    f.store.retry_task(&f.user, session, tasks[0]).await.unwrap();
    assert_eq!(unread().await, (2, none.clone()), "the answer that was read is deleted");
    f.store.retry_task(&f.user, session, tasks[2]).await.unwrap();
    assert_eq!(unread().await, (1, none.clone()), "an unread answer is deleted");
    let claim = f.claim().await;
    f.answer(&claim, "ok").await.unwrap();
    assert_eq!(unread().await, (2, none.clone()), "the new answer is unread");

    f.store.mark_read(&f.user, session, i64::MAX).await.unwrap();
    assert_eq!(unread().await, (0, none.clone()));
    f.store.mark_unread(&f.user, session).await.unwrap();
    assert_eq!(unread().await, (1, none.clone()));
    f.store.delete_session(&f.user, session).await.unwrap();
    assert_eq!(f.findings().await, none);
}

#[tokio::test]
async fn marks_messages_as_read_and_the_last_answer_as_unread() {
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
async fn the_check_reports_exactly_the_violated_rules() {
    let damages = [
        ("UPDATE event_log SET seq = seq + 100 WHERE seq = 3", "a user's event log is contiguous"),
        (
            "DELETE FROM Jobs WHERE status = 'Pending'",
            "a session with queued tasks has a running task, or a job for the first queued one",
        ),
        ("DELETE FROM agent_task WHERE status = 'succeeded'", "a user message has exactly one task"),
        ("DELETE FROM chat_message WHERE role = 'assistant'", "a succeeded task has an answer"),
        (
            "UPDATE Jobs SET lock_by = 'x' WHERE status = 'Running'",
            "a running task has a running job, locked by its worker",
        ),
        (
            "UPDATE agent_task SET status = 'failed', worker_id = NULL, finished_at = 'x', job_id = NULL WHERE status = 'running'",
            "a pending or running job belongs to a task",
        ),
        ("UPDATE answer_chunk SET start_offset = 1", "stored chunks are contiguous"),
        ("DELETE FROM search_entry WHERE message_id IS NOT NULL", "a message has an entry in the search index"),
        (
            "UPDATE agent_task SET parent_turn = 7",
            "the turn before a turn exists, and all versions of a turn follow the same one",
        ),
        (
            "INSERT INTO agent_task (id, chat_session_id, turn, parent_turn, user_message_id, answer_message_id, \
             max_attempts, created_at) SELECT 'x', chat_session_id, 9, turn, 'y', 'z', 1, 'now' FROM agent_task \
             WHERE status = 'succeeded'",
            "each turn of a transcript follows the one before it, and the last one is the end of a branch",
        ),
        (
            "INSERT INTO inactive_message (id, chat_session_id, role, content, task_id, created_at, turn, seq) \
             SELECT id, chat_session_id, role, content, task_id, created_at, turn, seq FROM chat_message",
            "an inactive message belongs to a task that has ended, and is not part of the transcript",
        ),
        (
            "UPDATE chat_session SET unread_count = unread_count + 1",
            "a session's unread counter equals the number of answers after its read position",
        ),
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

#[tokio::test]
async fn lists_deleted_sessions_in_order() {
    let f = Fixture::new().await;
    let mut sessions = Vec::new();
    for _ in 0..4 {
        sessions.push(f.session().await);
    }
    for session in [sessions[2], sessions[0], sessions[3]] {
        f.store.delete_session(&f.user, session).await.unwrap();
    }

    let all = f.store.list_deleted_sessions(0, 10).await.unwrap();
    let first = f.store.list_deleted_sessions(0, 2).await.unwrap();
    let rest = f.store.list_deleted_sessions(first[1].0, 10).await.unwrap();

    assert_eq!(all.iter().map(|(_, session)| *session).collect::<Vec<_>>(), [sessions[2], sessions[0], sessions[3]]);
    assert_eq!((&all[..2], &all[2..]), (&first[..], &rest[..]));
    assert_eq!(f.store.list_deleted_sessions(rest[0].0, 10).await.unwrap(), []);
}

#[tokio::test]
async fn records_of_deleted_sessions_are_pruned_without_reusing_their_numbers() {
    let f = Fixture::new().await;
    let retention = Retention { events: Duration::from_hours(1) };
    for _ in 0..250 {
        let session = f.session().await;
        f.store.delete_session(&f.user, session).await.unwrap();
    }
    f.clock.advance(Duration::from_hours(89 * 24));
    let late = f.session().await;
    f.store.delete_session(&f.user, late).await.unwrap();

    f.store.prune(retention).await.unwrap();
    assert_eq!(f.store.list_deleted_sessions(0, 300).await.unwrap().len(), 251);
    f.clock.advance(Duration::from_hours(2 * 24));
    f.store.prune(retention).await.unwrap();

    assert_eq!(f.store.list_deleted_sessions(0, 300).await.unwrap(), [(251, late)]);
    f.clock.advance(Duration::from_hours(91 * 24));
    f.store.prune(retention).await.unwrap();
    let next = f.session().await;
    f.store.delete_session(&f.user, next).await.unwrap();
    assert_eq!(f.store.list_deleted_sessions(0, 300).await.unwrap(), [(252, next)]);
}

#[tokio::test]
async fn strips_terminal_escape_sequences_from_titles_and_previews() {
    let f = Fixture::new().await;
    let session = f.session().await;
    f.post(session, "\u{1b}[31merror\u{1b}[0m: why does this fail?").await;
    let claim = f.claim().await;
    let text = "\u{1b}]8;;https://example.org\u{7}See here\u{1b}]8;;\u{7}".to_owned();
    f.end(&claim, AttemptEnd::Answered { text, finish_reason: FinishReason::Stop, usage: None, resume: None }).await;

    let page = f.store.list_sessions(&f.user, &SessionFilter::default(), 10).await.unwrap();

    let listed = &page.items[0];
    assert_eq!(listed.title, "error: why does this fail?");
    assert_eq!(listed.last_message.as_ref().map(|last| last.preview.as_str()), Some("See here"));
}

#[tokio::test]
async fn rejects_a_row_with_an_unknown_value() {
    let f = Fixture::new().await;
    let session = f.session().await;
    f.damage("UPDATE chat_session SET created_at = 'yesterday'").await;

    let thread = f.store.get_thread(&f.user, session, 10).await;

    assert!(
        matches!(&thread, Err(StoreError::Corrupt(place)) if place == "created_at: unknown value \"yesterday\""),
        "{thread:?}"
    );
}
