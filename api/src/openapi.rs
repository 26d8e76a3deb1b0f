//! The OpenAPI 3.1 document, generated from the routes.
//!
//! [`crate::router`] registers and documents a handler in one step, so the document contains every operation. Many
//! operations return the same errors. Each error type in this module documents a group of them.

use std::collections::BTreeMap;

use banter_shared::{
    chat::PermissionDetail,
    id::{AttachmentId, MessageId, PermissionId, SessionId, TaskId},
};
use utoipa::{
    IntoParams, IntoResponses, Modify, OpenApi, ToSchema,
    openapi::{
        Content, RefOr, Response,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};

use crate::error::{PROBLEM_JSON, Problem};

/// The document, excluding its operations.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Banter",
        description = "Self-hosted chat with agents. IDs are UUIDs; times are RFC 3339 in UTC. Errors are RFC 9457 \
                       problems with a machine-readable `code`. Every response has an `X-Request-Id` header."
    ),
    tags(
        (name = "sessions", description = "Conversations between a user and an agent."),
        (name = "messages", description = "The messages of a session."),
        (name = "attachments", description = "The files that are part of messages."),
        (name = "tasks", description = "The agent's work on a message."),
        (name = "agents", description = "The agents that users can chat with."),
        (name = "events", description = "Live updates, as server-sent events."),
        (name = "auth", description = "Sign-in, sign-out, and stream tickets."),
        (name = "system", description = "Health, metrics, and this document."),
    ),
    components(schemas(Problem, PermissionDetail)),
    modifiers(&Security),
)]
pub struct Base;

struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some(
                "An API key (`bnt_…`). Not required on a loopback address until the first key is created.",
            ))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("api_key", SecurityScheme::Http(scheme));
        let cookie = ApiKeyValue::with_description(
            crate::extract::LOGIN_COOKIE,
            "The cookie of a signed-in browser. Over HTTPS, its name is `__Host-banter_session`.",
        );
        components.add_security_scheme("login", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
        let any_of = ["api_key", "login"].map(|name| SecurityRequirement::new(name, [] as [&str; 0]));
        document.security = Some(any_of.to_vec());
    }
}

/// Serializes the document in its published form.
///
/// # Errors
/// Never fails in practice, because the document consists of strings and numbers.
pub fn to_json(document: &utoipa::openapi::OpenApi) -> serde_json::Result<String> {
    Ok(document.to_pretty_json()? + "\n")
}

macro_rules! problems {
    ($($(#[$doc:meta])* $name:ident { $($status:literal: $description:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub enum $name {}

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                [$(($status, $description),)*]
                    .into_iter()
                    .map(|(status, description)| (status.to_owned(), problem(description).into()))
                    .collect()
            }
        }
    )*};
}

/// The path parameter for a session.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "used only for the document")]
pub struct SessionPath {
    /// The ID of the session.
    id: SessionId,
}

/// The path parameter for an attachment.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "used only for the document")]
pub struct AttachmentPath {
    /// The ID of the attachment.
    id: AttachmentId,
}

/// The path parameters for a message.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "used only for the document")]
pub struct MessagePath {
    /// The ID of the session.
    id: SessionId,
    /// The ID of the message.
    mid: MessageId,
}

/// The path parameters for a task.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "used only for the document")]
pub struct TaskPath {
    /// The ID of the session.
    id: SessionId,
    /// The ID of the task.
    tid: TaskId,
}

/// The path parameters for a permission request.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "used only for the document")]
pub struct PermissionPath {
    /// The ID of the session.
    id: SessionId,
    /// The ID of the task.
    tid: TaskId,
    /// The ID of the request, from its step's `detail.request_id`.
    rid: PermissionId,
}

/// The header that makes it safe to repeat a request.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "used only for the document")]
pub struct IdempotencyParam {
    /// A unique value that identifies the request, at most 200 bytes. If the request is repeated within 24 hours with
    /// the same key and body, nothing new is created and the original object is returned.
    #[param(rename = "Idempotency-Key", min_length = 1, max_length = 200)]
    key: Option<String>,
}

/// The header that resumes a stream.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "used only for the document")]
pub struct LastEventIdParam {
    /// The last `id` received; takes precedence over `after`. With neither, the stream starts at the current position.
    #[param(rename = "Last-Event-ID")]
    last_event_id: Option<String>,
}

fn problem(description: &str) -> Response {
    let schema = utoipa::openapi::schema::RefBuilder::new()
        .ref_location(format!("#/components/schemas/{}", Problem::name()))
        .build();
    Response::builder().description(description).content(PROBLEM_JSON, Content::new(Some(schema))).build()
}

