//! Who somebody is: a user of a workspace, with a role.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    id::{KeyId, LoginId},
    text_column::text_column,
};

/// A user, who exists only together with a workspace: two users of one name in two workspaces are strangers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::FromRow)]
pub struct UserRef {
    /// The workspace.
    pub workspace_id: String,
    /// The user's name in it.
    pub user_id: String,
}

impl UserRef {
    /// The one user of an installation that has no keys yet.
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
#[schema(as = UserRole)]
pub enum Role {
    /// All of `member`, and the keys and users of the workspace; never other people's conversations.
    Admin,
    /// Full use of one's own sessions.
    Member,
    /// Reads one's own sessions and streams and marks them read; changes nothing else.
    Viewer,
}

impl Role {
    /// The name in JSON and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Member => "member",
            Self::Viewer => "viewer",
        }
    }

    /// Whether the role may change conversations.
    #[must_use]
    pub const fn can_write(self) -> bool {
        match self {
            Self::Admin | Self::Member => true,
            Self::Viewer => false,
        }
    }
}

text_column!(Role);

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Role {
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

/// Who makes a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The user.
    pub user: UserRef,
    /// What they may do.
    pub role: Role,
    /// The key that was shown, or that a login or a ticket stands for; none in keyless mode.
    pub key_id: Option<KeyId>,
    /// The browser's login, if that was shown.
    pub login_id: Option<LoginId>,
}
