//! Clients that chat during faults, followers of the clients' streams, and the final check.

use std::{collections::HashMap, time::Duration};

use banter_tests::{
    chat::{id_of, text_of},
    follower::{Follower, FollowerOptions},
    load::LoadClient,
    random::TestRng,
};
use rand::SeedableRng as _;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{
    client::{ChatClient, Conversation},
    installation::Installation,
    report::Report,
};

/// Number of clients.
const CLIENTS: usize = 3;

/// The longest delay before each word of an answer. Answers have at most eight words, so every answer takes less than a
/// second.
const WORD_DELAY: Duration = Duration::from_millis(80);

/// How clients behave.
#[derive(Clone, Copy, Debug)]
pub struct LoadOptions {
    /// The longest delay before each word of an answer.
    pub word_delay: Duration,
    /// How long a stream may be silent before the client reconnects.
    pub max_silence: Option<Duration>,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self { word_delay: WORD_DELAY, max_silence: None }
    }
}

/// A running load.
pub struct Load {
    clients: JoinSet<Vec<Conversation>>,
    /// The conversations of clients that have finished.
    conversations: Vec<Conversation>,
    followers: Vec<Follower>,
    stop: CancellationToken,
    report: Report,
}

impl Load {
    /// Starts clients that use all `api` processes, and followers of the clients' streams.
    pub async fn start(installation: &Installation, rng: &mut TestRng, report: &Report) -> Self {
        Self::start_with(installation, rng, report, LoadOptions::default()).await
    }

    /// Like [`Self::start`], with other options.
    pub async fn start_with(
        installation: &Installation,
        rng: &mut TestRng,
        report: &Report,
        LoadOptions { word_delay, max_silence }: LoadOptions,
    ) -> Self {
        let mut load = Self {
            clients: JoinSet::new(),
            conversations: Vec::new(),
            followers: Vec::new(),
            stop: CancellationToken::new(),
            report: report.clone(),
        };
        for number in 0..CLIENTS {
            let session = installation.session().await;
            let client = LoadClient::new(installation.clients.clone());
            load.followers.push(client.follow(number).with_max_silence(max_silence).start().await);
            if number == 0 {
                let [first, second] = &installation.clients[..2] else { unreachable!("there are two apis") };
                let of_one = FollowerOptions::session(second, &session).and_apis([first.clone(), second.clone()]);
                load.followers.push(of_one.with_max_silence(max_silence).start().await);
            }
            let client = ChatClient {
                name: format!("client {number} message"),
                client,
                model: installation.model.clone(),
                rng: rng.fork(),
                report: report.clone(),
                stop: load.stop.clone(),
                word_delay,
                conversations: vec![Conversation { session, sent: Vec::new() }],
            };
            load.clients.spawn(client.chat());
        }
        load
    }

    /// Returns the followers of the clients' streams and of the added streams.
    pub fn followers(&self) -> &[Follower] {
        &self.followers
    }

    /// Adds a follower to check at the end.
    pub fn add(&mut self, follower: Follower) {
        self.followers.push(follower);
    }

    /// Adds the conversations of another client to check at the end.
    pub fn add_conversations(&mut self, conversations: Vec<Conversation>) {
        self.conversations.extend(conversations);
    }

    /// Stops all clients and checks the result: every accepted message exists once, in order, and with the scripted
    /// answer; the agent received the messages in that order; all streams are complete; the database is consistent.
    pub async fn finish(mut self, installation: &Installation) {
        self.stop.cancel();
        let mut conversations = std::mem::take(&mut self.conversations);
        while let Some(client) = self.clients.join_next().await {
            conversations.extend(client.expect("a client saw a contract violation"));
        }
        let first_asked = first_asked(installation);
        let client = &installation.clients[0];
        for conversation in &conversations {
            client.wait_until_idle(&conversation.session).await;
            self.check_conversation(conversation, &client.messages(&conversation.session).await, &first_asked);
        }
        for follower in &self.followers {
            self.report.add("streams with gaps", u64::from(follower.violation().is_some()));
            follower.settle(client).await;
            self.report.add("stream connections", follower.connections() as u64);
        }
        installation.app.check().await;
    }

    fn check_conversation(
        &self,
        Conversation { session, sent }: &Conversation,
        messages: &[Value],
        first_asked: &HashMap<String, usize>,
    ) {
        let shown: Vec<_> = messages.iter().map(|it| (text_of(it, "role"), text_of(it, "content"))).collect();
        let expected: Vec<_> = sent
            .iter()
            .flat_map(|it| [("user".to_owned(), it.text.clone()), ("assistant".to_owned(), it.answer.clone())])
            .collect();
        self.report.add("messages lost", count(&expected, |it| !shown.contains(it)));
        self.report
            .add("messages doubled", count(&expected, |it| shown.iter().filter(|other| *other == it).count() > 1));
        assert_eq!(shown, expected, "session {session}");
        for (sent, turn) in sent.iter().zip(messages.chunks(2)) {
            let task = &turn[0]["task"];
            assert_eq!(id_of(&turn[0]), sent.message, "the message that was acknowledged");
            assert_eq!(id_of(task), sent.task, "the task that was acknowledged");
            assert_eq!(task["status"], "succeeded", "{task}");
            assert_eq!(turn[1]["task_id"], task["id"]);
            self.report.add("failures counted", task["failures"].as_u64().unwrap());
            self.report.add("attempts after the first", task["attempt"].as_u64().unwrap() - 1);
        }
        let asked: Vec<usize> = sent.iter().map(|it| first_asked[&it.text]).collect();
        self.report.add("messages answered out of order", u64::from(!asked.is_sorted()));
        assert!(asked.is_sorted(), "session {session} was not answered in the order sent: {asked:?}");
    }
}

fn count<T>(items: &[T], is_counted: impl Fn(&T) -> bool) -> u64 {
    items.iter().filter(|item| is_counted(item)).count() as u64
}

/// Returns, for each text, the index of the request in which the agent first received it.
fn first_asked(installation: &Installation) -> HashMap<String, usize> {
    let mut first = HashMap::new();
    for (number, prompt) in installation.model.prompts().into_iter().enumerate() {
        first.entry(prompt).or_insert(number);
    }
    first
}
