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

impl Fate {
    /// A yes that came just now.
    pub fn yes() -> Self {
        Self::Acknowledged(Instant::now())
    }

    /// When the yes came.
    pub const fn acknowledged_at(&self) -> Option<Instant> {
        if let Self::Acknowledged(at) = self { Some(*at) } else { None }
    }
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
    /// The message's arrival number, once acknowledged.
    pub seq: Option<i64>,
    /// The key and the `on_busy` that it was sent with, to send it again.
    pub key: Option<(String, &'static str)>,
}

/// What was tried with a message or a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A new text for a message.
    Edit(String),
    /// A message taken back.
    Unsend,
    /// A message's task again.
    Retry,
    /// A session deleted for good.
    Delete,
    /// A session pinned or not.
    Pin(bool),
    /// A session renamed.
    Rename(String),
    /// A session archived, or restored.
    Archive(bool),
    /// A session read up to this number.
    Read(i64),
    /// A session's last answer marked unread.
    Unread,
}

/// An [`Action`] and what came of it.
#[derive(Clone, Debug)]
pub struct Change {
    /// What was tried.
    pub action: Action,
    /// When.
    pub started: Instant,
    /// What came of it.
    pub fate: Fate,
    /// For [`Action::Read`] and [`Action::Unread`]: the position that the answer told.
    pub told: Option<i64>,
}

/// How long a Stop took, from its 202 to the task's end.
#[derive(Clone, Copy, Debug)]
pub struct Stop {
    /// How long.
    pub took: Duration,
    /// Whether nothing was frozen, killed or locked around it.
    pub is_calm: bool,
}

/// All of it.
#[derive(Debug)]
pub struct History {
    began: Instant,
    sends: Mutex<Table<Send>>,
    changes: Mutex<Table<Change>>,
    answers: Mutex<BTreeMap<String, String>>,
    stops: Mutex<Vec<Stop>>,
    counts: Mutex<BTreeMap<String, usize>>,
    problems: Mutex<Vec<String>>,
    log: Mutex<String>,
}

/// Rows in the order in which they were begun, found by what they are about.
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
    /// An empty one.
    pub fn new() -> Self {
        Self {
            began: Instant::now(),
            sends: Mutex::default(),
            changes: Mutex::default(),
            answers: Mutex::default(),
            stops: Mutex::default(),
            counts: Mutex::default(),
            problems: Mutex::default(),
            log: Mutex::default(),
        }
    }

    /// Before a message is tried for the first time.
    pub fn begin_send(&self, session: &str, text: &str, key: Option<(String, &'static str)>) -> usize {
        let (started, fate, text) = (Instant::now(), Fate::Unknown, text.to_owned());
        let send = Send { session: session.to_owned(), text, started, fate, ids: None, seq: None, key };
        self.sends.lock().unwrap().push(session, send)
    }

    /// It was refused.
    pub fn refuse_send(&self, index: usize) {
        self.sends.lock().unwrap().rows[index].fate = Fate::Refused;
    }

    /// It was accepted as this message with this task.
    pub fn accept_send(&self, index: usize, message: String, task: String, seq: Option<i64>) {
        let send = &mut self.sends.lock().unwrap().rows[index];
        (send.fate, send.ids, send.seq) = (Fate::yes(), Some((message, task)), seq);
    }

    /// Before something is tried with a message or a session.
    pub fn begin_change(&self, of: &str, action: Action) -> usize {
        let (started, fate) = (Instant::now(), Fate::Unknown);
        let change = Change { action, started, fate, told: None };
        self.changes.lock().unwrap().push(of, change)
    }

    /// What came of it.
    pub fn end_change(&self, index: usize, fate: Fate, told: Option<i64>) {
        let change = &mut self.changes.lock().unwrap().rows[index];
        (change.fate, change.told) = (fate, told);
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
        self.sends.lock().unwrap().rows.clone()
    }

    /// The messages of a session that were acknowledged, oldest first.
    pub fn acknowledged(&self, session: &str) -> Vec<Send> {
        self.sends.lock().unwrap().about(session).filter(|send| send.ids.is_some()).cloned().collect()
    }

    /// Everything that was tried with a message or a session.
    pub fn changes(&self, of: &str) -> Vec<Change> {
        self.changes.lock().unwrap().about(of).cloned().collect()
    }

    /// Whether this may have happened to a message or a session.
    pub fn may_have(&self, of: &str, is_it: impl Fn(&Action) -> bool) -> bool {
        self.changes.lock().unwrap().about(of).any(|it| it.fate != Fate::Refused && is_it(&it.action))
    }

    /// When a session was certainly deleted for good.
    pub fn deleted_at(&self, session: &str) -> Option<Instant> {
        let changes = self.changes.lock().unwrap();
        changes.about(session).filter(|it| it.action == Action::Delete).find_map(|it| it.fate.acknowledged_at())
    }

    /// Whether a message of a session may be gone.
    pub fn may_be_gone(&self, session: &str, message: &str) -> bool {
        self.may_have(message, |action| *action == Action::Unsend) || self.may_have(session, is_delete)
    }

    /// A Stop that was carried out.
    pub fn stopped(&self, stop: Stop) {
        self.stops.lock().unwrap().push(stop);
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

    /// The counts, a line each, and how long Stops took.
    pub fn table(&self) -> String {
        let counts = self.counts.lock().unwrap();
        let mut table = counts.iter().fold(String::new(), |mut table, (what, count)| {
            let _ = writeln!(table, "  {count:6} {what}");
            table
        });
        let stops = self.stops.lock().unwrap();
        for (name, is_calm) in [("with nothing else amiss", true), ("amid faults", false)] {
            let mut took: Vec<Duration> =
                stops.iter().filter(|stop| stop.is_calm == is_calm).map(|stop| stop.took).collect();
            took.sort();
            if let Some(longest) = took.last() {
                let rank = |percent: usize| took[(took.len() - 1) * percent / 100].as_millis();
                let (median, p99, longest) = (rank(50), rank(99), longest.as_millis());
                let count = took.len();
                let _ =
                    writeln!(table, "  {count:6} stops {name}: p50 {median} ms, p99 {p99} ms, longest {longest} ms");
            }
        }
        table
    }
}

/// Whether it deletes a session for good.
pub fn is_delete(action: &Action) -> bool {
    *action == Action::Delete
}

/// Whether it archives a session.
pub fn is_archive(action: &Action) -> bool {
    *action == Action::Archive(true)
}
