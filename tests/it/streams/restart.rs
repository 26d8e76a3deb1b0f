//! Event streams when an api exits.

use std::time::Duration;

use banter_tests::{
    app::{STOP_LIMIT, TestApp},
    follower::{Follower, FollowerOptions},
    process::Signal,
    random,
    sse::USER_EVENTS,
};
use rand::RngExt as _;

use crate::support::Scripted;

#[tokio::test]
async fn a_draining_api_announces_it_and_closes_its_streams() {
    let mut app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let mut stream = client.events(USER_EVENTS).await;
    stream.expect("hello").await;

    app.api(0).process.signal(Signal::Terminate);

    let events = stream.read_to_end(STOP_LIMIT).await;
    assert_eq!(events.last().map(|event| event.kind.as_str()), Some("server.draining"));
    let status = app.api(0).process.wait_for_exit(STOP_LIMIT).await;
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn sigint_drains_an_api_and_a_worker() {
    let mut app = TestApp::start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    client.ask(&session, "/echo both are up").await;

    app.api(0).process.signal(Signal::Interrupt);
    app.worker(0).signal(Signal::Interrupt);

    assert!(app.api(0).process.wait_for_exit(STOP_LIMIT).await.success());
    assert!(app.worker(0).wait_for_exit(STOP_LIMIT).await.success());
}

#[tokio::test]
async fn a_running_answer_continues_across_a_restart_of_the_api() {
    let mut scripted = Scripted::start().await;
    let follower = Follower::start(&scripted.client).await;
    let (session, task, gate) = scripted.held("go").await;
    gate.send("before, ").await;
    follower.wait_for_draft(&task, "before, ").await;

    scripted.app.restart_api(0).await;
    gate.send("meanwhile, ").await;
    follower.wait_for_draft(&task, "before, meanwhile, ").await;
    gate.send("after").await;
    gate.finish().await;

    let client = scripted.app.client();
    client.wait_for_status(&session, &task, "succeeded").await;
    assert_eq!(client.answer_of(&session, &task).await.unwrap()["content"], "before, meanwhile, after");
    assert_eq!(client.task(&session, &task).await["attempt"], 1);
    follower.settle(&client).await;
    assert!(follower.connections() >= 2);
    assert!(follower.events().iter().any(|event| event.kind == "server.draining"));
}

#[tokio::test]
async fn a_killed_api_loses_nothing() {
    let mut scripted = Scripted::start_with("", |builder| builder.apis(2)).await;
    let survivor = scripted.app.client_of(1);
    let follower = FollowerOptions::user(&scripted.client).and_apis([survivor.clone()]).start().await;
    let (session, task, gate) = scripted.held("go").await;
    gate.send("before, ").await;
    follower.wait_for_draft(&task, "before, ").await;

    scripted.app.api(0).process.kill();
    let second = survivor.send(&session, "second").await;
    gate.send("after").await;
    gate.finish().await;

    survivor.wait_for_status(&session, &second.task_id, "succeeded").await;
    assert_eq!(survivor.answer_of(&session, &task).await.unwrap()["content"], "before, after");
    follower.settle(&survivor).await;
    scripted.app.revive_api(0).await;
    follower.settle(&scripted.app.client()).await;
}

#[tokio::test]
async fn an_accepted_message_survives_an_immediate_kill_of_the_api() {
    let mut app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let mut sent = Vec::new();

    for round in 0..5 {
        sent.push(app.client().send(&session, &format!("/echo {round}")).await);
        app.api(0).process.kill();
        app.revive_api(0).await;
    }

    let client = app.client();
    let messages = client.messages(&session).await;
    assert_eq!(messages.len(), sent.len());
    app.add_worker();
    client.wait_until_idle(&session).await;
    for message in &sent {
        assert_eq!(client.task(&session, &message.task_id).await["status"], "succeeded");
    }
}

#[tokio::test]
async fn a_draining_api_completes_a_request_in_progress() {
    let mut scripted = Scripted::start().await;
    let session = scripted.session().await;
    let mut gate = scripted.model.gate("go");
    let client = scripted.client.clone();
    let path = format!("/v1/chat/{session}/messages?wait=5");
    let body = serde_json::json!({"content": "go"});
    let request = client.request("POST", &path).header("Idempotency-Key", "draining").json(&body);
    let waiting = tokio::spawn(async move { client.try_call(request).await });
    gate.arrived().await;

    scripted.app.api(0).process.signal(Signal::Terminate);
    gate.send("done").await;
    gate.finish().await;

    let reply = waiting.await.unwrap().expect("the response of a request in progress");
    assert!([200, 202].contains(&reply.status), "{} {}", reply.status, reply.text());
    assert!(scripted.app.api(0).process.wait_for_exit(STOP_LIMIT + Duration::from_secs(5)).await.success());
}

#[tokio::test]
async fn repeating_a_send_after_a_lost_response_creates_no_second_message() {
    let mut app = TestApp::start().await;
    let mut rng = random::from_environment();
    let session = app.client().create_session("demo").await;

    for round in 0..6 {
        let client = app.client();
        let body = serde_json::json!({"content": format!("/echo {round}")});
        let key = format!("round {round}").replace(' ', "-");
        let path = format!("/v1/chat/{session}/messages");
        let request = client.request("POST", &path).header("Idempotency-Key", &key).json(&body);
        let sending = tokio::spawn(async move { client.try_call(request).await });
        tokio::time::sleep(Duration::from_micros(rng.random_range(0..8000))).await;
        app.api(0).process.kill();
        let _ = sending.await;
        app.revive_api(0).await;

        app.client().post_message_keyed(&session, "", &body, &key).await.ok(202);
    }

    let client = app.client();
    client.wait_until_idle(&session).await;
    let answers: Vec<String> = (0..6).map(|round| round.to_string()).collect();
    let transcript = client.transcript(&session).await;
    let given = transcript.iter().filter(|(role, _)| role == "assistant").map(|(_, text)| text.clone());
    assert_eq!(given.collect::<Vec<_>>(), answers);
    assert_eq!(transcript.len(), 12);
}
