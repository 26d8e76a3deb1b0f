//! Tests for copies of databases.

use std::collections::BTreeSet;

use super::*;

/// Copies the database to another file, and returns a fixture for the copy.
pub(super) async fn copied(f: Fixture) -> Fixture {
    let source = f.store.inner.options.clone();
    let target = StoreOptions { location: Location::File(f.folder.path().join("copy.db")), ..source.clone() };
    f.store.close().await;
    drop(f.store);
    copy(&source, &target).await.unwrap();
    Fixture { store: Store::open(target, f.clock.clone()).await.unwrap(), ..f }
}

#[tokio::test]
async fn every_table_is_copied_or_belongs_to_the_database() {
    let f = Fixture::on_sqlite().await;
    let list = sqlx::query_scalar(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name != '_sqlx_migrations'",
    );

    let tables: Vec<String> = list.fetch_all(&mut f.store.connect().await.unwrap()).await.unwrap();

    assert_eq!(tables.iter().map(String::as_str).collect::<BTreeSet<_>>(), super::super::copy::list_tables());
}

#[tokio::test]
async fn numbers_of_deleted_rows_are_not_used_again_in_a_copy() {
    let f = Fixture::on_sqlite().await;
    let session = f.session().await;
    f.store.delete_session(&f.user, session).await.unwrap();
    f.clock.advance(Duration::from_hours(100 * 24));
    f.store.prune(Retention { events: Duration::from_hours(1) }).await.unwrap();

    let f = copied(f).await;

    let next = f.session().await;
    f.store.delete_session(&f.user, next).await.unwrap();
    assert_eq!(f.store.list_deleted_sessions(0, 10).await.unwrap(), [(2, next)]);
}

#[tokio::test]
async fn a_wrong_unread_count_is_corrected_in_a_copy() {
    let f = Fixture::on_sqlite().await;
    let session = f.session().await;
    f.post(session, "one").await;
    let claim = f.claim().await;
    f.answer(&claim, "two").await.unwrap();
    f.damage("UPDATE chat_session SET unread_count = 7").await;

    let f = copied(f).await;

    assert_eq!(f.get(session).await.unread_count, 1);
    assert_eq!(f.transcript(session).await.len(), 2);
    assert_eq!(f.findings().await, Vec::<&str>::new());
}
