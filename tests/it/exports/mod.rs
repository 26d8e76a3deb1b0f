//! Exports of chats.

mod all;
mod documents;
mod json;
mod safety;

use banter_tests::client::{Client, Reply};

/// Exports a session.
async fn export(client: &Client, session: &str, format: &str) -> Reply {
    let reply = client.get(&format!("/v1/chat/{session}/export?format={format}")).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply
}
