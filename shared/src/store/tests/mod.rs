//! Tests for the store's operations, using a real database: a SQLite file or, if `TEST_POSTGRES_URL` is set, a database
//! on that PostgreSQL server. The `tests` crate tests entire processes.

mod access;
mod attachments;
mod branches;
mod conversations;
mod copy;
mod fairness;
mod files;
mod lists;
mod log;
mod permissions;
mod plans;
mod portability;
mod queue;
mod readiness;
mod resume;
mod search;
mod statements;
mod steps;
mod stripes;
mod turn_times;
mod turns;
mod work_folders;
mod writer;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use sqlx::Row as _;
use tempfile::TempDir;
use tokio::time::Instant;

use super::*;
use crate::{
    chat::{
        AgentSession, AttemptMilestones, Content, ErrorCode, FinishReason, MAX_RETRY_AFTER, OnBusy, ResumePoint, Role,
        Session, SessionStatus, TaskError, TaskStatus, Title, UserRef,
    },
    clock::{Clock, Timestamp},
    event::{Cursor, EventData},
    id::{SessionId, TaskId, WorkerId},
};

/// A clock that changes only when it is set.
#[derive(Debug)]
struct SetClock(Mutex<Timestamp>);

impl SetClock {
    fn advance(&self, by: Duration) {
        let mut now = self.0.lock().unwrap();
        *now = now.plus(by);
    }
}

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// How long a task waits for a worker with its session's work folder.
const FOLDER_WAIT: Duration = Duration::from_mins(1);

struct Fixture {
    /// Contains the database file, and is removed with the fixture.
    folder: TempDir,
    store: Store,
    clock: Arc<SetClock>,
    user: UserRef,
    worker: WorkerId,
}

/// Creates an agent session.
fn own(id: &str) -> AgentSession {
    AgentSession { id: id.into(), provider: "maker".into() }
}

/// Creates the end of an attempt that produced an answer and an agent session.
fn answered(id: &str) -> AttemptEnd {
    AttemptEnd::Answered { text: "ok".into(), finish_reason: FinishReason::Stop, usage: None, resume: Some(own(id)) }
}

fn failed(code: ErrorCode) -> AttemptEnd {
    AttemptEnd::Failed { text: "so far".into(), error: TaskError::new(code, "no"), retry_after: None }
}

/// Creates an empty database on a server.
async fn create_database(server: &str) -> ServerUrl {
    let name = format!("store_{}", uuid::Uuid::now_v7().simple());
    let options = StoreOptions {
        location: Location::Server(server.parse().unwrap()),
        durable_against_power_cut: false,
        busy_timeout: Duration::from_secs(2),
        work_folder_wait: FOLDER_WAIT,
    };
    let Location::Server(url) = &options.location else { unreachable!() };
    let mut connection = Options::Postgres(postgres::options(url, &options)).open().await.unwrap();
    connection.exec(&format!("CREATE DATABASE {name}")).await.unwrap();
    let (before, _) = server.rsplit_once('/').expect("the URL must name a database");
    format!("{before}/{name}").parse().unwrap()
}

impl Fixture {
    async fn new() -> Self {
        match std::env::var("TEST_POSTGRES_URL") {
            Ok(server) => {
                Self::open(Location::Server(create_database(&server).await), tempfile::tempdir().unwrap()).await
            }
            Err(_) => Self::on_sqlite().await,
        }
    }

