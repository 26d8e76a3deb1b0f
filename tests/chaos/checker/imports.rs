//! Compares the imported sessions with the files that were imported.

use serde_json::Value;

use crate::history::{History, ImportRecord, is_delete};

/// Returns the import that created a session, given the session's messages of all branches.
pub(super) fn find<'a>(imports: &'a [ImportRecord], exported: &[Value]) -> Option<&'a ImportRecord> {
    imports.iter().find(|import| is_from(import, exported))
}

/// Finds a user's imports that were lost, that exist twice, or that changed the messages.
pub(super) fn violations(
    history: &History,
    imports: &[ImportRecord],
    user: usize,
    exports: &[(String, Vec<Value>)],
) -> Vec<String> {
    let mut violations = Vec::new();
    for import in imports {
        let found: Vec<&(String, Vec<Value>)> =
            exports.iter().filter(|(_, exported)| is_from(import, exported)).collect();
        if import.user != user {
            violations.extend(found.iter().map(|(id, _)| format!("user {user} has {id}, imported by {import:?}")));
            continue;
        }
        history.count("check: import");
        let may_be_deleted = import.sessions.iter().any(|session| history.may_have(session, is_delete));
        if found.len() > 1 || (found.is_empty() && import.is_acknowledged && !may_be_deleted) {
            violations.push(format!("{} sessions were imported from {import:?}", found.len()));
        }
        for (id, exported) in found {
            violations.extend(differences(import, exported).map(|what| format!("{id} was imported as {what}")));
        }
    }
    violations
}

/// Returns whether a session has the first message of a file, whose text is unique.
fn is_from(import: &ImportRecord, exported: &[Value]) -> bool {
    let Some(first) = import.turns.first() else { return false };
    exported.iter().any(|message| message["turn"] == first.turn && message["content"] == first.text.as_str())
}

/// Returns the turns of a file that a session has with other texts or in another place.
fn differences(import: &ImportRecord, exported: &[Value]) -> impl Iterator<Item = String> {
    import.turns.iter().filter_map(|turn| {
        let content = |role: &str| {
            let mut messages = exported.iter().filter(|it| it["turn"] == turn.turn && it["role"] == role);
            let message = messages.next().filter(|_| messages.next().is_none());
            message.map(|message| (message["content"].as_str().unwrap_or_default(), message["parent_turn"].as_i64()))
        };
        let (question, answer) = (content("user"), content("assistant"));
        let is_equal =
            question == Some((&turn.text, turn.parent)) && answer.map(|(text, _)| text) == Some(&turn.answer);
        (!is_equal).then(|| format!("{question:?} {answer:?} instead of {turn:?}"))
    })
}
