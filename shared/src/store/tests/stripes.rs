//! Tests for changes in several stripes, which a server runs at the same time.

use super::{super::stripe::Scope, *};
use crate::{
    chat::StepStatus,
    event::{EventRef, LogKind},
    store::{events, stripe::Stripe},
};

/// Returns a fixture on a server, and one user in each stripe; `None` if no server is available.
async fn on_server() -> Option<(Fixture, Vec<UserRef>)> {
    let f = Fixture::new().await;
    if f.store.location().file().is_some() {
        return None;
    }
    let name = |number: usize| UserRef { workspace_id: "default".into(), user_id: format!("user-{number}") };
    let of = |stripe: Stripe| (0..1000).map(name).find(|user| Stripe::of(user) == stripe).unwrap();
    let users: Vec<UserRef> = Stripe::ALL.map(of).into();
    for user in &users {
        f.store.ensure_user(user).await.unwrap();
    }
    Some((f, users))
}

async fn create(store: &Store, user: &UserRef) -> Result<SessionId, StoreError> {
    let new = NewSession { agent_key: "demo".into(), title: None, folder: None };
    Ok(store.create_session(user, new, None).await?.value.id)
}

/// Opens a connection with a transaction that may change what is in the scope.
async fn begin(store: &Store, scope: Scope) -> Connection {
    let mut connection = store.connect().await.unwrap();
    connection.begin_write_in(scope).await.unwrap();
    connection
}

/// Asserts that a change waits for `open`, and is completed once `open` has been committed.
async fn waits_for<T: Send + 'static>(
    mut open: Connection,
    change: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) {
    let mut change = tokio::spawn(change);
    let early = tokio::time::timeout(Duration::from_millis(100), &mut change).await;
    assert!(early.is_err(), "the change did not wait");
    open.commit().await.unwrap();
    change.await.unwrap().unwrap();
}

#[tokio::test]
async fn only_changes_in_the_same_stripe_wait_for_each_other() {
    let Some((f, users)) = on_server().await else { return };
    let open = begin(&f.store, Scope::Stripe(Stripe::of(&users[0]))).await;

    for user in &users[1..] {
        create(&f.store, user).await.unwrap();
    }

    let (store, user) = (f.store.clone(), users[0].clone());
    waits_for(open, async move { create(&store, &user).await }).await;
}

#[tokio::test]
async fn a_change_to_the_database_excludes_all_others() {
    let Some((f, users)) = on_server().await else { return };
    for user in users {
        let store = f.store.clone();
        let in_stripe = begin(&store, Scope::Stripe(Stripe::of(&user))).await;
        waits_for(in_stripe, async move { store.write(async |_| Ok(())).await }).await;

        let store = f.store.clone();
        let in_database = begin(&store, Scope::Database).await;
        waits_for(in_database, async move { create(&store, &user).await }).await;
    }
}

#[tokio::test]
async fn a_worker_beats_while_a_stripe_is_locked() {
    let Some((f, users)) = on_server().await else { return };
    let _open = begin(&f.store, Scope::Stripe(Stripe::of(&users[0]))).await;

    f.store.heartbeat(&f.worker, None).beat().await.unwrap();

    assert_eq!(f.store.list_beats().await.unwrap().len(), 1);
}

#[tokio::test]
async fn readers_miss_no_event_that_is_committed_after_a_later_one() {
    let Some((f, users)) = on_server().await else { return };
    let from = f.store.tail_position().await.unwrap();
    let mut slow = begin(&f.store, Scope::Stripe(Stripe::of(&users[0]))).await;
    let created = EventRef::session(LogKind::SessionDeleted, SessionId::generate());
    events::append(&mut slow, &users[0], f.clock.now(), &[created, created]).await.unwrap();
    create(&f.store, &users[1]).await.unwrap();

    let before = f.store.read_tail(from, TailScope::ALL, |_| true).await.unwrap();
    slow.commit().await.unwrap();
    create(&f.store, &users[1]).await.unwrap();
    let after = f.store.read_tail(before.position, TailScope::ALL, |_| true).await.unwrap();
    let end = f.store.read_tail(after.position, TailScope::ALL, |_| true).await.unwrap();

    assert_eq!(before.rows.iter().map(|row| row.seq).collect::<Vec<_>>(), [1]);
    assert_eq!(after.rows.iter().map(|row| row.seq).collect::<Vec<_>>(), [1, 2, 2]);
    assert!(end.rows.is_empty());
    assert_eq!(after.position, f.store.tail_position().await.unwrap());
}

