//! Traces of a turn, from the request through the queue to the agent.

use std::time::{Duration, Instant};

use banter_tests::{
    app::{Builder, STOP_LIMIT, TestApp},
    client::Client,
    collector::{Collector, Span},
    wait::eventually,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CLIENT_SPAN: &str = "b7ad6b7169203331";
/// Span kinds in OTLP.
const SERVER: i32 = 2;
const CLIENT: i32 = 3;
const CONSUMER: i32 = 5;

/// Configures an installation that exports each span to this address soon after the span has ended.
fn exporting_to(endpoint: &str) -> Builder {
    TestApp::builder().env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint).env("OTEL_BSP_SCHEDULE_DELAY", "50")
}

/// Sends a message as part of a trace, and waits for the outcome. Returns the ID of the task.
async fn send_traced(client: &Client, session: &str, content: &str, trace_parent: &str) -> String {
    let request = client.request("POST", &format!("/v1/chat/{session}/messages")).header("traceparent", trace_parent);
    let sent = client.call(request.json(&json!({"content": content}))).await.ok(202);
    let task = sent["task"]["id"].as_str().unwrap().to_owned();
    client.wait_for_end(session, &task).await;
    task
}

async fn wait_for_turn(collector: &Collector, task: &str) -> Span {
    collector.wait_for("the turn's span", |span| span.name == "turn" && span.attributes["task_id"] == task).await
}

fn is_send(span: &Span) -> bool {
    span.name == "POST /v1/chat/{id}/messages"
}

#[tokio::test]
async fn the_trace_of_a_request_continues_in_the_worker() {
    let collector = Collector::start().await;
    let app = exporting_to(&collector.endpoint()).workers(2).env("LOG_FORMAT", "json").start().await;
    let client = app.client();
    let session = client.create_session("demo").await;

    let task = send_traced(&client, &session, "/echo hello", &format!("00-{TRACE}-{CLIENT_SPAN}-01")).await;

    let request = collector.wait_for("the request's span", is_send).await;
    let turn = wait_for_turn(&collector, &task).await;
    assert_eq!((&*request.service, request.kind), ("banter-api", SERVER));
    assert_eq!((&*request.trace_id, &*request.parent_id), (TRACE, CLIENT_SPAN));
    assert_eq!(request.attributes["http.response.status_code"], "202");
    assert_eq!(request.attributes["http.route"], "/v1/chat/{id}/messages");
    assert_eq!((&*turn.service, turn.kind), ("banter-worker", CONSUMER));
    assert_eq!((&*turn.trace_id, &turn.parent_id), (TRACE, &request.id));
    assert_eq!((&*turn.attributes["agent"], &*turn.attributes["banter.task_status"]), ("demo", "succeeded"));
    for (name, kind) in [("read conversation", 1), ("agent", CLIENT), ("store outcome", 1)] {
        let part = collector.wait_for(name, |span| span.name == name && span.parent_id == turn.id).await;
        assert_eq!((&*part.trace_id, part.kind, part.started_at <= part.ended_at), (TRACE, kind, true), "{name}");
    }
    let log = app.logs();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let started = lines.iter().find(|line| line["message"] == "attempt started").expect("the worker logs the start");
    assert_eq!(started["trace_id"], TRACE);
}

#[tokio::test]
async fn a_request_without_a_trace_begins_one() {
    let collector = Collector::start().await;
    let app = exporting_to(&collector.endpoint()).env("OTEL_SERVICE_NAME", "chat").start().await;
    let client = app.client();
    let session = client.create_session("demo").await;

    let task = client.send(&session, "/fail").await.task_id;
    client.wait_for_end(&session, &task).await;

    let request = collector.wait_for("the request's span", is_send).await;
    let turn = wait_for_turn(&collector, &task).await;
    assert_eq!((&*request.parent_id, &turn.parent_id, &turn.trace_id), ("", &request.id, &request.trace_id));
    assert_eq!((&*request.service, &*turn.service), ("chat", "chat"));
    assert_eq!(turn.attributes["banter.task_status"], "failed");
}

#[tokio::test]
async fn every_attempt_continues_the_trace() {
    let collector = Collector::start().await;
    let app = exporting_to(&collector.endpoint()).env("TASK_MAX_ATTEMPTS", "2").start().await;
    let client = app.client();
    let session = client.create_session("demo").await;

    let task = send_traced(&client, &session, "/fail retry", &format!("00-{TRACE}-{CLIENT_SPAN}-01")).await;
    client.retry(&session, &task).await.ok(202);

    for attempt in ["1", "2", "3"] {
        let is_attempt = |span: &Span| {
            span.name == "turn" && span.attributes["task_id"] == task && span.attributes["attempt"] == attempt
        };
        let turn = collector.wait_for(&format!("the span of attempt {attempt}"), is_attempt).await;
        assert_eq!(turn.trace_id, TRACE, "attempt {attempt}");
        let status = if attempt == "2" { "failed" } else { "queued" };
        assert_eq!(turn.attributes["banter.task_status"], status, "attempt {attempt}");
    }
}

