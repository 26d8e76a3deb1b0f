//! The demo agent as a server of the Agent Client Protocol.

use std::{
    collections::HashMap,
    env,
    fmt::Write as _,
    fs,
    io::{self, Write as _},
    path::PathBuf,
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
            PermissionOption, PermissionOptionKind, Plan, PlanEntry, PlanEntryPriority, PlanEntryStatus, PromptRequest,
            PromptResponse, RequestPermissionOutcome, RequestPermissionRequest, SessionNotification, SessionUpdate,
            StopReason, ToolCall, ToolCallStatus, ToolCallUpdate, ToolCallUpdateFields, ToolKind,
        },
    },
};
use banter_shared::{
    chat::{HistoryMessage, Role},
    id::SessionId,
};
use serde_json::json;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::{
    compat::{TokioAsyncReadCompatExt as _, TokioAsyncWriteCompatExt as _},
    sync::CancellationToken,
};

use super::{AnswerEnd, DemoAnswer, Prelude, answer, texts, words};
use crate::agents::prompt::{ASSISTANT_HEADING, INTRODUCTION, USER_HEADING};

/// Pause between the words of a thought.
const THOUGHT_PAUSE: Duration = Duration::from_millis(30);
/// Pause between the steps of a plan.
const PLAN_PAUSE: Duration = Duration::from_millis(300);
/// How long a crash is delayed until the updates before it have arrived.
const FLUSH_LIMIT: Duration = Duration::from_secs(5);
/// How long the tool pretends to run.
const TOOL_DURATION: Duration = Duration::from_millis(500);

/// Serves until stdin is closed.
///
/// # Errors
/// Fails if the client violates the protocol.
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
                        .agent_capabilities(AgentCapabilities::new().load_session(true))
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

/// The sessions of this process.
#[derive(Clone, Default)]
struct DemoServer {
    sessions: Arc<Mutex<HashMap<String, Session>>>,
}

#[derive(Default)]
struct Session {
    history: Vec<HistoryMessage>,
    /// Stops the answer in progress.
    stop: CancellationToken,
}

/// The destination of an answer.
struct AnswerSender {
    cx: ConnectionTo<Client>,
    session_id: schema::SessionId,
    stop: CancellationToken,
}

/// The reason why an answer stops early.
enum Interruption {
    Stopped,
    Failed(Error),
}