#[tokio::test]
async fn readers_follow_the_text_the_steps_and_the_drafts_of_all_stripes() {
    let Some((f, users)) = on_server().await else { return };
    let mut claims = Vec::new();
    for user in &users {
        let session = create(&f.store, user).await.unwrap();
        send(&f, user, session).await;
        claims.push(f.claim().await);
    }
    let from = f.store.tail_position().await.unwrap();

    for claim in &claims {
        let chunk =
            StoredChunk { task_id: claim.task_id, attempt: claim.attempt, start_offset: 0, text: "text".into() };
        f.store.append_chunk(&claim.user, &chunk).await.unwrap();
        let step = steps::tool(1, "call", StepStatus::Running);
        f.store.write_steps(&claim.user, claim.task_id, claim.attempt, &[step]).await.unwrap();
        let draft = crate::chat::DraftText::parse("draft".into()).unwrap();
        f.store.write_draft(&claim.user, claim.session_id, &draft, 0).await.unwrap();
    }
    let tail = f.store.read_tail(from, TailScope::ALL, |_| true).await.unwrap();
    let end = f.store.read_tail(tail.position, TailScope::ALL, |_| true).await.unwrap();

    assert_eq!((tail.chunks.len(), tail.steps.len(), tail.drafts.len()), (users.len(), users.len(), users.len()));
    assert_eq!((end.chunks.len(), end.steps.len(), end.drafts.len()), (0, 0, 0));
}

async fn send(f: &Fixture, user: &UserRef, session: SessionId) {
    let content = Content::parse("Hello".into()).unwrap();
    let post = NewMessage::new(content, 3);
    f.store.post_message(user, session, &post).await.unwrap();
}

#[tokio::test]
async fn one_claim_covers_all_stripes_in_the_order_of_their_rounds() {
    let Some((f, users)) = on_server().await else { return };
    let mut expected = Vec::new();
    for round in 0..2 {
        for user in users.iter().rev() {
            let session = create(&f.store, user).await.unwrap();
            // Within a round, jobs are claimed in the order in which they were pushed.
            f.clock.advance(Duration::from_millis(1));
            send(&f, user, session).await;
            expected.push((round, user.clone()));
        }
    }

    let claims = f.claim_up_to(6).await;
    let rest = f.claim_up_to(6).await;

    let owners: Vec<UserRef> = claims.iter().chain(&rest).map(|claim| claim.user.clone()).collect();
    assert_eq!(owners, expected.into_iter().map(|(_, user)| user).collect::<Vec<_>>());
    assert_eq!((claims.len(), rest.len()), (6, 2));
    assert_eq!(f.findings().await, [""; 0]);
}

#[tokio::test]
async fn a_locked_stripe_does_not_keep_the_others_from_being_claimed() {
    let Some((f, users)) = on_server().await else { return };
    for user in &users {
        let session = create(&f.store, user).await.unwrap();
        send(&f, user, session).await;
    }
    let mut open = begin(&f.store, Scope::Stripe(Stripe::of(&users[2]))).await;

    let claims = f.claim_up_to(users.len()).await;
    open.rollback().await.unwrap();
    let rest = f.claim_up_to(users.len()).await;

    assert_eq!(claims.len(), users.len() - 1);
    assert_eq!(rest.into_iter().map(|claim| claim.user).collect::<Vec<_>>(), [users[2].clone()]);
}
