//! A message that crashes every worker that runs it.

use std::time::Duration;

use banter_tests::{fake_openai::Answer, follower::Follower, wait::within};
use serde_json::json;

use crate::support::Scripted;

/// Time limit for a takeover, which takes one lease (2 s) plus the time to start a process; the rest is headroom for a
/// machine that is busy with other tests.
const RETRY_LIMIT: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_poison_message_fails_after_its_last_attempt_and_affects_no_other_session() {
    let mut scripted = Scripted::start_with("", |builder| builder.env("TASK_LEASE_SECONDS", "2")).await;
    let client = scripted.client.clone();
    let follower = Follower::start(&client).await;
    let (poisoned, healthy) = (scripted.session().await, scripted.session().await);
    scripted.model.script("poison", [Answer::SilentAfter(vec!["some text".into()])]);
    let poison = client.send(&poisoned, "poison").await;
    let after = client.send(&poisoned, "after").await;

    for attempt in 1..=3 {
        within(RETRY_LIMIT, "the poison message is claimed", async || {
            let taken = scripted.model.prompts().iter().filter(|prompt| *prompt == "poison").count();
            (taken == attempt).then_some(())
        })
        .await;
        // The worker is killed only after it has stored part of the text.
        follower.wait_for_draft(&poison.task_id, "some text").await;
        client.wait_for_stored_text(&poisoned, "some text").await;
        scripted.app.replace_worker(0);
        let asked = client.ask(&healthy, &format!("healthy {attempt}")).await;
        assert_eq!(asked["task"]["status"], "succeeded", "{asked}");
    }

    let failed = within(RETRY_LIMIT, "the end", async || {
        Some(client.task(&poisoned, &poison.task_id).await).filter(banter_tests::chat::has_ended)
    })
    .await;
    let outcome = json!([failed["status"], failed["error"]["code"], failed["attempt"], failed["failures"]]);
    assert_eq!(outcome, json!(["failed", "worker_lost", 3, 3]));
    let kept = client.answer_of(&poisoned, &poison.task_id).await.unwrap();
    assert_eq!(json!([kept["content"], kept["finish_reason"]]), json!(["some text", "error"]));
    client.wait_for_status(&poisoned, &after.task_id, "succeeded").await;
    follower.settle(&client).await;
    scripted.app.check().await;
}
