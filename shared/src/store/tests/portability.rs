//! Tests that the store's statements and its schema are the same on both databases.

use std::collections::BTreeSet;

use super::*;

/// Statements of code that runs only on SQLite.
const SQLITE_ONLY: [&str; 10] = [
    "backup/files.rs",
    "backup/mod.rs",
    "erase.rs",
    "restore/attachments.rs",
    "restore/mod.rs",
    "restore/replacement.rs",
    "restore/staging.rs",
    "search/sqlite.rs",
    "sqlite.rs",
    "tail/sqlite.rs",
];

/// Returns a fixture on PostgreSQL; `None` if no server is available.
async fn on_postgres() -> Option<Fixture> {
    let f = Fixture::new().await;
    f.store.location().file().is_none().then_some(f)
}

/// Replaces the names of parameters with numbers.
fn number_names(sql: &str) -> String {
    let mut names: Vec<&str> = Vec::new();
    let mut pieces = sql.split('$');
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |numbered, piece| {
        let rest = piece.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_');
        let name = &piece[..piece.len() - rest.len()];
        let number = names.iter().position(|known| *known == name).unwrap_or_else(|| {
            names.push(name);
            names.len() - 1
        });
        format!("{numbered}${}{rest}", number + 1)
    })
}

#[tokio::test]
async fn postgresql_accepts_every_statement() {
    let Some(f) = on_postgres().await else { return };
    let mut rejected = Vec::new();
    for statement in statements::find_all() {
        if SQLITE_ONLY.contains(&statement.file.as_str()) {
            continue;
        }
        let mut connection = f.store.connect().await.unwrap();
        if let Err(error) = connection.check(&number_names(&statement.sql)).await {
            rejected.push((statement, error.to_string()));
        }
    }

    assert!(rejected.is_empty(), "{rejected:#?}");
}

#[tokio::test]
async fn both_schemas_have_the_same_columns() {
    let Some(f) = on_postgres().await else { return };
    let file = Fixture::on_sqlite().await;
    let list_on_sqlite = sqlx::query_as(
        "SELECT t.name AS table_name, c.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c \
         WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%' AND t.name NOT IN ('Jobs', 'Workers', '_sqlx_migrations') \
         AND t.name NOT LIKE 'search_index%' \
         AND c.name != 'singleton' OR t.name IN ('installation', 'readiness_check') AND c.name = 'singleton'",
    );
    let list_on_postgres = sqlx::query_as(
        "SELECT table_name, column_name FROM information_schema.columns \
         WHERE table_schema = 'public' AND table_name != '_sqlx_migrations' \
         AND (table_name, column_name) != ('installation', 'history')",
    );

    let expected: Vec<(String, String)> =
        list_on_sqlite.fetch_all(&mut file.store.connect().await.unwrap()).await.unwrap();
    let found: Vec<(String, String)> = list_on_postgres.fetch_all(&mut f.store.connect().await.unwrap()).await.unwrap();

    assert!(expected.len() > 100, "{}", expected.len());
    assert_eq!(BTreeSet::from_iter(found), BTreeSet::from_iter(expected));
}

/// Returns what a restore invalidates.
async fn state(store: &Store, user: &UserRef) -> (String, Cursor) {
    let start = store.start_replay(user, None).await.unwrap();
    (store.installation().await.unwrap().id, start.cursor)
}

/// Opens the database as a process that starts does, and closes it again.
async fn restart(f: &Fixture) -> (String, Cursor) {
    let store = Store::open(f.store.inner.options.clone(), f.clock.clone()).await.unwrap();
    let found = state(&store, &f.user).await;
    store.close().await;
    found
}

/// Changes the recorded history as if something else had happened to the database since.
async fn set_history(f: &Fixture, value: &str) {
    let mut connection = f.store.connect().await.unwrap();
    connection.exec(&format!("UPDATE installation SET history = {value}")).await.unwrap();
}

#[tokio::test]
async fn a_restored_database_is_adopted_once() {
    let Some(f) = on_postgres().await else { return };
    let before = state(&f.store, &f.user).await;
    assert_eq!(restart(&f).await, before);
    set_history(&f, "''").await;

    let adopted = restart(&f).await;
    let again = restart(&f).await;

    assert_ne!(adopted.0, before.0);
    assert_ne!(adopted.1.epoch, before.1.epoch);
    assert_eq!(adopted.1.seq, before.1.seq);
    assert_eq!(again, adopted);
}

#[tokio::test]
async fn a_new_timeline_is_adopted_only_while_no_other_process_is_running() {
    let Some(f) = on_postgres().await else { return };
    let before = state(&f.store, &f.user).await;
    set_history(&f, "history || '1'").await;

    let running = restart(&f).await;
    f.store.close().await;
    let mut alone = restart(&f).await;
    // The server may take a moment to notice that a connection was closed.
    for _ in 0..200 {
        if alone != before {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
        alone = restart(&f).await;
    }

    assert_eq!(running, before);
    assert_ne!(alone.0, before.0);
    assert_ne!(alone.1.epoch, before.1.epoch);
}
