//! The history of a run: every operation and its result. The final state is checked against the history.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::Mutex,
    time::{Duration, Instant},
};

use banter_tests::{
    chat::{id_of, text_of},
    latency::Latencies,
    load::Response,
};
use serde_json::Value;

/// What is known about the result of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperationResult {
    /// There was no response, or only an inconclusive one. The operation may have taken effect, may still do so, or may
    /// never do so.
    Unknown,
    /// The operation was rejected. It has not taken effect and never will.
    Rejected,
    /// The operation was acknowledged at this time.
    Acknowledged(Instant),
}

impl OperationResult {
    /// Derives an operation's result from the response.
    pub fn of(response: &Response) -> Self {
        match response {
            Response::Success(_) => Self::acknowledged_now(),
            Response::Rejected { .. } | Response::NotStored => Self::Rejected,
            Response::Unknown(_) => Self::Unknown,
        }
    }

    /// Creates an acknowledgment that was received now.
    pub fn acknowledged_now() -> Self {
        Self::Acknowledged(Instant::now())
    }

    /// Returns the time of the acknowledgment, if there was one.
    pub const fn acknowledged_at(&self) -> Option<Instant> {
        if let Self::Acknowledged(at) = self { Some(*at) } else { None }
    }
}

/// The message that a revision replaces.
#[derive(Clone, Debug)]
pub struct RevisedMessage {
    /// The ID of the message, which can be on any branch.
    pub id: String,
    /// Whether the agent is asked the same again. Otherwise, the revision has another text.
    pub is_repeated: bool,
}

/// A message that a client tried to send: a new one, or a new version of another one.
#[derive(Clone, Debug)]
pub struct SendRecord {
    /// The session.
    pub session: String,
    /// The text, which is unique in the run, unless the message is a repeated one. The text of a repeated message is
    /// known only once it is acknowledged.
    pub text: String,
    /// The time of the first attempt.
    pub started: Instant,
    /// The result of the send.
    pub result: OperationResult,
    /// The IDs of the message and the task, once acknowledged.
    pub ids: Option<(String, String)>,
    /// The message's arrival number, once acknowledged.
    pub seq: Option<i64>,
    /// The idempotency key, for repeating the request.
    pub key: Option<String>,
    /// The `on_busy` value of a new message.
    pub on_busy: &'static str,
    /// The message that this one replaces; `None` for a new message.
    pub revises: Option<RevisedMessage>,
}

/// A turn of an imported file.
#[derive(Clone, Debug)]
pub struct ImportedTurn {
    /// The number of the turn.
    pub turn: i64,
    /// The number of the turn before it.
    pub parent: Option<i64>,
    /// The text of the user's message, which is unique in the run.
    pub text: String,
    /// The text of the answer.
    pub answer: String,
}

/// A file with one session that a client tried to import.
#[derive(Clone, Debug)]
pub struct ImportRecord {
    /// The index of the user.
    pub user: usize,
    /// The title of the session, which is unique in the run.
    pub title: String,
    /// The turns of all branches.
    pub turns: Vec<ImportedTurn>,
    /// The content of the file.
    pub file: String,
    /// Whether an import was acknowledged.
    pub is_acknowledged: bool,
    /// The sessions that were created. There is a second one only if the first one was deleted.
    pub sessions: Vec<String>,
}

/// An operation on a message or a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Replaces a message's text with this one.
    Edit(String),
    /// Unsends a message.
    Unsend,
    /// Retries a message's task.
    Retry,
    /// Deletes a session permanently.
    Delete,
    /// Pins or unpins a session.
    Pin(bool),
    /// Renames a session.
    Rename(String),
    /// Archives or restores a session.
    Archive(bool),
    /// Marks a session as read up to this arrival number.
    Read(i64),
    /// Marks a session's last answer as unread.
    Unread,
    /// Makes the branch with this message current, or that of another version of it.
    Switch { message: String, index: Option<usize> },
}

/// An [`Action`] and its result.
#[derive(Clone, Debug)]
pub struct ChangeRecord {
    /// The operation.
    pub action: Action,
    /// The time at which the operation started.
    pub started: Instant,
    /// The result of the operation.
    pub result: OperationResult,
    /// The read position in the response, if there is one.
    pub position: Option<i64>,
}

/// A cancellation, which lasts from the 202 response until the task has ended.
#[derive(Clone, Copy, Debug)]
pub struct Cancellation {
    /// The duration of the cancellation.
    pub took: Duration,
    /// True if no fault was in effect during the cancellation; see
    /// [`FaultTimes::was_fault_free`](crate::fault_times::FaultTimes::was_fault_free).
    pub is_fault_free: bool,
}

