//! The mark of an unfinished copy, which is a table. No process opens such a database except the one that copies.

use crate::store::database_driver::{Arguments, Connection};

/// Returns the ID of the installation that is being copied to this database; `None` if the database is not an
/// unfinished copy.
pub(in crate::store) async fn find_source(connection: &mut Connection) -> Result<Option<String>, sqlx::Error> {
    let find_table = if connection.is_server() {
        "SELECT COUNT(*) FROM pg_class WHERE oid = to_regclass('public.unfinished_copy')"
    } else {
        "SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name = 'unfinished_copy'"
    };
    let tables: i64 = sqlx::query_scalar(find_table).fetch_one(&mut *connection).await?;
    if tables == 0 {
        return Ok(None);
    }
    sqlx::query_scalar("SELECT source_id FROM unfinished_copy").fetch_optional(connection).await
}

/// Marks a database as an unfinished copy.
pub(in crate::store) async fn mark(connection: &mut Connection, source_id: &str) -> Result<(), sqlx::Error> {
    connection.begin_write().await?;
    connection.run("CREATE TABLE unfinished_copy (source_id TEXT NOT NULL)", &Arguments::default(), |_| true).await?;
    sqlx::query("INSERT INTO unfinished_copy (source_id) VALUES ($1)")
        .bind(source_id)
        .execute(&mut *connection)
        .await?;
    connection.commit().await
}

/// Removes the mark.
pub(in crate::store) async fn unmark(connection: &mut Connection) -> Result<(), sqlx::Error> {
    connection.begin_write().await?;
    connection.run("DROP TABLE unfinished_copy", &Arguments::default(), |_| true).await?;
    connection.commit().await
}
