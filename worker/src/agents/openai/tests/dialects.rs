//! Servers that reject certain requests.

use serde_json::json;

use super::{
    server::{Script, response, stream},
    *,
};

const ANSWER: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: [DONE]\n\n";

fn rejects(status: &str, message: &str) -> Script {
    response(status, "", &json!({"error": {"message": message}}).to_string())
}

/// Returns a turn that follows a failed turn, a turn with an answer, and a turn with an empty answer.
fn long_turn() -> Turn {
    let message =
        |turn, role, content: &str| HistoryMessage { turn, role, content: content.into(), attachments: Vec::new() };
    let history = vec![
        message(1, Role::User, "one"),
        message(2, Role::User, "two"),
        message(2, Role::Assistant, "2"),
        message(3, Role::User, "three"),
        message(3, Role::Assistant, ""),
        message(4, Role::User, "four"),
    ];
    Turn { history, turn: 4, ..turn("") }
}

async fn messages_of(server: &mut Server) -> Value {
    let request = server.request().await;
    let body: Value = serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap();
    body["messages"].clone()
}

fn pairs(messages: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    messages.as_array().unwrap().iter().map(|message| (text(&message["role"]), text(&message["content"]))).collect()
}

fn expected(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(role, content)| ((*role).to_owned(), (*content).to_owned())).collect()
}

#[tokio::test]
async fn joins_consecutive_messages_once_the_server_requires_it() {
    for complaint in [
        rejects("400 Bad Request", "Conversation roles must alternate user/assistant/user/assistant/..."),
        rejects(
            "422 Unprocessable Entity",
            "After the (optional) system message(s), user and assistant roles should be alternating.",
        ),
        rejects("500 Internal Server Error", "Jinja Exception: Conversation roles must alternate user/assistant"),
        rejects("500 Internal Server Error", "Jinja Exception: something else"),
        stream("error: {\"code\":500,\"message\":\"roles must alternate\"}\n\n"),
        rejects("400 Bad Request", "Role sequence user, user is not implemented"),
    ] {
        let mut server = Server::start([complaint, stream(ANSWER), stream(ANSWER)]).await;
        let agent = agent(config(&server));

        for _ in 0..2 {
            let (updates, outcome) = ask_about(&agent, long_turn()).await;
            assert_eq!((text_of(&updates).as_str(), outcome.is_ok()), ("a", true));
        }

        let verbatim = messages_of(&mut server).await;
        assert_eq!(verbatim.as_array().unwrap().len(), 6, "the first request is unchanged");
        let joined = expected(&[("user", "one\n\ntwo"), ("assistant", "2"), ("user", "three\n\nfour")]);
        for _ in 0..2 {
            assert_eq!(pairs(&messages_of(&mut server).await), joined);
        }
    }
}

#[tokio::test]
async fn prepends_the_system_prompt_if_there_is_no_system_role() {
    let complaint = rejects("400 Bad Request", "System role not supported");
    let mut server = Server::start([complaint, stream(ANSWER)]).await;
    let agent = agent(OpenaiConfig { system_prompt: Some("Be brief.".into()), ..config(&server) });

    ask(&agent).await.1.unwrap();

    messages_of(&mut server).await;
    assert_eq!(pairs(&messages_of(&mut server).await), expected(&[("user", "Be brief.\n\nHi")]));
}

#[tokio::test]
async fn adapts_to_several_errors_in_turn() {
    let mut server = Server::start([
        rejects("400 Bad Request", "System role not supported"),
        rejects("400 Bad Request", "roles must alternate"),
        stream(ANSWER),
    ])
    .await;
    let agent = agent(OpenaiConfig { system_prompt: Some("Be brief.".into()), ..config(&server) });

    let (_, outcome) = ask_about(&agent, long_turn()).await;

    outcome.unwrap();
    messages_of(&mut server).await;
    messages_of(&mut server).await;
    assert_eq!(pairs(&messages_of(&mut server).await)[0].1, "Be brief.\n\none\n\ntwo");
}

#[tokio::test]
async fn fails_if_no_change_satisfies_the_server() {
    let complaint = || rejects("400 Bad Request", "roles must alternate");
    let mut server = Server::start([complaint(), stream(ANSWER)]).await;
    let error = ask(&agent(config(&server))).await.1.unwrap_err();
    assert_eq!(
        error.message,
        "The agent's server rejected the request (HTTP 400). The server says: roles must alternate"
    );
    assert_eq!(server.requests_left(), 1, "a single message is not sent again");

    let mut server = Server::start([complaint(), complaint(), stream(ANSWER)]).await;
    let (_, outcome) = ask_about(&agent(config(&server)), long_turn()).await;
    assert_eq!(outcome.unwrap_err().code, ErrorCode::AgentRefused);
    assert_eq!(server.requests_left(), 2);
}
