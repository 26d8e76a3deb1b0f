//! Agents that replay the history of a loaded session, and agents that delete a session.

use banter_tests::wait::eventually;

use super::Faked;

#[tokio::test]
async fn ignores_a_history_that_is_replayed_after_the_response() {
    for (arguments, method) in
        [("--load --replay-after", "session/load"), ("--resume --replay-after", "session/resume")]
    {
        let faked = Faked::start(arguments, "keep_warm_s = 0", |builder| builder).await;
        let session = faked.client.create_session("fake").await;
        for text in ["one", "two", "three"] {
            faked.client.ask(&session, text).await;
        }

        let asked = faked.client.ask(&session, "four").await;

        assert!(faked.fake.methods("fake").contains(&method.to_owned()));
        assert_eq!(asked["reply"]["content"], "You said: four", "{method}");
        let messages = faked.client.messages(&session).await;
        assert!(messages.iter().all(|message| !message.to_string().contains("HISTORY")), "{messages:?}");
    }
}

#[tokio::test]
async fn ignores_text_before_the_first_turn() {
    let faked = Faked::start("--greets", "", |builder| builder).await;

    let asked = faked.ask("hello").await;

    assert_eq!(asked["reply"]["content"], "You said: hello");
}

#[tokio::test]
async fn accepts_a_numeric_session_id() {
    let faked = Faked::start("--numeric", "", |builder| builder).await;
    let session = faked.client.create_session("fake").await;

    for text in ["one", "two"] {
        let asked = faked.client.ask(&session, text).await;
        assert_eq!(asked["reply"]["content"], format!("You said: {text}"));
    }

    assert_eq!(faked.fake.methods("fake").iter().filter(|method| *method == "session/new").count(), 1);
}

#[tokio::test]
async fn deletes_a_session_in_the_agent_too() {
    for (arguments, expected) in
        [("--deletes --closes", Some("session/delete")), ("--closes", Some("session/close")), ("", None)]
    {
        let faked = Faked::start(arguments, "", |builder| builder).await;
        let session = faked.client.create_session("fake").await;
        faked.client.ask(&session, "hello").await;
        let folder = faked.app.folder().join("data/work").join(&session);
        assert!(folder.exists());

        faked.client.delete(&format!("/v1/chat/{session}?permanent=true")).await.ok_status(204);

        eventually("the folder to be removed", async || (!folder.exists()).then_some(())).await;
        let received = faked.fake.received("fake");
        let new = received.iter().find(|message| message["method"] == "session/new").unwrap();
        let ends: Vec<_> = received
            .iter()
            .filter(|message| {
                ["session/delete", "session/close"].contains(&message["method"].as_str().unwrap_or_default())
            })
            .collect();
        assert_eq!(
            ends.iter().map(|message| message["method"].as_str()).collect::<Vec<_>>(),
            expected.map(Some).into_iter().collect::<Vec<_>>()
        );
        assert!(ends.iter().all(|end| end["params"]["sessionId"].is_string()), "{new}");
    }
}
