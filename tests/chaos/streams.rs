//! The streams that are followed during a run.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use banter_tests::{
    client::Client,
    follower::{Check, Follower, FollowerOptions},
    random::TestRng,
    sse::Event,
};
use rand::SeedableRng as _;
use tokio::task::JoinSet;

use crate::{clients::User, config::Config, history::History, panic_message, texts};

/// Time limit for each diagnostic request to an api after a violation.
const PROBE_LIMIT: Duration = Duration::from_secs(5);

/// Number of events kept per stream to help explain a violation.
const EVENTS_KEPT: usize = 50;

/// A stream that is followed in the background, and the user who owns it.
pub struct FollowedStream {
    pub user: usize,
    pub follower: Arc<Follower>,
    /// The sessions that the stream's events belong to.
    pub seen: Arc<Mutex<BTreeSet<String>>>,
}

/// Opens a stream for each client, and a session stream for each user's first session. The streams are distributed
/// across the proxies.
pub async fn follow(config: Config, users: &[Arc<User>], rng: &mut TestRng) -> Vec<FollowedStream> {
    let mut streams = Vec::new();
    for number in 0..config.clients + users.len() {
        let user = &users[number % users.len()];
        let mut through: Vec<Client> = user.client.apis()[config.apis..].to_vec();
        through.rotate_left(number % config.apis);
        let options = if number < config.clients {
            FollowerOptions::user(&through[0])
        } else {
            let home = user.sessions.lock().unwrap()[0].id.clone();
            FollowerOptions::session(&through[0], &home)
        };
        let seen = Arc::new(Mutex::new(BTreeSet::new()));
        let options = options.and_apis(through[1..].to_vec()).with_rewinds(rng.fork()).keeping(EVENTS_KEPT);
        let options = options.with_check(only_own_events(user, users.len(), seen.clone()));
        streams.push(FollowedStream { user: user.number, follower: Arc::new(options.start().await), seen });
    }
    streams
}

/// Returns a check that rejects other users' events, and that adds the session of every other event to `seen`.
fn only_own_events(user: &User, users: usize, seen: Arc<Mutex<BTreeSet<String>>>) -> Check {
    let (number, (workspace, name)) = (user.number, user.name.clone());
    Arc::new(move |event: &Event| {
        let session = &event.data["session"];
        if !session.is_null()
            && (session["creator_id"] != name.as_str() || session["workspace_id"] != workspace.as_str())
        {
            return Err(format!("{workspace}/{name} sees {event:?}"));
        }
        let content = event.data["message"]["content"].as_str().unwrap_or_default();
        if texts::author(content).is_some_and(|client| client % users != number) {
            return Err(format!("{workspace}/{name} reads {event:?}"));
        }
        if !event.session().is_empty() {
            seen.lock().unwrap().insert(event.session().to_owned());
        }
        Ok(())
    })
}

/// Checks that every stream's final state matches a fresh GET.
pub async fn check(history: &History, streams: &mut Vec<FollowedStream>, users: &[Arc<User>]) {
    let (mut settling, mut has_violation) = (JoinSet::new(), false);
    for FollowedStream { user, follower, .. } in streams.drain(..) {
        follower.calm_down();
        let client = users[user].client.apis()[0].clone();
        settling.spawn(async move {
            follower.settle(&client).await;
            follower.connections()
        });
    }
    while let Some(settled) = settling.join_next().await {
        match settled {
            Ok(connections) => (0..connections).for_each(|_| history.count("stream: connection")),
            Err(error) => {
                history.record_violation(format!("a stream: {}", panic_message(error)));
                has_violation = true;
            }
        }
    }
    if has_violation {
        for client in users[0].client.apis() {
            let ready = tokio::time::timeout(PROBE_LIMIT, client.try_call(client.request("GET", "/readyz"))).await;
            let list = tokio::time::timeout(PROBE_LIMIT, client.try_call(client.request("GET", "/v1/chat"))).await;
            history.log_line(&format!("{}: {ready:?}, and {list:?}", client.address()));
        }
    }
}
