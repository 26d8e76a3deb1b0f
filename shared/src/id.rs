//! Identifiers, which are version 7 UUIDs with a separate type for each kind of object.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::text_column::text_column;

/// The error for a string that is not a valid ID. Clients receive the same response as for an ID that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a UUID")]
pub struct ParseIdError;

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        #[schema(value_type = String, format = Uuid)]
        pub struct $name(Uuid);

        impl $name {
            /// Generates a unique ID.
            #[must_use]
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        text_column!($name);

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let id = Uuid::try_parse(text).map_err(|_| ParseIdError)?;
                // Only the canonical form is accepted, so that each ID has a single representation in paths and
                // idempotency keys.
                let mut canonical = Uuid::encode_buffer();
                if id.hyphenated().encode_lower(&mut canonical) == text { Ok(Self(id)) } else { Err(ParseIdError) }
            }
        }
    };
}

id_type!(
    /// The ID of a session.
    SessionId
);
id_type!(
    /// The ID of a message.
    MessageId
);
id_type!(
    /// The ID of an attachment.
    AttachmentId
);
id_type!(
    /// The ID of a stored file, which attachments with the same content share.
    FileId
);
id_type!(
    /// The ID of a task.
    TaskId
);
id_type!(
    /// The ID of a permission request.
    PermissionId
);
id_type!(
    /// The ID of an API key; not its secret.
    KeyId
);
id_type!(
    /// The ID of a browser login; not its cookie.
    LoginId
);

/// The ID of a worker process. A restarted worker has a new ID, so that it never owns the tasks of its predecessor.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::Type)]
#[sqlx(transparent)]
pub struct WorkerId(String);

impl WorkerId {
    /// Generates the ID of a new process.
    #[must_use]
    pub fn generate() -> Self {
        Self(format!("worker-{}", Uuid::now_v7().simple()))
    }

    /// Wraps an ID from the store.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// Returns the ID as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn accepts_only_the_canonical_form() {
        let id = SessionId::generate();

        assert_eq!(id.to_string().parse(), Ok(id));
        for other in [
            id.to_string().to_uppercase(),
            id.to_string().replace('-', ""),
            format!("{{{id}}}"),
            format!("urn:uuid:{id}"),
        ] {
            assert_eq!(other.parse::<SessionId>(), Err(ParseIdError), "{other}");
        }
    }

    proptest! {
        #[test]
        fn round_trips_every_accepted_id(text in "[0-9a-fA-F]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}") {
            if let Ok(id) = text.parse::<SessionId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }
}
