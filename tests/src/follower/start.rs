//! Starts a [`Follower`].

use std::{collections::VecDeque, sync::Arc, time::Instant};

use tokio::time::timeout;

use super::{Follower, FollowerOptions, Shared, State, connection::Connections, tracker::Tracker};
use crate::{model::Model, wait::PATIENCE};

impl FollowerOptions {
    /// Fetches the state, connects, and waits for the first event.
    pub async fn start(self) -> Follower {
        let tracker = if self.has_model {
            Tracker::Model(match &self.session {
                Some(session) => Model::of_session(&self.clients[0], session).await,
                None => Model::of_user(&self.clients[0]).await,
            })
        } else {
            Tracker::position_of(&self.clients[0]).await
        };
        let state = State {
            tracker,
            events: VecDeque::new(),
            max_events: self.max_events,
            connections: 0,
            cuts: 0,
            violation: None,
            is_calm: false,
            activity: ("not started".into(), Instant::now()),
            last_event: Instant::now(),
        };
        let shared = Arc::new(Shared::new(state));
        let connections = Connections::new(self, shared.clone());
        let task = tokio::spawn({
            let stop = shared.stop.clone();
            async move {
                stop.run_until_cancelled(connections.run()).await;
            }
        });
        let follower = Follower { shared, task };
        timeout(PATIENCE, follower.shared.ready.notified()).await.expect("a stream");
        follower
    }
}
