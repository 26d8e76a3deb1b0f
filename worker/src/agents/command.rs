//! The `command` driver, which runs any program. Each attempt starts the program with fixed arguments. The program
//! reads its input from stdin and writes its answer to stdout. User text is never passed as an argument, and no shell
//! is involved.

use std::{
    collections::HashMap,
    fmt::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use banter_shared::{
    agents_file::{CommandConfig, CommandInput},
    chat::{Attachment, ErrorCode, FinishReason, HistoryMessage, MAX_ANSWER_BYTES, Role},
    count::seconds,
    id::AttachmentId,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::{ChildStdin, ChildStdout},
    sync::mpsc,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{
    Agent, AgentError, Answer, Files, Turn, Update,
    acp::from_exit,
    driver::{BuildContext, Driver, ProbeReport},
    files::place,
    process::{AgentProcess, Launch, ProcessHost},
    prompt,
};

#[async_trait]
impl Driver for CommandConfig {
    fn build(&self, context: &BuildContext<'_>) -> Result<Arc<dyn Agent>, String> {
        Ok(Arc::new(CommandAgent::new(self.clone(), context.launch(&self.program)?, context.host.clone())))
    }

    fn program(&self) -> Option<&str> {
        Some(&self.program.command)
    }

    async fn probe(&self, _: &BuildContext<'_>) -> ProbeReport {
        let line = "not started: a command agent runs only when it has a message to answer";
        ProbeReport { is_usable: true, lines: vec![line.to_owned()] }
    }
}

/// An agent that runs a program.
#[derive(Clone)]
pub struct CommandAgent {
    inner: Arc<Inner>,
}

struct Inner {
    config: CommandConfig,
    launch: Launch,
    host: ProcessHost,
}

impl CommandAgent {
    /// Creates the agent without starting a process.
    #[must_use]
    pub fn new(config: CommandConfig, launch: Launch, host: ProcessHost) -> Self {
        Self { inner: Arc::new(Inner { config, launch, host }) }
    }
}

#[async_trait]
impl Agent for CommandAgent {
    async fn answer(
        &self,
        turn: Turn,
        updates: mpsc::Sender<Update>,
        stop: CancellationToken,
    ) -> Result<Answer, AgentError> {
        let answer = self.inner.run(turn, &updates);
        stop.run_until_cancelled(answer).await.unwrap_or_else(|| Err(AgentError::stopped()))
    }
}

impl Inner {
    /// Runs the program. Dropping the future terminates the process in the background.
    async fn run(&self, turn: Turn, updates: &mpsc::Sender<Update>) -> Result<Answer, AgentError> {
        let process = self.host.start(&self.launch, turn.session_id, turn.folder.as_deref()).await?;
        let AgentProcess { stdin, stdout, handle } = process;
        let history = prompt::within_budget(turn.history, self.config.history_bytes);
        let paths = place_files(&history, &*turn.files, handle.work_folder()).await?;
        self.host.tasks().spawn(write(stdin, input(self.config.input, &history, &paths)));
        let finish_reason = self.read(stdout, updates).await?;
        if finish_reason == FinishReason::Stop {
            let limit = self.config.idle_timeout;
            let Ok(status) = timeout(limit, handle.exited()).await else {
                let message = format!("The program closed its output but did not exit within {}.", seconds(limit));
                return Err(AgentError::new(ErrorCode::Timeout, message));
            };
            if !status.is_some_and(|status| status.success()) {
                tracing::warn!(agent = self.launch.agent_key, ?status, stderr = handle.stderr(), "program failed");
                return Err(from_exit(status));
            }
        }
        Ok(Answer { finish_reason, usage: None })
    }

    async fn read(&self, mut stdout: ChildStdout, updates: &mpsc::Sender<Update>) -> Result<FinishReason, AgentError> {
        let mut buffer = vec![0; 8192];
        let mut pending = Vec::new();
        let mut room = MAX_ANSWER_BYTES;
        loop {
            let limit = self.config.idle_timeout;
            let Ok(read) = timeout(limit, stdout.read(&mut buffer)).await else {
                let message = format!("The program produced no output for {}.", seconds(limit));
                return Err(AgentError::new(ErrorCode::Timeout, message));
            };
            let count = read.unwrap_or(0);
            pending.extend_from_slice(&buffer[..count]);
            let text = if count == 0 { lossy(std::mem::take(&mut pending)) } else { whole_characters(&mut pending) };
            let kept = &text[..text.floor_char_boundary(room)];
            room -= kept.len();
            if !kept.is_empty() && updates.send(Update::Text(kept.to_owned())).await.is_err() {
                return Err(AgentError::stopped());
            }
            if kept.len() < text.len() {
                return Ok(FinishReason::Length);
            }
            if count == 0 {
                return Ok(FinishReason::Stop);
            }
        }
    }
}

/// Writes the input and closes stdin. The program does not have to read all of the input.
async fn write(mut stdin: ChildStdin, text: String) {
    let written = async {
        stdin.write_all(text.as_bytes()).await?;
        stdin.shutdown().await
    };
    if let Err(error) = written.await {
        tracing::debug!(%error, "program did not read all of its input");
    }
}

/// Places the attachments in the work folder, and returns their paths.
async fn place_files(
    history: &[HistoryMessage],
    files: &dyn Files,
    work_folder: &Path,
) -> Result<HashMap<AttachmentId, PathBuf>, AgentError> {
    let mut paths = HashMap::new();
    for attachment in history.iter().flat_map(|message| &message.attachments) {
        paths.insert(attachment.id, place(files, attachment, work_folder).await?);
    }
    Ok(paths)
}

/// Returns the program's input in the configured format.
fn input(kind: CommandInput, history: &[HistoryMessage], paths: &HashMap<AttachmentId, PathBuf>) -> String {
    let Some((message, earlier)) = history.split_last() else { return String::new() };
    match kind {
        CommandInput::Message => message.content.clone(),
        CommandInput::Transcript if earlier.is_empty() => message.content.clone(),
        CommandInput::Transcript => {
            let paragraph = |message: &HistoryMessage| match message.role {
                Role::User => format!("User: {}", message.content),
                Role::Assistant => format!("Assistant: {}", message.content),
            };
            let paragraphs: Vec<String> = history.iter().map(paragraph).collect();
            paragraphs.join("\n\n")
        }
        CommandInput::Json => history.iter().fold(String::new(), |mut lines, message| {
            let mut line = json!({"role": message.role, "content": message.content});
            let file = |attachment: &Attachment| {
                let path = paths.get(&attachment.id)?;
                Some(json!({"name": attachment.name, "media_type": attachment.media_type, "path": path}))
            };
            let files: Vec<Value> = message.attachments.iter().filter_map(file).collect();
            if !files.is_empty() {
                line["attachments"] = files.into();
            }
            let _ = writeln!(lines, "{line}");
            lines
        }),
    }
}

/// Removes the complete characters from the buffer and returns them. An incomplete character at the end stays in the
/// buffer, and invalid bytes become U+FFFD.
fn whole_characters(bytes: &mut Vec<u8>) -> String {
    let end = match std::str::from_utf8(bytes) {
        // The remaining bytes may be the start of a character.
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        _ => bytes.len().saturating_sub(incomplete(bytes)),
    };
    let rest = bytes.split_off(end);
    lossy(std::mem::replace(bytes, rest))
}

/// Returns the number of bytes at the end that belong to an incomplete character.
fn incomplete(bytes: &[u8]) -> usize {
    let tail = &bytes[bytes.len().saturating_sub(3)..];
    let is_cut = |start: &usize| {
        std::str::from_utf8(&tail[*start..]).is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
    };
    (0..tail.len()).find(is_cut).map_or(0, |start| tail.len() - start)
}

fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(messages: &[(Role, &str)]) -> Vec<HistoryMessage> {
        let message = |(role, content): &(Role, &str)| HistoryMessage {
            turn: 0,
            role: *role,
            content: (*content).into(),
            attachments: Vec::new(),
        };
        messages.iter().map(message).collect()
    }

    #[test]
    fn formats_the_input_as_configured() {
        let one = history(&[(Role::User, " a\n")]);
        let three = history(&[(Role::User, "a"), (Role::Assistant, "b\n"), (Role::User, "c")]);

        for kind in [CommandInput::Message, CommandInput::Transcript] {
            assert_eq!(input(kind, &one, &HashMap::new()), " a\n");
        }
        assert_eq!(input(CommandInput::Message, &three, &HashMap::new()), "c");
        assert_eq!(input(CommandInput::Transcript, &three, &HashMap::new()), "User: a\n\nAssistant: b\n\n\nUser: c");
        assert_eq!(input(CommandInput::Json, &one, &HashMap::new()), "{\"role\":\"user\",\"content\":\" a\\n\"}\n");
    }

    #[test]
    fn keeps_characters_whole_across_reads() {
        let text = "aé🎭日\u{fffd}b";
        for size in 1..8 {
            let mut pending = Vec::new();
            let mut found = String::new();
            for piece in text.as_bytes().chunks(size) {
                pending.extend_from_slice(piece);
                found.push_str(&whole_characters(&mut pending));
            }
            assert_eq!(found, text, "in chunks of {size}");
        }
    }

    #[test]
    fn replaces_invalid_bytes() {
        let mut bytes = b"a\xff\xfeb\xf0\x9f".to_vec();

        assert_eq!(whole_characters(&mut bytes), "a\u{fffd}\u{fffd}b");
        assert_eq!(bytes, b"\xf0\x9f");
    }
}
