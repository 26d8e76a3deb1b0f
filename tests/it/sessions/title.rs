//! Titles. A title set by a user is never overwritten.

use banter_tests::{app::TestApp, client::Client, follower::Follower};
use serde_json::{Value, json};

async fn title(client: &Client, session: &str) -> String {
    client.chat(session).await["session"]["title"].as_str().unwrap().to_owned()
}

async fn rename(client: &Client, session: &str, title: &str) -> Value {
    client.patch(&format!("/v1/chat/{session}"), &json!({"title": title})).await.ok(200)
}

#[tokio::test]
async fn an_untitled_session_takes_its_title_from_the_first_message() {
    let app = TestApp::start().await;
    let client = app.client();
    let follower = Follower::start(&client).await;
    let session = client.create_session("demo").await;

    client.ask(&session, "Plan a trip to Oslo\nwith details").await;
    let first = title(&client, &session).await;
    client.ask(&session, "/echo Something else").await;

    assert!(first.starts_with("Plan a trip to Oslo") && !first.contains('\n'), "{first:?}");
    assert_eq!(title(&client, &session).await, first, "only the first message sets the title");
    follower.settle(&client).await;
}

#[tokio::test]
async fn a_users_title_is_never_overwritten() {
    let app = TestApp::start().await;
    let client = app.client();
    let given = client.post("/v1/chat", &json!({"agent_key": "demo", "title": "Mine"})).await.ok(201);
    let given = given["id"].as_str().unwrap();
    let (renamed, later) = (client.create_session("demo").await, client.create_session("demo").await);

    client.ask(given, "A first message").await;
    rename(&client, &renamed, "Renamed before").await;
    client.ask(&renamed, "A first message").await;
    client.ask(&later, "A first message").await;
    rename(&client, &later, "Renamed after").await;
    client.ask(&later, "/echo more").await;

    assert_eq!(title(&client, given).await, "Mine");
    assert_eq!(title(&client, &renamed).await, "Renamed before");
    assert_eq!(title(&client, &later).await, "Renamed after");
}

#[tokio::test]
async fn a_rename_wins_over_the_first_message() {
    let app = TestApp::start().await;
    let client = app.client();
    let follower = Follower::start(&client).await;

    for round in 0..10 {
        let session = client.create_session("demo").await;
        let name = format!("Name {round}");
        let (_sent, _renamed) =
            tokio::join!(client.send(&session, "/echo A message"), rename(&client, &session, &name));
        client.wait_until_idle(&session).await;
        assert_eq!(title(&client, &session).await, name);
    }

    follower.settle(&client).await;
}

#[tokio::test]
async fn a_title_has_up_to_200_characters_of_any_script() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let long = "é".repeat(200);

    let renamed = rename(&client, &session, &long).await;

    assert_eq!(renamed["title"], long.as_str());
    assert_eq!(rename(&client, &session, "<script>alert(1)</script>").await["title"], "<script>alert(1)</script>");
}

#[tokio::test]
async fn titles_and_previews_contain_no_bidi_or_line_break_characters() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let (named, unnamed) = (client.create_session("demo").await, client.create_session("demo").await);
    let hostile = "\u{202e}a\u{2066}b\u{2069}\u{200f}\u{61c}\u{2028}c\0d\u{1b}e\u{feff}";

    let renamed = rename(&client, &named, hostile).await;
    client.post_message(&unnamed, "", &json!({"content": hostile})).await.ok_status(202);
    let session = client.chat(&unnamed).await["session"].clone();

    assert_eq!(renamed["title"], "ab c d e");
    assert_eq!(session["title"], "ab");
    // An escape character and the following letter form a terminal escape sequence.
    assert_eq!(session["last_message"]["preview"], "ab\ncd");
    assert_eq!(client.messages(&unnamed).await[0]["content"], hostile, "the message itself is verbatim");
    for q in ["b c d", "B\u{202e} C\0d"] {
        let path = format!("/v1/chat?q={}", banter_tests::client::percent_encoded(q));
        assert_eq!(client.get(&path).await.ok(200)["items"].as_array().unwrap().len(), 1, "{q:?}");
    }
}

#[tokio::test]
async fn a_preview_shows_text_after_a_nul() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();

    for (content, expected) in [
        ("before\0after", "beforeafter"),
        ("\0\0after", "after"),
        ("a\u{7}b\u{85}c\u{2029}d", "ab\nc\nd"),
        ("👩\u{200d}🚀 stays whole", "👩\u{200d}🚀 stays whole"),
    ] {
        let session = client.create_session("demo").await;
        client.post_message(&session, "", &json!({"content": content})).await.ok_status(202);

        let shown = client.chat(&session).await["session"]["last_message"]["preview"].clone();
        assert_eq!(shown, expected, "{content:?}");
    }
}

#[tokio::test]
async fn a_patch_changes_only_the_given_fields() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let follower = Follower::start(&client).await;
    let session = client.create_session("demo").await;
    client.patch(&format!("/v1/chat/{session}"), &json!({"pinned": true, "title": "Kept"})).await.ok(200);

    let archived = client.patch(&format!("/v1/chat/{session}"), &json!({"status": "archived"})).await.ok(200);
    let renamed = rename(&client, &session, "New").await;

    assert_eq!([&archived["title"], &archived["status"]], ["Kept", "archived"]);
    assert!(archived["pinned_at"].is_string());
    assert_eq!([&renamed["title"], &renamed["status"]], ["New", "archived"]);
    assert_eq!(renamed["pinned_at"], archived["pinned_at"]);
    follower.settle(&client).await;
}