/// The history of a run.
#[derive(Debug)]
pub struct History {
    began: Instant,
    sends: Mutex<Table<SendRecord>>,
    changes: Mutex<Table<ChangeRecord>>,
    imports: Mutex<Vec<ImportRecord>>,
    imported_messages: Mutex<Table<(String, String)>>,
    answers: Mutex<BTreeMap<String, String>>,
    cancellations: Mutex<Vec<Cancellation>>,
    counts: Mutex<BTreeMap<String, usize>>,
    violations: Mutex<Vec<String>>,
    log: Mutex<String>,
}

/// Rows in insertion order, indexed by the message or session that each row concerns.
#[derive(Debug)]
struct Table<T> {
    rows: Vec<T>,
    about: BTreeMap<String, Vec<usize>>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), about: BTreeMap::new() }
    }
}

impl<T> Table<T> {
    fn push(&mut self, about: &str, row: T) -> usize {
        let index = self.rows.len();
        self.rows.push(row);
        self.about.entry(about.to_owned()).or_default().push(index);
        index
    }

    fn about(&self, what: &str) -> impl Iterator<Item = &T> {
        self.about.get(what).into_iter().flatten().map(|index| &self.rows[*index])
    }
}

impl History {
    /// Creates an empty history.
    pub fn new() -> Self {
        Self {
            began: Instant::now(),
            sends: Mutex::default(),
            changes: Mutex::default(),
            imports: Mutex::default(),
            imported_messages: Mutex::default(),
            answers: Mutex::default(),
            cancellations: Mutex::default(),
            counts: Mutex::default(),
            violations: Mutex::default(),
            log: Mutex::default(),
        }
    }

    /// Records a send before the first attempt and returns its index.
    pub fn begin_send(&self, send: SendRecord) -> usize {
        self.sends.lock().unwrap().push(&send.session.clone(), send)
    }

    /// Records that a send was rejected.
    pub fn reject_send(&self, index: usize) {
        self.sends.lock().unwrap().rows[index].result = OperationResult::Rejected;
    }

    /// Records that a send was accepted, with the message in the response.
    pub fn accept_send(&self, index: usize, message: &Value) {
        let send = &mut self.sends.lock().unwrap().rows[index];
        send.result = OperationResult::acknowledged_now();
        send.ids = Some((id_of(message), text_of(message, "task_id")));
        send.seq = message["seq"].as_i64();
        if send.revises.as_ref().is_some_and(|revised| revised.is_repeated) {
            send.text = text_of(message, "content");
        }
    }

    /// Records an import before the first attempt and returns its index.
    pub fn begin_import(&self, import: ImportRecord) -> usize {
        let mut imports = self.imports.lock().unwrap();
        imports.push(import);
        imports.len() - 1
    }

    /// Records that an import was acknowledged.
    pub fn acknowledge_import(&self, index: usize) {
        self.imports.lock().unwrap()[index].is_acknowledged = true;
    }

    /// Records the session that an import created, with the IDs and the texts of the users' messages.
    pub fn add_imported_session(&self, index: usize, session: &str, messages: Vec<(String, String)>) {
        let mut imported = self.imported_messages.lock().unwrap();
        for message in messages {
            imported.push(session, message);
        }
        drop(imported);
        self.imports.lock().unwrap()[index].sessions.push(session.to_owned());
    }

    /// Returns every attempted import.
    pub fn imports(&self) -> Vec<ImportRecord> {
        self.imports.lock().unwrap().clone()
    }

    /// Returns the IDs and the texts of the users' messages of a session that were imported.
    pub fn imported_messages(&self, session: &str) -> Vec<(String, String)> {
        self.imported_messages.lock().unwrap().about(session).cloned().collect()
    }

    /// Returns whether messages of a session may have moved to another branch.
    pub fn may_have_branches(&self, session: &str) -> bool {
        let may_be_revised = |send: &SendRecord| send.revises.is_some() && send.result != OperationResult::Rejected;
        self.sends.lock().unwrap().about(session).any(may_be_revised)
            || self.may_have(session, |action| matches!(action, Action::Switch { .. }))
    }

    /// Records an operation on a message or a session before the attempt and returns its index.
    pub fn begin_change(&self, of: &str, action: Action) -> usize {
        let (started, result) = (Instant::now(), OperationResult::Unknown);
        let change = ChangeRecord { action, started, result, position: None };
        self.changes.lock().unwrap().push(of, change)
    }

