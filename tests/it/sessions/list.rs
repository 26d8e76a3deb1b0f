//! The session list: order, pages, and filters.

use std::collections::BTreeSet;

use banter_tests::{app::TestApp, client::Client, follower::Follower, model::Position};
use serde_json::{Value, json};

async fn titled(client: &Client, title: &str) -> String {
    let created = client.post("/v1/chat", &json!({"agent_key": "demo", "title": title})).await;
    let id = created.ok(201)["id"].as_str().unwrap().to_owned();
    assert_eq!(created.header("location"), Some(format!("/v1/chat/{id}").as_str()));
    id
}

async fn titles(client: &Client, query: &str) -> Vec<String> {
    client.list_all(query).await.iter().map(|session| session["title"].as_str().unwrap().to_owned()).collect()
}

async fn rename(client: &Client, session: &str, title: &str) {
    client.patch(&format!("/v1/chat/{session}"), &json!({"title": title})).await.ok(200);
}

#[tokio::test]
async fn a_new_session_is_active_read_and_in_the_list() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();

    let created = client.post("/v1/chat", &json!({"agent_key": "demo"})).await.ok(201);

    assert_eq!(created["status"], "active");
    assert_eq!(created["agent_key"], "demo");
    assert_eq!([&created["creator_id"], &created["workspace_id"]], ["local", "default"]);
    for field in ["last_seq", "last_read_seq", "unread_count", "queued_count"] {
        assert_eq!(created[field], 0, "{field}");
    }
    for field in ["pinned_at", "last_message", "active_task"] {
        assert_eq!(created[field], Value::Null, "{field}");
    }
    assert_eq!(client.list_all("").await, std::slice::from_ref(&created));
    assert_eq!(client.chat(created["id"].as_str().unwrap()).await["session"], created);
}

#[tokio::test]
async fn lists_pinned_sessions_first_then_by_the_last_message() {
    let app = TestApp::start().await;
    let client = app.client();
    let follower = Follower::start(&client).await;
    let (a, b, c) = (titled(&client, "a").await, titled(&client, "b").await, titled(&client, "c").await);
    for session in [&a, &b, &c] {
        client.ask(session, "/echo x").await;
    }
    assert_eq!(titles(&client, "").await, ["c", "b", "a"]);

    client.ask(&b, "/echo again").await;
    assert_eq!(titles(&client, "").await, ["b", "c", "a"]);

    // Renaming, reading, and pinning do not count as activity.
    let before = client.chat(&a).await["session"]["last_activity_at"].clone();
    rename(&client, &a, "a!").await;
    client.post(&format!("/v1/chat/{a}/read"), &json!({"seq": 1})).await.ok(200);
    assert_eq!(titles(&client, "").await, ["b", "c", "a!"]);
    let pinned = client.patch(&format!("/v1/chat/{a}"), &json!({"pinned": true})).await.ok(200);
    assert!(pinned["pinned_at"].is_string());
    assert_eq!(pinned["last_activity_at"], before);
    assert_eq!(titles(&client, "").await, ["a!", "b", "c"]);

    let unpinned = client.patch(&format!("/v1/chat/{a}"), &json!({"pinned": false})).await.ok(200);
    assert_eq!(unpinned["pinned_at"], Value::Null);
    assert_eq!(titles(&client, "").await, ["b", "c", "a!"]);
    follower.settle(&client).await;
}

#[tokio::test]
async fn pages_show_every_session_once_while_others_are_created() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let mut expected = BTreeSet::new();
    for number in 0..25 {
        let id = titled(&client, &format!("session {number}")).await;
        if number % 9 == 0 {
            client.patch(&format!("/v1/chat/{id}"), &json!({"pinned": true})).await.ok(200);
        }
        expected.insert(id);
    }

    let (mut seen, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = client.get(&format!("/v1/chat?limit=10{cursor}")).await.ok(200);
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        assert!(Position::parse(page["as_of"].as_str().unwrap()).is_ok());
        pages += 1;
        titled(&client, "made meanwhile").await;
        let Some(next) = page["next_cursor"].as_str() else { break };
        let url_safe = next.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte));
        assert!(url_safe, "{next}");
        cursor = format!("&cursor={next}");
    }

    let old: Vec<_> = seen.iter().filter(|id| expected.contains(*id)).collect();
    assert_eq!(old.len(), 25, "no session is missing or listed twice");
    assert_eq!(old.iter().collect::<BTreeSet<_>>().len(), 25);
    assert!(pages >= 3);
}

#[tokio::test]
async fn the_last_page_has_no_cursor_and_the_default_limit_is_fifty() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    for _ in 0..51 {
        client.create_session("demo").await;
    }

    let first = client.get("/v1/chat").await.ok(200);
    let exactly = client.get("/v1/chat?limit=51").await.ok(200);

    assert_eq!(first["items"].as_array().unwrap().len(), 50);
    assert!(first["next_cursor"].is_string());
    assert_eq!(exactly["items"].as_array().unwrap().len(), 51);
    assert_eq!(exactly["next_cursor"], Value::Null);
}

#[tokio::test]
async fn searches_titles_without_wildcards() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    for title in ["Trip to Oslo", "Budget 100% sure", "a_b", "Ünïcödé 🧑‍🚀"] {
        titled(&client, title).await;
    }

    assert_eq!(titles(&client, "q=Oslo").await, ["Trip to Oslo"]);
    assert_eq!(titles(&client, "q=to%20Os").await, ["Trip to Oslo"]);
    assert_eq!(titles(&client, "q=%25").await, ["Budget 100% sure"]);
    assert_eq!(titles(&client, "q=_").await, ["a_b"]);
    assert_eq!(titles(&client, "q=c%C3%B6d").await, ["Ünïcödé 🧑‍🚀"]);
    assert_eq!(titles(&client, "q=nothing").await, Vec::<String>::new());
    assert_eq!(titles(&client, "q=").await.len(), 4);
    assert_eq!(titles(&client, "q='%22%5C%20OR%201").await, Vec::<String>::new());
}

#[tokio::test]
async fn combines_search_filters_and_pages() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    for number in 0..7 {
        let id = titled(&client, &format!("apple {number}")).await;
        titled(&client, "pear").await;
        if number >= 5 {
            client.archive(&id).await.ok(204);
        }
    }

    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("/v1/chat?q=apple&limit=2{cursor}")).await.ok(200);
        found.extend(page["items"].as_array().unwrap().iter().map(|item| item["title"].as_str().unwrap().to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }

    assert_eq!(found, ["apple 4", "apple 3", "apple 2", "apple 1", "apple 0"]);
    assert_eq!(titles(&client, "q=apple&status=archived").await, ["apple 6", "apple 5"]);
    assert_eq!(titles(&client, "q=apple&status=all").await.len(), 7);
}
