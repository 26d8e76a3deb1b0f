//! Requests to cancel, edit, unsend, or archive race with the claim of a turn or with the end of a turn, once per round.
//!
//! Whichever side wins, a task has one outcome that is consistent with the responses, and no agent receives unsent
//! text.

use std::{sync::Arc, time::Duration};

use banter_tests::{
    chat::{Sent, text_of},
    client::{Client, Reply},
    fake_openai::{FakeOpenAi, Gate},
    follower::FollowerOptions,
    random::TestRng,
};
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use super::{Batch, batches, installation::Installation, report::Report, sleep_up_to};

/// Number of rounds per installation. Each round creates nine sessions, and a list page holds a hundred.
const BATCH: u64 = 9;

/// The answer in a held turn.
const HELD_ANSWER: &str = "the whole answer";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_race_with_the_claim_or_the_end_has_one_outcome() {
    let report = Report::new("orderings");
    for Batch { rounds, mut rng } in batches("orderings", BATCH) {
        let installation = Installation::start(|builder| builder).await;
        let follower = FollowerOptions::user(&installation.clients[1]).start().await;
        let mut unseen = Vec::new();
        for round in 0..rounds {
            let mut race = |name: &'static str| Race::new(&installation, &mut rng, &report, name, round);
            let (one, two, three) = (race("stop, claim"), race("stop, end"), race("stop, promotion"));
            let (four, five) = (race("edit, claim"), race("edit, promotion"));
            let (six, seven) = (race("unsend, claim"), race("unsend, promotion"));
            let (eight, nine) = (race("archive, claim"), race("archive, promotion"));
            // The races run concurrently, so that the workers have several tasks.
            let stops = async { tokio::join!(one.stop_at_claim(), two.stop_at_end(), three.stop_at_promotion()) };
            let edits = async { tokio::join!(four.edit_at_claim(), five.edit_at_promotion()) };
            let unsends = async { tokio::join!(six.unsend_at_claim(), seven.unsend_at_promotion()) };
            let archives = async { tokio::join!(eight.archive_at_claim(), nine.archive_at_promotion()) };
            let (stops, edits, unsends, archives) = tokio::join!(stops, edits, unsends, archives);
            let all = [stops.0, stops.1, stops.2, edits.0, edits.1, unsends.0, unsends.1, archives.0, archives.1];
            unseen.extend(all.into_iter().flatten());
        }
        installation.assert_never_sent(&unseen);
        report.add("unsent texts that no agent received", unseen.len() as u64);
        follower.settle(&installation.clients[0]).await;
        installation.app.check().await;
    }
    report.print();
}

/// Texts that no agent may receive.
type Unseen = Vec<String>;

/// One race in a new session. The two sides use different apis.
struct Race {
    here: Client,
    there: Client,
    model: Arc<FakeOpenAi>,
    rng: TestRng,
    report: Report,
    name: String,
}

impl Race {
    fn new(installation: &Installation, rng: &mut TestRng, report: &Report, name: &'static str, round: u64) -> Self {
        report.count(name);
        let first = rng.random_range(0..2);
        Self {
            here: installation.clients[first].clone(),
            there: installation.clients[1 - first].clone(),
            model: installation.model.clone(),
            rng: rng.fork(),
            report: report.clone(),
            name: format!("{name} {round}"),
        }
    }

    fn text(&self, what: &str) -> String {
        format!("{}: {what}", self.name)
    }

    /// Sleeps for a short random time. The order of magnitude is random as well.
    async fn offset(&mut self) {
        let longest = [300, 3000, 30_000][self.rng.random_range(0..3)];
        sleep_up_to(&mut self.rng, Duration::from_micros(longest)).await;
    }

    async fn session(&self) -> String {
        self.here.create_session("scripted").await
    }

