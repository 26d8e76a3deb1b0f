//! Store errors. They are independent of HTTP; the api maps each variant to a response in one place.

/// The reason why an operation failed. A failed change stores nothing.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The object does not exist or belongs to another user.
    #[error("not found")]
    NotFound,
    /// The session is archived, so no message can be sent and no task can be retried.
    #[error("the session is archived")]
    SessionArchived,
    /// A task is running or queued, and the sender requested that the message be rejected in that case.
    #[error("the agent is busy")]
    AgentBusy,
    /// A task is running or queued, so the request would affect an incomplete turn.
    #[error("a task is running")]
    TaskRunning,
    /// No turn of the session has ended, so there is no history to copy.
    #[error("no turn has ended")]
    NothingToFork,
    /// Too many tasks are queued in the session.
    #[error("too many messages are queued")]
    QueueFull,
    /// The message cannot be edited or unsent: it is an answer, its task is not queued, or an agent may have seen it.
    #[error("the message's task has already started")]
    TaskNotQueued,
    /// The task has already ended.
    #[error("the task has ended")]
    TaskEnded,
    /// The task has not ended yet, so it cannot be retried.
    #[error("the task has not ended")]
    TaskNotEnded,
    /// The task succeeded, so it cannot be retried.
    #[error("the task has succeeded")]
    TaskSucceeded,
    /// The task's message is not part of the transcript, because another branch is current.
    #[error("the message is part of another branch")]
    InactiveBranch,
    /// A message has neither text nor attachments.
    #[error("the message is empty")]
    EmptyMessage,
    /// The message has no version with this index.
    #[error("the message has {count} versions")]
    UnknownVersion {
        /// The number of versions.
        count: i64,
    },
    /// The permission request has already been answered.
    #[error("the permission request has already been answered")]
    PermissionAnswered,
    /// The permission request has expired or was withdrawn, or its attempt has ended.
    #[error("the permission request has expired")]
    PermissionExpired,
    /// The permission request has no option with this ID.
    #[error("the option is not available for this permission request")]
    PermissionOptionUnknown {
        /// The IDs of the request's options.
        offered: Vec<String>,
    },
    /// No option of the permission request, or more than one, represents "allow".
    #[error("the permission request requires an option to be selected")]
    PermissionOptionRequired {
        /// The IDs of the request's options.
        offered: Vec<String>,
    },
    /// An attachment does not exist, belongs to another user, or is already part of a message.
    #[error("the attachment is unknown")]
    UnknownAttachment {
        /// The position of its ID in the request.
        index: usize,
    },
    /// The agent does not accept an attachment.
    #[error("the agent does not accept the attachment {name:?}")]
    AttachmentUnsupported {
        /// The position of its ID in the request.
        index: usize,
        /// The name of the file.
        name: String,
    },
    /// The attachment is part of a message.
    #[error("the attachment is part of a message")]
    AttachmentSent,
    /// The upload took too long without being continued, and its file was deleted.
    #[error("the upload has expired")]
    UploadExpired,
    /// The user's attachments would exceed the limit for their total size.
    #[error("the user's attachments would exceed {limit} bytes")]
    StorageLimit {
        /// The limit in bytes.
        limit: i64,
    },
    /// The idempotency key was used for a different request.
    #[error("the idempotency key was used for another request")]
    IdempotencyMismatch,
    /// The message or session that the idempotency key refers to was deleted.
    #[error("the message has been deleted")]
    MessageGone,
    /// The attempt has ended or its session was deleted. The worker stops without writing.
    #[error("the lease was lost")]
    LeaseLost,
    /// The database was locked, or no connection was available, until the time limit was reached.
    #[error("the store is busy")]
    Busy,
    /// The database server cannot be reached, or closed the connection. The result of a change is unknown if the commit
    /// was in progress.
    #[error("the database server is unavailable")]
    Unavailable(#[source] sqlx::Error),
    /// The disk is full, or the database file cannot be read or written.
    #[error("the store is not writable")]
    Unwritable(#[source] sqlx::Error),
    /// The disk has too little free space for a large message.
    #[error("the disk is full")]
    DiskFull,
    /// The database reported an unexpected error.
    #[error("database error")]
    Database(#[source] sqlx::Error),
    /// A row is missing or contains an invalid value.
    #[error("the store contains an invalid value: {0}")]
    Corrupt(String),
}

/// The schema of a database that a newer version has migrated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewerSchema {
    /// The version of the newest migration that this program does not know.
    pub found: i64,
    /// The version of the newest migration that this program knows.
    pub known: i64,
}

/// The reason why the store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The database file, its lock files, or their folder could not be created or opened.
    #[error("DATABASE_URL: cannot create {path}, its lock files, or its folder")]
    Folder {
        /// The database file.
        path: String,
        /// The operating system's error.
        #[source]
        source: std::io::Error,
    },
    /// The database could not be opened.
    #[error("DATABASE_URL: cannot open {path}")]
    Open {
        /// The database file or server.
        path: String,
        /// The database error.
        #[source]
        source: sqlx::Error,
    },
    /// A newer version has migrated the database.
    #[error(
        "DATABASE_URL: {path} has schema version {found}, but this program (version {version}) supports schema \
         versions up to {known}. Run the newer version, or restore a backup made before the upgrade",
        found = schema.found, known = schema.known, version = env!("CARGO_PKG_VERSION")
    )]
    NewerSchema {
        /// The database file.
        path: String,
        /// The schema versions.
        schema: NewerSchema,
    },
    /// `api restore` is in progress.
    #[error("DATABASE_URL: {path} is being restored. Try again after `api restore` finishes")]
    BeingRestored {
        /// The database file.
        path: String,
    },
    /// A backup was copied over a database whose write-ahead log still exists.
    #[error(
        "DATABASE_URL: {path} is a backup, but {path}-wal belongs to the database that it replaced; they do not match. \
         Move both files elsewhere, then run `api restore` with the backup"
    )]
    ForeignLog {
        /// The database file.
        path: String,
    },
    /// The database was restored from a backup, but could not be prepared for use.
    #[error("DATABASE_URL: cannot prepare the backup {path} for use")]
    Adopt {
        /// The database file or server.
        path: String,
        /// The store's error.
        #[source]
        source: StoreError,
    },
    /// The URL is that of a connection pooler.
    #[error(
        "DATABASE_URL: {path} is a connection pooler such as PgBouncer, which is not supported. Use the URL of the \
         PostgreSQL server; every process pools its own connections"
    )]
    Pooler {
        /// The pooler.
        path: String,
    },
    /// The server's database has an encoding other than UTF-8.
    #[error("DATABASE_URL: {path} has the encoding {encoding}. Create it with `CREATE DATABASE … ENCODING 'UTF8'`")]
    Encoding {
        /// The database server.
        path: String,
        /// The database's encoding.
        encoding: String,
    },
    /// The database is an unfinished copy.
    #[error("DATABASE_URL: {path} is an unfinished copy. Run `api copy` again to finish it")]
    UnfinishedCopy {
        /// The database file or server.
        path: String,
    },
    /// The schema could not be migrated.
    #[error("DATABASE_URL: cannot migrate {path}")]
    Migrate {
        /// The database file or server.
        path: String,
        /// The migration error.
        #[source]
        source: sqlx::migrate::MigrateError,
    },
}
