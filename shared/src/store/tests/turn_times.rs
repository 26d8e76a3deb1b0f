//! Tests for turn times.

use super::*;
use crate::chat::{TraceParent, TurnCount, TurnPart};

impl Fixture {
    /// Returns the number of turns that ended with a status, and the total time of one of their parts, rounded down to
    /// seconds. Rounding removes the time that passes between a test's calls, which the test's clock does not control.
    async fn counted(&self, part: TurnPart, status: TaskStatus) -> (i64, i64) {
        let times = self.store.read_turn_times().await.unwrap();
        let mut sum = TurnCount::default();
        for (_, count) in times.buckets().filter(|((p, s, _), _)| (*p, *s) == (part, status)) {
            sum.turns += count.turns;
            sum.total_us += count.total_us;
        }
        (sum.turns, sum.total_us / 1_000_000)
    }

    /// Returns the number of turns that ended with any status.
    async fn turns(&self) -> i64 {
        let times = self.store.read_turn_times().await.unwrap();
        times.buckets().filter(|((part, ..), _)| *part == TurnPart::Duration).map(|(_, count)| count.turns).sum()
    }

    async fn hand_back(&self, claim: &Claim) {
        assert_eq!(self.end(claim, AttemptEnd::HandedBack { text: String::new() }).await, TaskStatus::Queued);
    }
}

#[tokio::test]
async fn counts_a_turn_with_the_parts_that_it_reached() {
    let f = Fixture::new().await;
    let session = f.session().await;
    f.post(session, "Hello").await;
    f.clock.advance(Duration::from_secs(3));
    let claim = f.claim().await;
    let started_at = claim.claimed_at.checked_sub(Duration::from_millis(1)).unwrap();
    let milestones = AttemptMilestones {
        claimed_at: started_at - Duration::from_secs(10),
        started_at: Some(started_at - Duration::from_secs(5)),
        first_text_at: Some(started_at),
    };

    let report = AttemptReport { end: answered("a"), steps: Vec::new(), milestones };
    f.store.finish_and_claim(&claim.user, claim.task_id, claim.attempt, &report, None).await.unwrap();

    for (part, seconds) in [
        (TurnPart::Duration, 13),
        (TurnPart::Queued, 3),
        (TurnPart::Started, 5),
        (TurnPart::FirstToken, 5),
        (TurnPart::Outcome, 0),
    ] {
        assert_eq!(f.counted(part, TaskStatus::Succeeded).await, (1, seconds), "{part}");
    }
    let times = f.store.read_turn_times().await.unwrap();
    let bounds = |part| times.buckets().filter(move |((p, ..), _)| *p == part).map(|((.., upper), _)| upper);
    assert_eq!(bounds(TurnPart::Queued).collect::<Vec<_>>(), [5_000_000]);
    assert_eq!(bounds(TurnPart::Duration).collect::<Vec<_>>(), [30_000_000]);
}

#[tokio::test]
async fn adds_up_the_turns_of_a_bucket() {
    let f = Fixture::new().await;
    let session = f.session().await;
    for _ in 0..3 {
        f.post(session, "Hello").await;
        f.clock.advance(Duration::from_secs(7));
        let claim = f.claim().await;
        f.answer(&claim, "ok").await.unwrap();
    }
    f.post(session, "Hello").await;
    let claim = f.claim().await;
    f.fail(&claim, ErrorCode::AgentAuth, "").await;

    assert_eq!(f.counted(TurnPart::Queued, TaskStatus::Succeeded).await, (3, 21));
    assert_eq!(f.counted(TurnPart::FirstToken, TaskStatus::Succeeded).await, (0, 0));
    assert_eq!(f.counted(TurnPart::Queued, TaskStatus::Failed).await, (1, 0));
}

#[tokio::test]
async fn counts_an_outcome_once_however_often_it_is_reported() {
    let f = Fixture::new().await;
    let session = f.session().await;
    f.post(session, "Hello").await;
    let claim = f.claim().await;
    f.answer(&claim, "ok").await.unwrap();

    let repeated = f.answer(&claim, "ok").await;

    assert!(matches!(repeated, Err(StoreError::LeaseLost)));
    assert_eq!(f.turns().await, 1);
}

