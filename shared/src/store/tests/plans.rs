//! Tests of the indexes that frequent queries use.

use super::*;

async fn plan(store: &Store, query: &str) -> Vec<String> {
    let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {query}"));
    let plan = sqlx::query(explain).fetch_all(&store.inner.readers).await.unwrap();
    plan.iter().map(|step| step.get("detail")).collect()
}

#[tokio::test]
async fn frequent_queries_use_their_indexes() {
    let f = Fixture::new().await;
    for (query, indexes) in [
        (jobs::CLAIM, &["sqlite_autoindex_Jobs_1", "agent_jobs_ready"][..]),
        (jobs::LOOK, &["agent_jobs_ready"]),
        (
            workload::COUNT,
            &["agent_task_queued", "agent_task_by_worker", "sqlite_autoindex_worker_heartbeat_1", "agent_jobs_ready"],
        ),
        (stops::LIST_IGNORED_STOPS, &["agent_task_stopping"]),
        (workers::LIST_BEATS, &["agent_task_by_worker", "sqlite_autoindex_worker_heartbeat_1"]),
        (pruning::PRUNE_KEYS, &["PRIMARY KEY", "idempotency_key_created"]),
        (pruning::PRUNE_JOBS, &["sqlite_autoindex_Jobs_1", "agent_jobs_ended"]),
        (pruning::LIST_OLD_EVENTS, &["event_log_at"]),
    ] {
        let plan = plan(&f.store, query).await;

        let uses: Vec<_> = plan.iter().filter(|step| step.contains("USING ")).collect();
        assert_eq!(uses.len(), indexes.len(), "{query}: {plan:#?}");
        for (used, index) in uses.iter().zip(indexes) {
            assert!(used.contains(index), "{query}: {plan:#?}");
        }
    }
}

#[tokio::test]
async fn claims_and_counts_do_not_sort() {
    let f = Fixture::new().await;
    for query in [jobs::CLAIM, jobs::LOOK, workload::COUNT] {
        let plan = plan(&f.store, query).await;

        assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "{plan:#?}");
    }
}
