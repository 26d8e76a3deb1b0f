//! Tests for the order in which the jobs of several users are claimed.

use std::collections::VecDeque;

use super::*;

/// Creates users, each with a log.
async fn users<const N: usize>(f: &Fixture) -> [UserRef; N] {
    let users = std::array::from_fn(|n| UserRef { workspace_id: "default".into(), user_id: format!("user-{n}") });
    for user in &users {
        f.store.ensure_user(user).await.unwrap();
    }
    users
}

/// Sends a message as the user, in a new session.
async fn send(f: &Fixture, user: &UserRef) -> (SessionId, SentMessage) {
    let new = NewSession { agent_key: "demo".into(), title: None, folder: None };
    let session = f.store.create_session(user, new, None).await.unwrap().value.id;
    (session, send_in(f, user, session).await)
}

async fn send_in(f: &Fixture, user: &UserRef, session: SessionId) -> SentMessage {
    // Jobs pushed in the same millisecond are in no particular order.
    f.clock.advance(Duration::from_millis(1));
    let content = Content::parse("Hello".into()).unwrap();
    let post = NewMessage::new(content, 3);
    f.store.post_message(user, session, &post).await.unwrap().value
}

/// Claims `count` tasks and returns the users' names.
async fn claim_users(f: &Fixture, count: usize) -> Vec<String> {
    f.claim_up_to(count).await.into_iter().map(|claim| claim.user.user_id).collect()
}

#[tokio::test]
async fn a_users_first_message_overtakes_the_backlog_of_another() {
    let f = Fixture::new().await;
    let [busy, other] = users(&f).await;
    for _ in 0..100 {
        send(&f, &busy).await;
    }
    assert_eq!(claim_users(&f, 10).await, ["user-0"; 10]);

    send(&f, &other).await;

    assert_eq!(claim_users(&f, 2).await, ["user-1", "user-0"]);
}

#[tokio::test]
async fn users_take_turns() {
    let f = Fixture::new().await;
    let [one, two, three] = users(&f).await;
    for user in [&one, &two, &three] {
        for _ in 0..3 {
            send(&f, user).await;
        }
    }

    let claimed = claim_users(&f, 9).await;

    assert_eq!(claimed, ["user-0", "user-1", "user-2"].repeat(3));
}

#[tokio::test]
async fn an_idle_user_does_not_save_up_turns() {
    let f = Fixture::new().await;
    let [busy, idle] = users(&f).await;
    for _ in 0..20 {
        send(&f, &busy).await;
        f.answer(&f.claim().await, "ok").await.unwrap();
    }

    for user in [&busy, &idle] {
        for _ in 0..2 {
            send(&f, user).await;
        }
    }

    assert_eq!(claim_users(&f, 4).await, ["user-1", "user-0", "user-1", "user-0"]);
}

#[tokio::test]
async fn withdrawn_jobs_do_not_cost_turns() {
    let f = Fixture::new().await;
    let [changing, other] = users(&f).await;
    for _ in 0..9 {
        let (session, sent) = send(&f, &changing).await;
        f.store.unsend_message(&changing, session, sent.message.id).await.unwrap();
        let (session, sent) = send(&f, &changing).await;
        f.store.cancel_task(&changing, session, sent.task.id).await.unwrap();
        let (session, _) = send(&f, &changing).await;
        f.store.delete_session(&changing, session).await.unwrap();
    }

    for user in [&changing, &other] {
        for _ in 0..2 {
            send(&f, user).await;
        }
    }

    assert_eq!(claim_users(&f, 4).await, ["user-0", "user-1", "user-0", "user-1"]);
}

#[tokio::test]
async fn replacing_the_oldest_of_many_messages_does_not_crowd_a_round() {
    let f = Fixture::new().await;
    let [busy, other] = users(&f).await;
    let mut waiting = VecDeque::new();
    for _ in 0..100 {
        waiting.push_back(send(&f, &busy).await);
    }
    for _ in 0..100 {
        let (session, oldest) = waiting.pop_front().unwrap();
        f.store.unsend_message(&busy, session, oldest.message.id).await.unwrap();
        waiting.push_back(send(&f, &busy).await);
    }
    for _ in 0..110 {
        send(&f, &other).await;
    }

    let rounds: Vec<i64> = sqlx::query_scalar("SELECT -priority FROM Jobs ORDER BY id")
        .fetch_all(&mut f.store.connect().await.unwrap())
        .await
        .unwrap();
    assert_eq!(rounds, (101..=200).chain(1..=110).collect::<Vec<_>>());
    let claimed = claim_users(&f, 121).await.concat();
    assert_eq!(claimed, "user-1".repeat(100) + &"user-0user-1".repeat(10) + "user-0");
}

#[tokio::test]
async fn claims_as_many_tasks_as_requested_in_one_transaction() {
    let f = Fixture::new().await;
    for _ in 0..5 {
        let session = f.session().await;
        f.post(session, "Hello").await;
    }

    let (first, second) = (f.claim_up_to(3).await, f.claim_up_to(3).await);

    assert_eq!((first.len(), second.len()), (3, 2));
    assert_eq!(f.log().await.iter().filter(|kind| **kind == "task.updated").count(), 5);
    assert_eq!(f.findings().await, [""; 0]);
}

#[tokio::test]
async fn ends_an_obsolete_job_and_claims_the_others() {
    let f = Fixture::new().await;
    for _ in 0..2 {
        let session = f.session().await;
        f.post(session, "Hello").await;
    }
    f.damage("UPDATE agent_task SET job_id = NULL WHERE id = (SELECT MIN(id) FROM agent_task)").await;

    assert_eq!(f.claim_up_to(5).await.len(), 1);
    assert!(!f.store.has_due_job(&f.worker).await.unwrap());
}

#[tokio::test]
async fn claims_the_next_task_together_with_an_outcome() {
    let f = Fixture::new().await;
    // The names are in the same stripe.
    let [busy, other] = users(&f).await;
    let (session, first) = send(&f, &busy).await;
    send_in(&f, &busy, session).await;
    let claim = f.claim().await;
    send(&f, &other).await;

    let mut seen = Vec::new();
    let mut next = Some(claim);
    while let Some(claim) = next {
        seen.push((claim.user.user_id.clone(), claim.turn));
        let report = AttemptReport::of(&claim, answered("a"));
        let ended = f
            .store
            .finish_and_claim(&claim.user, claim.task_id, claim.attempt, &report, Some(&f.worker))
            .await
            .unwrap();
        assert_eq!(ended.value.0, TaskStatus::Succeeded);
        next = ended.value.1;
    }

    assert_eq!(seen, [("user-0".into(), 1), ("user-1".into(), 1), ("user-0".into(), 2)]);
    assert_eq!(f.task(session, first.task.id).await.status, TaskStatus::Succeeded);
}
