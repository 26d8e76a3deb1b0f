//! Tests for the queue, including claims, leases, and retries.

use super::*;

#[tokio::test]
async fn runs_one_task_per_session_at_a_time() {
    let f = Fixture::new().await;
    let session = f.session().await;
    for text in ["one", "two", "three"] {
        f.post(session, text).await;
    }

    let mut seen = Vec::new();
    for _ in 0..3 {
        let claim = f.claim().await;
        assert!(f.claim_up_to(9).await.is_empty(), "a second task of the session was claimed");
        seen.push(f.store.read_conversation(&claim, usize::MAX).await.unwrap().history.pop().unwrap().content);
        f.answer(&claim, "ok").await.unwrap();
    }

    assert_eq!(seen, ["one", "two", "three"]);
    assert!(!f.store.has_due_job(&f.worker).await.unwrap());
}

#[tokio::test]
async fn rejects_writes_by_a_worker_that_lost_its_lease() {
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
async fn does_not_reap_a_worker_that_has_since_sent_a_heartbeat() {
    let f = Fixture::new().await;
    let session = f.session().await;
    f.post(session, "Hello").await;
    f.claim().await;
    let before = f.store.list_beats().await.unwrap();

    f.store.heartbeat(&f.worker, None).beat().await.unwrap();

    assert_eq!(f.store.reap(&before[0]).await.unwrap().value, 0);
}

/// Creates a task whose agent has just requested a wait of this duration.
async fn limited(f: &Fixture, wait: Duration) -> (SessionId, TaskId) {
    let session = f.session().await;
    f.post(session, "Hello").await;
    let claim = f.claim().await;
    let finish = AttemptEnd::Failed {
        text: String::new(),
        error: TaskError::new(ErrorCode::AgentRateLimited, "slow down"),
        retry_after: Some(wait),
    };
    f.store.finish(claim.task_id, claim.attempt, finish, &[]).await.unwrap();
    (session, claim.task_id)
}

#[tokio::test]
async fn waits_as_long_as_the_agent_requests() {
    let f = Fixture::new().await;
    let (session, task) = limited(&f, Duration::from_hours(20)).await;

    let waiting = f.task(session, task).await;
    assert_eq!((waiting.status, waiting.failures), (TaskStatus::Queued, 1));
    assert_eq!(waiting.next_attempt_at, Some("2026-02-01T08:00:00Z".parse().unwrap()));
    assert_eq!(waiting.error.unwrap().message, "slow down");
    f.clock.advance(Duration::from_hours(20) - Duration::from_secs(1));
    assert!(!f.store.has_due_job(&f.worker).await.unwrap());
    f.clock.advance(Duration::from_secs(1));
    assert_eq!(f.claim().await.attempt, 2);
}

#[tokio::test]
async fn cancels_a_waiting_task_immediately() {
    let f = Fixture::new().await;
    let (session, task) = limited(&f, Duration::from_hours(20)).await;

    f.store.cancel_task(&f.user, session, task).await.unwrap();

    assert_eq!(f.task(session, task).await.status, TaskStatus::Cancelled);
    f.post(session, "Hello again").await;
    assert_eq!(f.claim().await.attempt, 1);
}

#[tokio::test]
async fn fails_a_task_whose_agent_requests_more_than_a_day() {
    let f = Fixture::new().await;
    let (session, task) = limited(&f, MAX_RETRY_AFTER + Duration::from_secs(1)).await;

    let failed = f.task(session, task).await;
    assert_eq!((failed.status, failed.next_attempt_at), (TaskStatus::Failed, None));
    assert_eq!(failed.error.unwrap().message, "slow down");
}

#[tokio::test]
async fn a_clock_that_is_set_back_does_not_delay_a_retry() {
    for wait in [Duration::from_secs(30), Duration::from_hours(20)] {
        let f = Fixture::new().await;
        limited(&f, wait).await;
        assert!(!f.store.has_due_job(&f.worker).await.unwrap());

        *f.clock.0.lock().unwrap() = "2026-01-31T11:00:00Z".parse().unwrap();

        assert!(f.store.has_due_job(&f.worker).await.unwrap(), "{wait:?}");
        assert_eq!(f.claim().await.attempt, 2);
    }
}

#[tokio::test]
async fn a_small_clock_difference_does_not_shorten_a_wait() {
    let f = Fixture::new().await;
    limited(&f, Duration::from_hours(1)).await;

    *f.clock.0.lock().unwrap() = "2026-01-31T11:59:30Z".parse().unwrap();

    assert!(!f.store.has_due_job(&f.worker).await.unwrap());
}

#[tokio::test]
async fn a_task_handed_back_stays_at_the_head_without_a_failure() {
    let f = Fixture::new().await;
    let session = f.session().await;
    let first = f.post(session, "one").await.task.id;
    f.post(session, "two").await;
    let claim = f.claim().await;

    f.store.finish(claim.task_id, claim.attempt, AttemptEnd::HandedBack { text: String::new() }, &[]).await.unwrap();

    let again = f.claim().await;
    assert_eq!((again.task_id, again.attempt), (first, 2));
    assert_eq!(f.task(session, first).await.failures, 0);
}

#[tokio::test]
async fn reconciles_a_queued_task_without_a_job() {
    let f = Fixture::new().await;
    let session = f.session().await;
    f.post(session, "Hello").await;
    sqlx::query("DELETE FROM Jobs").execute(&mut f.store.connect().await.unwrap()).await.unwrap();
    assert!(!f.store.has_due_job(&f.worker).await.unwrap());

    assert_eq!(f.store.reconcile().await.unwrap().value, 1);

    assert_eq!(f.claim().await.attempt, 1);
    assert_eq!(f.store.reconcile().await.unwrap().value, 0);
}

#[tokio::test]
async fn fails_a_damaged_task_and_claims_the_others() {
    let damages = [
        "UPDATE agent_task SET answer_message_id = 'x' WHERE turn = 2",
        "UPDATE agent_task SET user_message_id = 'x' WHERE turn = 2",
        "UPDATE agent_task SET job_id = 'x' WHERE turn = 2; UPDATE Jobs SET id = 'x' WHERE status = 'Pending'",
    ];
    for damage in damages {
        let f = Fixture::new().await;
        let session = f.session().await;
        f.post(session, "one").await;
        f.answer(&f.claim().await, "ok").await.unwrap();
        let task_id = f.post(session, "two").await.task.id;
        for statement in damage.split("; ") {
            f.damage(statement).await;
        }
        let healthy = f.session().await;
        f.post(healthy, "Hello").await;

        let claimed = f.claim_up_to(2).await;

        assert_eq!(claimed.iter().map(|claim| claim.session_id).collect::<Vec<_>>(), [healthy], "{damage}");
        assert!(!f.store.has_due_job(&f.worker).await.unwrap());
        let failed = f.task(session, task_id).await;
        assert_eq!((failed.status, failed.error.unwrap().code), (TaskStatus::Failed, ErrorCode::AgentError));
    }
}

#[tokio::test]
async fn prunes_only_jobs_that_ended_long_ago() {
    let f = Fixture::on_sqlite().await;
    let session = f.session().await;
    f.post(session, "Hello").await;
    f.answer(&f.claim().await, "ok").await.unwrap();
    let mut connection = f.store.connect().await.unwrap();
    for statement in [
        "CREATE TEMP TABLE copy AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500) \
         SELECT j.* FROM Jobs j, n",
        "UPDATE copy SET id = id || rowid",
        "INSERT INTO Jobs SELECT * FROM copy",
    ] {
        sqlx::query(statement).execute(&mut connection).await.unwrap();
    }
    f.clock.advance(Duration::from_hours(2));
    f.post(session, "Hello again").await;
    f.answer(&f.claim().await, "ok").await.unwrap();

    f.store.prune(Retention { events: Duration::from_hours(24) }).await.unwrap();

    let left: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM Jobs").fetch_one(&mut f.store.connect().await.unwrap()).await.unwrap();
    assert_eq!(left, 1);
}