    /// Creates a session with a held turn and a queued message.
    async fn held_and_queued(&self) -> (String, Sent, Gate, Sent) {
        let session = self.session().await;
        let mut gate = self.model.gate(&self.text("held"));
        let held = self.here.send(&session, &self.text("held")).await;
        gate.arrived().await;
        gate.send(HELD_ANSWER).await;
        let queued = self.here.send(&session, &self.text("queued")).await;
        (session, held, gate, queued)
    }

    /// Returns a task's outcome and answer, and checks that the outcome is final.
    async fn outcome(&self, session: &str, task: &str) -> (Value, Option<Value>) {
        let ended = self.there.wait_for_end(session, task).await;
        let answer = self.there.answer_of(session, task).await;
        assert_eq!(self.here.task(session, task).await, ended, "an outcome is final");
        (ended, answer)
    }

    /// Checks that the task is `cancelled` after a 202, or has succeeded after a 409.
    async fn check_stop(&self, session: &str, sent: &Sent, reply: &Reply) -> Unseen {
        let (ended, answer) = self.outcome(session, &sent.task_id).await;
        let finish_reason = answer.as_ref().map(|answer| text_of(answer, "finish_reason"));
        match (reply.status, text_of(&ended, "status").as_str()) {
            (202, "cancelled") => {
                self.report.count("won: stops");
                assert!(finish_reason.is_none_or(|reason| reason == "cancelled"), "{answer:?}");
                let never_started = ended["attempt"] == 0;
                if never_started { vec![text_of(&sent.message, "content")] } else { Unseen::new() }
            }
            (409, "succeeded") => {
                reply.problem_code(409, "task_ended");
                assert_eq!(finish_reason.as_deref(), Some("stop"));
                Unseen::new()
            }
            (status, outcome) => panic!("{status} and {outcome}: {ended}"),
        }
    }

    async fn stop_at_claim(mut self) -> Unseen {
        let session = self.session().await;
        let sent = self.here.send(&session, &self.text("stopped")).await;
        self.offset().await;
        let reply = self.there.cancel(&session, &sent.task_id).await;
        self.check_stop(&session, &sent, &reply).await
    }

    async fn stop_at_end(mut self) -> Unseen {
        let (session, held, gate, queued) = self.held_and_queued().await;
        let there = self.there.clone();
        let (reply, ()) = tokio::join!(there.cancel(&session, &held.task_id), async {
            self.offset().await;
            gate.finish().await;
        });
        self.here.wait_for_status(&session, &queued.task_id, "succeeded").await;
        self.check_stop(&session, &held, &reply).await
    }

    async fn stop_at_promotion(mut self) -> Unseen {
        let (session, held, gate, queued) = self.held_and_queued().await;
        let there = self.there.clone();
        let ((), reply) = tokio::join!(gate.finish(), async {
            self.offset().await;
            there.cancel(&session, &queued.task_id).await
        });
        self.here.wait_for_status(&session, &held.task_id, "succeeded").await;
        self.check_stop(&session, &queued, &reply).await
    }

    /// Checks that the agent answers the new text after a 200, or the old text after a 409. Returns the other text.
    async fn check_edit(&self, session: &str, sent: &Sent, new: &str, reply: &Reply) -> Unseen {
        let old = text_of(&sent.message, "content");
        let (seen, unseen) = if reply.status == 200 {
            self.report.count("won: edits");
            (new.to_owned(), old)
        } else {
            reply.problem_code(409, "task_not_queued");
            (old, new.to_owned())
        };
        let ended = self.here.wait_for_status(session, &sent.task_id, "succeeded").await;
        let answer = self.here.answer_of(session, &sent.task_id).await.unwrap_or_else(|| panic!("{ended}"));
        assert_eq!(answer["content"], format!("You said: {seen}"));
        let stored = self.there.messages(session).await.into_iter().find(|it| it["id"] == sent.message_id.as_str());
        assert_eq!(stored.unwrap()["content"], seen);
        vec![unseen]
    }