impl From<Error> for Interruption {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl DemoServer {
    fn with<T>(&self, id: &str, access: impl FnOnce(&mut Session) -> T) -> T {
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
        let Some(history) = read(id) else {
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
        let messages = messages(request.prompt);
        write(&id, &messages);
        let (answer, stop) = self.with(&id, |session| {
            session.history.extend(messages);
            session.stop = CancellationToken::new();
            (answer(&session.history), session.stop.clone())
        });
        let sender = AnswerSender { cx, session_id: request.session_id, stop };
        let mut text = String::new();
        let end = answer.end;
        let result = sender.send(answer, &mut text).await;
        if end == AnswerEnd::Crash {
            // A request that no client supports: when its error arrives, so have all earlier updates.
            let question = UntypedMessage::new("demo/farewell", json!({}))?;
            let _ = timeout(FLUSH_LIMIT, sender.cx.send_request(question).block_task()).await;
        }
        let answer = HistoryMessage { turn: 0, role: Role::Assistant, content: text };
        write(&id, std::slice::from_ref(&answer));
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

impl AnswerSender {
    async fn send(&self, answer: DemoAnswer, text: &mut String) -> Result<(), Interruption> {
        match answer.prelude {
            Prelude::Nothing => {}
            Prelude::Thought => self.think().await?,
            Prelude::Plan => self.plan().await?,
            Prelude::Tool => {
                if !self.run_tool().await? {
                    return self.send_text(DemoAnswer::typed(texts::AFTER_REFUSED_TOOL), text).await;
                }
            }
        }
        self.send_text(answer, text).await
    }

    async fn send_text(&self, answer: DemoAnswer, text: &mut String) -> Result<(), Interruption> {
        let start = Instant::now();
        let count = u32::try_from(answer.parts.len()).unwrap_or(u32::MAX).max(1);
        for (index, part) in (1..).zip(answer.parts) {
            text.push_str(&part);
            self.notify(SessionUpdate::AgentMessageChunk(ContentChunk::new(ContentBlock::from(part))))?;
            if !answer.duration.is_zero() {
                let next = start + answer.duration.mul_f64(f64::from(index) / f64::from(count));
                self.until_stopped(sleep_until(next)).await?;
            }
        }
        Ok(())
    }

    async fn think(&self) -> Result<(), Interruption> {
        for part in words(texts::THOUGHTS) {
            self.notify(SessionUpdate::AgentThoughtChunk(ContentChunk::new(ContentBlock::from(part))))?;
            self.until_stopped(sleep(THOUGHT_PAUSE)).await?;
        }
        Ok(())
    }

    async fn plan(&self) -> Result<(), Interruption> {
        for done in 0..=texts::PLAN.len() {
            let status = |index: usize| match index.cmp(&done) {
                std::cmp::Ordering::Less => PlanEntryStatus::Completed,
                std::cmp::Ordering::Equal => PlanEntryStatus::InProgress,
                std::cmp::Ordering::Greater => PlanEntryStatus::Pending,
            };
            let entries = texts::PLAN.iter().enumerate();
            let entries = entries.map(|(index, text)| PlanEntry::new(*text, PlanEntryPriority::Medium, status(index)));
            self.notify(SessionUpdate::Plan(Plan::new(entries.collect())))?;
            self.until_stopped(sleep(PLAN_PAUSE)).await?;
        }
        Ok(())
    }

    /// Requests permission and pretends to run the tool. Returns false if it was rejected.
    async fn run_tool(&self) -> Result<bool, Interruption> {
        let id = SessionId::generate().to_string();
        let call = ToolCall::new(id.clone(), texts::TOOL_TITLE)
            .kind(ToolKind::Execute)
            .raw_input(json!({"command": texts::TOOL_COMMAND, "description": texts::TOOL_QUESTION}));
        self.notify(SessionUpdate::ToolCall(call))?;
        let options = vec![
            PermissionOption::new("yes", "Allow", PermissionOptionKind::AllowOnce),
            PermissionOption::new("no", "Reject", PermissionOptionKind::RejectOnce),
        ];
        let fields = ToolCallUpdateFields::new().title(texts::TOOL_TITLE.to_owned());
        let update = ToolCallUpdate::new(id.clone(), fields);
        let request = RequestPermissionRequest::new(self.session_id.clone(), update, options);
        let decided = self.until_stopped(self.cx.send_request(request).block_task()).await??;
        let RequestPermissionOutcome::Selected(selected) = decided.outcome else { return Err(Interruption::Stopped) };
        let status = |status| ToolCallUpdateFields::new().status(status);
        let update = |fields| SessionUpdate::ToolCallUpdate(ToolCallUpdate::new(id.clone(), fields));
        if &*selected.option_id.0 != "yes" {
            self.notify(update(status(ToolCallStatus::Failed)))?;
            return Ok(false);
        }
        self.notify(update(status(ToolCallStatus::InProgress)))?;
        self.until_stopped(sleep(TOOL_DURATION)).await?;
        let output = vec![texts::TOOL_OUTPUT.to_owned().into()];
        self.notify(update(status(ToolCallStatus::Completed).content(output)))?;
        Ok(true)
    }

    fn notify(&self, update: SessionUpdate) -> Result<(), Error> {
        self.cx.send_notification(SessionNotification::new(self.session_id.clone(), update))
    }

    async fn until_stopped<T>(&self, future: impl Future<Output = T>) -> Result<T, Interruption> {
        self.stop.run_until_cancelled(future).await.ok_or(Interruption::Stopped)
    }
}

/// Returns the messages in a prompt: the new one, preceded by those that this session has not seen.
fn messages(blocks: Vec<ContentBlock>) -> Vec<HistoryMessage> {
    let texts: Vec<String> = blocks
        .into_iter()
        .filter_map(|block| match block {
            ContentBlock::Text(text) => Some(text.text),
            _ => None,
        })
        .collect();
    let Some((last, earlier)) = texts.split_last() else { return Vec::new() };
    let earlier = earlier.iter().filter(|text| *text != INTRODUCTION).map(|text| {
        let answer = text.strip_prefix(ASSISTANT_HEADING);
        let role = if answer.is_some() { Role::Assistant } else { Role::User };
        (role, answer.or_else(|| text.strip_prefix(USER_HEADING)).unwrap_or(text))
    });
    let all = earlier.chain([(Role::User, last.as_str())]);
    all.map(|(role, text)| HistoryMessage { turn: 0, role, content: text.to_owned() }).collect()
}

/// Returns the file of a session, or `None` if there is no home or the id is invalid.
fn file(id: &str) -> Option<PathBuf> {
    let id: SessionId = id.parse().ok()?;
    Some(PathBuf::from(env::var_os("HOME")?).join("sessions").join(format!("{id}.jsonl")))
}

fn read(id: &str) -> Option<Vec<HistoryMessage>> {
    let text = fs::read_to_string(file(id)?).ok()?;
    let message = |line: &str| {
        let (role, content): (Role, String) = serde_json::from_str(line).ok()?;
        Some(HistoryMessage { turn: 0, role, content })
    };
    Some(text.lines().filter_map(message).collect())
}

/// Stores messages. If that fails, the session lasts as long as the process.
fn write(id: &str, messages: &[HistoryMessage]) {
    let Some(path) = file(id) else { return };
    let lines = messages.iter().fold(String::new(), |mut lines, message| {
        let _ = writeln!(lines, "{}", json!([message.role, message.content]));
        lines
    });
    let kept = || -> io::Result<()> {
        fs::create_dir_all(path.parent().unwrap_or(&path))?;
        fs::OpenOptions::new().append(true).create(true).open(&path)?.write_all(lines.as_bytes())
    };
    if let Err(error) = kept() {
        eprintln!("cannot store the session: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::prompt;

    #[test]
    fn parses_the_conversation_in_a_prompt() {
        let history: Vec<HistoryMessage> = [(Role::User, "[user]\nx"), (Role::Assistant, ""), (Role::User, "/echo a")]
            .into_iter()
            .map(|(role, content)| HistoryMessage { turn: 0, role, content: content.into() })
            .collect();

        let blocks = prompt::blocks(history.clone(), None, usize::MAX);

        assert_eq!(messages(blocks.into_iter().map(ContentBlock::from).collect()), history);
    }
}
