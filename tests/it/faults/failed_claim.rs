//! A job that no worker can claim.

use banter_tests::database::Database;

use crate::support::Scripted;

/// Statements that make every claim fail, and statements that allow claims again.
fn rejected_claims(database: &Database) -> (&'static str, &'static str) {
    match database {
        Database::File(_) => (
            "CREATE TRIGGER reject_claims BEFORE UPDATE ON Jobs WHEN NEW.status = 'Running' \
             BEGIN SELECT RAISE(ABORT, 'damaged'); END",
            "DROP TRIGGER reject_claims",
        ),
        Database::Server(_) => (
            "CREATE FUNCTION reject() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''damaged''; END'; \
             CREATE TRIGGER reject_claims BEFORE UPDATE ON apalis.jobs FOR EACH ROW WHEN (NEW.status = 'Running') \
             EXECUTE FUNCTION reject()",
            "DROP TRIGGER reject_claims ON apalis.jobs",
        ),
    }
}

#[tokio::test]
async fn an_outcome_is_stored_even_if_the_next_task_cannot_be_claimed() {
    let scripted = Scripted::start_with("", |builder| builder.env("WORKER_CONCURRENCY", "1")).await;
    let client = &scripted.client;
    let (session, task, gate) = scripted.held("go").await;
    let other = scripted.session().await;
    let waiting = client.send(&other, "next").await.task_id;
    let database = scripted.app.database();
    let (reject, allow) = rejected_claims(&database);
    database.execute(reject).await;

    gate.send("done").await;
    gate.finish().await;

    client.wait_for_status(&session, &task, "succeeded").await;
    assert_eq!(client.task(&other, &waiting).await["status"], "queued");
    database.execute(allow).await;
    client.wait_for_status(&other, &waiting, "succeeded").await;
    scripted.app.check().await;
}

#[tokio::test]
async fn a_damaged_task_fails_and_the_others_run() {
    let scripted = Scripted::start_with("", |builder| builder.env("WORKER_CONCURRENCY", "1")).await;
    let client = &scripted.client;
    let (_session, _task, gate) = scripted.held("go").await;
    let (damaged, healthy) = (scripted.session().await, scripted.session().await);
    let broken = client.send(&damaged, "broken").await.task_id;
    let next = client.send(&healthy, "next").await.task_id;
    let damage = format!("UPDATE agent_task SET answer_message_id = 'damaged' WHERE id = '{broken}'");
    scripted.app.database().execute(&damage).await;

    gate.send("done").await;
    gate.finish().await;

    client.wait_for_status(&healthy, &next, "succeeded").await;
    let failed = client.wait_for_status(&damaged, &broken, "failed").await;
    assert_eq!(failed["error"]["code"], "agent_error");
    client.retry(&damaged, &broken).await.ok(202);
    client.wait_for_status(&damaged, &broken, "succeeded").await;
    scripted.app.check().await;
}