problems! {
    /// Errors that any authenticated operation can return.
    AnyProblem {
        "401": "The API key is missing, invalid, expired, or revoked.",
        "403": "The role does not permit the operation, or a request without an API key came from another site or through a proxy.",
        "500": "The server hit an internal error.",
        "503": "The database is busy or unavailable, or the server is overloaded. Retry after the delay in `Retry-After`.",
    }
    /// The error for a missing object.
    NotFoundProblem {
        "404": "The object does not exist or belongs to another user.",
    }
    /// The error for an invalid parameter.
    InvalidProblem {
        "400": "A parameter, field, or header is invalid; `errors` lists the problems.",
    }
    /// Errors for an invalid body.
    BodyProblem {
        "400": "A parameter, field, or header is invalid; `errors` lists the problems.",
        "408": "The body did not arrive within 10 seconds.",
        "413": "The body is larger than 512 KiB.",
        "415": "The content type of the body is not JSON.",
    }
    /// Errors for an uploaded file.
    UploadProblem {
        "400": "The name or the form is invalid, or the connection was closed before the entire file arrived.",
        "408": "No data arrived for 30 seconds.",
        "413": "The file is larger than `ATTACHMENT_MAX_BYTES`.",
        "422": "`idempotency_mismatch`.",
        "429": "`storage_limit`: your files would exceed `STORAGE_BYTES_PER_USER`.",
    }
    /// Errors that importing a file can return.
    ImportProblem {
        "400": "The connection was closed before the entire file arrived.",
        "408": "No data arrived for 30 seconds.",
        "413": "The file is larger than `IMPORT_MAX_BYTES`.",
        "422": "`unknown_format`: the file contains no conversations of a supported product.",
    }
    /// Errors for a part or a scaled version of a file.
    DownloadProblem {
        "416": "The range is outside the file.",
        "422": "`no_thumbnail`: the file is not an image, or is too large to be scaled.",
    }
    /// The error for a conflicting state.
    ConflictProblem {
        "409": "The current state does not permit the operation; `code` identifies the reason.",
    }
    /// The error for a draft that is based on an older revision.
    DraftProblem {
        "409": "`draft_conflict`: another device has changed the draft. `draft` contains the stored one.",
    }
    /// The error for an answer that does not identify a single option.
    AnswerProblem {
        "422": "`unknown_option` or `option_required`; `detail` lists the options.",
    }
    /// Errors that creating a session can return.
    NewSessionProblem {
        "409": "`message_gone`: the session created with this idempotency key has been deleted.",
        "422": "`unknown_agent`, `agent_unavailable`, `unknown_folder`, `folder_unavailable`, `folder_not_allowed`, or \
                `idempotency_mismatch`.",
    }
    /// Errors that forking a session can return.
    ForkProblem {
        "409": "`agent_busy`: the turn has not ended. `nothing_to_fork`: no turn has ended. `message_gone`.",
        "422": "`unknown_agent`, `agent_unavailable`, or `idempotency_mismatch`.",
    }
    /// Errors that changing a session's agent can return.
    AgentChangeProblem {
        "409": "`agent_busy`: a task is running or waiting for another attempt, so the agent cannot change.",
        "422": "`unknown_agent`, `agent_unavailable`, or `folder_not_allowed`.",
    }
    /// Errors that switching to another branch can return.
    BranchProblem {
        "409": "`agent_busy`: a task is queued or running.",
    }
    /// Errors that revising a message can return.
    ReviseProblem {
        "409": "`agent_busy`: a task is queued or running. `session_archived` or `message_gone`.",
        "422": "`unknown_attachment`, `attachment_unsupported`, or `idempotency_mismatch`.",
    }
    /// Errors that sending a message can return.
    SendProblem {
        "409": "`agent_busy`, `session_archived`, or `message_gone`.",
        "422": "`unknown_attachment`, `attachment_unsupported`, or `idempotency_mismatch`.",
        "429": "`queue_full`. Retry after the delay in `Retry-After`.",
    }
    /// Errors that an unauthenticated operation can return if it uses the store.
    StoreProblem {
        "500": "The server hit an internal error.",
        "503": "The database is busy or unavailable. Retry after the delay in `Retry-After`.",
    }
    /// The error for a component that is not ready.
    NotReadyProblem {
        "503": "`errors` lists the components that are not ready.",
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn the_committed_document_is_up_to_date() {
        let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");

        let committed = fs::read_to_string(committed).unwrap_or_default();

        let generated = to_json(&crate::router::openapi()).unwrap();
        assert!(committed == generated, "docs/openapi.json is out of date: run `make openapi` and commit the result");
    }

    #[test]
    fn every_operation_has_a_unique_id_a_summary_and_a_tag() {
        let document = serde_json::to_value(crate::router::openapi()).unwrap();

        let paths = document["paths"].as_object().unwrap();
        let operations: Vec<_> = paths.values().flat_map(|item| item.as_object().unwrap().values()).collect();
        let ids: std::collections::BTreeSet<_> =
            operations.iter().map(|operation| operation["operationId"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), operations.len());
        for operation in operations {
            assert!(operation["summary"].is_string() && operation["tags"].is_array(), "{operation}");
        }
    }

    #[test]
    fn the_document_contains_the_schemas_of_stream_events() {
        let document = serde_json::to_value(crate::router::openapi()).unwrap();

        for name in
            ["Event", "Session", "Message", "Task", "TaskDetail", "Step", "TaskError", "Usage", "Agent", "Problem"]
        {
            assert!(document["components"]["schemas"][name].is_object(), "{name}");
        }
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    }
}
