//! The tree of a session's turns, compared with the transcript and with the operations that changed the branch.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use serde_json::Value;

use super::message_history::MessageHistory;
use crate::history::{Action, ChangeRecord, OperationResult};

/// The turns of all branches of a session, from its export.
pub(super) struct Branches {
    turns: BTreeMap<i64, Turn>,
}

/// A turn in the tree.
struct Turn {
    parent: Option<i64>,
    is_current: bool,
    id: String,
}

/// A period in which the branch of a session may have changed; without an end if it may have changed at any later time.
struct PathChange {
    started: Instant,
    ended: Option<Instant>,
    /// The message whose branch became current, if this is known.
    target: Option<String>,
}

impl Branches {
    /// Reads the tree from the messages of an export.
    pub(super) fn new(messages: &[Value]) -> Self {
        let turns = messages.iter().filter(|message| message["role"] == "user").map(|message| {
            let (parent, is_current) = (message["parent_turn"].as_i64(), message["current"] == true);
            let id = message["id"].as_str().unwrap_or_default().to_owned();
            (message["turn"].as_i64().unwrap_or_default(), Turn { parent, is_current, id })
        });
        Self { turns: turns.collect() }
    }

    /// Returns the turns of the branch that ends with this one, in order.
    pub(super) fn path_to(&self, turn: i64) -> Vec<i64> {
        let mut path = Vec::new();
        let mut next = Some(turn);
        while let Some(turn) = next.filter(|turn| path.last().is_none_or(|last| turn < last)) {
            path.push(turn);
            next = self.turns.get(&turn).and_then(|found| found.parent);
        }
        path.reverse();
        path
    }

    /// Returns the turn before this one.
    pub(super) fn parent(&self, turn: i64) -> Option<i64> {
        self.turns.get(&turn)?.parent
    }

    /// Compares the tree with the messages of the transcript.
    pub(super) fn violations(&self, transcript: &[Value], exported: &[Value]) -> Vec<String> {
        let mut violations = Vec::new();
        for (turn, Turn { parent, .. }) in &self.turns {
            if parent.is_some_and(|parent| parent >= *turn || !self.turns.contains_key(&parent)) {
                violations.push(format!("turn {turn} follows {parent:?}"));
            }
        }
        let current: Vec<i64> = self.turns.iter().filter(|(_, it)| it.is_current).map(|(turn, _)| *turn).collect();
        if current.last().is_some_and(|last| self.path_to(*last) != current) {
            violations.push(format!("the turns {current:?} are current, which are no branch"));
        }
        if current.last().is_none() && !self.turns.is_empty() {
            violations.push("no branch is current".into());
        }
        if let Some(last) = current.last().filter(|last| self.turns.values().any(|it| it.parent == Some(**last))) {
            violations.push(format!("the current branch ends with turn {last}, which others follow"));
        }
        let shown: Vec<Value> = transcript.iter().map(common_fields).collect();
        let active: Vec<Value> = exported.iter().filter(|it| it["current"] == true).map(common_fields).collect();
        if shown != active {
            violations.push(format!("the transcript is {shown:?}, but the export has {active:?}"));
        }
        for message in transcript.iter().filter(|message| message["role"] == "user") {
            let turn = message["turn"].as_i64().unwrap_or_default();
            let parent = self.parent(turn);
            let versions: Vec<i64> =
                self.turns.iter().filter(|(_, it)| it.parent == parent).map(|(turn, _)| *turn).collect();
            let index = versions.iter().position(|version| *version == turn).map_or(0, |index| index + 1);
            let branch = &message["branch"];
            let is_right = if versions.len() == 1 {
                branch.is_null()
            } else {
                branch["index"] == index && branch["count"] == versions.len()
            };
            if !is_right {
                violations.push(format!("{message} is version {index} of {versions:?}"));
            }
        }
        violations
    }

