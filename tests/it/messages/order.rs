//! Each session has at most one running task, and turns are answered in the order in which they were sent.

use std::time::Duration;

use banter_tests::{chat::Sent, fake_openai::Answer, follower::Follower};

use crate::support::{Scripted, column};

#[tokio::test]
async fn twenty_messages_to_a_busy_session_are_answered_in_order_by_two_workers() {
    let scripted = Scripted::start_with("", |builder| builder.workers(2)).await;
    let client = &scripted.client;
    let follower = Follower::start(client).await;
    let (session, _, gate) = scripted.held("first").await;
    let mut sent = vec!["first".to_owned()];
    for number in 1..=20 {
        let text = format!("message {number}");
        scripted.model.script(&text, [Answer::words(["an ", "answer"], Duration::from_millis(5))]);
        client.send(&session, &text).await;
        sent.push(text);
    }

    gate.finish().await;
    client.wait_until_idle(&session).await;

    assert_eq!(scripted.model.prompts(), sent);
    assert_eq!(scripted.model.most_at_once(), 1, "one running task per session");
    let messages = client.messages(&session).await;
    let expected: Vec<i64> = (1..=21).flat_map(|turn| [turn, turn]).collect();
    assert_eq!(column(&messages, "turn"), expected);
    assert!(messages.iter().skip(1).step_by(2).all(|message| message["role"] == "assistant"));
    follower.settle(client).await;
}

#[tokio::test]
async fn concurrent_messages_from_two_apis_get_separate_turns_and_are_answered_in_order() {
    let scripted = Scripted::start_with("", |builder| builder.apis(2).workers(2)).await;
    let clients = [scripted.app.client_of(0), scripted.app.client_of(1)];
    let session = scripted.session().await;
    let texts: Vec<String> = (0..20).map(|number| format!("message {number}")).collect();

    let sends = texts.iter().enumerate().map(|(number, text)| clients[number % 2].send(&session, text));
    let sent: Vec<Sent> = futures::future::join_all(sends).await;
    clients[0].wait_until_idle(&session).await;

    let mut by_turn: Vec<_> = sent
        .iter()
        .map(|sent| (sent.message["turn"].as_i64().unwrap(), sent.message["content"].as_str().unwrap().to_owned()))
        .collect();
    by_turn.sort();
    assert_eq!(by_turn.iter().map(|(turn, _)| *turn).collect::<Vec<_>>(), (1..=20).collect::<Vec<i64>>());
    assert_eq!(scripted.model.prompts(), by_turn.into_iter().map(|(_, text)| text).collect::<Vec<_>>());
    assert_eq!(scripted.model.most_at_once(), 1);
}

#[tokio::test]
async fn many_busy_sessions_end_with_every_answer_in_its_place() {
    let scripted = Scripted::start_with("", |builder| builder.apis(2).workers(2)).await;
    let client = &scripted.client;
    let follower = Follower::start(client).await;
    let mut sessions = Vec::new();
    for _ in 0..8 {
        sessions.push(scripted.session().await);
    }

    for round in 0..5 {
        let sends = sessions
            .iter()
            .enumerate()
            .map(async |(number, session)| client.send(session, &format!("session {number} round {round}")).await);
        futures::future::join_all(sends).await;
    }

    for (number, session) in sessions.iter().enumerate() {
        client.wait_until_idle(session).await;
        let expected: Vec<_> = (0..5)
            .map(|round| format!("session {number} round {round}"))
            .flat_map(|text| [("user".to_owned(), text.clone()), ("assistant".to_owned(), format!("You said: {text}"))])
            .collect();
        assert_eq!(client.transcript(session).await, expected);
    }
    follower.settle(client).await;
}
