//! Measures how long turns take. The times reveal whether a turn had to wait for the poll that finds work without a
//! hint.

use std::time::{Duration, Instant};

use banter_tests::client::Client;

use super::{installation::Installation, report::Report};

/// Number of turns to measure before any disruption. Their median is the usual duration.
const USUAL: usize = 11;

/// If a turn takes this much longer than usual, it may have waited for the poll, which runs once per second.
const SLOW: Duration = Duration::from_millis(700);

/// One in this many turns, plus one, may be slow because the machine is busy.
const SLOW_ONE_IN: u64 = 4;

/// The timed turns in one installation.
pub struct TurnTimes {
    clients: Vec<Client>,
    session: String,
    report: Report,
    usual: Duration,
    slow: u64,
}

impl TurnTimes {
    /// Measures the usual duration of a turn.
    pub async fn measure(installation: &Installation, report: &Report) -> Self {
        let mut turns = Self {
            clients: installation.clients.clone(),
            session: installation.session().await,
            report: report.clone(),
            usual: Duration::ZERO,
            slow: 0,
        };
        let mut times = Vec::new();
        for number in 0..USUAL {
            times.push(turns.time(number % 2).await);
        }
        times.sort();
        turns.usual = times[USUAL / 2];
        report.time("usual turn", turns.usual);
        turns
    }

    /// Sends a message through one api and measures the time until it is answered.
    pub async fn take(&mut self, api: usize, what: &'static str) {
        let time = self.time(api).await;
        self.report.time(what, time);
        if time > self.usual + SLOW {
            self.slow += 1;
            self.report.count("slow turns");
            println!("stress: slow: {what}: {} ms, usually {} ms", time.as_millis(), self.usual.as_millis());
        }
    }

    async fn time(&self, api: usize) -> Duration {
        let prompt = format!("turn {}", self.report.next_number());
        let began = Instant::now();
        let asked = self.clients[api].ask(&self.session, &prompt).await;
        assert_eq!(asked["task"]["status"], "succeeded", "{asked}");
        began.elapsed()
    }

    /// Returns the number of hints dropped by the apis since they started.
    pub async fn dropped_hints(&self) -> u64 {
        let mut dropped = 0;
        for client in &self.clients {
            dropped += client.metric("banter_relay_dropped_hints_total").await;
        }
        dropped
    }

    /// Checks that most turns were fast. Without hints, most of them would be slow.
    pub fn check(&self, rounds: u64) {
        let most = 1 + rounds / SLOW_ONE_IN;
        assert!(self.slow <= most, "{} of {rounds} turns were slow, at most {most} may be", self.slow);
    }
}
