//! Tests for readiness checks and the workload.

use super::*;

#[tokio::test]
async fn concurrent_readiness_checks_share_one_write() {
    let f = Fixture::on_sqlite().await;
    let mut observer = f.store.connect().await.unwrap();
    let version = sqlx::query_scalar::<_, i64>("PRAGMA data_version");
    let before = version.fetch_one(&mut observer).await.unwrap();

    let checks = futures::future::join_all((0..100).map(|_| f.store.check_ready())).await;

    assert!(checks.iter().all(Result::is_ok));
    let version = sqlx::query_scalar::<_, i64>("PRAGMA data_version");
    assert_eq!(version.fetch_one(&mut observer).await.unwrap(), before + 1, "the checks shared one commit");
    let rows: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM readiness_check").fetch_one(&mut observer).await.unwrap();
    assert_eq!(rows, 1);
}

#[tokio::test]
async fn a_store_that_rejects_writes_is_not_ready() {
    let f = Fixture::new().await;
    sqlx::query("DROP TABLE readiness_check").execute(&mut f.store.connect().await.unwrap()).await.unwrap();

    assert!(f.store.check_ready().await.is_err());
}

#[tokio::test]
async fn reports_how_long_the_next_job_has_waited() {
    let f = Fixture::new().await;
    for text in ["one", "two"] {
        let session = f.session().await;
        f.post(session, text).await;
    }
    f.claim().await;

    let workload = f.store.workload().await.unwrap();

    assert_eq!((workload.queued, workload.running, workload.workers), (1, 1, 1));
}

#[tokio::test]
async fn generates_a_random_relay_key_once() {
    let (one, other) = (Fixture::new().await, Fixture::new().await);

    let installation = one.store.installation().await.unwrap();

    assert_eq!(one.store.installation().await.unwrap(), installation);
    assert_ne!(other.store.installation().await.unwrap().relay_key, installation.relay_key);
    assert!(!format!("{installation:?}").contains("relay_key"));
}
