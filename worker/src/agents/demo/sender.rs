//! Sends the parts of an answer at a given pace.

use std::time::Duration;

use agent_client_protocol::{
    Client, Error,
    v1::{
        ConnectionTo,
        schema::{
            self, ContentBlock, ContentChunk, PermissionOption, PermissionOptionKind, Plan, PlanEntry,
            PlanEntryPriority, PlanEntryStatus, RequestPermissionOutcome, RequestPermissionRequest,
            SessionNotification, SessionUpdate, ToolCall, ToolCallStatus, ToolCallUpdate, ToolCallUpdateFields,
            ToolKind,
        },
    },
};
use banter_shared::id::SessionId;
use serde_json::json;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{DemoAnswer, Prelude, output_files, texts, words};

/// Pause between the words in a thought.
const THOUGHT_PAUSE: Duration = Duration::from_millis(30);
/// Pause between the steps in a plan.
const PLAN_PAUSE: Duration = Duration::from_millis(300);
/// How long the simulated tool takes.
const TOOL_DURATION: Duration = Duration::from_millis(500);

/// Sends an answer to the client.
pub(super) struct AnswerSender {
    pub cx: ConnectionTo<Client>,
    pub session_id: schema::SessionId,
    /// Cancelled to stop sending the answer.
    pub stop: CancellationToken,
}

/// The reason why an answer ended early.
pub(super) enum Interruption {
    Stopped,
    Failed(Error),
}

impl From<Error> for Interruption {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl AnswerSender {
    /// Sends an answer and appends its text to `text`.
    pub async fn send(&self, answer: DemoAnswer, text: &mut String) -> Result<(), Interruption> {
        match answer.prelude {
            Prelude::Nothing => {}
            Prelude::Thought => self.think().await?,
            Prelude::Plan => self.plan().await?,
            Prelude::Picture => self.send_block(output_files::picture()?)?,
            Prelude::File => self.send_block(output_files::file().await?)?,
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

    fn send_block(&self, block: ContentBlock) -> Result<(), Error> {
        self.notify(SessionUpdate::AgentMessageChunk(ContentChunk::new(block)))
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

    /// Requests permission and pretends to run the tool. Returns `false` if permission was denied.
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
