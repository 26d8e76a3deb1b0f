//! Searching messages and titles.

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
async fn finds_parts_of_words_and_punctuation_in_a_session() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    client.send(&session, "Use std::mem::swap()").await;

    for (query, as_text, as_words) in [("wap", 1, 0), ("%3A%3Amem", 1, 1), ("em%3A%3As", 1, 0), ("swap()", 1, 1)] {
        assert_eq!(places(&search(&client, &session, &format!("match=text&q={query}")).await).len(), as_text);
        assert_eq!(places(&search(&client, &session, &format!("q={query}")).await).len(), as_words, "{query}");
    }
}

#[tokio::test]
async fn finds_messages_and_titles_of_all_own_sessions() {
    let app = TestApp::builder().env("AUTH", "required").start().await;
    let client = app.client_for("ada", "member").await;
    let first = client.post("/v1/chat", &json!({"agent_key": "demo", "title": "Café in Paris"})).await.ok(201);
    let second = client.create_session("demo").await;
    client.ask(first["id"].as_str().unwrap(), "/echo Une crème brûlée").await;
    client.send(&second, "Creme for the 重点内容").await;

    let found = client.get("/v1/search?q=creme").await.ok(200);
    assert_eq!(places_of_all(&found), ["user 1", "title", "assistant 1", "user 1"]);
    assert_eq!(found["items"][0]["session"]["id"], json!(second));
    assert_eq!(found["items"][3]["snippet"], "/echo Une crème brûlée");
    assert_eq!(found["items"][3]["highlights"], json!([[10, 15]]));
    let title = client.get("/v1/search?q=paris").await.ok(200)["items"][0].clone();
    assert_eq!([&title["message_id"], &title["turn"], &title["role"]], [&Value::Null; 3]);
    assert_eq!(title["created_at"], first["created_at"]);
    assert_eq!((&title["snippet"], &title["highlights"]), (&json!("Café in Paris"), &json!([[8, 13]])));
    assert_eq!(client.get("/v1/search?q=%E7%82%B9%E5%86%85").await.ok(200)["items"].as_array().unwrap().len(), 2);
    assert_eq!(client.get("/v1/search?q=creme&status=archived").await.ok(200)["items"], json!([]));
    assert_eq!(client.get("/v1/search?q=creme&agent_key=none").await.ok(200)["items"], json!([]));

    let stranger = app.client_for("grace", "member").await;
    assert_eq!(stranger.get("/v1/search?q=creme").await.ok(200)["items"], json!([]));
    client.delete(&format!("/v1/chat/{second}?permanent=true")).await.ok(204);
    let rest = client.get("/v1/search?q=creme").await.ok(200);
    assert_eq!(places_of_all(&rest), ["assistant 1", "user 1"]);
}

/// Returns the role and the turn of each result, or `title`.
fn places_of_all(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().unwrap().iter();
    let place = |item: &Value| match item["role"].as_str() {
        Some(role) => format!("{role} {}", item["turn"]),
        None => "title".to_owned(),
    };
    items.map(place).collect()
}

#[tokio::test]
async fn names_the_invalid_parameter() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let session = client.create_session("demo").await;

    for (query, field) in [
        ("chat_session_id=".to_owned() + &session, "q"),
        ("limit=5".to_owned(), "q"),
        ("q=%2B%2B".to_owned(), "q"),
        ("q=x&match=text".to_owned(), "match"),
        ("q=x&cursor=12-3".to_owned(), "cursor"),
        ("q=x&cursor=12-3-4".to_owned(), "cursor"),
        ("q=x&sort=relevance&cursor=12".to_owned(), "cursor"),
        (format!("chat_session_id={session}&q=+"), "q"),
        (format!("chat_session_id={session}&q={}", "x".repeat(201)), "q"),
    ] {
        let problem = client.get(&format!("/v1/search?{query}")).await.problem_code(400, "invalid_request");
        assert_eq!(problem["errors"][0]["field"], field, "{query}");
    }
    client.get("/v1/search?q=x&chat_session_id=x").await.problem_code(404, "not_found");
}
