//! Servers that are still loading their model.

use super::*;

const ANSWER: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: [DONE]\n\n";
/// Returns an agent that retries almost immediately, but only for a short time.
fn quick(server: &Server) -> OpenaiAgent {
    let limits = LoadingLimits { timeout: TIMEOUT, pause: Duration::from_millis(10) };
    OpenaiAgent { loading_limits: limits, ..agent(config(server)) }
}

const LOADING: &str = "{\"error\":{\"code\":503,\"message\":\"Loading model\",\"type\":\"unavailable_error\"}}";

#[tokio::test]
async fn waits_for_a_loading_model_and_shows_a_notice() {
    let busy = || server::response("503 Service Unavailable", "", LOADING);
    let in_stream = server::stream(format!("error: {LOADING}\n\n"));
    let server = Server::start([busy(), in_stream, busy(), server::stream(ANSWER)]).await;

    let (updates, outcome) = ask_for_updates(&quick(&server)).await;

    assert!(outcome.is_ok(), "{outcome:?}");
    assert_eq!(text_of(&updates), "a");
    let notice = |status| ("The model is loading.", status);
    assert_eq!(notices(&updates), [notice(StepStatus::Running), notice(StepStatus::Succeeded)]);
}

#[tokio::test]
async fn fails_if_the_model_never_loads() {
    let busy = (0..1_000).map(|_| server::response("503 Service Unavailable", "", LOADING));
    let mut server = Server::start(busy).await;
    let agent = quick(&server);

    let error = ask(&agent).await.1.unwrap_err();

    assert_eq!(error.code, ErrorCode::AgentOverloaded);
    assert_eq!(
        error.message,
        "The agent's server is still loading the model (HTTP 503). The server says: Loading model"
    );
    assert!(server.requests_left() > 1);
}

#[test]
fn waits_for_more_than_two_minutes() {
    assert!(LoadingLimits::default().timeout > Duration::from_mins(2));
}

#[tokio::test]
async fn stops_waiting_when_stopped() {
    let server = Server::start([server::response("503 Service Unavailable", "", LOADING)]).await;
    let agent = agent(config(&server));
    let (updates, mut received) = mpsc::channel(4);
    let stop = CancellationToken::new();

    let answer = agent.answer(turn("Hi"), updates, stop.clone());
    let stop_when_shown = async {
        assert!(matches!(received.recv().await, Some(Update::Step(shown)) if shown.title == "The model is loading."));
        stop.cancel();
    };
    let (outcome, ()) = tokio::join!(answer, stop_when_shown);

    assert_eq!(outcome, Err(AgentError::stopped()));
}