    async fn edit_at_claim(mut self) -> Unseen {
        let (session, new) = (self.session().await, self.text("new"));
        let sent = self.here.send(&session, &self.text("old")).await;
        self.offset().await;
        let reply = self.there.edit(&session, &sent.message_id, &new).await;
        self.check_edit(&session, &sent, &new, &reply).await
    }

    async fn edit_at_promotion(mut self) -> Unseen {
        let (session, _held, gate, queued) = self.held_and_queued().await;
        let (there, new) = (self.there.clone(), self.text("new"));
        let ((), reply) = tokio::join!(gate.finish(), async {
            self.offset().await;
            there.edit(&session, &queued.message_id, &new).await
        });
        self.check_edit(&session, &queued, &new, &reply).await
    }

    /// Checks that the message is deleted after a 204, or answered after a 409.
    async fn check_unsend(&self, session: &str, sent: &Sent, reply: &Reply) -> Unseen {
        if reply.status == 204 {
            self.report.count("won: unsends");
            self.here.ask(session, &self.text("after")).await;
            let stored = self.here.messages(session).await;
            assert!(stored.iter().all(|it| it["task_id"] != sent.task_id.as_str()), "{stored:?}");
            return vec![text_of(&sent.message, "content")];
        }
        reply.problem_code(409, "task_not_queued");
        self.here.wait_for_status(session, &sent.task_id, "succeeded").await;
        Unseen::new()
    }

    async fn unsend_at_claim(mut self) -> Unseen {
        let session = self.session().await;
        let sent = self.here.send(&session, &self.text("regretted")).await;
        self.offset().await;
        let reply = self.there.unsend(&session, &sent.message_id).await;
        self.check_unsend(&session, &sent, &reply).await
    }

    async fn unsend_at_promotion(mut self) -> Unseen {
        let (session, _held, gate, queued) = self.held_and_queued().await;
        let there = self.there.clone();
        let ((), reply) = tokio::join!(gate.finish(), async {
            self.offset().await;
            there.unsend(&session, &queued.message_id).await
        });
        self.check_unsend(&session, &queued, &reply).await
    }

    /// Checks that a turn that had started before the session was archived succeeds, and that a queued turn is
    /// cancelled.
    async fn check_archived(&self, session: &str, sent: &Sent) -> Unseen {
        let (ended, answer) = self.outcome(session, &sent.task_id).await;
        if ended["status"] == "succeeded" {
            assert_eq!(answer.unwrap()["finish_reason"], "stop");
            return Unseen::new();
        }
        self.report.count("won: archives");
        let outcome = json!([ended["status"], ended["error"]["code"], ended["attempt"], answer]);
        assert_eq!(outcome, json!(["cancelled", "session_archived", 0, null]));
        vec![text_of(&sent.message, "content")]
    }

    async fn archive_at_claim(mut self) -> Unseen {
        let session = self.session().await;
        let sent = self.here.send(&session, &self.text("archived")).await;
        self.offset().await;
        self.there.archive(&session).await.ok(204);
        let late = self.here.post_message(&session, "", &json!({"content": self.text("late")})).await;
        late.problem_code(409, "session_archived");
        let mut unseen = self.check_archived(&session, &sent).await;
        unseen.push(self.text("late"));
        unseen
    }

    async fn archive_at_promotion(mut self) -> Unseen {
        let (session, held, gate, queued) = self.held_and_queued().await;
        let last = self.here.send(&session, &self.text("last")).await;
        let there = self.there.clone();
        let ((), archived) = tokio::join!(gate.finish(), async {
            self.offset().await;
            there.archive(&session).await
        });
        archived.ok(204);
        let (ended, answer) = self.outcome(&session, &held.task_id).await;
        assert_eq!(json!([ended["status"], answer.unwrap()["content"]]), json!(["succeeded", HELD_ANSWER]));
        let mut unseen = self.check_archived(&session, &queued).await;
        unseen.extend(self.check_archived(&session, &last).await);
        unseen
    }
}
