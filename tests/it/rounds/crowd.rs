//! Clients that chat during faults, streams that follow them, and the check at the end.

use std::{collections::HashMap, time::Duration};

use banter_tests::{
    chat::{id_of, text_of},
    client::Client,
    dice::Dice,
    watch::{Options, Watch},
};
use serde_json::Value;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{
    installation::Installation,
    person::{Conversation, Person},
    tally::Tally,
};

/// Number of clients.
const PEOPLE: usize = 3;

/// The longest delay before each of an answer's words, of which there are at most eight: no answer takes a second.
const SLOWNESS: Duration = Duration::from_millis(80);

/// A running load.
pub struct Crowd {
    people: JoinSet<Vec<Conversation>>,
    watches: Vec<Watch>,
    stop: CancellationToken,
    tally: Tally,
}

impl Crowd {
    /// Starts all clients on all apis, and streams on each api that follow them.
    pub async fn gather(place: &Installation, dice: &mut Dice, tally: &Tally) -> Self {
        Self::gather_slow(place, dice, tally, SLOWNESS).await
    }

    /// Starts them with an agent that takes up to this long before each word.
    pub async fn gather_slow(place: &Installation, dice: &mut Dice, tally: &Tally, slowness: Duration) -> Self {
        let mut crowd =
            Self { people: JoinSet::new(), watches: Vec::new(), stop: CancellationToken::new(), tally: tally.clone() };
        for number in 0..PEOPLE {
            let session = place.session().await;
            let apis = rotated(&place.clients, number);
            crowd.watches.push(Options::user(&apis[0]).and_apis(apis[1..].to_vec()).start().await);
            if number == 0 {
                let of_one = Options::session(&apis[1], &session).and_apis(rotated(&apis, 2));
                crowd.watches.push(of_one.start().await);
            }
            let person = Person {
                name: format!("person {number} message"),
                clients: place.clients.clone(),
                model: place.model.clone(),
                dice: dice.split(),
                tally: tally.clone(),
                stop: crowd.stop.clone(),
                slowness,
                conversations: vec![Conversation { session, said: Vec::new() }],
            };
            crowd.people.spawn(person.chat());
        }
        crowd
    }

    /// Returns the streams.
    pub fn watches(&self) -> &[Watch] {
        &self.watches
    }

    /// Adds a stream that is checked at the end.
    pub fn add(&mut self, watch: Watch) {
        self.watches.push(watch);
    }

    /// Stops all clients and checks the result: each accepted message exists once, in order, with the scripted answer;
    /// the agent received them in that order; every stream is complete; the database is consistent.
    pub async fn part(mut self, place: &Installation) {
        self.stop.cancel();
        let mut conversations = Vec::new();
        while let Some(person) = self.people.join_next().await {
            conversations.extend(person.expect("a client saw a contract violation"));
        }
        let first_asked = first_asked(place);
        let client = &place.clients[0];
        for conversation in &conversations {
            client.wait_until_idle(&conversation.session).await;
            self.judge(conversation, &client.messages(&conversation.session).await, &first_asked);
        }
        for watch in &self.watches {
            watch.settle(client).await;
            self.tally.add("stream connections", watch.connections() as u64);
        }
        place.app.check().await;
    }

    fn judge(
        &self,
        Conversation { session, said }: &Conversation,
        messages: &[Value],
        first_asked: &HashMap<String, usize>,
    ) {
        let shown: Vec<_> = messages.iter().map(|it| (text_of(it, "role"), text_of(it, "content"))).collect();
        let expected: Vec<_> = said
            .iter()
            .flat_map(|it| [("user".to_owned(), it.text.clone()), ("assistant".to_owned(), it.answer.clone())])
            .collect();
        assert_eq!(shown, expected, "session {session}");
        for (said, turn) in said.iter().zip(messages.chunks(2)) {
            let task = &turn[0]["task"];
            assert_eq!(id_of(&turn[0]), said.message, "the message that was acknowledged");
            assert_eq!(id_of(task), said.task, "the task that was acknowledged");
            assert_eq!(task["status"], "succeeded", "{task}");
            assert_eq!(turn[1]["task_id"], task["id"]);
            self.tally.add("failures counted", task["failures"].as_u64().unwrap());
            self.tally.add("attempts after the first", task["attempt"].as_u64().unwrap() - 1);
        }
        let asked: Vec<usize> = said.iter().map(|it| first_asked[&it.text]).collect();
        assert!(asked.is_sorted(), "session {session} was not answered in the order sent: {asked:?}");
    }
}

/// Returns when the agent first received each text.
fn first_asked(place: &Installation) -> HashMap<String, usize> {
    let mut first = HashMap::new();
    for (number, prompt) in place.model.prompts().into_iter().enumerate() {
        first.entry(prompt).or_insert(number);
    }
    first
}

/// Returns the same clients, starting with another one.
fn rotated(clients: &[Client], by: usize) -> Vec<Client> {
    let mut clients = clients.to_vec();
    let by = by % clients.len();
    clients.rotate_left(by);
    clients
}
