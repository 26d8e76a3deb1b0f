//! Tests for branches: revisions of messages, and switching between them.

use std::collections::BTreeMap;

use super::*;
use crate::{
    chat::{AcceptedFiles, Message, MessageBranch},
    event::Event,
    id::MessageId,
};

/// Creates a revision with the same files.
fn revision(text: Option<&str>) -> Revision {
    Revision {
        content: text.map(|text| Content::parse(text.into()).unwrap()),
        attachments: None,
        accepted: AcceptedFiles::NONE,
        max_attempts: 3,
        key: None,
        trace_parent: None,
    }
}

impl Fixture {
    async fn revise(&self, session: SessionId, id: MessageId, text: Option<&str>) -> Result<Message, StoreError> {
        Ok(self.store.revise_message(&self.user, session, id, &revision(text)).await?.value.message)
    }

    async fn switch(&self, session: SessionId, id: MessageId, version: Option<usize>) -> Result<(), StoreError> {
        self.store.switch_branch(&self.user, session, id, version).await.map(|_| ())
    }

    /// Sends a message and answers it with the same text in upper case.
    async fn ask(&self, session: SessionId, text: &str) -> Message {
        let message = self.post(session, text).await.message;
        self.answer_next().await;
        message
    }

    async fn revise_and_answer(&self, session: SessionId, id: MessageId, text: Option<&str>) -> Message {
        let message = self.revise(session, id, text).await.unwrap();
        self.answer_next().await;
        message
    }

    async fn answer_next(&self) {
        let claim = self.claim().await;
        let history = self.store.read_conversation(&claim, 1_000_000).await.unwrap().history;
        let question = history.last().unwrap().content.to_uppercase();
        self.answer(&claim, &question).await.unwrap();
    }

    async fn messages(&self, session: SessionId) -> Vec<Message> {
        self.store.list_messages(&self.user, session, TurnBound::Newest, 200).await.unwrap().items
    }

    /// Returns the texts of the transcript, separated by spaces.
    async fn texts(&self, session: SessionId) -> String {
        let messages = self.messages(session).await;
        messages.iter().map(|message| message.content.as_str()).collect::<Vec<_>>().join(" ")
    }

    async fn branch_of(&self, session: SessionId, text: &str) -> Option<MessageBranch> {
        self.messages(session).await.into_iter().find(|message| message.content == text).unwrap().branch
    }
}

/// The messages of a session, as a client keeps them.
#[derive(Debug, Default)]
struct Follower {
    last_seq: i64,
    messages: BTreeMap<(i64, bool), Message>,
}

impl Follower {
    async fn follow(&mut self, f: &Fixture, session: SessionId) {
        let log_id = f.store.start_replay(&f.user, None).await.unwrap().user_log_id;
        let page = f.store.read_log(log_id, self.last_seq, 10_000, Some(session), None).await.unwrap();
        self.last_seq = page.last_seq;
        page.events.into_iter().for_each(|(_, event)| self.apply(event));
    }

