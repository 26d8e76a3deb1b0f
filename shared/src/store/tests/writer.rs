//! Tests for the writer connection.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::{
    sync::Semaphore,
    task::{JoinHandle, yield_now},
};

use super::*;

/// A fixture with a table of notes.
struct Notes {
    fixture: Fixture,
    /// Changes wait for a permit, which keeps the connection busy while others queue up.
    gate: Arc<Semaphore>,
    /// The number of changes that have acquired the connection.
    started: Arc<AtomicUsize>,
}

impl Notes {
    async fn new() -> Self {
        let fixture = Fixture::new().await;
        let mut connection = fixture.store.connect().await.unwrap();
        sqlx::query("CREATE TABLE note (text TEXT NOT NULL)").execute(&mut connection).await.unwrap();
        Self { fixture, gate: Arc::new(Semaphore::new(0)), started: Arc::default() }
    }

    /// Starts a change that inserts a note, waits for a permit, and returns `result`. Returns once the change is
    /// waiting for the connection or, if it is the first one, for the permit.
    async fn start(&self, text: &'static str, result: Result<(), StoreError>) -> JoinHandle<Result<(), StoreError>> {
        let (store, gate, started) = (self.fixture.store.clone(), Arc::clone(&self.gate), Arc::clone(&self.started));
        let change = tokio::spawn(async move {
            store
                .write(async |tx| {
                    sqlx::query("INSERT INTO note (text) VALUES ($1)").bind(text).execute(tx).await?;
                    started.fetch_add(1, Ordering::AcqRel);
                    gate.acquire().await.unwrap().forget();
                    result
                })
                .await
        });
        // The runtime of the test has a single thread, which polls the change now.
        yield_now().await;
        while self.started.load(Ordering::Acquire) == 0 {
            yield_now().await;
        }
        change
    }

    /// Lets the running change finish, and waits until the next one has the connection.
    async fn let_one_pass(&self) {
        let started = self.started.load(Ordering::Acquire);
        self.gate.add_permits(1);
        while self.started.load(Ordering::Acquire) == started {
            yield_now().await;
        }
    }

    async fn stored(&self) -> Vec<String> {
        let query = sqlx::query_scalar("SELECT text FROM note ORDER BY text");
        self.fixture.store.read(async |tx| Ok(query.fetch_all(tx).await?)).await.unwrap()
    }
}

#[tokio::test]
async fn commits_waiting_changes_together() {
    let notes = Notes::new().await;
    let first = notes.start("first", Ok(())).await;
    let second = notes.start("second", Ok(())).await;
    notes.let_one_pass().await;
    let third = notes.start("third", Ok(())).await;

    assert!(!first.is_finished(), "the change was reported before its commit");
    assert!(notes.stored().await.is_empty());
    notes.gate.add_permits(2);

    for change in [first, second, third] {
        change.await.unwrap().unwrap();
    }
    assert_eq!(notes.stored().await, ["first", "second", "third"]);
}

#[tokio::test]
async fn a_failed_change_does_not_affect_others_in_its_commit() {
    let notes = Notes::new().await;
    let first = notes.start("first", Ok(())).await;
    let failed = notes.start("failed", Err(StoreError::NotFound)).await;
    let last = notes.start("last", Ok(())).await;
    notes.gate.add_permits(3);

    assert!(first.await.unwrap().is_ok());
    assert!(matches!(failed.await.unwrap(), Err(StoreError::NotFound)));
    assert!(last.await.unwrap().is_ok());
    assert_eq!(notes.stored().await, ["first", "last"]);
}

#[tokio::test]
async fn a_failed_first_change_does_not_affect_later_ones() {
    let notes = Notes::new().await;
    let failed = notes.start("failed", Err(StoreError::NotFound)).await;
    let last = notes.start("last", Ok(())).await;
    notes.gate.add_permits(2);

    assert!(matches!(failed.await.unwrap(), Err(StoreError::NotFound)));
    assert!(last.await.unwrap().is_ok());
    assert_eq!(notes.stored().await, ["last"]);
}

#[tokio::test]
async fn a_rejected_statement_reverts_only_its_change() {
    let notes = Notes::new().await;
    let first = notes.start("first", Ok(())).await;
    let store = notes.fixture.store.clone();
    let rejected = tokio::spawn(async move {
        let change = store.write(async |tx| {
            sqlx::query("INSERT INTO note (text) VALUES ('rejected')").execute(&mut *tx).await?;
            // The change ignores the error, which PostgreSQL does not.
            let _ = sqlx::query("INSERT INTO note (text) VALUES (NULL)").execute(&mut *tx).await;
            Err::<(), _>(StoreError::QueueFull)
        });
        change.await
    });
    yield_now().await;
    let last = notes.start("last", Ok(())).await;
    notes.gate.add_permits(2);

    assert!(first.await.unwrap().is_ok());
    assert!(matches!(rejected.await.unwrap(), Err(StoreError::QueueFull)));
    assert!(last.await.unwrap().is_ok());
    assert_eq!(notes.stored().await, ["first", "last"]);
}

