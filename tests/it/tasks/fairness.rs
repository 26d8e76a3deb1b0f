//! Fairness between users, regardless of how many messages each of them has sent.

use banter_tests::client::Client;

use crate::support::Scripted;

/// Sends a message in a new session and returns the session and the task.
async fn send(client: &Client, content: &str) -> (String, String) {
    let session = client.create_session("scripted").await;
    let sent = client.send(&session, content).await;
    (session, sent.task_id)
}

#[tokio::test]
async fn a_backlog_of_one_user_delays_another_users_message_by_one_turn_at_most() {
    const BACKLOG: usize = 40;
    let scripted = Scripted::start_with("", |builder| builder.env("WORKER_CONCURRENCY", "1")).await;
    let keys = scripted.app.create_keys(["busy", "patient"].map(String::from)).await;
    let [busy, patient] = [0, 1].map(|user| scripted.client.with_key(&keys[user]));
    let mut gate = scripted.model.gate("the first of many");
    send(&busy, "the first of many").await;
    gate.arrived().await;
    let mut backlog = Vec::new();
    for _ in 0..BACKLOG {
        backlog.push(send(&busy, "one of many").await);
    }

    let (session, task) = send(&patient, "the only one").await;
    gate.finish().await;
    patient.wait_for_status(&session, &task, "succeeded").await;

    let prompts = scripted.model.prompts();
    let before = prompts.iter().position(|prompt| prompt == "the only one").unwrap();
    assert!(before <= 2, "{prompts:?}");
    for (session, task) in backlog {
        busy.wait_for_status(&session, &task, "succeeded").await;
    }
    assert_eq!(scripted.model.prompts().len(), BACKLOG + 2);
    scripted.app.check().await;
}
