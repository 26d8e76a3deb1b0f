//! Tests that the store's statements and its schema are the same on both databases.

use std::collections::BTreeSet;

use super::*;

/// Statements of code that runs only on SQLite.
const SQLITE_ONLY: [&str; 6] =
    ["backup.rs", "erase.rs", "restore/mod.rs", "restore/replacement.rs", "restore/staging.rs", "sqlite.rs"];

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
         WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%' AND t.name NOT IN ('Jobs', 'Workers', '_sqlx_migrations')",
    );
    let list_on_postgres = sqlx::query_as(
        "SELECT table_name, column_name FROM information_schema.columns \
         WHERE table_schema = 'public' AND table_name != '_sqlx_migrations'",
    );

    let expected: Vec<(String, String)> =
        list_on_sqlite.fetch_all(&mut file.store.connect().await.unwrap()).await.unwrap();
    let found: Vec<(String, String)> = list_on_postgres.fetch_all(&mut f.store.connect().await.unwrap()).await.unwrap();

    assert!(expected.len() > 100, "{}", expected.len());
    assert_eq!(BTreeSet::from_iter(found), BTreeSet::from_iter(expected));
}