    /// Checks that a message follows every message that was acknowledged before it was sent, unless the branch may have
    /// changed in the meantime, and that the last change of the branch is in effect. Returns the violations and the
    /// number of comparisons.
    pub(super) fn check_path_changes(
        &self,
        changes: &[ChangeRecord],
        stories: &[MessageHistory],
        stored: &[(&MessageHistory, &Value)],
    ) -> (Vec<String>, usize) {
        let path_changes = path_changes(changes, stories);
        let (mut violations, mut comparisons) = (Vec::new(), 0);
        let turn_of = |message: &Value| message["turn"].as_i64().unwrap_or_default();
        for (later, message) in stored.iter().filter(|(later, _)| later.send.revises.is_none()) {
            let Some(sent) = later.send.result.acknowledged_at() else { continue };
            let path: BTreeSet<i64> = self.path_to(turn_of(message)).into_iter().collect();
            for (earlier, before) in stored {
                let Some(acknowledged) = earlier.send.result.acknowledged_at() else { continue };
                let is_steady = |change: &PathChange| {
                    change.started > sent || change.ended.is_some_and(|ended| ended < earlier.send.started)
                };
                let own = |change: &PathChange| {
                    change.started == earlier.send.started
                        && change.target == earlier.send.ids.as_ref().map(|ids| ids.0.clone())
                };
                if acknowledged >= later.send.started || !path_changes.iter().all(|it| is_steady(it) || own(it)) {
                    continue;
                }
                comparisons += 1;
                if !path.contains(&turn_of(before)) {
                    violations.push(format!("{message} does not follow {before}: {:?} {:?}", earlier.send, later.send));
                }
            }
        }
        let last = path_changes.iter().find(|last| {
            let is_earlier = |other: &PathChange| other.ended.is_some_and(|ended| ended < last.started);
            last.ended.is_some() && path_changes.iter().all(|other| std::ptr::eq(*last, other) || is_earlier(other))
        });
        if let Some(target) = last.and_then(|last| last.target.as_ref()) {
            comparisons += 1;
            if !self.turns.values().any(|turn| turn.id == *target && turn.is_current) {
                violations.push(format!("the branch with {target} was made current last, but is not current"));
            }
        }
        (violations, comparisons)
    }
}

/// Returns the changes of a session's branch that may have taken effect.
fn path_changes(changes: &[ChangeRecord], stories: &[MessageHistory]) -> Vec<PathChange> {
    let switches = changes.iter().filter(|it| it.result != OperationResult::Rejected).filter_map(|it| {
        let Action::Switch { message, index } = &it.action else { return None };
        let target = index.is_none().then(|| message.clone());
        Some(PathChange { started: it.started, ended: it.result.acknowledged_at(), target })
    });
    let is_possible = |story: &&MessageHistory| story.send.result != OperationResult::Rejected;
    let revisions = stories.iter().filter(is_possible).filter(|it| it.send.revises.is_some()).map(|it| PathChange {
        started: it.send.started,
        ended: it.send.result.acknowledged_at(),
        target: it.send.ids.as_ref().map(|(message, _)| message.clone()),
    });
    // If the last message of a branch is unsent, another version of it becomes current.
    let unsent = stories.iter().flat_map(|story| &story.changes).filter(|it| it.action == Action::Unsend);
    let unsent = unsent.filter(|it| it.result != OperationResult::Rejected);
    let unsent = unsent.map(|it| PathChange { started: it.started, ended: it.result.acknowledged_at(), target: None });
    switches.chain(revisions).chain(unsent).collect()
}

/// Returns the fields of a message that the transcript and the export share.
fn common_fields(message: &Value) -> Value {
    let fields = ["id", "turn", "seq", "role", "content", "finish_reason", "edited_at", "created_at"];
    let mut common: Value = fields.into_iter().map(|field| (field, message[field].clone())).collect();
    common["status"] = message["task"]["status"].clone();
    common
}