    /// Creates a fixture for a test of what is specific to SQLite.
    async fn on_sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::open(Location::File(folder.path().join("data/chat.db")), folder).await
    }

    async fn open(location: Location, folder: TempDir) -> Self {
        let options = StoreOptions {
            location,
            durable_against_power_cut: false,
            busy_timeout: Duration::from_secs(2),
            work_folder_wait: FOLDER_WAIT,
        };
        let clock = Arc::new(SetClock(Mutex::new("2026-01-31T12:00:00Z".parse().unwrap())));
        let store = Store::open(options, clock.clone()).await.unwrap();
        let user = UserRef::local();
        store.ensure_user(&user).await.unwrap();
        Self { folder, store, clock, user, worker: WorkerId::generate() }
    }

    async fn session(&self) -> SessionId {
        let new = NewSession { agent_key: "demo".into(), title: None, folder: None };
        self.store.create_session(&self.user, new, None).await.unwrap().value.id
    }

    async fn post(&self, session: SessionId, text: &str) -> SentMessage {
        self.post_as(session, text, OnBusy::Queue).await.unwrap()
    }

    async fn post_as(&self, session: SessionId, text: &str, on_busy: OnBusy) -> Result<SentMessage, StoreError> {
        let content = Content::parse(text.into()).unwrap();
        let post = NewMessage { on_busy, ..NewMessage::new(content, 3) };
        Ok(self.store.post_message(&self.user, session, &post).await?.value)
    }

    async fn claim(&self) -> Claim {
        self.claim_up_to(1).await.pop().expect("no task is due")
    }

    async fn claim_up_to(&self, limit: usize) -> Vec<Claim> {
        self.store.claim(&self.worker, limit).await.unwrap().value
    }

    /// Ends an attempt whose steps have already been stored.
    async fn end(&self, claim: &Claim, finish: AttemptEnd) -> TaskStatus {
        self.store.finish(claim.task_id, claim.attempt, finish, &[]).await.unwrap().value
    }

    async fn answer(&self, claim: &Claim, text: &str) -> Result<TaskStatus, StoreError> {
        let finish =
            AttemptEnd::Answered { text: text.into(), finish_reason: FinishReason::Stop, usage: None, resume: None };
        Ok(self.store.finish(claim.task_id, claim.attempt, finish, &[]).await?.value)
    }

    async fn fail(&self, claim: &Claim, code: ErrorCode, text: &str) -> TaskStatus {
        let finish = AttemptEnd::Failed { text: text.into(), error: TaskError::new(code, "no"), retry_after: None };
        self.store.finish(claim.task_id, claim.attempt, finish, &[]).await.unwrap().value
    }

    async fn store_text(&self, claim: &Claim, start_offset: i64, text: &str) -> Result<(), StoreError> {
        let chunk = StoredChunk { task_id: claim.task_id, attempt: claim.attempt, start_offset, text: text.into() };
        self.store.append_chunk(&self.user, &chunk).await.map(|_| ())
    }

    async fn task(&self, session: SessionId, id: TaskId) -> crate::chat::Task {
        self.store.find_task(session, id).await.unwrap().unwrap().task
    }

    async fn transcript(&self, session: SessionId) -> Vec<(Role, String)> {
        let page = self.store.list_messages(&self.user, session, TurnBound::Newest, 200).await.unwrap();
        page.items.into_iter().map(|message| (message.role, message.content)).collect()
    }

    async fn get(&self, session: SessionId) -> Session {
        self.store.get_thread(&self.user, session, 50).await.unwrap().session
    }

    async fn findings(&self) -> Vec<&'static str> {
        self.store.check().await.unwrap().findings.into_iter().map(|finding| finding.rule).collect()
    }

    async fn damage(&self, statement: &'static str) {
        let mut connection = self.store.connect().await.unwrap();
        let is_file = self.store.location().file().is_some();
        let unchecked = if is_file { "PRAGMA foreign_keys = 0" } else { "SET session_replication_role = replica" };
        connection.exec(unchecked).await.unwrap();
        assert!(sqlx::query(statement).execute(&mut connection).await.unwrap().rows_affected() > 0);
    }

    /// Returns the types of all events in the user's log, and asserts that they are numbered without gaps.
    async fn log(&self) -> Vec<&'static str> {
        let log_id = self.store.start_replay(&self.user, None).await.unwrap().user_log_id;
        let replay = self.store.read_log(log_id, 0, 1000, None, None).await.unwrap();
        for (expected, (seq, _)) in (1..).zip(&replay.events) {
            assert_eq!(*seq, expected);
        }
        replay.events.iter().map(|(_, event)| event.data.kind()).collect()
    }
}

impl Store {
    /// Ends an attempt without claiming another task.
    async fn finish(
        &self,
        task_id: TaskId,
        attempt: i64,
        end: AttemptEnd,
        steps: &[StepState],
    ) -> Result<Change<TaskStatus>, StoreError> {
        let report =
            AttemptReport { end, steps: steps.to_vec(), milestones: AttemptMilestones::claimed(Instant::now()) };
        let Change { value: (status, _), hints } =
            self.finish_and_claim(&UserRef::local(), task_id, attempt, &report, None).await?;
        Ok(Change::new(status, hints))
    }
}
