//! The history that the agent receives: all messages verbatim, in turn order, with their answers, and nothing else.

use banter_tests::fake_openai::Answer;

use crate::support::{Scripted, pairs};

#[tokio::test]
async fn the_agent_receives_the_whole_conversation_verbatim() {
    let scripted = Scripted::start_with("system_prompt = \"Be brief.\"", |builder| builder).await;
    let client = &scripted.client;
    let session = scripted.session().await;

    client.ask(&session, "  one \n").await;
    client.ask(&session, "two").await;
    client.ask(&session, "two").await;

    let last = scripted.model.requests().pop().unwrap();
    assert_eq!(
        last.conversation(),
        pairs(&[
            ("user", "  one \n"),
            ("assistant", "You said:   one \n"),
            ("user", "two"),
            ("assistant", "You said: two"),
            ("user", "two")
        ])
    );
    assert_eq!(last.body["messages"][0]["role"], "system");
    assert_eq!(last.body["messages"][0]["content"], "Be brief.");
    assert_eq!(last.body["stream"], true);
    assert_eq!(last.body["model"], "scripted");
}

#[tokio::test]
async fn a_failed_turn_stays_in_the_history() {
    let scripted = Scripted::start().await;
    let client = &scripted.client;
    let session = scripted.session().await;
    scripted.model.script("fails", [Answer::error(401, "invalid_api_key", "no")]);

    client.ask(&session, "fails").await;
    client.ask(&session, "next").await;

    let last = scripted.model.requests().pop().unwrap();
    assert_eq!(last.conversation(), pairs(&[("user", "fails"), ("user", "next")]));
}

#[tokio::test]
async fn queued_messages_are_answered_one_by_one_and_never_merged() {
    let scripted = Scripted::start().await;
    let client = &scripted.client;
    let (session, _, gate) = scripted.held("one").await;
    client.send(&session, "two").await;
    let last = client.send(&session, "three").await;

    gate.send("1").await;
    gate.finish().await;
    client.wait_for_status(&session, &last.task_id, "succeeded").await;

    let seen: Vec<_> =
        scripted.model.requests().iter().map(banter_tests::fake_openai::Recorded::conversation).collect();
    let whole =
        [("user", "one"), ("assistant", "1"), ("user", "two"), ("assistant", "You said: two"), ("user", "three")];
    assert_eq!(seen, [pairs(&whole[..1]), pairs(&whole[..3]), pairs(&whole)]);
}

#[tokio::test]
async fn a_long_history_loses_its_oldest_part_and_never_the_question() {
    let scripted = Scripted::start().await;
    let client = &scripted.client;
    let session = scripted.session().await;
    let text = |letter: &str| letter.repeat(60 * 1024);
    for letter in ["a", "b"] {
        scripted.model.script(&text(letter), [Answer::text("ok")]);
        client.ask(&session, &text(letter)).await;
    }
    let huge = "c".repeat(256 * 1024);
    scripted.model.script(&huge, [Answer::text("ok")]);

    client.ask(&session, &huge).await;

    let requests = scripted.model.requests();
    assert!(!requests[1].body.to_string().contains("aaaa"), "over 96 KiB, the oldest is dropped first");
    assert!(
        requests.iter().zip([text("a"), text("b"), huge]).all(|(request, sent)| request.last_user_message() == sent)
    );
}

#[tokio::test]
async fn sessions_never_mix() {
    let scripted = Scripted::start().await;
    let client = &scripted.client;
    let (one, other) = (scripted.session().await, scripted.session().await);

    tokio::join!(client.ask(&one, "secret of one"), client.ask(&other, "secret of the other"));
    client.ask(&one, "next").await;

    let last = scripted.model.requests().pop().unwrap();
    assert!(!last.body.to_string().contains("secret of the other"));
}