#[tokio::test]
async fn turns_that_follow_each_other_in_a_worker_keep_their_own_traces() {
    let collector = Collector::start().await;
    let app = exporting_to(&collector.endpoint()).env("WORKER_CONCURRENCY", "1").start().await;
    let client = app.client();
    let sends = (1..=6).map(async |number: u8| {
        let session = client.create_session("demo").await;
        let trace = format!("{number:032x}");
        let task = send_traced(&client, &session, "/echo hello", &format!("00-{trace}-{CLIENT_SPAN}-01")).await;
        (task, trace)
    });

    let sent = futures::future::join_all(sends).await;

    for (task, trace) in sent {
        let turn = wait_for_turn(&collector, &task).await;
        let request = collector.wait_for("the request's span", |span| is_send(span) && span.trace_id == trace).await;
        assert_eq!((turn.trace_id, turn.parent_id), (trace, request.id));
    }
}

#[tokio::test]
async fn the_last_spans_are_exported_at_shutdown() {
    let collector = Collector::start().await;
    let mut app = exporting_to(&collector.endpoint()).env("OTEL_BSP_SCHEDULE_DELAY", "600000").start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let task = client.send(&session, "/echo hello").await.task_id;
    client.wait_for_end(&session, &task).await;
    assert_eq!(collector.spans(), []);

    app.stop_all().await;

    assert!(collector.spans().iter().any(is_send));
    wait_for_turn(&collector, &task).await;
}

#[tokio::test]
async fn a_request_that_its_client_does_not_sample_is_not_exported() {
    let collector = Collector::start().await;
    let mut app = exporting_to(&collector.endpoint()).start().await;
    let client = app.client();
    let session = client.create_session("demo").await;

    let unsampled = send_traced(&client, &session, "one", &format!("00-{TRACE}-{CLIENT_SPAN}-00")).await;
    let invalid = send_traced(&client, &session, "two", "00-nonsense").await;
    wait_for_turn(&collector, &invalid).await;
    app.stop_all().await;

    let spans = collector.spans();
    assert!(spans.iter().all(|span| span.trace_id != TRACE), "{spans:#?}");
    assert!(!spans.iter().any(|span| span.attributes.get("task_id") == Some(&unsampled)), "{spans:#?}");
}

/// Time limit for a request to the collector. If anything waits for this limit, the test takes too long and fails.
const EXPORT_LIMIT: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_collector_that_does_not_answer_delays_nothing_but_the_exit() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for address in [closed, silent.local_addr().unwrap()] {
        let builder = exporting_to(&format!("http://{address}"));
        let limit = EXPORT_LIMIT.as_millis().to_string();
        let mut app = builder.env("OTEL_EXPORTER_OTLP_TIMEOUT", &limit).start().await;
        let client = app.client();
        let session = client.create_session("demo").await;
        let began = Instant::now();

        for number in 0..20 {
            let content = format!("/echo {number}");
            let task = send_traced(&client, &session, &content, &format!("00-{TRACE}-{CLIENT_SPAN}-01")).await;
            assert_eq!(client.task(&session, &task).await["status"], "succeeded");
        }
        app.stop_all().await;

        assert!(began.elapsed() < EXPORT_LIMIT / 2, "took {:?}", began.elapsed());
    }
}

/// Returns the number of lines in a log that contain a string.
fn lines_with(log: &str, text: &str) -> usize {
    log.lines().filter(|line| line.contains(text)).count()
}

#[tokio::test]
async fn logs_once_when_exports_fail_and_once_when_they_work_again() {
    let collector = Collector::start().await;
    let mut app = exporting_to(&collector.endpoint()).start().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let turn = async || {
        let task = client.send(&session, "/echo hello").await.task_id;
        client.wait_for_status(&session, &task, "succeeded").await;
        task
    };

    collector.reject(true);
    eventually("several rejected exports of both services", async || {
        turn().await;
        let is_enough = |service| collector.rejected(service) >= 3;
        (is_enough("banter-api") && is_enough("banter-worker")).then_some(())
    })
    .await;
    collector.reject(false);
    wait_for_turn(&collector, &turn().await).await;
    collector.wait_for("the request's span", is_send).await;
    app.stop_all().await;

    for log in [app.api(0).process.stderr(), app.worker(0).stderr()] {
        assert_eq!(lines_with(&log, "cannot export traces"), 1, "{log}");
        assert_eq!(lines_with(&log, "trace export resumed"), 1, "{log}");
        assert_eq!(lines_with(&log, "opentelemetry"), 0, "{log}");
    }
}

#[tokio::test]
async fn without_an_endpoint_nothing_is_recorded() {
    let app = TestApp::start().await;
    let client = app.client();
    let session = client.create_session("demo").await;

    send_traced(&client, &session, "/echo hello", &format!("00-{TRACE}-{CLIENT_SPAN}-01")).await;

    let traced = app.database().values("SELECT id FROM agent_task WHERE trace_parent IS NOT NULL").await;
    assert_eq!(traced, [""; 0]);
    assert!(!app.logs().contains("collector"), "{}", app.logs());
}

#[tokio::test]
async fn an_invalid_variable_is_rejected_by_name() {
    let app = TestApp::builder().apis(0).workers(0).start().await;
    for (variable, value) in [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://collector:4318"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"),
        ("OTEL_TRACES_SAMPLER", "sometimes"),
    ] {
        for program in ["api", "worker"] {
            let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
            let settings = [endpoint, ("BIND_ADDR", "127.0.0.1:0"), (variable, value)];
            let mut process = app.spawn(program, &settings);
            let status = process.wait_for_exit(STOP_LIMIT).await;

            assert_eq!(status.code(), Some(2), "{variable}={value}");
            let log = process.stderr();
            assert!(log.contains(variable) && log.contains("expected"), "{variable}={value}: {log}");
        }
    }
}
