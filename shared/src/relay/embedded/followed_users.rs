//! The users whose live text this process forwards.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::chat::UserRef;

/// The followed users and how many followers each one has.
#[derive(Debug, Default)]
pub(super) struct FollowedUsers(Mutex<HashMap<UserRef, usize>>);

impl FollowedUsers {
    fn lock(&self) -> MutexGuard<'_, HashMap<UserRef, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Follows a user until the returned guard is dropped.
    pub(super) fn add(self: &Arc<Self>, user: &UserRef) -> Follower {
        *self.lock().entry(user.clone()).or_default() += 1;
        Follower { followed: Arc::clone(self), user: user.clone() }
    }

    pub(super) fn contains(&self, user: &UserRef) -> bool {
        self.lock().contains_key(user)
    }
}

/// Follows a user until this guard is dropped.
#[derive(Debug)]
pub(super) struct Follower {
    followed: Arc<FollowedUsers>,
    user: UserRef,
}

impl Drop for Follower {
    fn drop(&mut self) {
        let mut followed = self.followed.lock();
        if let Some(count) = followed.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                followed.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_a_user_until_the_last_follower_leaves() {
        let followed = Arc::<FollowedUsers>::default();
        let ann = UserRef { workspace_id: "w".into(), user_id: "ann".into() };

        let (first, second) = (followed.add(&ann), followed.add(&ann));
        drop(first);
        assert!(followed.contains(&ann));
        drop(second);

        assert!(!followed.contains(&ann));
    }
}
