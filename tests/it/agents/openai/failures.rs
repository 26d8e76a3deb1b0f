//! Failing model servers: error codes, retries, and time limits.

use std::time::Duration;

use banter_tests::{app::TestApp, chat::text_of, fake_openai::Answer, wait::eventually};
use serde_json::json;
use tokio::{io::AsyncWriteExt as _, net::TcpListener};

use super::{ask, outcome, with_attempts};
use crate::support::Scripted;

#[tokio::test]
async fn waits_for_the_retry_after_of_a_rate_limit() {
    let scripted = Scripted::start().await;
    let client = &scripted.client;
    let session = scripted.session().await;
    scripted.model.script("go", [Answer::rate_limited(2), Answer::text("now")]);
    let sent = client.send(&session, "go").await;

    let waiting = eventually("the pause", async || {
        Some(client.task(&session, &sent.task_id).await).filter(|task| task["failures"] == 1)
    })
    .await;

    assert_eq!(json!([waiting["status"], waiting["error"]["code"]]), json!(["queued", "agent_rate_limited"]));
    assert_eq!(waiting["error"]["retryable"], true);
    assert!(waiting["next_attempt_at"].is_string());
    let chat = client.chat(&session).await;
    assert_eq!(json!([chat["session"]["active_task"], chat["session"]["queued_count"]]), json!([null, 1]));
    assert_eq!(scripted.model.requests().len(), 1, "no retry before the pause has ended");
    let ended = client.wait_for_status(&session, &sent.task_id, "succeeded").await;
    assert_eq!(outcome(&ended), json!(["succeeded", null, 2, 1]));
    assert_eq!(ended["next_attempt_at"], json!(null));
    let requests = scripted.model.requests();
    let pause = requests[1].at - requests[0].at;
    assert!(pause >= Duration::from_secs(2), "the server requested a pause of 2 s, but it was {pause:?}");
}

#[tokio::test]
async fn a_turn_between_attempts_stays_first_in_its_session() {
    let scripted = Scripted::start().await;
    let client = &scripted.client;
    let session = scripted.session().await;
    scripted.model.script("first", [Answer::rate_limited(1), Answer::text("one")]);
    client.send(&session, "first").await;
    let second = client.send(&session, "second").await;

    client.wait_for_status(&session, &second.task_id, "succeeded").await;

    assert_eq!(scripted.model.prompts(), ["first", "first", "second"]);
}

#[tokio::test]
async fn rejected_credentials_fail_at_once_without_a_retry() {
    let scripted = with_attempts(3).await;
    for status in [401, 403] {
        let prompt = format!("status {status}");
        scripted.model.script(&prompt, [Answer::error(status, "invalid_api_key", "wrong key sk-secret")]);

        let (task, answer) = ask(&scripted, &prompt).await;

        assert_eq!(outcome(&task), json!(["failed", "agent_auth", 1, 1]));
        assert_eq!(task["error"]["retryable"], false);
        assert_eq!(answer, None);
    }
}

#[tokio::test]
async fn a_rejected_request_fails_at_once() {
    let scripted = with_attempts(3).await;
    scripted
        .model
        .script("too long", [Answer::error(400, "context_length_exceeded", "maximum context length is 10 tokens")]);
    scripted.model.script("bad", [Answer::error(400, "invalid_request_error", "no")]);

    let (overflow, _) = ask(&scripted, "too long").await;
    let (refused, _) = ask(&scripted, "bad").await;

    assert_eq!(outcome(&overflow), json!(["failed", "context_overflow", 1, 1]));
    assert_eq!(outcome(&refused), json!(["failed", "agent_refused", 1, 1]));
}

#[tokio::test]
async fn retries_after_a_server_error() {
    let scripted = with_attempts(3).await;
    scripted.model.script("once", [Answer::error(500, "server_error", "oops"), Answer::text("fine")]);

    let (task, answer) = ask(&scripted, "once").await;

    assert_eq!(outcome(&task), json!(["succeeded", null, 2, 1]));
    assert_eq!(answer.unwrap()["content"], "fine");
}

#[tokio::test]
async fn a_persistent_server_error_fails_the_turn() {
    let scripted = with_attempts(2).await;
    scripted.model.script("always", [Answer::error(502, "server_error", "oops")]);

    let (task, answer) = ask(&scripted, "always").await;

    assert_eq!(outcome(&task), json!(["failed", "agent_error", 2, 2]));
    assert_eq!(answer, None);
    assert!(task["finished_at"].is_string() && task["next_attempt_at"].is_null());
}

