//! The files in which the demo stores its sessions.

use std::{
    env,
    fmt::Write as _,
    fs,
    io::{self, Write as _},
    path::PathBuf,
};

use banter_shared::{
    chat::{HistoryMessage, Role},
    id::SessionId,
};
use serde_json::json;

/// Returns the path to a session's file, or `None` if there is no home folder or the ID is invalid.
fn file(id: &str) -> Option<PathBuf> {
    let id: SessionId = id.parse().ok()?;
    Some(PathBuf::from(env::var_os("HOME")?).join("sessions").join(format!("{id}.jsonl")))
}

/// Returns a session's messages, or `None` if the session has no readable file.
pub(super) fn read(id: &str) -> Option<Vec<HistoryMessage>> {
    let text = fs::read_to_string(file(id)?).ok()?;
    let message = |line: &str| {
        let (role, content): (Role, String) = serde_json::from_str(line).ok()?;
        Some(HistoryMessage { turn: 0, role, content, attachments: Vec::new() })
    };
    Some(text.lines().filter_map(message).collect())
}

/// Appends messages to a session's file. If that fails, these messages are lost when the process exits.
pub(super) fn append(id: &str, messages: &[HistoryMessage]) {
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
