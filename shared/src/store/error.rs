//! What can go wrong in the store. HTTP is not known here; the api maps each variant once.

/// Why an operation was not done. Nothing of it was stored, whatever the variant.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such thing, or it is not the user's.
    #[error("not found")]
    NotFound,
    /// The session is archived, so no message can be sent.
    #[error("the session is archived")]
    SessionArchived,
    /// A task is running or queued, and the sender wanted none to be.
    #[error("the agent is busy")]
    AgentBusy,
    /// Too many tasks wait in the session.
    #[error("too many messages are queued")]
    QueueFull,
    /// The message's task was started, or has ended: the message stands.
    #[error("the message's task has already started")]
    TaskNotQueued,
    /// The task has its outcome.
    #[error("the task has ended")]
    TaskEnded,
    /// The task has no outcome yet, so there is nothing to retry.
    #[error("the task has not ended")]
    TaskNotEnded,
    /// The task succeeded, so there is nothing to retry.
    #[error("the task has succeeded")]
    TaskSucceeded,
    /// Somebody has answered the permission request.
    #[error("the permission request has already been answered")]
    PermissionAnswered,
    /// The permission request waits no more: its time is over, or its attempt.
    #[error("the permission request has expired")]
    PermissionExpired,
    /// The permission request has no option with this id.
    #[error("the permission request has no such option")]
    PermissionOptionUnknown {
        /// The ids of those that it has.
        offered: Vec<String>,
    },
    /// The permission request has no option, or more than one, that "allow" can mean.
    #[error("the permission request requires an option to be selected")]
    PermissionOptionRequired {
        /// The ids of its options.
        offered: Vec<String>,
    },
    /// The idempotency key was used for something else.
    #[error("the idempotency key was used for another request")]
    IdempotencyMismatch,
    /// What the idempotency key stands for was deleted since.
    #[error("the message has been deleted")]
    MessageGone,
    /// The attempt is over: another worker has the task, or it was ended. Its worker stops quietly.
    #[error("the lease was lost")]
    LeaseLost,
    /// The store stayed locked past its time-out.
    #[error("the store is busy")]
    Busy,
    /// The disk is full or cannot be written.
    #[error("the store is not writable")]
    Unwritable(#[source] sqlx::Error),
    /// The disk has too little room for a message.
    #[error("the disk is full")]
    DiskFull,
    /// The database says something unexpected.
    #[error("the database failed")]
    Database(#[source] sqlx::Error),
    /// A row cannot be read: the file was changed by something else.
    #[error("the store contains an invalid value: {0}")]
    Corrupt(String),
    /// The queue refused a job.
    #[error("the queue failed")]
    Queue(#[source] apalis_sqlite::Error),
}

/// A database whose schema this program does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewerSchema {
    /// The newest migration in the database.
    pub found: i64,
    /// The newest migration that this program has.
    pub known: i64,
}

/// Why the store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder could not be made, or the lock file not be opened.
    #[error("DATABASE_URL: cannot create the folder of {path}")]
    Folder {
        /// The database file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The database could not be opened.
    #[error("DATABASE_URL: cannot open {path}")]
    Open {
        /// The database file.
        path: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// A newer version has migrated the database.
    #[error(
        "DATABASE_URL: {path} has schema {found}, but this program (version {version}) supports schemas up to {known}. Run \
         the newer version, or restore a backup made before the upgrade",
        found = schema.found, known = schema.known, version = env!("CARGO_PKG_VERSION")
    )]
    NewerSchema {
        /// The database file.
        path: String,
        /// Both schemas.
        schema: NewerSchema,
    },
    /// `api restore` is running.
    #[error("DATABASE_URL: {path} is being restored. Try again when `api restore` has finished")]
    BeingRestored {
        /// The database file.
        path: String,
    },
    /// A backup was copied over a database whose write-ahead log is still there.
    #[error(
        "DATABASE_URL: {path} is a backup, but {path}-wal belongs to the database that it replaced; they do not match. \
         Move both away, then run `api restore` with the backup"
    )]
    ForeignLog {
        /// The database file.
        path: String,
    },
    /// A backup in the place of the database could not be made the database of this installation.
    #[error("DATABASE_URL: cannot adopt the backup {path}")]
    Adopt {
        /// The database file.
        path: String,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// The schema could not be brought up to date.
    #[error("DATABASE_URL: cannot migrate {path}")]
    Migrate {
        /// The database file.
        path: String,
        /// Why.
        #[source]
        source: sqlx::migrate::MigrateError,
    },
}