#[tokio::test]
async fn retries_a_truncated_answer_from_its_start() {
    let scripted = with_attempts(3).await;
    scripted.model.script("go", [Answer::cut_after("half an "), Answer::text("a whole answer")]);

    let (task, answer) = ask(&scripted, "go").await;

    assert_eq!(outcome(&task), json!(["succeeded", null, 2, 1]));
    assert_eq!(answer.unwrap()["content"], "a whole answer");
}

#[tokio::test]
async fn keeps_the_text_of_the_last_attempt_that_produced_any() {
    let scripted = with_attempts(3).await;
    let fail = Answer::error(500, "server_error", "oops");
    scripted.model.script("go", [Answer::cut_after("one"), Answer::cut_after("two"), fail]);

    let (task, answer) = ask(&scripted, "go").await;

    assert_eq!(outcome(&task), json!(["failed", "agent_error", 3, 3]));
    let answer = answer.unwrap();
    assert_eq!(json!([answer["content"], answer["finish_reason"]]), json!(["two", "error"]));
}

#[tokio::test]
async fn a_silent_server_times_out() {
    let agent = "max_attempts = 1\nidle_timeout_s = 1\nfirst_byte_timeout_s = 1";
    let scripted = Scripted::start_with(agent, |builder| builder).await;
    scripted.model.script("silent", [Answer::SilentFromTheStart]);
    scripted.model.script("stuck", [Answer::SilentAfter(vec!["some text".into()])]);

    let (silent, nothing) = ask(&scripted, "silent").await;
    let (stuck, kept) = ask(&scripted, "stuck").await;

    assert_eq!(outcome(&silent), json!(["failed", "timeout", 1, 1]));
    assert_eq!(nothing, None);
    assert_eq!(outcome(&stuck), json!(["failed", "timeout", 1, 1]));
    assert_eq!(kept.unwrap()["content"], "some text");
}

#[tokio::test]
async fn a_turn_over_its_time_limit_is_stopped() {
    let scripted = Scripted::start_with("max_attempts = 1\ntimeout_s = 2", |builder| builder).await;
    let words = vec!["word "; 1000];
    scripted.model.script("forever", [Answer::words(words, Duration::from_millis(50))]);

    let (task, answer) = ask(&scripted, "forever").await;

    assert_eq!(outcome(&task), json!(["failed", "timeout", 1, 1]));
    assert!(text_of(&answer.unwrap(), "content").starts_with("word word "));
}

#[tokio::test]
async fn an_unreachable_or_non_http_server_fails_the_turn() {
    let garbage = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let agents = [("garbage", garbage.local_addr().unwrap()), ("nobody", nobody.local_addr().unwrap())].map(
        |(key, address)| {
            format!(
                "[[agents]]\nkey = \"{key}\"\nname = \"{key}\"\ndriver = \"openai\"\nbase_url = \"http://{address}/v1\"\n\
                 model = \"m\"\nmax_attempts = 1\n"
            )
        },
    );
    drop(nobody);
    let server = tokio::spawn(async move {
        while let Ok((mut socket, _)) = garbage.accept().await {
            let _ = socket.write_all(b"\0\x01\x02 nonsense \xff\xff\r\n\r\n").await;
        }
    });
    let app = TestApp::builder().agents(&agents.join("\n")).start().await;
    let client = app.client();

    for (agent, codes) in [("garbage", vec!["agent_network", "agent_protocol"]), ("nobody", vec!["agent_network"])] {
        let session = client.create_session(agent).await;
        let sent = client.send(&session, "hello").await;
        let task = client.wait_for_status(&session, &sent.task_id, "failed").await;
        assert!(codes.contains(&task["error"]["code"].as_str().unwrap()), "{agent}: {task}");
    }
    server.abort();
}

#[tokio::test]
async fn sends_an_agents_key_only_to_its_server() {
    let agent = "api_key_env = \"SCRIPTED_KEY\"\nmax_attempts = 1";
    let scripted = Scripted::start_with(agent, |builder| builder.env("SCRIPTED_KEY", "sk-very-secret")).await;
    let session = scripted.session().await;
    scripted.model.script("go", [Answer::error(401, "invalid_api_key", "the key sk-very-secret is wrong")]);

    scripted.client.ask(&session, "go").await;

    assert_eq!(scripted.model.requests()[0].authorization.as_deref(), Some("Bearer sk-very-secret"));
    let shown = scripted.client.chat(&session).await.to_string();
    assert!(!shown.contains("sk-very-secret"), "{shown}");
    let agents = scripted.client.get("/v1/agents").await;
    assert!(!agents.text().contains("sk-very-secret"));
}
