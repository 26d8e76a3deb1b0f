//! Measures the steps of a turn from the spans that the product exports.

use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, ensure};
use banter_tests::{
    collector::{Collector, Span},
    latency::Latencies,
};

use super::{
    chat::Chat, figures::Figures, installation::Installation, model::Model, placement::Placement, setup::Setup,
};

/// Number of turns before the measured ones.
const WARM_UP_TURNS: usize = 50;
/// Number of turns to measure.
const TURNS: usize = 300;

/// The spans of one turn.
struct TurnSpans<'a> {
    request: &'a Span,
    turn: &'a Span,
    conversation: &'a Span,
    agent: &'a Span,
    outcome: &'a Span,
}

impl<'a> TurnSpans<'a> {
    /// Finds the spans that belong to a turn.
    fn find(spans: &'a [Span], turn: &'a Span) -> Result<Self> {
        let part = |name: &str| {
            let part = spans.iter().find(|span| span.parent_id == turn.id && span.name == name);
            part.with_context(|| format!("a turn has no span “{name}”"))
        };
        Ok(Self {
            request: spans.iter().find(|span| span.id == turn.parent_id).context("a turn has no request")?,
            turn,
            conversation: part("read conversation")?,
            agent: part("agent")?,
            outcome: part("store outcome")?,
        })
    }

    /// Returns the name of each step and when the step was reached, as the time since the Unix epoch.
    fn steps(&self) -> [(&'static str, Duration); 7] {
        [
            ("`api` receives the request", self.request.started_at),
            ("`api` has stored the message and responds", self.request.ended_at),
            ("The worker has claimed the task", self.turn.started_at),
            ("The worker has read the conversation", self.conversation.ended_at),
            ("The agent has answered", self.agent.ended_at),
            ("The worker has stored the outcome", self.outcome.ended_at),
            ("The worker is done with the turn", self.turn.ended_at),
        ]
    }
}

/// Runs one turn after another in one session, and adds the median time from the send to each step.
///
/// # Errors
/// Fails if a turn fails or its trace is incomplete.
pub async fn run(figures: &mut Figures, setup: Setup, placement: &Placement, model: &Model) -> Result<()> {
    let collector = Collector::start().await;
    let endpoint = collector.endpoint();
    let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint)];
    let mut installation = Installation::prepare_with(setup, placement, model, &variables).await?;
    installation.launch(placement).await?;
    let keys = installation.create_users(1).await;
    let mut chat = Chat::create(&installation, keys.first().context("a key")?).await?;
    let mut turns = Vec::new();
    for _ in 0..WARM_UP_TURNS + TURNS {
        let sent_at = wall_clock()?;
        turns.push((sent_at, chat.take_turn().await?.answered));
    }
    drop(chat);
    // The processes export their last spans before they exit.
    installation.stop().await?;
    let spans = collector.spans();
    let mut traced: Vec<&Span> = spans.iter().filter(|span| span.name == "turn").collect();
    traced.sort_by_key(|turn| turn.started_at);
    ensure!(traced.len() == turns.len(), "{} of {} turns were traced", traced.len(), turns.len());
    let mut steps: Vec<(&str, Latencies)> = Vec::new();
    let mut answers = Latencies::default();
    for (turn, (sent_at, answered)) in traced.into_iter().zip(turns).skip(WARM_UP_TURNS) {
        for (index, (step, at)) in TurnSpans::find(&spans, turn)?.steps().into_iter().enumerate() {
            if steps.len() == index {
                steps.push((step, Latencies::default()));
            }
            steps[index].1.record(at.saturating_sub(sent_at));
        }
        answers.record(answered);
    }
    steps.push(("The answer is on the stream", answers));
    for (step, times) in steps {
        let row = format!("{step}, p50, µs");
        figures.add("The steps of a turn, since the send", &row, &setup.to_string(), 1000.0 * times.quantile_ms(0.5));
    }
    Ok(())
}

/// Returns the time since the Unix epoch.
#[expect(clippy::disallowed_methods, reason = "spans contain the time of the system's clock")]
fn wall_clock() -> Result<Duration> {
    Ok(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?)
}