#[tokio::test]
async fn attempts_that_are_followed_by_another_one_belong_to_the_time_in_the_queue() {
    let f = Fixture::new().await;
    let session = f.session().await;
    f.post(session, "Hello").await;
    let first = f.claim().await;
    f.clock.advance(Duration::from_secs(10));
    f.hand_back(&first).await;
    let second = f.claim().await;
    f.clock.advance(Duration::from_secs(10));
    assert_eq!(f.fail(&second, ErrorCode::AgentOverloaded, "").await, TaskStatus::Queued);
    assert_eq!(f.turns().await, 0);
    f.clock.advance(MAX_RETRY_AFTER);

    let third = f.claim().await;
    f.answer(&third, "ok").await.unwrap();

    let queued = 20 + i64::try_from(MAX_RETRY_AFTER.as_secs()).unwrap();
    assert_eq!(f.counted(TurnPart::Queued, TaskStatus::Succeeded).await, (1, queued));
    assert_eq!(f.turns().await, 1);
}

#[tokio::test]
async fn measures_a_retry_by_the_user_from_its_request() {
    let f = Fixture::new().await;
    let session = f.session().await;
    f.post(session, "Hello").await;
    f.clock.advance(Duration::from_secs(3));
    let first = f.claim().await;
    f.clock.advance(Duration::from_secs(5));
    f.fail(&first, ErrorCode::AgentAuth, "").await;
    f.clock.advance(Duration::from_mins(1));
    f.store.retry_task(&f.user, session, first.task_id).await.unwrap();
    f.clock.advance(Duration::from_secs(2));

    let second = f.claim().await;
    f.answer(&second, "ok").await.unwrap();

    assert_eq!(f.counted(TurnPart::Queued, TaskStatus::Failed).await, (1, 3));
    assert_eq!(f.counted(TurnPart::Queued, TaskStatus::Succeeded).await, (1, 2));
}

#[tokio::test]
async fn a_turn_whose_worker_ignores_a_stop_is_measured_by_the_wall_clock() {
    let f = Fixture::new().await;
    let session = f.session().await;
    f.post(session, "Hello").await;
    f.clock.advance(Duration::from_secs(3));
    let claim = f.claim().await;
    f.store.cancel_task(&f.user, session, claim.task_id).await.unwrap();
    f.clock.advance(Duration::from_secs(4));

    f.store.end_ignored_stop(claim.task_id).await.unwrap();

    for (part, counted) in [
        (TurnPart::Duration, (1, 7)),
        (TurnPart::Queued, (1, 3)),
        (TurnPart::Started, (0, 0)),
        (TurnPart::FirstToken, (0, 0)),
        (TurnPart::Outcome, (1, 4)),
    ] {
        assert_eq!(f.counted(part, TaskStatus::Cancelled).await, counted, "{part}");
    }
    assert_eq!(f.turns().await, 1);
}

#[tokio::test]
async fn a_message_that_is_cancelled_while_it_is_queued_is_no_turn() {
    let f = Fixture::new().await;
    let session = f.session().await;
    let never_started = f.post(session, "Hello").await.task.id;
    f.store.cancel_task(&f.user, session, never_started).await.unwrap();
    f.post(session, "Hello").await;
    let claim = f.claim().await;
    f.hand_back(&claim).await;

    f.store.cancel_task(&f.user, session, claim.task_id).await.unwrap();

    assert_eq!(f.task(session, claim.task_id).await.status, TaskStatus::Cancelled);
    assert_eq!(f.turns().await, 0);
}

#[tokio::test]
async fn a_wrong_clock_neither_subtracts_nor_fails() {
    let f = Fixture::new().await;
    let session = f.session().await;
    for now in ["2000-01-01T00:00:00Z", "9000-01-01T00:00:00Z"] {
        f.post(session, "Hello").await;
        *f.clock.0.lock().unwrap() = now.parse().unwrap();
        let claim = f.claim().await;
        f.answer(&claim, "ok").await.unwrap();
    }

    let year = 365 * 24 * 60 * 60;
    assert_eq!(f.counted(TurnPart::Queued, TaskStatus::Succeeded).await, (2, year));
}

#[tokio::test]
async fn a_claim_contains_the_trace_of_the_send_and_the_time_in_the_queue() {
    let f = Fixture::new().await;
    let session = f.session().await;
    let trace_parent = Some(TraceParent::new("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()));
    let content = Content::parse("Hello".into()).unwrap();
    let post = NewMessage { trace_parent: trace_parent.clone(), ..NewMessage::new(content, 3) };
    f.store.post_message(&f.user, session, &post).await.unwrap();
    f.post(session, "Without a trace").await;
    f.clock.advance(Duration::from_secs(3));

    let traced = f.claim().await;
    f.clock.advance(Duration::from_secs(1));
    f.answer(&traced, "ok").await.unwrap();
    let untraced = f.claim().await;

    assert_eq!((traced.trace_parent, traced.queued_for), (trace_parent, Duration::from_secs(3)));
    assert_eq!((untraced.trace_parent, untraced.queued_for), (None, Duration::from_secs(4)));
}
