//! Tests for the companion files.

use super::*;
use crate::chat::MAX_CONTENT_BYTES;

#[tokio::test]
async fn truncates_the_write_ahead_log_after_a_long_read() {
    let f = Fixture::on_sqlite().await;
    let session = f.session().await;
    let log_bytes = || std::fs::metadata(f.store.location().file().unwrap().with_extension("db-wal")).unwrap().len();
    let long = "x".repeat(MAX_CONTENT_BYTES);
    let mut reader = f.store.connect().await.unwrap();
    reader.exec("BEGIN").await.unwrap();
    sqlx::query("SELECT COUNT(*) FROM chat_message").fetch_one(&mut reader).await.unwrap();
    for _ in 0..60 {
        f.post(session, &long).await;
    }
    let grown = log_bytes();

    drop(reader);
    for _ in 0..20 {
        f.post(session, &long).await;
    }

    assert!(grown > 2 * u64::from(sqlite::WAL_KEPT_BYTES), "{grown}");
    assert!(log_bytes() <= u64::from(sqlite::WAL_KEPT_BYTES), "{}", log_bytes());
}
