//! Measures turns. Each session sends its next message as soon as the previous one is answered.

use std::time::{Duration, Instant};

use anyhow::Result;
use banter_tests::latency::Latencies;
use tokio::task::JoinSet;

use super::{chat::Chat, figures::Figures, installation::Installation, usage::Usage};

/// The measurements from one run.
#[derive(Debug, Default)]
pub struct TurnRun {
    turns: usize,
    seconds: f64,
    acknowledged: Latencies,
    started: Latencies,
    answered: Latencies,
    usage: Usage,
}

/// Runs turns in each session for `duration`, after a warm-up, and combines the sessions' measurements.
///
/// # Errors
/// Fails with the first violation of exact delivery.
pub async fn run(
    installation: &Installation,
    sessions: usize,
    warm_up: Duration,
    duration: Duration,
) -> Result<TurnRun> {
    let mut chats = Vec::new();
    for key in installation.create_users(sessions).await {
        chats.push(Chat::create(installation, &key).await?);
    }
    let (chats, _) = take_turns(chats, warm_up).await?;
    let (before, begun) = (installation.usage()?, Instant::now());
    let (_, mut run) = take_turns(chats, duration).await?;
    run.seconds = begun.elapsed().as_secs_f64();
    run.usage = installation.usage()? - before;
    Ok(run)
}

async fn take_turns(chats: Vec<Chat>, duration: Duration) -> Result<(Vec<Chat>, TurnRun)> {
    let begun = Instant::now();
    let mut running = JoinSet::new();
    for mut chat in chats {
        running.spawn(async move {
            let mut turns = Vec::new();
            while begun.elapsed() < duration {
                turns.push(chat.take_turn().await?);
            }
            anyhow::Ok((chat, turns))
        });
    }
    let (mut chats, mut run) = (Vec::new(), TurnRun::default());
    while let Some(done) = running.join_next().await {
        let (chat, turns) = done??;
        chats.push(chat);
        run.turns += turns.len();
        for turn in turns {
            run.acknowledged.record(turn.acknowledged);
            run.answered.record(turn.answered);
            if let Some(started) = turn.started {
                run.started.record(started);
            }
        }
    }
    Ok((chats, run))
}

impl TurnRun {
    /// Adds the figures for a run with one session, where latency matters.
    pub fn add_latency(&self, figures: &mut Figures, section: &str, column: &str, model_ms: f64) {
        let over = |quantile| self.answered.quantile_ms(quantile) - model_ms;
        figures.add(section, "Send → answer, excluding the model, p50, ms", column, over(0.5));
        figures.add(section, "Send → answer, excluding the model, p99, ms", column, over(0.99));
        figures.add(section, "Send → accepted, p50, ms", column, self.acknowledged.quantile_ms(0.5));
        figures.add(section, "Send → accepted, p99, ms", column, self.acknowledged.quantile_ms(0.99));
        figures.add(section, "Send → start at the model, p50, ms", column, self.started.quantile_ms(0.5));
        figures.add(section, "Send → start at the model, p99, ms", column, self.started.quantile_ms(0.99));
        self.add_cost(figures, section, column);
    }

    /// Adds the figures for a run with many sessions, where throughput matters.
    pub fn add_rate(&self, figures: &mut Figures, section: &str, column: &str) {
        figures.add(section, "Turns per second", column, self.turns as f64 / self.seconds);
        figures.add(section, "Send → answer, p50, ms", column, self.answered.quantile_ms(0.5));
        figures.add(section, "Send → answer, p99, ms", column, self.answered.quantile_ms(0.99));
        figures.add(section, "Send → start at the model, p99, ms", column, self.started.quantile_ms(0.99));
        self.add_cost(figures, section, column);
    }

    fn add_cost(&self, figures: &mut Figures, section: &str, column: &str) {
        let per_turn = |total: f64| total / self.turns as f64;
        figures.add(section, "CPU per turn, api and worker, ms", column, per_turn(1000.0 * self.usage.cpu_seconds));
        figures.add(section, "Written per turn, KiB", column, per_turn(self.usage.written_bytes / 1024.0));
    }
}
