//! Reading a long conversation page by page.

use banter_tests::{client::Client, fake_openai::Answer};
use serde_json::Value;

use crate::support::Scripted;

/// Creates seven turns. All of them except the third are answered.
async fn seven_turns() -> (Scripted, Client, String) {
    let scripted = Scripted::start().await;
    let client = scripted.client.clone();
    let session = scripted.session().await;
    scripted.model.script("turn 3", [Answer::error(401, "invalid_api_key", "no")]);
    for turn in 1..=7 {
        client.ask(&session, &format!("turn {turn}")).await;
    }
    (scripted, client, session)
}

fn turns(page: &Value) -> Vec<(i64, String)> {
    let key = if page["items"].is_array() { "items" } else { "messages" };
    let items = page[key].as_array().unwrap();
    items.iter().map(|item| (item["turn"].as_i64().unwrap(), item["role"].as_str().unwrap().to_owned())).collect()
}

fn expected(numbers: impl IntoIterator<Item = i64>) -> Vec<(i64, String)> {
    let roles = |turn| if turn == 3 { vec!["user"] } else { vec!["user", "assistant"] };
    numbers.into_iter().flat_map(|turn| roles(turn).into_iter().map(move |role| (turn, role.to_owned()))).collect()
}

#[tokio::test]
async fn pages_count_turns_and_never_split_one() {
    let (_app, client, session) = seven_turns().await;
    let page = async |query: &str| client.get(&format!("/v1/chat/{session}/messages?{query}")).await.ok(200);

    for (query, numbers, has_more) in [
        ("limit=2", 6..=7, true),
        ("limit=7", 1..=7, false),
        ("", 1..=7, false),
        ("limit=3&before_turn=6", 3..=5, true),
        ("limit=3&before_turn=3", 1..=2, false),
        ("limit=2&after_turn=2", 3..=4, true),
        ("limit=3&after_turn=4", 5..=7, false),
        ("limit=200&after_turn=6", 7..=7, false),
    ] {
        let got = page(query).await;

        assert_eq!(turns(&got), expected(numbers), "{query}");
        assert_eq!(got["has_more"], has_more, "{query}");
    }
    for query in ["before_turn=1", "after_turn=7"] {
        let got = page(query).await;
        assert_eq!((turns(&got), &got["has_more"]), (expected([]), &Value::Bool(false)), "{query}");
    }
}

#[tokio::test]
async fn a_session_shows_its_newest_turns_in_order() {
    let (_app, client, session) = seven_turns().await;

    let newest = client.get(&format!("/v1/chat/{session}?limit=5")).await.ok(200);
    let all = client.get(&format!("/v1/chat/{session}")).await.ok(200);

    assert_eq!((turns(&newest), &newest["has_more"]), (expected(3..=7), &Value::Bool(true)));
    assert_eq!((turns(&all), &all["has_more"]), (expected(1..=7), &Value::Bool(false)));
    assert_eq!(all["partial"], Value::Null);
}
