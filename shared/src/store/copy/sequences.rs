//! The generators and counters of increasing numbers, whose last number may belong to a row that was deleted.

use sqlx::Row as _;

use crate::store::{
    StoreError,
    database_driver::{Arguments, Connection, Row},
};

/// The tables with such a generator, and the column for which it generates numbers.
const GENERATED: [(&str, &str); 6] = [
    ("search_entry", "id"),
    ("deleted_session", "number"),
    ("released_file", "number"),
    ("answer_chunk", "id"),
    ("user_log", "id"),
    ("event_log", "id"),
];

/// The counters of the stripes, and the column with the last number. The databases have different numbers of stripes.
const COUNTERS: [(&str, &str); 3] = [("step_revision", "last"), ("draft_revision", "last"), ("queue_clock", "round")];

/// Returns the tables that contain only counters.
#[cfg(test)]
pub(super) fn list_tables() -> impl Iterator<Item = &'static str> {
    COUNTERS.iter().map(|(table, _)| *table)
}

/// Ensures that the target continues after the last numbers of the source.
pub(super) async fn carry_over(from: &mut Connection, to: &mut Connection) -> Result<(), StoreError> {
    for (table, column) in GENERATED {
        let find = if from.is_server() {
            format!(
                "SELECT COALESCE(pg_sequence_last_value(pg_get_serial_sequence('{table}', '{column}')::regclass), 0)"
            )
        } else {
            format!("SELECT COALESCE((SELECT seq FROM sqlite_sequence WHERE name = '{table}'), 0)")
        };
        let generated = find_number(from, &find).await?;
        let stored = find_number(from, &format!("SELECT COALESCE(MAX({column}), 0) FROM {table}")).await?;
        let last = generated.max(stored);
        if last == 0 {
            continue;
        }
        to.begin_write().await?;
        let statements = if to.is_server() {
            vec![format!("SELECT setval(pg_get_serial_sequence('{table}', '{column}'), {last})")]
        } else if ["search_entry", "user_log"].contains(&table) {
            // SQLite assigns the number after that of the last row.
            Vec::new()
        } else {
            vec![
                format!("DELETE FROM sqlite_sequence WHERE name = '{table}'"),
                format!("INSERT INTO sqlite_sequence (name, seq) VALUES ('{table}', {last})"),
            ]
        };
        let none = Arguments::default();
        let statements: Vec<_> = statements.iter().map(|sql| (sql.as_str(), &none)).collect();
        to.run_all(&statements).await?;
        to.commit().await?;
    }
    for (table, column) in COUNTERS {
        let last = find_number(from, &format!("SELECT COALESCE(MAX({column}), 0) FROM {table}")).await?;
        to.begin_write().await?;
        to.run_all(&[(&format!("UPDATE {table} SET {column} = {last}"), &Arguments::default())]).await?;
        to.commit().await?;
    }
    Ok(())
}

async fn find_number(connection: &mut Connection, sql: &str) -> Result<i64, sqlx::Error> {
    let mut found = Ok(0);
    let keep = |row: Row| {
        found = row.try_get(0);
        true
    };
    connection.run(sql, &Arguments::default(), keep).await?;
    found
}
