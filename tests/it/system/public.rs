//! Public operations and the shape of responses.

use banter_tests::{app::TestApp, chat::unknown_id, client::complained_fields, sse::USER_EVENTS, wait::eventually};
use serde_json::json;

use crate::support::Scripted;

#[tokio::test]
async fn a_new_installation_is_live_and_ready() {
    let app = TestApp::start().await;
    let client = app.client();

    client.get("/healthz").await.ok_status(200);
    let all_ok = json!({
        "status": "ready",
        "checks": {"relay": "ok", "relay_publisher": "ok", "relay_subscriber": "ok", "server": "ok", "store": "ok"},
        "relay": {
            "pending_subscriptions": 0,
            "dropped_hints": 0,
            "dropped_texts": 0,
            "lagged_signals": 0,
            "rejected_messages": 0,
        },
    });
    eventually("all parts to be ready", async || {
        Some(client.get("/readyz").await.ok(200)).filter(|ready| *ready == all_ok)
    })
    .await;
}

#[tokio::test]
async fn serves_the_page_at_the_root() {
    let app = TestApp::builder().workers(0).start().await;

    let page = app.client().get("/").await;

    assert_eq!(page.status, 200);
    assert!(page.header("content-type").is_some_and(|kind| kind.starts_with("text/html")));
}

#[tokio::test]
async fn metrics_include_requests_streams_and_tasks() {
    let scripted = Scripted::start().await;
    let client = &scripted.client;
    let _stream = client.events(USER_EVENTS).await;
    let (session, _task, gate) = scripted.held("held").await;
    client.send(&session, "queued").await;
    client.get(&format!("/v1/chat/{}", unknown_id())).await.problem(404);

    let reply = client.get("/metrics").await;

    assert_eq!(reply.status, 200);
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(reply.header("content-type"), Some(kind));
    let text = reply.text();
    for line in [
        "banter_http_requests_total{method=\"GET\",route=\"/v1/chat/{id}\",status=\"404\"} 1",
        "banter_http_requests_total{method=\"POST\",route=\"/v1/chat\",status=\"201\"} 1",
        "banter_open_streams 1",
        "banter_tasks{status=\"queued\"} 1",
        "banter_tasks{status=\"running\"} 1",
        "banter_workers 1",
        "banter_relay_connected 1",
        "banter_relay_subscriber_connected 1",
        "banter_relay_publisher_connected 1",
        "banter_relay_pending_subscriptions 0",
        "banter_relay_dropped_hints_total 0",
        "banter_relay_dropped_texts_total 0",
        "banter_relay_lagged_signals_total 0",
        "banter_relay_rejected_messages_total 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
    }
    assert!(!text.contains(&session), "the metrics contain no personal data");
    gate.finish().await;
}

#[tokio::test]
async fn the_api_reference_loads_nothing_from_other_hosts() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();

    let page = client.get("/docs/").await;
    let settings = client.get("/docs/swagger-initializer.js").await;
    let script = client.get("/docs/swagger-ui-bundle.js").await;

    assert_eq!((page.status, settings.status, script.status), (200, 200, 200));
    assert!(page.header("content-type").is_some_and(|kind| kind.starts_with("text/html")));
    assert!(page.text().contains("swagger-initializer.js") && !page.text().contains("://"), "{}", page.text());
    assert!(settings.text().contains("/v1/openapi.json"), "{}", settings.text());
}

#[tokio::test]
async fn returns_404_for_an_unknown_route_and_405_for_a_wrong_method() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let session = client.create_session("demo").await;

    client.get("/v1/no/such/route").await.problem(404);
    client.post("/v1/no", &json!({})).await.problem(404);
    client.call(client.request("PUT", "/v1/chat")).await.problem(405);
    client.delete("/v1/agents").await.problem(405);
    client.call(client.request("PUT", &format!("/v1/chat/{session}"))).await.problem(405);
}

#[tokio::test]
async fn lists_agents_with_all_their_fields() {
    let app = TestApp::start().await;

    let agents = app.client().get("/v1/agents").await.ok(200);

    let demo = agents["items"].as_array().unwrap().iter().find(|agent| agent["key"] == "demo").unwrap();
    let expected = [
        "accepts",
        "answer_format",
        "available",
        "avatar",
        "description",
        "driver",
        "key",
        "name",
        "reason",
        "starters",
    ];
    assert_eq!(crate::support::fields(demo), expected);
    assert_eq!(demo["available"], true);
    assert_eq!(demo["reason"], json!(null));
}