    /// Records the result of an operation.
    pub fn end_change(&self, index: usize, result: OperationResult, position: Option<i64>) {
        let change = &mut self.changes.lock().unwrap().rows[index];
        (change.result, change.position) = (result, position);
    }

    /// Records the answer that a successful task must return for this text.
    pub fn expect_answer(&self, text: &str, answer: &str) {
        self.answers.lock().unwrap().insert(text.to_owned(), answer.to_owned());
    }

    /// Returns the expected answer to this text.
    pub fn answer_to(&self, text: &str) -> Option<String> {
        self.answers.lock().unwrap().get(text).cloned()
    }

    /// Returns every attempted send.
    pub fn sends(&self) -> Vec<SendRecord> {
        self.sends.lock().unwrap().rows.clone()
    }

    /// Returns a session's acknowledged messages, oldest first.
    pub fn acknowledged(&self, session: &str) -> Vec<SendRecord> {
        self.sends.lock().unwrap().about(session).filter(|send| send.ids.is_some()).cloned().collect()
    }

    /// Returns every operation on a message or a session.
    pub fn changes(&self, of: &str) -> Vec<ChangeRecord> {
        self.changes.lock().unwrap().about(of).cloned().collect()
    }

    /// Returns whether a matching operation may have taken effect on a message or a session.
    pub fn may_have(&self, of: &str, is_it: impl Fn(&Action) -> bool) -> bool {
        self.changes.lock().unwrap().about(of).any(|it| it.result != OperationResult::Rejected && is_it(&it.action))
    }

    /// Returns the time by which a session is known to have been permanently deleted, if any.
    pub fn deleted_at(&self, session: &str) -> Option<Instant> {
        let changes = self.changes.lock().unwrap();
        changes.about(session).filter(|it| it.action == Action::Delete).find_map(|it| it.result.acknowledged_at())
    }

    /// Returns whether a message in a session may have been deleted.
    pub fn may_be_gone(&self, session: &str, message: &str) -> bool {
        self.may_have(message, |action| *action == Action::Unsend) || self.may_have(session, is_delete)
    }

    /// Records a completed cancellation.
    pub fn add_cancellation(&self, cancellation: Cancellation) {
        self.cancellations.lock().unwrap().push(cancellation);
    }

    /// Increments a counter.
    pub fn count(&self, what: &str) {
        *self.counts.lock().unwrap().entry(what.to_owned()).or_default() += 1;
    }

    /// Adds a line to the run's log.
    pub fn log_line(&self, line: &str) {
        let at = self.began.elapsed().as_secs_f64();
        let _ = writeln!(self.log.lock().unwrap(), "{at:8.3} {line}");
    }

    /// Records a violation of the contract.
    pub fn record_violation(&self, what: String) {
        self.log_line(&format!("VIOLATION {what}"));
        self.violations.lock().unwrap().push(what);
    }

    /// Returns all violations.
    pub fn violations(&self) -> Vec<String> {
        self.violations.lock().unwrap().clone()
    }

    /// Returns the run's log.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Returns the duration of the run so far.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Formats the counters, one per line, followed by the durations of the cancellations.
    pub fn table(&self) -> String {
        let counts = self.counts.lock().unwrap();
        let mut table = counts.iter().fold(String::new(), |mut table, (what, count)| {
            let _ = writeln!(table, "  {count:6} {what}");
            table
        });
        let cancellations = self.cancellations.lock().unwrap();
        for (name, is_fault_free) in [("without faults", true), ("during faults", false)] {
            let mut latencies = Latencies::default();
            for cancellation in cancellations.iter().filter(|it| it.is_fault_free == is_fault_free) {
                latencies.record(cancellation.took);
            }
            if !latencies.is_empty() {
                let [median, p99, longest] = [0.5, 0.99, 1.0].map(|quantile| latencies.quantile_ms(quantile));
                let count = latencies.count();
                let _ = writeln!(
                    table,
                    "  {count:6} cancellations {name}: p50 {median:.0} ms, p99 {p99:.0} ms, longest {longest:.0} ms"
                );
            }
        }
        table
    }
}

/// Returns whether the action deletes a session permanently.
pub fn is_delete(action: &Action) -> bool {
    *action == Action::Delete
}

/// Returns whether the action archives a session.
pub fn is_archive(action: &Action) -> bool {
    *action == Action::Archive(true)
}
