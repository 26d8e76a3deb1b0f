//! Searching the messages of a session.

use banter_tests::{app::TestApp, client::Client};
use serde_json::{Value, json};

/// Searches a session; `parameters` follow the session's ID.
async fn search(client: &Client, session: &str, parameters: &str) -> Value {
    client.get(&format!("/v1/search?chat_session_id={session}&{parameters}")).await.ok(200)
}

/// Returns the turn and the role of each result.
fn places(page: &Value) -> Vec<(i64, &str)> {
    let items = page["items"].as_array().unwrap();
    items.iter().map(|item| (item["turn"].as_i64().unwrap(), item["role"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn finds_messages_of_both_roles_newest_first() {
    let app = TestApp::start().await;
    let client = app.client();
    let (session, other) = (client.create_session("demo").await, client.create_session("demo").await);
    client.ask(&session, "/echo The Café opens at noon").await;
    client.ask(&session, "/echo Nothing").await;
    client.ask(&session, "/echo A second cafe").await;
    client.ask(&other, "/echo Another café").await;

    let found = search(&client, &session, "q=CAF%C3%89").await;

    assert_eq!(places(&found), [(3, "assistant"), (3, "user"), (1, "assistant"), (1, "user")]);
    assert_eq!(found["next_cursor"], Value::Null);
    let first = &found["items"][3];
    assert_eq!(first["snippet"], "/echo The Café opens at noon");
    assert_eq!(first["highlights"], json!([[10, 14]]));
    assert_eq!([&first["session"]["id"], &first["session"]["agent_key"]], [&json!(session), &json!("demo")]);
    assert_eq!(places(&search(&client, &session, "q=opens+cafe").await), [(1, "assistant"), (1, "user")]);
    assert_eq!(places(&search(&client, &session, "q=%22second+cafe%22").await).len(), 2);
    assert_eq!(places(&search(&client, &session, "q=%22cafe+second%22").await), []);
}

#[tokio::test]
async fn pages_through_all_results() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    for number in 1..=150 {
        client.send(&session, &format!("needle {number}")).await;
    }

    let (mut turns, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = search(&client, &session, &format!("q=needle&limit=7{cursor}")).await;
        turns.extend(places(&page).into_iter().map(|(turn, _)| turn));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }

    assert_eq!(turns, (1..=150).rev().collect::<Vec<i64>>());
}

#[tokio::test]
async fn names_the_invalid_parameter() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let session = client.create_session("demo").await;

    for (query, field) in [
        ("q=x".to_owned(), "chat_session_id"),
        (format!("chat_session_id={session}"), "q"),
        (format!("chat_session_id={session}&q=+"), "q"),
        (format!("chat_session_id={session}&q={}", "x".repeat(201)), "q"),
    ] {
        let problem = client.get(&format!("/v1/search?{query}")).await.problem_code(400, "invalid_request");
        assert_eq!(problem["errors"][0]["field"], field, "{query}");
    }
    client.get("/v1/search?q=x&chat_session_id=x").await.problem_code(404, "not_found");
}