#[tokio::test]
async fn a_change_that_fails_before_its_first_statement_affects_no_others() {
    let notes = Notes::new().await;
    let first = notes.start("first", Ok(())).await;
    let store = notes.fixture.store.clone();
    let idle = tokio::spawn(async move { store.write(async |_| Err::<(), _>(StoreError::QueueFull)).await });
    yield_now().await;
    let last = notes.start("last", Ok(())).await;
    notes.gate.add_permits(2);

    assert!(first.await.unwrap().is_ok());
    assert!(matches!(idle.await.unwrap(), Err(StoreError::QueueFull)));
    assert!(last.await.unwrap().is_ok());
    assert_eq!(notes.stored().await, ["first", "last"]);
}

#[tokio::test]
async fn every_change_waits_for_the_write_lock_of_another_process() {
    let f = Fixture::new().await;
    let mut other = f.store.connect().await.unwrap();
    other.begin_write().await.unwrap();
    other.exec("UPDATE queue_clock SET round = round").await.unwrap();

    let checked = f.store.check_writable().await;
    let changed = f.store.ensure_user(&UserRef { workspace_id: "default".into(), user_id: "late".into() }).await;

    assert!(matches!(checked, Err(StoreError::Busy)), "{checked:?}");
    assert!(matches!(changed, Err(StoreError::Busy)), "{changed:?}");
    other.rollback().await.unwrap();
    f.store.check_writable().await.unwrap();
    f.store.ensure_user(&UserRef { workspace_id: "default".into(), user_id: "late".into() }).await.unwrap();
}

#[tokio::test]
async fn changes_without_statements_do_not_affect_later_ones() {
    let f = Fixture::new().await;
    let insert = async |tx: &mut Connection| {
        Ok(sqlx::query("INSERT INTO note (text) VALUES ('new')").execute(tx).await?.rows_affected())
    };
    let mut connection = f.store.connect().await.unwrap();
    connection.exec("CREATE TABLE note (text TEXT NOT NULL)").await.unwrap();
    // The statement is prepared.
    f.store.write(insert).await.unwrap();

    let results = tokio::join!(f.store.check_writable(), f.store.check_writable(), f.store.write(insert));

    assert!(results.0.is_ok() && results.1.is_ok() && results.2.is_ok(), "{results:?}");
    let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM note").fetch_one(&mut connection).await.unwrap();
    assert_eq!(count, 2);
}

#[tokio::test]
async fn a_read_sees_one_snapshot_and_the_next_read_a_newer_one() {
    let notes = Notes::new().await;
    let count = "SELECT COUNT(*) FROM note";
    let count_twice = async |tx: &mut Connection| {
        let before: i64 = sqlx::query_scalar(count).fetch_one(&mut *tx).await?;
        let insert = sqlx::query("INSERT INTO note (text) VALUES ('new')");
        notes.fixture.store.write(async |tx| Ok(insert.execute(tx).await?)).await?;
        let after: i64 = sqlx::query_scalar(count).fetch_one(&mut *tx).await?;
        Ok((before, after))
    };

    for expected in 0..3 {
        assert_eq!(notes.fixture.store.read(count_twice).await.unwrap(), (expected, expected));
    }
}

#[tokio::test]
async fn reverts_a_change_whose_caller_was_dropped() {
    let notes = Notes::new().await;
    let first = notes.start("first", Ok(())).await;
    let abandoned = notes.start("abandoned", Ok(())).await;
    notes.let_one_pass().await;
    abandoned.abort();
    assert!(abandoned.await.unwrap_err().is_cancelled());

    assert!(first.await.unwrap().is_ok());
    let last = notes.start("last", Ok(())).await;
    notes.gate.add_permits(1);
    assert!(last.await.unwrap().is_ok());
    assert_eq!(notes.stored().await, ["first", "last"]);
}

#[tokio::test]
async fn reports_a_lost_transaction_to_every_change_in_it() {
    let notes = Notes::new().await;
    let first = notes.start("first", Ok(())).await;
    let store = notes.fixture.store.clone();
    let breaking = tokio::spawn(async move {
        let lost = store.write(async |tx| {
            // If the disk is full, SQLite also rolls back the entire transaction.
            sqlx::query("ROLLBACK").execute(tx).await?;
            Err::<(), _>(StoreError::QueueFull)
        });
        lost.await
    });
    yield_now().await;
    notes.gate.add_permits(1);

    assert!(matches!(first.await.unwrap(), Err(StoreError::Database(_))));
    assert!(matches!(breaking.await.unwrap(), Err(StoreError::QueueFull)));
    let next = notes.start("next", Ok(())).await;
    notes.gate.add_permits(1);
    assert!(next.await.unwrap().is_ok());
    assert_eq!(notes.stored().await, ["next"]);
}
