//! An agent's steps, such as a model's reasoning. A client must receive them live, when it joins during the turn, and
//! after the turn has ended, with and without Redis.

use banter_tests::{
    app::TestApp,
    follower::Follower,
    sse::{Event, USER_EVENTS},
};
use serde_json::{Value, json};

use crate::support::Scripted;

/// Returns the status and text in a step event, if it belongs to this task.
fn thought(event: &Event, task: &str) -> Option<(String, String)> {
    let of_task = event.kind == "task.step" && event.data["task_id"] == task;
    let step = &event.data["step"];
    of_task.then(|| (text(&step["status"]), text(&step["detail"]["text"])))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

async fn thoughts_stream(scripted: &Scripted) {
    let client = &scripted.client;
    let mut stream = client.events(USER_EVENTS).await;
    stream.expect("hello").await;
    let (session, task, gate) = scripted.held("go").await;
    let is = |event: &Event, status: &str, said: &str| {
        thought(event, &task).is_some_and(|told| told == (status.to_owned(), said.to_owned()))
    };

    gate.think("Hm").await;
    stream.read_until("the thought", |event| is(event, "running", "Hm")).await;
    gate.think(", well\0").await;
    stream.read_until("more of it", |event| is(event, "running", "Hm, well")).await;

    let mut joined = client.events(USER_EVENTS).await;
    let seen = joined.read_until("typing", |event| event.kind == "typing").await;
    assert!(seen.iter().any(|event| is(event, "running", "Hm, well")), "{seen:?}");

    gate.send("Yes").await;
    stream.read_until("its end", |event| is(event, "succeeded", "Hm, well")).await;
    gate.think("Or").await;
    stream.read_until("the next thought", |event| is(event, "running", "Or")).await;
    gate.finish().await;
    stream.read_until("the end of that", |event| is(event, "succeeded", "Or")).await;

    client.wait_for_status(&session, &task, "succeeded").await;
    let steps = client.task(&session, &task).await["steps"].clone();
    let shown: Vec<Value> =
        steps.as_array().unwrap().iter().map(|step| json!([step["seq"], step["kind"], step["status"]])).collect();
    assert_eq!(shown, [json!([1, "thought", "succeeded"]), json!([2, "thought", "succeeded"])]);
    assert_eq!(client.answer_of(&session, &task).await.unwrap()["content"], "Yes");
}

#[tokio::test]
async fn streams_reasoning_as_steps() {
    thoughts_stream(&Scripted::start().await).await;
}

#[tokio::test]
async fn streams_reasoning_as_steps_over_redis() {
    thoughts_stream(&Scripted::start_with("", |builder| builder.redis().apis(2)).await).await;
}

#[tokio::test]
async fn a_cancelled_thought_has_failed_and_a_retry_starts_without_it() {
    let scripted = Scripted::start().await;
    let client = &scripted.client;
    let follower = Follower::start(client).await;
    let (session, task, gate) = scripted.held("go").await;
    gate.think("Hm").await;
    follower.wait_for("the thought", |event| thought(event, &task).is_some()).await;

    client.cancel(&session, &task).await.ok(202);
    client.wait_for_status(&session, &task, "cancelled").await;

    assert_eq!(client.task(&session, &task).await["steps"][0]["status"], "failed");
    let (_, second) = (client.retry(&session, &task).await.ok(202), client.task(&session, &task).await);
    assert!(second["steps"].as_array().unwrap().iter().all(|step| step["detail"]["text"] != "Hm"), "{second}");
}

#[tokio::test]
async fn a_permission_request_is_answered_once_and_the_answer_is_streamed() {
    let app = TestApp::builder().workers(0).apis(2).start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let sent = client.send(&session, "Hello").await;
    let id = banter_tests::permission_request::ask_permission(&app.database(), &sent.task_id).await;
    let mut stream = client.events(USER_EVENTS).await;
    stream.expect("hello").await;
    let path = format!("/v1/chat/{session}/tasks/{}/permissions/{id}", sent.task_id);

    let (first, second) = (app.client_of(0), app.client_of(1));
    let (allow, reject) = (json!({"decision": "allow"}), json!({"decision": "reject"}));
    let (one, other) = tokio::join!(first.post(&path, &allow), second.post(&path, &reject));

    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 409]);
    let (winner, loser) = if one.status == 204 { ("allow", other) } else { ("reject", one) };
    loser.problem_code(409, "permission_answered");
    let told = stream.read_until("the decision", |event| event.kind == "task.step").await;
    let step = &told.last().unwrap().data["step"];
    assert_eq!(json!([step["detail"]["decision"], step["detail"]["decided_by"]]), json!([winner, "user"]));
    assert_eq!(step["status"], if winner == "allow" { "succeeded" } else { "rejected" });
    client.post(&path, &json!({"decision": "allow"})).await.problem(409);
}
