//! Many messages to one busy session, with more workers than the session can use.

use std::time::Duration;

use banter_tests::{app::Builder, fake_openai::Answer, follower::FollowerOptions};
use rand::RngExt as _;

use super::{Batch, batches, installation::Installation, report::Report, sleep_up_to};

/// Number of rounds per installation.
const BATCH: u64 = 10;

/// Number of messages per round, in addition to the first one, whose answer the test controls.
const MESSAGES: usize = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_messages_to_a_busy_session_are_answered_in_order_one_at_a_time() {
    let report = Report::new("busy session");
    for Batch { rounds, mut rng } in batches("busy session", BATCH) {
        // The lease is long enough that no live worker is considered dead on a busy machine. Otherwise, two workers
        // could answer at the same time.
        let lease = |builder: Builder| builder.workers(3).env("TASK_LEASE_SECONDS", "5");
        let mut installation = Installation::start(lease).await;
        let clients = installation.clients.clone();
        let follower = FollowerOptions::user(&clients[1]).start().await;
        for round in 0..rounds {
            let session = installation.session().await;
            let asked_before = installation.model.prompts().len();
            let texts: Vec<String> = (0..=MESSAGES).map(|number| format!("round {round} message {number}")).collect();
            let mut first = installation.model.gate(&texts[0]);
            for (number, text) in texts.iter().enumerate() {
                if number > 0 {
                    installation.model.script(text, [Answer::words(["an ", "answer"], Duration::from_millis(5))]);
                }
                clients[number % 2].send(&session, text).await;
                report.count("messages");
            }
            first.arrived().await;
            first.send("an answer").await;
            first.finish().await;
            installation.model.wait_for_request(&texts[1]).await;

            if round % 2 == 1 {
                sleep_up_to(&mut rng, Duration::from_secs(1)).await;
                let target = rng.random_range(0..3);
                installation.app.worker(target).kill();
                report.count("workers killed");
                installation.app.replace_worker(target);
            }
            clients[0].wait_until_idle(&session).await;

            let mut asked = installation.model.prompts().split_off(asked_before);
            report.add("answers restarted", (asked.len() - texts.len()) as u64);
            asked.dedup();
            assert_eq!(asked, texts, "answered in the order sent");
            let transcript = clients[0].transcript(&session).await;
            let expected: Vec<_> = texts
                .iter()
                .flat_map(|text| [("user".to_owned(), text.clone()), ("assistant".to_owned(), "an answer".to_owned())])
                .collect();
            assert_eq!(transcript, expected);
        }
        assert_eq!(installation.model.most_at_once(), 1, "one running task per session");
        follower.settle(&clients[0]).await;
        installation.app.check().await;
    }
    report.print();
}
