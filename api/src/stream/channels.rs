//! The channels on which the hub sends updates, one per user with open streams.

use std::{collections::HashMap, sync::Arc};

use banter_shared::{chat::UserRef, event::Epoch, store::ReplayStart};
use tokio::sync::broadcast;

use super::live_update::LiveUpdate;

/// Number of updates kept for the streams of one user; a stream that falls further behind reads the log instead.
const CHANNEL_EVENTS: usize = 256;

/// The open streams of one user.
#[derive(Debug)]
pub(super) struct Channel {
    pub(super) user: UserRef,
    pub(super) epoch: Epoch,
    pub(super) sender: broadcast::Sender<Arc<LiveUpdate>>,
}

/// The channels, by log ID and by user.
#[derive(Debug, Default)]
pub(super) struct Channels {
    pub(super) by_log: HashMap<i64, Channel>,
    logs: HashMap<UserRef, i64>,
}

impl Channels {
    pub(super) fn get(&self, log_id: i64) -> Option<&Channel> {
        self.by_log.get(&log_id)
    }

    pub(super) fn of_user(&self, user: &UserRef) -> Option<&Channel> {
        self.by_log.get(self.logs.get(user)?)
    }

    /// Returns the channel of a user, and creates it if necessary.
    pub(super) fn open(&mut self, user: &UserRef, start: &ReplayStart) -> &Channel {
        self.logs.insert(user.clone(), start.user_log_id);
        self.by_log.entry(start.user_log_id).or_insert_with(|| Channel {
            user: user.clone(),
            epoch: start.cursor.epoch.clone(),
            sender: broadcast::channel(CHANNEL_EVENTS).0,
        })
    }

    /// Removes the channels without receivers.
    pub(super) fn prune(&mut self) {
        let logs = &mut self.logs;
        self.by_log.retain(|_, channel| {
            let is_open = channel.sender.receiver_count() > 0;
            if !is_open {
                logs.remove(&channel.user);
            }
            is_open
        });
    }
}
