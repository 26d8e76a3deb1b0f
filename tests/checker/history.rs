//! What was tried and what came of it: the ground on which the end is judged.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::Mutex,
    time::{Duration, Instant},
};

/// What is known of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// No answer, or one that leaves it open: it may have happened, may still happen, or never.
    Unknown,
    /// An answer that says no: it never happens.
    Refused,
    /// An answer that says yes, at this time.
    Acknowledged(Instant),
}

/// A message that somebody tried to send.
#[derive(Clone, Debug)]
pub struct Send {
    /// The session.
    pub session: String,
    /// The text; nobody else ever sends it.
    pub text: String,
    /// When it was first tried.
    pub started: Instant,
    /// What came of it.
    pub fate: Fate,
    /// (message, task), once acknowledged.
    pub ids: Option<(String, String)>,
    /// The key and the `on_busy` that it was sent with, to send it again.
    pub key: Option<(String, &'static str)>,
}

/// What was tried with a message that had been acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A new text.
    Edit(String),
    /// Taken back.
    Unsend,
    /// Its task again.
    Retry,
}

/// An [`Action`] and what came of it.
#[derive(Clone, Debug)]
pub struct Change {
    /// The message.
    pub message: String,
    /// What was tried.
    pub action: Action,
    /// When.
    pub started: Instant,
    /// What came of it.
    pub fate: Fate,
}

/// All of it.
#[derive(Debug)]
pub struct History {
    began: Instant,
    sends: Mutex<Vec<Send>>,
    changes: Mutex<Vec<Change>>,
    answers: Mutex<BTreeMap<String, String>>,
    counts: Mutex<BTreeMap<String, usize>>,
    problems: Mutex<Vec<String>>,
    log: Mutex<String>,
}

impl History {
    /// An empty one.
    pub fn new() -> Self {
        Self {
            began: Instant::now(),
            sends: Mutex::default(),
            changes: Mutex::default(),
            answers: Mutex::default(),
            counts: Mutex::default(),
            problems: Mutex::default(),
            log: Mutex::default(),
        }
    }

    /// Before a message is tried for the first time.
    pub fn begin_send(&self, session: &str, text: &str, key: Option<(String, &'static str)>) -> usize {
        let (session, text) = (session.to_owned(), text.to_owned());
        let send = Send { session, text, started: Instant::now(), fate: Fate::Unknown, ids: None, key };
        push(&self.sends, send)
    }

    /// What came of it.
    pub fn end_send(&self, index: usize, fate: Fate, ids: Option<(String, String)>) {
        let mut sends = self.sends.lock().unwrap();
        sends[index].fate = fate;
        sends[index].ids = ids;
    }

    /// Before something is tried with a message.
    pub fn begin_change(&self, message: &str, action: Action) -> usize {
        let change = Change { message: message.to_owned(), action, started: Instant::now(), fate: Fate::Unknown };
        push(&self.changes, change)
    }

    /// What came of it.
    pub fn end_change(&self, index: usize, fate: Fate) {
        self.changes.lock().unwrap()[index].fate = fate;
    }

    /// What a succeeded task answers to this text.
    pub fn expect_answer(&self, text: &str, answer: &str) {
        self.answers.lock().unwrap().insert(text.to_owned(), answer.to_owned());
    }

    /// The same, asked for.
    pub fn answer_to(&self, text: &str) -> Option<String> {
        self.answers.lock().unwrap().get(text).cloned()
    }

    /// Everything that was tried to be sent.
    pub fn sends(&self) -> Vec<Send> {
        self.sends.lock().unwrap().clone()
    }

    /// The messages of a session that were acknowledged, oldest first.
    pub fn acknowledged(&self, session: &str) -> Vec<Send> {
        let sends = self.sends.lock().unwrap();
        sends.iter().filter(|send| send.session == session && send.ids.is_some()).cloned().collect()
    }

    /// Everything that was tried with messages.
    pub fn changes(&self) -> Vec<Change> {
        self.changes.lock().unwrap().clone()
    }

    /// Whether the message may be gone.
    pub fn may_be_gone(&self, message: &str) -> bool {
        let changes = self.changes.lock().unwrap();
        changes.iter().any(|it| it.message == message && it.action == Action::Unsend && it.fate != Fate::Refused)
    }

    /// One more of this kind.
    pub fn count(&self, what: &str) {
        *self.counts.lock().unwrap().entry(what.to_owned()).or_default() += 1;
    }

    /// A line for the log of the run.
    pub fn note(&self, line: &str) {
        let at = self.began.elapsed().as_secs_f64();
        let _ = writeln!(self.log.lock().unwrap(), "{at:8.3} {line}");
    }

    /// Something that the contract forbids.
    pub fn complain(&self, what: String) {
        self.note(&format!("BROKEN {what}"));
        self.problems.lock().unwrap().push(what);
    }

    /// All complaints.
    pub fn problems(&self) -> Vec<String> {
        self.problems.lock().unwrap().clone()
    }

    /// The log of the run.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// How long the run has gone on.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// The counts, a line each.
    pub fn table(&self) -> String {
        let counts = self.counts.lock().unwrap();
        counts.iter().fold(String::new(), |mut table, (what, count)| {
            let _ = writeln!(table, "  {count:6} {what}");
            table
        })
    }
}

fn push<T>(list: &Mutex<Vec<T>>, item: T) -> usize {
    let mut list = list.lock().unwrap();
    list.push(item);
    list.len() - 1
}
