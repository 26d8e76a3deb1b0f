//! The users that this process follows, and whether Redis has confirmed the subscriptions to their channels.
//!
//! Whenever [`FollowedUsers::changed`] returns, and after every reconnect, the subscriber compares desired and actual
//! subscriptions.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, watch};

use crate::chat::UserRef;

/// The maximum number of channels in one SUBSCRIBE or UNSUBSCRIBE command, not counting strays.
const BATCH: usize = 500;

/// A followed user and the state of the subscription to the user's channel.
#[derive(Debug)]
struct FollowedUser {
    user: UserRef,
    /// The number of followers, such as streams. If it is zero, the process unsubscribes from the channel.
    followers: usize,
    is_subscribed: watch::Sender<bool>,
}

impl FollowedUser {
    fn is_settled(&self) -> bool {
        (self.followers > 0) == *self.is_subscribed.borrow()
    }
}

#[derive(Debug, Default)]
struct State {
    by_channel: HashMap<Arc<str>, FollowedUser>,
    /// The channels whose desired and actual subscriptions differ.
    unsettled: HashSet<Arc<str>>,
    /// Channels that lost their last follower while the process was subscribing to them.
    strays: Vec<Arc<str>>,
}

impl State {
    /// Updates `unsettled` for one channel, and removes the channel if it is no longer needed.
    fn settle(&mut self, channel: &Arc<str>) {
        let Some(followed) = self.by_channel.get(channel) else { return };
        if followed.is_settled() {
            self.unsettled.remove(channel);
            if followed.followers == 0 {
                self.by_channel.remove(channel);
            }
        } else {
            self.unsettled.insert(Arc::clone(channel));
        }
    }
}

/// A change to the subscriptions, to be sent to Redis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SubscriptionChange {
    Subscribe(Vec<Arc<str>>),
    Unsubscribe(Vec<Arc<str>>),
}

/// The followed users; see the module documentation.
#[derive(Debug, Default)]
pub(super) struct FollowedUsers {
    state: Mutex<State>,
    changed: Notify,
}

impl FollowedUsers {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a follower of a user. The receiver indicates whether the process is subscribed to the user's channel.
    pub(super) fn add(self: &Arc<Self>, channel: Arc<str>, user: &UserRef) -> (Follower, watch::Receiver<bool>) {
        let is_subscribed = {
            let mut state = self.lock();
            let followed = state.by_channel.entry(Arc::clone(&channel)).or_insert_with(|| FollowedUser {
                user: user.clone(),
                followers: 0,
                is_subscribed: watch::Sender::new(false),
            });
            followed.followers += 1;
            let is_subscribed = followed.is_subscribed.subscribe();
            state.settle(&channel);
            is_subscribed
        };
        self.changed.notify_one();
        (Follower { followed_users: Arc::clone(self), channel }, is_subscribed)
    }

    fn remove(&self, channel: &Arc<str>) {
        {
            let mut state = self.lock();
            if let Some(followed) = state.by_channel.get_mut(channel) {
                followed.followers -= 1;
            }
            state.settle(channel);
        }
        self.changed.notify_one();
    }

    /// Waits until the desired subscriptions may have changed.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Returns the user of a channel if that user has any followers.
    pub(super) fn user_of(&self, channel: &str) -> Option<UserRef> {
        let state = self.lock();
        state.by_channel.get(channel).filter(|followed| followed.followers > 0).map(|followed| followed.user.clone())
    }

    /// Returns the number of followed users to whose channels the process is not subscribed.
    pub(super) fn pending(&self) -> usize {
        let state = self.lock();
        let is_wanted = |channel: &&Arc<str>| state.by_channel.get(*channel).is_some_and(|it| it.followers > 0);
        state.unsettled.iter().filter(is_wanted).count()
    }

    /// Marks all channels as unsubscribed, because the connection was lost.
    pub(super) fn disconnected(&self) {
        let mut state = self.lock();
        state.strays.clear();
        let channels: Vec<_> = state.by_channel.keys().cloned().collect();
        for channel in channels {
            if let Some(followed) = state.by_channel.get(&channel) {
                followed.is_subscribed.send_replace(false);
            }
            state.settle(&channel);
        }
    }

    /// Returns the next change, or `None` if all subscriptions are as desired. Channels to unsubscribe from immediately
    /// count as unsubscribed, so that new followers wait for the next subscription.
    pub(super) fn next_change(&self) -> Option<SubscriptionChange> {
        let mut state = self.lock();
        let is_wanted = |channel: &Arc<str>| state.by_channel.get(channel).is_some_and(|it| it.followers > 0);
        let (wanted, mut unwanted): (Vec<_>, Vec<_>) = state.unsettled.iter().take(BATCH).cloned().partition(is_wanted);
        if !wanted.is_empty() {
            return Some(SubscriptionChange::Subscribe(wanted));
        }
        let strays = std::mem::take(&mut state.strays);
        unwanted.extend(strays.into_iter().filter(|channel| !state.by_channel.contains_key(channel)));
        for channel in &unwanted {
            if let Some(followed) = state.by_channel.get(channel) {
                followed.is_subscribed.send_replace(false);
            }
            state.settle(channel);
        }
        (!unwanted.is_empty()).then_some(SubscriptionChange::Unsubscribe(unwanted))
    }