    fn apply(&mut self, event: Event) {
        match event.data {
            EventData::MessageCreated { message, .. } | EventData::MessageUpdated { message, .. } => {
                self.messages.insert((message.turn, message.role == Role::Assistant), *message);
            }
            EventData::MessageDeleted { message_id, .. } => self.messages.retain(|_, message| message.id != message_id),
            EventData::TaskUpdated { task, .. } => {
                let mut messages = self.messages.values_mut();
                if let Some(message) = messages.find(|message| message.task.as_ref().is_some_and(|t| t.id == task.id)) {
                    message.task = Some(*task);
                }
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_revision_takes_the_place_of_the_message_and_of_all_turns_after_it() {
    let f = Fixture::new().await;
    let session = f.session().await;
    let first = f.ask(session, "a").await;
    let second = f.ask(session, "b").await;
    f.ask(session, "c").await;

    let revised = f.revise(session, second.id, Some("d")).await.unwrap();
    assert_eq!((revised.turn, revised.branch), (4, Some(MessageBranch { index: 2, count: 2 })));
    assert_eq!(f.texts(session).await, "a A d");
    f.answer_next().await;

    assert_eq!(f.texts(session).await, "a A d D");
    assert_eq!(f.branch_of(session, "d").await, revised.branch);
    assert_eq!(f.branch_of(session, "a").await, None);
    f.switch(session, second.id, None).await.unwrap();
    assert_eq!(f.texts(session).await, "a A b B c C");
    assert_eq!(f.branch_of(session, "b").await, Some(MessageBranch { index: 1, count: 2 }));
    assert_eq!(f.get(session).await.last_message.unwrap().preview, "C");
    f.switch(session, second.id, Some(2)).await.unwrap();
    assert_eq!(f.texts(session).await, "a A d D");
    let root = f.revise_and_answer(session, first.id, Some("e")).await;
    assert_eq!(f.texts(session).await, "e E");
    f.switch(session, root.id, Some(1)).await.unwrap();
    assert_eq!(f.texts(session).await, "a A d D", "the branch that was current last");
    assert_eq!(f.findings().await, Vec::<&str>::new());
}

#[tokio::test]
async fn regenerating_repeats_the_message() {
    let f = Fixture::new().await;
    let session = f.session().await;
    f.ask(session, "a").await;
    let answer = f.messages(session).await.pop().unwrap();

    let again = f.revise_and_answer(session, answer.id, None).await;

    assert_eq!((again.content.as_str(), again.branch.unwrap().count), ("a", 2));
    assert_eq!(f.texts(session).await, "a A");
}

#[tokio::test]
async fn a_busy_or_archived_session_keeps_its_branch() {
    let f = Fixture::new().await;
    let session = f.session().await;
    let first = f.ask(session, "a").await;
    let second = f.revise_and_answer(session, first.id, Some("b")).await;
    f.post(session, "c").await;

    for _ in 0..2 {
        let revised = f.revise(session, first.id, None).await;
        assert!(matches!(revised, Err(StoreError::TaskRunning)), "{revised:?}");
        let switched = f.switch(session, first.id, None).await;
        assert!(matches!(switched, Err(StoreError::TaskRunning)), "{switched:?}");
        f.switch(session, second.id, None).await.unwrap();
        if f.get(session).await.queued_count > 0 {
            f.claim().await;
        }
    }
    for index in [0, 3] {
        let switched = f.switch(session, first.id, Some(index)).await;
        assert!(matches!(switched, Err(StoreError::UnknownVersion { count: 2 })), "{switched:?}");
    }
    let unknown = f.revise(session, MessageId::generate(), None).await;
    assert!(matches!(unknown, Err(StoreError::NotFound)), "{unknown:?}");
}

#[tokio::test]
async fn the_agent_gets_the_messages_of_the_branch_and_no_session_with_others() {
    let f = Fixture::new().await;
    let session = f.session().await;
    let first = f.post(session, "a").await.message;
    f.end(&f.claim().await, answered("own-1")).await;
    f.post(session, "b").await;
    f.end(&f.claim().await, answered("own-1")).await;

    f.revise(session, first.id, Some("c")).await.unwrap();
    let claim = f.claim().await;
    let conversation = f.store.read_conversation(&claim, 1_000_000).await.unwrap();

    assert_eq!(conversation.resume, None);
    assert_eq!(conversation.path_revision, 1);
    let texts: Vec<&str> = conversation.history.iter().map(|message| message.content.as_str()).collect();
    assert_eq!(texts, ["c"]);
}

#[tokio::test]
async fn the_history_continues_before_the_turns_of_other_branches() {
    let f = Fixture::new().await;
    let session = f.session().await;
    f.ask(session, "a").await;
    let second = f.ask(session, "b").await;
    for _ in 0..100 {
        f.revise_and_answer(session, second.id, None).await;
    }

    f.post(session, "c").await;
    let history = f.store.read_conversation(&f.claim().await, 1_000_000).await.unwrap().history;

    let texts: Vec<&str> = history.iter().map(|message| message.content.as_str()).collect();
    assert_eq!(texts, ["a", "A", "b", "B", "c"]);
}

#[tokio::test]
async fn unsending_a_revision_restores_the_other_version() {
    let f = Fixture::new().await;
    let session = f.session().await;
    let first = f.ask(session, "a").await;
    f.ask(session, "b").await;

    let revised = f.revise(session, first.id, Some("c")).await.unwrap();
    f.store.unsend_message(&f.user, session, revised.id).await.unwrap();

    assert_eq!(f.texts(session).await, "a A b B");
    assert_eq!(f.branch_of(session, "a").await, None);
    let revised = f.revise(session, first.id, Some("d")).await.unwrap();
    let later = f.post(session, "e").await.message;
    let mut follower = Follower::default();
    follower.follow(&f, session).await;
    f.store.unsend_message(&f.user, session, revised.id).await.unwrap();
    follower.follow(&f, session).await;
    assert!(follower.messages.values().eq(&f.messages(session).await), "{follower:?}");
    assert_eq!(f.texts(session).await, "e", "the queued message takes the place of the revision");
    assert_eq!(f.branch_of(session, "e").await, Some(MessageBranch { index: 2, count: 2 }));
    f.store.unsend_message(&f.user, session, later.id).await.unwrap();
    assert_eq!(f.texts(session).await, "a A b B");
    assert_eq!(f.findings().await, Vec::<&str>::new());
}

#[tokio::test]
async fn turns_that_an_earlier_release_stored_stay_in_the_transcript() {
    let f = Fixture::new().await;
    let session = f.session().await;
    f.ask(session, "a").await;
    let second = f.ask(session, "b").await;
    f.damage("UPDATE agent_task SET parent_turn = NULL").await;

    f.revise_and_answer(session, second.id, Some("c")).await;

    assert_eq!(f.texts(session).await, "a A c C");
    assert_eq!(f.findings().await, Vec::<&str>::new());
}

#[tokio::test]
async fn a_task_of_another_branch_is_not_retried() {
    let f = Fixture::new().await;
    let session = f.session().await;
    let first = f.post(session, "a").await;
    f.store.cancel_task(&f.user, session, first.task.id).await.unwrap();
    f.revise_and_answer(session, first.message.id, Some("b")).await;

    let retried = f.store.retry_task(&f.user, session, first.task.id).await;
    assert!(matches!(retried, Err(StoreError::InactiveBranch)), "{retried:?}");
    f.switch(session, first.message.id, None).await.unwrap();
    f.store.retry_task(&f.user, session, first.task.id).await.unwrap();
    f.store.unsend_message(&f.user, session, first.message.id).await.unwrap();

    assert_eq!(f.texts(session).await, "b B", "the first version was unsent");
    assert_eq!(f.branch_of(session, "b").await, None);
    assert_eq!(f.findings().await, Vec::<&str>::new());
}

#[tokio::test]
async fn unread_answers_and_searches_follow_the_branch() {
    let f = Fixture::new().await;
    let session = f.session().await;
    let first = f.ask(session, "alpha").await;
    f.ask(session, "beta").await;
    assert_eq!(f.get(session).await.unread_count, 2);

    f.revise_and_answer(session, first.id, Some("gamma")).await;

    assert_eq!(f.get(session).await.unread_count, 1);
    f.switch(session, first.id, None).await.unwrap();
    let read = f.get(session).await;
    assert_eq!(read.unread_count, 2);
    f.store.mark_read(&f.user, session, read.last_seq).await.unwrap();
    f.switch(session, first.id, Some(2)).await.unwrap();
    assert_eq!(f.get(session).await.unread_count, 0);
    assert_eq!(f.findings().await, Vec::<&str>::new());
}

#[tokio::test]
async fn random_changes_leave_a_valid_tree_and_followers_that_match_it() {
    use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};
    for seed in 0..6 {
        let mut random = SmallRng::seed_from_u64(seed);
        let f = Fixture::new().await;
        let session = f.session().await;
        let (mut known, mut follower) = (Vec::new(), Follower::default());
        for step in 0..120 {
            let any = |random: &mut SmallRng, known: &[MessageId]| {
                (!known.is_empty()).then(|| known[random.random_range(0..known.len())])
            };
            let text = format!("m{step}");
            match (random.random_range(0..10), any(&mut random, &known)) {
                (0..2, _) => known.push(f.post(session, &text).await.message.id),
                (2..4, Some(id)) => known.extend(f.revise(session, id, Some(&text)).await.map(|message| message.id)),
                (4, Some(id)) => {
                    let _ = f.switch(session, id, None).await;
                }
                (5, Some(id)) => {
                    let _ = f.switch(session, id, Some(random.random_range(1..4))).await;
                }
                (6, Some(id)) => {
                    let _ = f.store.unsend_message(&f.user, session, id).await;
                }
                (7, Some(_)) => {
                    if let Some(message) = f.messages(session).await.pop() {
                        let _ = f.store.cancel_task(&f.user, session, message.task_id).await;
                        let _ = f.store.retry_task(&f.user, session, message.task_id).await;
                    }
                }
                _ => {
                    if let Some(claim) = f.claim_up_to(1).await.pop() {
                        f.answer(&claim, &format!("a{step}")).await.unwrap();
                    }
                }
            }
            follower.follow(&f, session).await;
            let messages = f.messages(session).await;
            assert!(follower.messages.values().eq(&messages), "seed {seed}, step {step}: {follower:#?} {messages:#?}");
        }
        let mut late = Follower::default();
        late.follow(&f, session).await;
        assert!(late.messages.values().eq(&f.messages(session).await), "seed {seed}");
        assert_eq!(f.findings().await, Vec::<&str>::new(), "seed {seed}");
    }
}
