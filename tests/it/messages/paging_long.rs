//! Pages with long messages end at about 2 MiB, and every turn can still be reached.

use banter_tests::{app::TestApp, client::Client, database::Database};
use serde_json::{Value, json};

/// Maximum size of a page's content, in bytes.
const PAGE: usize = 2 * 1024 * 1024;
const TURNS: i64 = 20;

/// Creates a session with twenty unanswered turns of about 255 KiB each.
async fn long_session(client: &Client) -> String {
    let session = client.create_session("demo").await;
    for turn in 1..=TURNS {
        let content = format!("{turn} {}", "x".repeat(255 * 1024));
        client.post_message(&session, "", &json!({"content": content})).await.ok_status(202);
    }
    session
}

/// Sets the length of a turn's message, in bytes.
async fn lengthen(app: &TestApp, turn: i64, bytes: i64) {
    let content = match app.database() {
        Database::File(_) => format!("replace(hex(zeroblob({})), '0', 'y')", bytes / 2),
        Database::Server(_) => format!("repeat('y', {bytes})"),
    };
    app.database().execute(&format!("UPDATE chat_message SET content = {content} WHERE turn = {turn}")).await;
}

fn turns(items: &Value) -> Vec<i64> {
    items.as_array().unwrap().iter().map(|item| item["turn"].as_i64().unwrap()).collect()
}

fn bytes(items: &Value) -> usize {
    items.as_array().unwrap().iter().map(|item| item["content"].as_str().unwrap().len()).sum()
}

/// Reads all turns page by page in one direction. Checks that every page is within the limit or contains only one turn.
async fn walk(client: &Client, session: &str, newest_first: bool) -> Vec<i64> {
    let (mut seen, mut from) = (Vec::new(), if newest_first { i64::MAX } else { 0 });
    loop {
        let bound = if newest_first { "before_turn" } else { "after_turn" };
        let path = format!("/v1/chat/{session}/messages?limit=200&{bound}={from}");
        let page = client.get(&path).await.ok(200);
        let mut on_page = turns(&page["items"]);
        assert!(on_page.is_sorted(), "{on_page:?}");
        assert!(bytes(&page["items"]) <= PAGE || on_page.len() == 1, "{} bytes", bytes(&page["items"]));
        if newest_first {
            on_page.reverse();
        }
        let Some(last) = on_page.last() else { panic!("an empty page after {seen:?}") };
        from = *last;
        seen.extend(on_page);
        if page["has_more"] == false {
            return seen;
        }
    }
}

#[tokio::test]
async fn a_page_ends_at_about_2_mib() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let session = long_session(&client).await;

    let thread = client.get(&format!("/v1/chat/{session}?limit=200")).await.ok(200);
    let newest = client.get(&format!("/v1/chat/{session}/messages?limit=200")).await.ok(200);
    let oldest = client.get(&format!("/v1/chat/{session}/messages?limit=200&after_turn=0")).await.ok(200);

    assert_eq!((turns(&thread["messages"]), &thread["has_more"]), ((13..=20).collect(), &json!(true)));
    assert_eq!(crate::support::fields(&thread), ["as_of", "has_more", "messages", "partial", "session"]);
    assert_eq!((turns(&newest["items"]), &newest["has_more"]), ((13..=20).collect(), &json!(true)));
    assert_eq!((turns(&oldest["items"]), &oldest["has_more"]), ((1..=8).collect(), &json!(true)));
}

#[tokio::test]
async fn short_pages_lead_to_every_turn_in_both_directions() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let session = long_session(&client).await;

    assert_eq!(walk(&client, &session, true).await, (1..=TURNS).rev().collect::<Vec<_>>());
    assert_eq!(walk(&client, &session, false).await, (1..=TURNS).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_page_has_at_least_one_turn() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let session = long_session(&client).await;
    for turn in [1, 10, 20] {
        lengthen(&app, turn, 5 * 1024 * 1024).await;
    }

    let thread = client.get(&format!("/v1/chat/{session}")).await.ok(200);

    assert_eq!((turns(&thread["messages"]), &thread["has_more"]), (vec![20], &json!(true)));
    assert_eq!(walk(&client, &session, true).await, (1..=TURNS).rev().collect::<Vec<_>>());
    assert_eq!(walk(&client, &session, false).await, (1..=TURNS).collect::<Vec<_>>());
}
