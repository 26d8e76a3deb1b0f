//! Identifiers. Ours are UUIDs of version 7; each kind has a type of its own, so that they cannot be mixed up.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::text_column::text_column;

/// The text is not an id of ours. To a client that simply means: there is no such thing.
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
            /// A new id, unlike every other.
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
                // One spelling: what names a thing in a path also names it for idempotency keys.
                let mut canonical = Uuid::encode_buffer();
                if id.hyphenated().encode_lower(&mut canonical) == text { Ok(Self(id)) } else { Err(ParseIdError) }
            }
        }
    };
}

id_type!(
    /// The id of a session.
    SessionId
);
id_type!(
    /// The id of a message.
    MessageId
);
id_type!(
    /// The id of a task.
    TaskId
);
id_type!(
    /// The id of a permission request.
    PermissionId
);
id_type!(
    /// An API key (not the secret itself).
    KeyId
);
id_type!(
    /// A browser's login (not the cookie itself).
    LoginId
);

/// One start of a worker process. A restarted worker has another, so it never inherits a dead one's rows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::Type)]
#[sqlx(transparent)]
pub struct WorkerId(String);

impl WorkerId {
    /// A new id for the process that starts now.
    #[must_use]
    pub fn generate() -> Self {
        Self(format!("worker-{}", Uuid::now_v7().simple()))
    }

    /// The id as the store keeps it.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The id as text.
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
    use super::*;

    #[test]
    fn an_id_has_one_spelling() {
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
}
