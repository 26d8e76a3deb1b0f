//! Many clients send at once, which causes their changes to be committed together. Meanwhile, the api is killed (`kill
//! -9`) at a random time.

use std::time::Duration;

use banter_tests::{
    app::TestApp,
    chat::{fresh_key, text_of},
    client::Client,
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{Batch, batches, report::Report, sleep_up_to};

/// Number of rounds per installation.
const BATCH: u64 = 20;
/// Number of clients that send at the same time.
const SENDERS: usize = 32;
/// Number of messages after which a client starts a new session.
const MESSAGES: usize = 5;
/// The latest time within a round at which the api is killed.
const MAX_DELAY: Duration = Duration::from_millis(400);

/// A session and the messages that one client sent to it, in order.
struct Conversation {
    session: String,
    sent: Vec<String>,
    /// The idempotency key of the last message, if there was no response to the request.
    unanswered: Option<String>,
}

/// Creates sessions and sends messages until no api responds.
async fn send(client: Client) -> Vec<Conversation> {
    let mut conversations: Vec<Conversation> = Vec::new();
    loop {
        let request = client.request("POST", "/v1/chat").json(&json!({"agent_key": "demo"}));
        let Ok(created) = client.try_call(request).await else { return conversations };
        let session = text_of(&created.ok(201), "id");
        let path = format!("/v1/chat/{session}/messages");
        conversations.push(Conversation { session, sent: Vec::new(), unanswered: None });
        for number in 0..MESSAGES {
            let (text, key) = (format!("message {number}"), fresh_key());
            let body = json!({"content": text});
            let request = client.request("POST", &path).header("Idempotency-Key", &key).json(&body);
            let conversation = conversations.last_mut().expect("a session was created");
            conversation.sent.push(text);
            let Ok(reply) = client.try_call(request).await else {
                conversation.unanswered = Some(key);
                return conversations;
            };
            reply.ok(202);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_loses_no_acknowledged_message_and_leaves_no_half_of_another() {
    let report = Report::new("group commits");
    for Batch { rounds, mut rng } in batches("group commits", BATCH) {
        let mut app = TestApp::builder().workers(0).start().await;
        for _ in 0..rounds {
            let mut senders = JoinSet::new();
            for _ in 0..SENDERS {
                senders.spawn(send(app.client()));
            }
            sleep_up_to(&mut rng, MAX_DELAY).await;

            app.api(0).process.kill();

            report.count("apis killed");
            let conversations: Vec<Conversation> = senders.join_all().await.into_iter().flatten().collect();
            app.check().await;
            app.revive_api(0).await;
            for conversation in &conversations {
                check(&app.client(), conversation, &report).await;
            }
        }
        app.check().await;
    }
    report.print();
}

/// Checks that a session contains every acknowledged message, possibly followed by the message from the unanswered
/// request, and that each message has a queued task. Then repeats the unanswered request, after which the message must
/// exist exactly once.
async fn check(client: &Client, conversation: &Conversation, report: &Report) {
    let Conversation { session, sent, unanswered } = conversation;
    let stored = client.messages(session).await;
    let acknowledged = sent.len() - usize::from(unanswered.is_some());
    assert!(stored.len() >= acknowledged, "{} of {acknowledged} acknowledged messages", stored.len());
    assert_eq!(contents(&stored), sent[..stored.len()]);
    report.add("acknowledged messages", acknowledged as u64);
    let Some(key) = unanswered else { return };
    report.count("unanswered requests");
    report.add("unanswered requests that were stored", (stored.len() - acknowledged) as u64);

    let body = json!({"content": sent.last()});
    client.post_message_keyed(session, "", &body, key).await.ok(202);

    assert_eq!(contents(&client.messages(session).await), *sent);
}

fn contents(messages: &[Value]) -> Vec<String> {
    assert!(messages.iter().all(|message| message["task"]["status"] == "queued"), "{messages:?}");
    messages.iter().map(|message| text_of(message, "content")).collect()
}