    /// Marks these channels as subscribed and returns their users.
    pub(super) fn subscribed(&self, channels: &[Arc<str>]) -> Vec<UserRef> {
        let mut state = self.lock();
        let mut users = Vec::with_capacity(channels.len());
        for channel in channels {
            if let Some(followed) = state.by_channel.get(channel) {
                followed.is_subscribed.send_replace(true);
                users.push(followed.user.clone());
                state.settle(channel);
            } else {
                state.strays.push(Arc::clone(channel));
            }
        }
        users
    }
}

/// Follows a user until this guard is dropped.
#[derive(Debug)]
pub(super) struct Follower {
    followed_users: Arc<FollowedUsers>,
    channel: Arc<str>,
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.followed_users.remove(&self.channel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(followed_users: &Arc<FollowedUsers>, name: &str) -> Follower {
        let user = UserRef { workspace_id: "w".into(), user_id: name.into() };
        followed_users.add(name.into(), &user).0
    }

    /// Applies all changes as the subscriber would, and returns the number of commands.
    fn reconcile(followed_users: &FollowedUsers) -> usize {
        let mut commands = 0;
        while let Some(change) = followed_users.next_change() {
            commands += 1;
            if let SubscriptionChange::Subscribe(channels) = change {
                followed_users.subscribed(&channels);
            }
        }
        commands
    }

    #[test]
    fn subscribes_many_users_with_few_commands() {
        let followed_users = Arc::<FollowedUsers>::default();
        let followers: Vec<_> = (0..3000).map(|number| follow(&followed_users, &number.to_string())).collect();
        assert_eq!(followed_users.pending(), 3000);

        assert_eq!(reconcile(&followed_users), 6);

        assert_eq!(followed_users.pending(), 0);
        drop(followers);
        assert_eq!(followed_users.pending(), 0, "unsubscribed channels do not count as pending");
        assert_eq!(reconcile(&followed_users), 6);
        assert!(followed_users.lock().by_channel.is_empty());
    }

    #[test]
    fn a_disconnect_makes_every_subscription_pending_again() {
        let followed_users = Arc::<FollowedUsers>::default();
        let (_ann, bob) = (follow(&followed_users, "ann"), follow(&followed_users, "bob"));
        reconcile(&followed_users);
        drop(bob);

        followed_users.disconnected();

        assert_eq!(followed_users.pending(), 1);
        assert_eq!(followed_users.next_change(), Some(SubscriptionChange::Subscribe(vec!["ann".into()])));
    }

    #[test]
    fn resubscribes_a_user_followed_again_during_an_unsubscribe() {
        let followed_users = Arc::<FollowedUsers>::default();
        let first = follow(&followed_users, "ann");
        reconcile(&followed_users);
        drop(first);
        assert_eq!(followed_users.next_change(), Some(SubscriptionChange::Unsubscribe(vec!["ann".into()])));

        let _second = follow(&followed_users, "ann");

        assert_eq!(followed_users.pending(), 1);
        assert_eq!(followed_users.next_change(), Some(SubscriptionChange::Subscribe(vec!["ann".into()])));
    }

    #[test]
    fn unsubscribes_a_user_unfollowed_during_a_subscribe() {
        let followed_users = Arc::<FollowedUsers>::default();
        let ann = follow(&followed_users, "ann");
        let Some(SubscriptionChange::Subscribe(channels)) = followed_users.next_change() else {
            panic!("there is nothing to subscribe to")
        };

        drop(ann);
        followed_users.subscribed(&channels);

        assert_eq!(followed_users.next_change(), Some(SubscriptionChange::Unsubscribe(channels)));
        assert_eq!(followed_users.next_change(), None);
    }

    #[test]
    fn keeps_one_subscription_for_several_followers() {
        let followed_users = Arc::<FollowedUsers>::default();
        let (first, second) = (follow(&followed_users, "ann"), follow(&followed_users, "ann"));
        assert_eq!(reconcile(&followed_users), 1);

        drop(first);

        assert_eq!(reconcile(&followed_users), 0);
        assert!(followed_users.user_of("ann").is_some());
        drop(second);
        assert!(followed_users.user_of("ann").is_none());
        assert!(followed_users.user_of("bob").is_none());
    }
}
