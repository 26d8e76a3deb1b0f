//! The demo agent as an Agent Client Protocol server.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use agent_client_protocol::{
    Agent, ByteStreams, Client, Error, UntypedMessage, on_receive_notification, on_receive_request,
    v1::{
        ConnectionTo, Responder,
        schema::{
            self, AgentCapabilities, CancelNotification, ContentBlock, ContentChunk, Implementation, InitializeRequest,
            InitializeResponse, LoadSessionRequest, LoadSessionResponse, NewSessionRequest, NewSessionResponse,
            PromptCapabilities, PromptRequest, PromptResponse, SessionNotification, SessionUpdate, StopReason,
        },
    },
};
use banter_shared::{
    chat::{HistoryMessage, Role},
    id::SessionId,
};
use serde_json::json;
use tokio::time::timeout;
use tokio_util::{
    compat::{TokioAsyncReadCompatExt as _, TokioAsyncWriteCompatExt as _},
    sync::CancellationToken,
};

use super::{
    AnswerEnd, DemoFile, answer,
    sender::{AnswerSender, Interruption},
    session_files,
};
use crate::agents::prompt::{ASSISTANT_HEADING, INTRODUCTION, USER_HEADING};

/// Maximum delay before a crash. The delay lets the preceding updates arrive first.
const FLUSH_LIMIT: Duration = Duration::from_secs(5);
/// Serves until stdin is closed.
///
/// # Errors
/// Fails if the connection ends with an error, such as a protocol violation by the client.
pub async fn serve() -> anyhow::Result<()> {
    let demo = DemoServer::default();
    let (creating, loading, prompting, cancelling) = (demo.clone(), demo.clone(), demo.clone(), demo);
    Agent
        .v1()
        .name("demo")
        .on_receive_request(
            async |request: InitializeRequest, responder, _| {
                responder.respond(
                    InitializeResponse::new(request.protocol_version)
                        .agent_capabilities(
                            AgentCapabilities::new()
                                .load_session(true)
                                .prompt_capabilities(PromptCapabilities::new().image(true).embedded_context(true)),
                        )
                        .agent_info(Implementation::new("banter-demo", env!("CARGO_PKG_VERSION"))),
                )
            },
            on_receive_request!(),
        )
        .on_receive_request(
            async move |_: NewSessionRequest, responder, _| {
                responder.respond(NewSessionResponse::new(creating.create()))
            },
            on_receive_request!(),
        )
        .on_receive_request(
            async move |request: LoadSessionRequest, responder, cx| {
                let result = loading.load(&request, &cx);
                responder.respond_with_result(result)
            },
            on_receive_request!(),
        )
        .on_receive_request(
            async move |request: PromptRequest, responder, cx: ConnectionTo<Client>| {
                let answering = prompting.clone().answer(request, responder, cx.clone());
                cx.spawn(answering)
            },
            on_receive_request!(),
        )
        .on_receive_notification(
            async move |request: CancelNotification, _| {
                cancelling.cancel(&request.session_id.0);
                Ok(())
            },
            on_receive_notification!(),
        )
        .connect_to(ByteStreams::new(tokio::io::stdout().compat_write(), tokio::io::stdin().compat()))
        .await
        .map_err(|error| anyhow::anyhow!("{error}"))
}

/// The sessions in this process.
#[derive(Clone, Default)]
struct DemoServer {
    sessions: Arc<Mutex<HashMap<String, DemoSession>>>,
}

#[derive(Default)]
struct DemoSession {
    history: Vec<HistoryMessage>,
    /// Cancelled to stop the answer in progress.
    stop: CancellationToken,
}

impl DemoServer {
    fn with<T>(&self, id: &str, access: impl FnOnce(&mut DemoSession) -> T) -> T {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        access(sessions.entry(id.to_owned()).or_default())
    }

    fn create(&self) -> String {
        let id = SessionId::generate().to_string();
        self.with(&id, |_| ());
        id
    }

    fn cancel(&self, id: &str) {
        self.with(id, |session| session.stop.cancel());
    }

    /// Loads an earlier session and replays its messages, as the protocol requires.
    fn load(&self, request: &LoadSessionRequest, cx: &ConnectionTo<Client>) -> Result<LoadSessionResponse, Error> {
        let id = &*request.session_id.0;
        let Some(history) = session_files::read(id) else {
            return Err(schema::Error::resource_not_found(Some(id.to_owned())).into());
        };
        for message in &history {
            let chunk = ContentChunk::new(ContentBlock::from(message.content.clone()));
            let update = match message.role {
                Role::User => SessionUpdate::UserMessageChunk(chunk),
                Role::Assistant => SessionUpdate::AgentMessageChunk(chunk),
            };
            cx.send_notification(SessionNotification::new(request.session_id.clone(), update))?;
        }
        self.with(id, |session| session.history = history);
        Ok(LoadSessionResponse::new())
    }

