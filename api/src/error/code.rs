//! The machine-readable error codes and their HTTP statuses.

use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident = $status:ident;)*) => {
        /// A machine-readable error code.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        #[schema(as = ProblemCode)]
        pub enum Code { $($(#[$doc])* $code,)* }

        impl Code {
            /// Returns the HTTP status for this code.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$code => StatusCode::$status,)* }
            }
        }
    };
}

codes! {
    /// The body, or a field, parameter, or header, is missing, malformed, or out of range.
    InvalidRequest = BAD_REQUEST;
    /// The API key, login, or ticket is missing, invalid, expired, or revoked.
    Unauthorized = UNAUTHORIZED;
    /// The key's role does not permit the operation.
    Forbidden = FORBIDDEN;
    /// In keyless mode, only requests to a loopback host are accepted.
    HostNotAllowed = FORBIDDEN;
    /// In keyless mode, requests that came through a proxy are rejected.
    ProxyNotAllowed = FORBIDDEN;
    /// A request without a key came from a page on another origin.
    CrossSiteRequest = FORBIDDEN;
    /// The object does not exist or belongs to another user.
    NotFound = NOT_FOUND;
    /// The path does not support the method.
    MethodNotAllowed = METHOD_NOT_ALLOWED;
    /// The session is archived.
    SessionArchived = CONFLICT;
    /// A task is running or queued, and `on_busy` is `reject`, or the operation requires that no task is running.
    AgentBusy = CONFLICT;
    /// No turn of the session has ended.
    NothingToFork = CONFLICT;
    /// The message cannot be changed, because its task is not queued or an agent may have seen it.
    TaskNotQueued = CONFLICT;
    /// The task has ended.
    TaskEnded = CONFLICT;
    /// The task has not ended.
    TaskNotEnded = CONFLICT;
    /// The task has succeeded.
    TaskSucceeded = CONFLICT;
    /// The message is not part of the transcript, because another branch is current.
    InactiveBranch = CONFLICT;
    /// The permission request has already been answered.
    PermissionAnswered = CONFLICT;
    /// The permission request has expired, or its attempt has ended.
    PermissionExpired = CONFLICT;
    /// The permission request has no option with this ID.
    UnknownOption = UNPROCESSABLE_ENTITY;
    /// The decision matches no option or more than one.
    OptionRequired = UNPROCESSABLE_ENTITY;
    /// The object created with the idempotency key has been deleted.
    MessageGone = CONFLICT;
    /// Another device has changed the draft; `draft` contains the stored one.
    DraftConflict = CONFLICT;
    /// The attachment is part of a message.
    AttachmentSent = CONFLICT;
    /// An attachment does not exist, belongs to another user, or is already part of a message.
    UnknownAttachment = UNPROCESSABLE_ENTITY;
    /// The agent does not accept files of this type.
    AttachmentUnsupported = UNPROCESSABLE_ENTITY;
    /// The file cannot be scaled down.
    NoThumbnail = UNPROCESSABLE_ENTITY;
    /// The requested range is outside the file.
    RangeNotSatisfiable = RANGE_NOT_SATISFIABLE;
    /// The body did not arrive in time.
    RequestTimeout = REQUEST_TIMEOUT;
    /// The body is too large.
    PayloadTooLarge = PAYLOAD_TOO_LARGE;
    /// The content type of the body is not JSON.
    UnsupportedMediaType = UNSUPPORTED_MEDIA_TYPE;
    /// The file contains nothing that can be imported.
    UnknownFormat = UNPROCESSABLE_ENTITY;
    /// The agent is unknown.
    UnknownAgent = UNPROCESSABLE_ENTITY;
    /// The agent is unavailable.
    AgentUnavailable = UNPROCESSABLE_ENTITY;
    /// The folder is unknown.
    UnknownFolder = UNPROCESSABLE_ENTITY;
    /// No running worker has the folder.
    FolderUnavailable = UNPROCESSABLE_ENTITY;
    /// The agent cannot work in the folder.
    FolderNotAllowed = UNPROCESSABLE_ENTITY;
    /// The idempotency key was used for a different request.
    IdempotencyMismatch = UNPROCESSABLE_ENTITY;
    /// Too many messages are queued in the session.
    QueueFull = TOO_MANY_REQUESTS;
    /// The user's files would exceed the limit for their total size.
    StorageLimit = TOO_MANY_REQUESTS;
    /// The server hit an internal error.
    InternalError = INTERNAL_SERVER_ERROR;
    /// The database was locked for longer than the timeout; nothing was stored.
    StoreBusy = SERVICE_UNAVAILABLE;
    /// The database is not writable, the disk is full, or the database server is unavailable.
    StoreUnavailable = SERVICE_UNAVAILABLE;
    /// Too many connections are open, or too many large responses are being sent.
    Overloaded = SERVICE_UNAVAILABLE;
    /// A component is not ready.
    NotReady = SERVICE_UNAVAILABLE;
}
