//! Tests for the event log and for live text.

use super::*;

#[tokio::test]
async fn replays_a_deleted_session_as_its_deletion() {
    let f = Fixture::new().await;
    let session = f.session().await;
    f.post(session, "Hello").await;
    let claim = f.claim().await;

    f.store.delete_session(&f.user, session).await.unwrap();

    assert_eq!(f.log().await, ["session.deleted"; 4]);
    assert!(matches!(f.answer(&claim, "late").await, Err(StoreError::LeaseLost)));
    let jobs: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM Jobs").fetch_one(&mut f.store.connect().await.unwrap()).await.unwrap();
    assert_eq!(jobs, 0);
}

#[tokio::test]
async fn replays_an_unsent_message_as_its_deletion() {
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
async fn reports_why_a_cursor_requires_a_resync() {
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
async fn continues_numbering_after_all_events_were_pruned() {
    let f = Fixture::new().await;
    let session = f.session().await;
    f.clock.advance(Duration::from_hours(2));
    f.store.prune(Retention { events: Duration::from_hours(1) }).await.unwrap();

    let head = f.store.start_replay(&f.user, None).await.unwrap();
    f.post(session, "Hello").await;
    let replay = f.store.read_log(head.user_log_id, head.cursor.seq, 10, None, None).await.unwrap();

    assert_eq!(head.cursor.seq, 1);
    assert_eq!(replay.events.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), [2]);
}

#[tokio::test]
async fn reads_live_text_and_events_from_one_snapshot() {
    let f = Fixture::new().await;
    let session = f.session().await;
    f.post(session, "Hello").await;
    let from = f.store.tail_position().await.unwrap();
    let claim = f.claim().await;
    f.store_text(&claim, 0, "Hé").await.unwrap();
    f.store_text(&claim, 3, "llo").await.unwrap();

    let running = f.store.read_tail(from, TailScope::ALL, |_| true).await.unwrap();
    f.answer(&claim, "Héllo").await.unwrap();
    let ended = f.store.read_tail(from, TailScope::ALL, |_| true).await.unwrap();

    assert_eq!(running.chunks.iter().map(|row| row.chunk.text.as_str()).collect::<Vec<_>>(), ["Hé", "llo"]);
    assert_eq!(running.chunks[1].chunk.end_offset(), 6);
    assert!(ended.chunks.is_empty());
    assert!(matches!(&ended.rows.last().unwrap().event.as_ref().unwrap().data,
        EventData::TaskUpdated { task, .. } if task.status == TaskStatus::Succeeded));
}

#[tokio::test]
async fn reads_long_texts_in_several_parts() {
    let f = Fixture::new().await;
    let session = f.session().await;
    let from = f.store.tail_position().await.unwrap();
    let log_id = f.store.start_replay(&f.user, None).await.unwrap().user_log_id;
    let text = "x".repeat(200 * 1024);
    for _ in 0..4 {
        f.post(session, &text).await;
    }

    let first = f.store.read_log(log_id, 1, 1000, None, None).await.unwrap();
    let second = f.store.read_log(log_id, first.last_seq, 1000, None, None).await.unwrap();
    assert_eq!(first.events.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), [2, 3, 4]);
    assert_eq!(second.events.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), [5]);
    assert!(first.state.is_none() && second.state.is_some(), "the state is read only at the head of the log");

    let first = f.store.read_tail(from, TailScope::ALL, |_| true).await.unwrap();
    let second = f.store.read_tail(first.position, TailScope::ALL, |_| true).await.unwrap();
    assert_eq!((first.rows.len(), first.has_more), (3, true));
    assert_eq!((second.rows.len(), second.has_more), (1, false));
    let unheard = f.store.read_tail(from, TailScope::ALL, |_| false).await.unwrap();
    assert_eq!(
        (unheard.rows.len(), unheard.has_more),
        (4, false),
        "events from logs that are not followed are not rendered"
    );
}

#[tokio::test]
async fn prunes_old_events_behind_one_from_the_future() {
    let f = Fixture::new().await;
    let retention = Retention { events: Duration::from_hours(1) };
    for _ in 0..450 {
        f.session().await;
    }
    let before_the_first = "UPDATE event_log SET at = '2027-01-01T00:00:00.000Z' WHERE seq = 1";
    f.damage(before_the_first).await;
    f.clock.advance(Duration::from_hours(2));
    let recent = f.session().await;

    let pruned = f.store.prune(retention).await.unwrap();

    assert_eq!(pruned, 450);
    let log_id = f.store.start_replay(&f.user, None).await.unwrap().user_log_id;
    let left = f.store.read_log(log_id, 0, 1000, None, None).await.unwrap().events;
    assert_eq!(
        left.iter().map(|(seq, event)| (*seq, event.chat_session_id)).collect::<Vec<_>>(),
        [(451, Some(recent))]
    );
    assert_eq!(f.findings().await, Vec::<&str>::new());
}
