//! Tests for tasks of sessions whose work folders are in the data folder of certain workers.

use super::*;

fn data_folder(id: &str) -> DataFolder {
    DataFolder { id: id.into(), host: format!("host-{id}") }
}

/// Registers a worker with this data folder.
async fn worker(f: &Fixture, id: &str) -> WorkerId {
    let worker = WorkerId::generate();
    f.store.heartbeat(&worker, Some(data_folder(id))).beat().await.unwrap();
    worker
}

async fn claim_by(f: &Fixture, worker: &WorkerId) -> Option<Claim> {
    let claimed = f.store.claim(worker, 1).await.unwrap().value.pop();
    if claimed.is_none() {
        assert!(!f.store.has_due_job(worker).await.unwrap(), "the worker would claim again and again");
    }
    claimed
}

/// Creates a session with a work folder in this data folder, and a due task.
async fn session_in(f: &Fixture, id: &str) -> SessionId {
    let session = f.session().await;
    f.store.record_work_folder(&f.user, session, 1, &data_folder(id)).await.unwrap();
    f.post(session, "Hello").await;
    session
}

#[tokio::test]
async fn a_task_is_left_to_the_workers_that_have_its_folder() {
    let f = Fixture::new().await;
    let (with_a, with_b) = (worker(&f, "a").await, worker(&f, "b").await);
    let session = session_in(&f, "a").await;
    f.clock.advance(2 * FOLDER_WAIT);

    assert_eq!(claim_by(&f, &with_b).await, None);
    assert!(f.store.has_due_job(&with_a).await.unwrap());
    let other_with_a = worker(&f, "a").await;
    let claim = claim_by(&f, &other_with_a).await.unwrap();

    assert_eq!(claim.session_id, session);
    assert_eq!(claim.work_folder.unwrap().host_left(&data_folder("a"), 1), None);
}

#[tokio::test]
async fn tasks_without_a_folder_go_to_any_worker() {
    let f = Fixture::new().await;
    let (_, with_b) = (worker(&f, "a").await, worker(&f, "b").await);
    session_in(&f, "a").await;
    let free = f.session().await;
    f.post(free, "Hello").await;

    let claim = claim_by(&f, &with_b).await.unwrap();

    assert_eq!((claim.session_id, claim.work_folder), (free, None));
    assert_eq!(claim_by(&f, &with_b).await, None);
}

#[tokio::test]
async fn a_task_moves_to_another_worker_after_a_while_if_its_folder_is_away() {
    let f = Fixture::new().await;
    let (with_a, with_b) = (worker(&f, "a").await, worker(&f, "b").await);
    let session = session_in(&f, "a").await;

    f.store.deregister(&with_a).await.unwrap();
    f.clock.advance(FOLDER_WAIT * 9 / 10);
    assert_eq!(claim_by(&f, &with_b).await, None);
    f.clock.advance(FOLDER_WAIT / 9);
    let claim = claim_by(&f, &with_b).await.unwrap();

    let folder = claim.work_folder.clone().unwrap();
    assert_eq!(folder.host_left(&data_folder("b"), claim.turn), Some("host-a"));
    f.store.record_work_folder(&f.user, session, claim.turn, &data_folder("b")).await.unwrap();

    // Another attempt at the same turn still does not have the files; the next turn has those that the agent made here.
    f.fail(&claim, ErrorCode::AgentNetwork, "").await;
    f.clock.advance(Duration::from_mins(5));
    let again = claim_by(&f, &with_b).await.unwrap();
    assert_eq!(again.work_folder.clone().unwrap().host_left(&data_folder("b"), again.turn), Some("host-a"));
    f.answer(&again, "ok").await.unwrap();
    f.post(session, "More").await;
    let next = claim_by(&f, &with_b).await.unwrap();
    assert_eq!(next.work_folder.unwrap().host_left(&data_folder("b"), next.turn), None);
}

#[tokio::test]
async fn a_renamed_host_is_not_another_folder() {
    let f = Fixture::new().await;
    let with_a = worker(&f, "a").await;
    let session = session_in(&f, "a").await;
    let renamed = DataFolder { host: "new-name".into(), ..data_folder("a") };

    f.store.record_work_folder(&f.user, session, 1, &renamed).await.unwrap();

    let folder = claim_by(&f, &with_a).await.unwrap().work_folder.unwrap();
    assert_eq!((&folder.data_folder, &folder.previous_host), (&renamed, &None));
}

#[tokio::test]
async fn nothing_is_recorded_for_a_deleted_session() {
    let f = Fixture::new().await;
    let session = session_in(&f, "a").await;
    f.store.delete_session(&f.user, session).await.unwrap();

    f.store.record_work_folder(&f.user, session, 2, &data_folder("b")).await.unwrap();

    let count =
        async |tx: &mut Connection| Ok(sqlx::query_scalar("SELECT COUNT(*) FROM work_folder").fetch_one(tx).await?);
    let left: i64 = f.store.read(count).await.unwrap();
    assert_eq!(left, 0);
}

/// Creates a session in a configured folder, and a due task.
async fn session_in_configured(f: &Fixture, key: &str) -> SessionId {
    let folder = Some(FolderChoice { key: key.into(), base: None });
    let new = NewSession { agent_key: "demo".into(), title: None, folder };
    let session = f.store.create_session(&f.user, new, None).await.unwrap().value.id;
    f.post(session, "Hello").await;
    session
}

async fn report(f: &Fixture, worker: &WorkerId, key: &str, is_available: bool) {
    let found = FolderReport { folder_key: key.into(), is_available, reason: None, branch: None };
    f.store.report_folders(worker, &[found]).await.unwrap();
}

#[tokio::test]
async fn a_task_in_a_configured_folder_is_left_to_the_workers_that_have_it() {
    let f = Fixture::new().await;
    let (with_it, without_it) = (worker(&f, "a").await, worker(&f, "b").await);
    report(&f, &with_it, "project", true).await;
    report(&f, &without_it, "project", false).await;
    let session = session_in_configured(&f, "project").await;
    f.clock.advance(2 * FOLDER_WAIT);

    assert_eq!(claim_by(&f, &without_it).await, None);
    let claim = claim_by(&f, &with_it).await.unwrap();

    assert_eq!(claim.session_id, session);
    assert_eq!(claim.folder, Some(FolderChoice { key: "project".into(), base: None }));
}

#[tokio::test]
async fn a_task_in_a_configured_folder_that_no_worker_has_fails_after_a_while() {
    let f = Fixture::new().await;
    let (gone, other) = (worker(&f, "a").await, worker(&f, "b").await);
    report(&f, &gone, "project", true).await;
    session_in_configured(&f, "project").await;

    f.store.deregister(&gone).await.unwrap();
    assert_eq!(claim_by(&f, &other).await, None);
    f.clock.advance(2 * FOLDER_WAIT);

    assert!(claim_by(&f, &other).await.is_some(), "the worker reports the missing folder as an error");
}
