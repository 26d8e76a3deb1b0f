//! Users, their roles, and the principals behind requests.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    id::{KeyId, LoginId},
    text_column::text_column,
};

/// A user in a workspace. The same name in two workspaces refers to two different users.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::FromRow)]
pub struct UserRef {
    /// The workspace.
    pub workspace_id: String,
    /// The user's name within the workspace.
    pub user_id: String,
}

impl UserRef {
    /// Returns the only user of an installation that has no keys.
    #[must_use]
    pub fn local() -> Self {
        Self { workspace_id: "default".into(), user_id: "local".into() }
    }
}

impl fmt::Display for UserRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.workspace_id, self.user_id)
    }
}

/// The role of an API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum UserRole {
    /// Everything that `member` may do, plus managing the workspace's keys and users; no access to other users'
    /// conversations.
    Admin,
    /// Full access to the user's own sessions.
    Member,
    /// Can read the user's own sessions and streams and mark sessions as read, but not change anything else.
    Viewer,
}

impl UserRole {
    /// Returns the name used in JSON and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Member => "member",
            Self::Viewer => "viewer",
        }
    }

    /// Returns whether the role may change conversations.
    #[must_use]
    pub const fn can_write(self) -> bool {
        match self {
            Self::Admin | Self::Member => true,
            Self::Viewer => false,
        }
    }
}

text_column!(UserRole);

impl fmt::Display for UserRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for UserRole {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "admin" => Ok(Self::Admin),
            "member" => Ok(Self::Member),
            "viewer" => Ok(Self::Viewer),
            other => Err(format!("unknown role `{other}`: expected admin, member, or viewer")),
        }
    }
}

/// The authenticated identity behind a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The user.
    pub user: UserRef,
    /// The role.
    pub role: UserRole,
    /// The API key that was used, directly or through a login or ticket; `None` in keyless mode.
    pub key_id: Option<KeyId>,
    /// The browser login that was used, if any.
    pub login_id: Option<LoginId>,
}
