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
        (
            claims::LIST_DUE,
            &[
                "agent_jobs_ready",
                "agent_task_job",
                "sqlite_autoindex_chat_session_1",
                "sqlite_autoindex_worker_heartbeat_1",
                "Workers",
            ][..],
        ),
        (jobs::LOOK, &["COVERING INDEX agent_jobs_ready"]),
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
    for query in [claims::LIST_DUE, jobs::LOOK, workload::COUNT] {
        let plan = plan(&f.store, query).await;

        assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "{plan:#?}");
    }
}

#[tokio::test]
async fn statements_of_a_turn_neither_scan_nor_sort() {
    use crate::store::steps::{PUT, UPDATE};

    let f = Fixture::new().await;
    let scripts = [&sends::SEND, &claims::START, &outcomes::END, &PUT, &UPDATE, &jobs::WITHDRAW, &jobs::WITHDRAW_ALL];
    let reads = [sends::READ_SEND_STATE, outcomes::FIND_UNFINISHED];
    for statement in scripts.iter().flat_map(|script| script.statements()).chain(reads) {
        let plan = plan(&f.store, statement).await;

        // A table of one row needs no index.
        let small = ["SCAN CONSTANT ROW", "SCAN queue_clock", "SCAN step_revision"];
        let scans = plan.iter().filter(|step| step.starts_with("SCAN") && !small.contains(&step.as_str()));
        assert_eq!(scans.count(), 0, "{statement}: {plan:#?}");
        assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "{statement}: {plan:#?}");
    }
}