    async fn answer(
        self,
        request: PromptRequest,
        responder: Responder<PromptResponse>,
        cx: ConnectionTo<Client>,
    ) -> Result<(), Error> {
        let id = request.session_id.0.to_string();
        let (messages, files) = read_prompt(request.prompt);
        session_files::append(&id, &messages);
        let (answer, stop) = self.with(&id, |session| {
            session.history.extend(messages);
            session.stop = CancellationToken::new();
            (answer(&session.history, &files), session.stop.clone())
        });
        let sender = AnswerSender { cx, session_id: request.session_id, stop };
        let mut text = String::new();
        let end = answer.end;
        let result = sender.send(answer, &mut text).await;
        if end == AnswerEnd::Crash {
            // No client supports this request. Once the error response arrives, all earlier updates must have arrived
            // as well.
            let question = UntypedMessage::new("demo/farewell", json!({}))?;
            let _ = timeout(FLUSH_LIMIT, sender.cx.send_request(question).block_task()).await;
        }
        let answer = HistoryMessage { turn: 0, role: Role::Assistant, content: text, attachments: Vec::new() };
        session_files::append(&id, std::slice::from_ref(&answer));
        self.with(&id, |session| session.history.push(answer));
        let failure = |code, message: &str| Error::new(i32::from(code), message);
        responder.respond_with_result(match (result, end) {
            (Err(Interruption::Stopped), _) => Ok(PromptResponse::new(StopReason::Cancelled)),
            (Err(Interruption::Failed(error)), _) => Err(error),
            (Ok(()), AnswerEnd::Normal) => Ok(PromptResponse::new(StopReason::EndTurn)),
            (Ok(()), AnswerEnd::Refusal(message)) => {
                Err(failure(agent_client_protocol::ErrorCode::INVALID_REQUEST, message))
            }
            (Ok(()), AnswerEnd::Failure(message)) => {
                Err(failure(agent_client_protocol::ErrorCode::INTERNAL_ERROR, message))
            }
            (Ok(()), AnswerEnd::Crash) => std::process::exit(70),
        })
    }
}

/// Returns the messages in a prompt: the new message, preceded by any messages that this session has not received yet.
/// Also returns the files of the new message.
fn read_prompt(blocks: Vec<ContentBlock>) -> (Vec<HistoryMessage>, Vec<DemoFile>) {
    let (mut texts, mut files) = (Vec::new(), Vec::new());
    for block in blocks {
        match block {
            ContentBlock::Text(text) => {
                texts.push(text.text);
                files.clear();
            }
            ContentBlock::ResourceLink(link) => files.extend(DemoFile::from_link(&link)),
            _ => {}
        }
    }
    let has_heading = |text: &String| text.starts_with(USER_HEADING) || text.starts_with(ASSISTANT_HEADING);
    let has_earlier = texts.first().is_some_and(|text| text == INTRODUCTION);
    if !files.is_empty() && (texts.is_empty() || has_earlier && texts.last().is_some_and(has_heading)) {
        // The new message has no text.
        texts.push(String::new());
    }
    (messages(&texts), files)
}

fn messages(texts: &[String]) -> Vec<HistoryMessage> {
    let Some((last, earlier)) = texts.split_last() else { return Vec::new() };
    let earlier = earlier.iter().filter(|text| *text != INTRODUCTION).map(|text| {
        let answer = text.strip_prefix(ASSISTANT_HEADING);
        let role = if answer.is_some() { Role::Assistant } else { Role::User };
        (role, answer.or_else(|| text.strip_prefix(USER_HEADING)).unwrap_or(text))
    });
    let all = earlier.chain([(Role::User, last.as_str())]);
    all.map(|(role, text)| HistoryMessage { turn: 0, role, content: text.to_owned(), attachments: Vec::new() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::prompt;

    #[test]
    fn parses_the_conversation_in_a_prompt() {
        let history: Vec<HistoryMessage> = [(Role::User, "[user]\nx"), (Role::Assistant, ""), (Role::User, "/echo a")]
            .into_iter()
            .map(|(role, content)| HistoryMessage { turn: 0, role, content: content.into(), attachments: Vec::new() })
            .collect();

        let blocks = prompt::blocks(history.clone(), None, usize::MAX);

        let blocks = blocks.into_iter().map(|block| ContentBlock::from(block.text)).collect();
        assert_eq!(read_prompt(blocks), (history, Vec::new()));
    }

    #[test]
    fn finds_the_files_of_the_new_message() {
        let link = |name: &str| {
            ContentBlock::ResourceLink(schema::ResourceLink::new(name.to_owned(), format!("file:///x/{name}")))
        };
        let text = |text: &str| ContentBlock::from(text.to_owned());
        let read = |blocks| {
            let (messages, files) = read_prompt(blocks);
            (messages.last().unwrap().content.clone(), messages.len(), files.len())
        };

        assert_eq!(read(vec![text("Look"), link("a"), link("b")]), ("Look".into(), 1, 2));
        assert_eq!(read(vec![link("a")]), (String::new(), 1, 1));
        let earlier = [text(INTRODUCTION), text("[user]\nOne"), link("old"), text("[assistant]\n1")];
        assert_eq!(read([&earlier[..], &[text("Two")]].concat()), ("Two".into(), 3, 0));
        assert_eq!(read([&earlier[..], &[link("new")]].concat()), (String::new(), 3, 1));
    }
}
