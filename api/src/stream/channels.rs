//! The channels on which the hub sends updates, one per user with open streams.

use std::{collections::HashMap, sync::Arc};

use banter_shared::{chat::UserRef, relay::FollowGuard, store::ReplayStart};

use super::channel::Channel;

/// The channels, by log ID and by user.
#[derive(Debug, Default)]
pub(super) struct Channels {
    by_log: HashMap<i64, Arc<Channel>>,
    logs: HashMap<UserRef, i64>,
}

impl Channels {
    pub(super) fn get(&self, log_id: i64) -> Option<&Arc<Channel>> {
        self.by_log.get(&log_id)
    }

    pub(super) fn of_user(&self, user: &UserRef) -> Option<&Arc<Channel>> {
        self.by_log.get(self.logs.get(user)?)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Channel>> {
        self.by_log.values()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_log.is_empty()
    }

    /// Returns a user's channel, creating it if necessary. A new channel takes ownership of `follow`; otherwise,
    /// `follow` is dropped.
    pub(super) fn open(&mut self, user: &UserRef, start: &ReplayStart, follow: FollowGuard) -> &Arc<Channel> {
        self.logs.insert(user.clone(), start.user_log_id);
        self.by_log
            .entry(start.user_log_id)
            .or_insert_with(|| Arc::new(Channel::new(user.clone(), start.cursor.epoch.clone(), follow)))
    }

    /// Removes the channels that have no subscribers.
    pub(super) fn prune(&mut self) {
        let logs = &mut self.logs;
        self.by_log.retain(|log_id, channel| {
            let is_open = !channel.is_idle();
            if !is_open && logs.get(&channel.user) == Some(log_id) {
                logs.remove(&channel.user);
            }
            is_open
        });
    }
}