#[tokio::test]
async fn rejects_an_unknown_agent() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();

    client.post("/v1/chat", &json!({"agent_key": "nobody"})).await.problem_code(422, "unknown_agent");

    assert_eq!(client.list_all("status=all").await, Vec::<serde_json::Value>::new());
}

#[tokio::test]
async fn lists_an_unavailable_agent_with_the_reason_and_rejects_it() {
    let agent = "[[agents]]\nkey = \"locked\"\nname = \"Locked\"\ndriver = \"openai\"\nmodel = \"m\"\n\
                 base_url = \"http://127.0.0.1:1/v1\"\napi_key_env = \"NO_SUCH_KEY\"\n";
    let app = TestApp::builder().agents(agent).start().await;
    let client = app.client();

    let agents = client.get("/v1/agents").await.ok(200);

    let locked = agents["items"].as_array().unwrap().iter().find(|agent| agent["key"] == "locked").unwrap();
    assert_eq!(locked["available"], false);
    assert!(locked["reason"].as_str().is_some_and(|reason| !reason.is_empty()));
    client.post("/v1/chat", &json!({"agent_key": "locked"})).await.problem_code(422, "agent_unavailable");
}

#[tokio::test]
async fn every_response_has_a_unique_request_id() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();

    let one = client.get(&format!("/v1/chat/{}", unknown_id())).await;
    let other = client.get("/v1/chat?limit=0").await;

    assert_ne!(one.header("x-request-id"), other.header("x-request-id"));
    assert_eq!(complained_fields(&other.problem(400)), ["limit"]);
}

#[tokio::test]
async fn prints_only_the_address_to_stdout() {
    let mut app = TestApp::start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    client.ask(&session, "/echo hello").await;

    let (api, worker) = (app.api(0).process.stdout(), app.worker(0).stdout());

    assert_eq!(api, format!("listening on http://{}\n", client.address()));
    assert_eq!(worker, "");
}

#[tokio::test]
async fn objects_have_exactly_the_fields_of_the_contract() {
    let app = TestApp::start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let asked = client.ask(&session, "/echo hello").await;

    let chat = client.chat(&session).await;
    let task = client.task(&session, asked["task"]["id"].as_str().unwrap()).await;

    let of_task = [
        "attempt",
        "changes",
        "chat_session_id",
        "created_at",
        "error",
        "failures",
        "finished_at",
        "id",
        "max_attempts",
        "next_attempt_at",
        "started_at",
        "status",
        "usage",
    ];
    let of_message = [
        "agent_key",
        "attachments",
        "branch",
        "chat_session_id",
        "content",
        "created_at",
        "edited_at",
        "elapsed_ms",
        "finish_reason",
        "id",
        "role",
        "seq",
        "task",
        "task_id",
        "turn",
        "usage",
    ];
    let of_session = [
        "active_task",
        "agent_key",
        "created_at",
        "creator_id",
        "folder",
        "forked_from",
        "git",
        "id",
        "last_activity_at",
        "last_message",
        "last_read_seq",
        "last_seq",
        "pinned_at",
        "queued_count",
        "status",
        "title",
        "unread_count",
        "updated_at",
        "workspace_id",
    ];
    assert_eq!(crate::support::fields(&chat), ["as_of", "has_more", "messages", "partial", "session"]);
    assert_eq!(crate::support::fields(&chat["session"]), of_session);
    assert_eq!(crate::support::fields(&chat["session"]["last_message"]), ["created_at", "preview", "role"]);
    assert_eq!(crate::support::fields(&asked), ["message", "reply", "task"]);
    assert_eq!(crate::support::fields(&asked["message"]), of_message);
    assert_eq!(crate::support::fields(&asked["reply"]), of_message);
    assert_eq!(crate::support::fields(&asked["task"]), of_task);
    let mut with_steps = of_task.to_vec();
    with_steps.push("steps");
    with_steps.sort_unstable();
    assert_eq!(crate::support::fields(&task), with_steps);
    let at = task["finished_at"].as_str().unwrap();
    assert!(at.len() == "2026-01-31T12:00:00.000Z".len() && at.ends_with('Z'), "RFC 3339, UTC, milliseconds: {at}");
}
