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
    for (query, reads) in [
        (jobs::CLAIM, &["Jobs USING INDEX sqlite_autoindex_Jobs_1 (id=?)", "j USING INDEX agent_jobs_ready"][..]),
        (jobs::LOOK, &["j USING INDEX agent_jobs_ready"]),
        (
            workload::COUNT,
            &[
                "agent_task USING COVERING INDEX agent_task_queued",
                "agent_task USING COVERING INDEX agent_task_by_worker",
                "worker_heartbeat USING COVERING INDEX",
                "Jobs USING INDEX agent_jobs_ready",
            ],
        ),
        (stops::LIST_IGNORED_STOPS, &["agent_task USING INDEX agent_task_stopping"]),
        (workers::LIST_BEATS, &["t USING INDEX agent_task_by_worker", "worker_heartbeat_1 FOR IN-OPERATOR"]),
        (
            pruning::PRUNE_KEYS,
            &["idempotency_key USING PRIMARY KEY", "idempotency_key USING COVERING INDEX idempotency_key_created"],
        ),
        (
            pruning::PRUNE_JOBS,
            &["Jobs USING INDEX sqlite_autoindex_Jobs_1 (id=?)", "Jobs USING INDEX agent_jobs_ended"],
        ),
        (pruning::LIST_OLD_EVENTS, &["event_log USING INDEX event_log_at"]),
    ] {
        let plan = plan(&f.store, query).await;

        let uses: Vec<_> = plan.iter().filter(|step| step.contains("USING ")).collect();
        assert_eq!(uses.len(), reads.len(), "{query}: {plan:#?}");
        for (used, expected) in uses.iter().zip(reads) {
            assert!(used.contains(expected), "{query}: {plan:#?}");
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
