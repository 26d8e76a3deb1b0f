//! Measures workloads with a single user: a cold start, idle processes, a long answer, and a long history.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use banter_tests::{latency::Latencies, port};
use hyper::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{
    chat::Chat,
    connection::Connection,
    figures::Figures,
    fill::{self, Fill},
    installation::{Installation, id_of},
    model::{AGENT_KEY, Model, Script},
    placement::Placement,
    setup::Setup,
};

/// Pause between attempts to connect to an api that is starting.
const RETRY: Duration = Duration::from_millis(1);
const START_LIMIT: Duration = Duration::from_mins(1);
/// Delay before the processes are considered idle.
const SETTLE_TIME: Duration = Duration::from_secs(3);
/// A 1 MB answer.
const LONG_ANSWER: Script = Script::Deltas { count: 10_000, bytes: 100 };
/// Number of turns to measure after a long history.
const TURNS: usize = 30;

/// Starts an api and a worker on an empty database, and measures the time to the first response and to the first
/// answer.
///
/// # Errors
/// Fails if the api does not start or the answer does not arrive.
pub async fn cold_start(figures: &mut Figures, setup: Setup, placement: &Placement, model: &Model) -> Result<()> {
    let installation = Installation::prepare(setup, placement, model).await?;
    let address = format!("127.0.0.1:{}", port::lasting());
    let begun = Instant::now();
    let processes = {
        let _side = placement.enter_product_side()?;
        let app = installation.app();
        [app.spawn("api", &[("BIND_ADDR", &address)]), app.spawn("worker", &[])]
    };
    let mut connection = loop {
        if let Ok(mut connection) = Connection::open(&address, None).await
            && connection.get("/healthz").await.is_ok()
        {
            break connection;
        }
        ensure!(begun.elapsed() < START_LIMIT, "the api does not start");
        sleep(RETRY).await;
    };
    let ready = begun.elapsed();
    let session = id_of(&connection.post("/v1/chat", &json!({"agent_key": AGENT_KEY}), 201).await?)?;
    let path = format!("/v1/chat/{session}/messages?wait=60");
    let body: Value = serde_json::from_slice(&connection.post(&path, &json!({"content": "first"}), 200).await?)?;
    let answered = begun.elapsed();
    ensure!(body["reply"]["content"].as_str().is_some_and(|text| text.starts_with("first")), "no answer: {body}");
    drop(processes);
    let (section, column) = ("Start with an empty database", setup.to_string());
    figures.add(section, "First HTTP 200 response, ms", &column, 1000.0 * ready.as_secs_f64());
    figures.add(section, "First answer, ms", &column, 1000.0 * answered.as_secs_f64());
    Ok(())
}

/// Measures the resource usage of idle processes.
///
/// # Errors
/// Fails if one of them has exited.
pub async fn idle(figures: &mut Figures, installation: &Installation, column: &str, duration: Duration) -> Result<()> {
    sleep(SETTLE_TIME).await;
    let before = installation.usage()?;
    sleep(duration).await;
    let after = installation.usage()?;
    let percent = 100.0 * (after - before).cpu_seconds / duration.as_secs_f64();
    figures.add("Idle, api and worker", "CPU, % of a core", column, percent);
    figures.add("Idle, api and worker", "Memory, MiB", column, after.resident_bytes / 1024.0 / 1024.0);
    Ok(())
}

/// Measures how long a 1 MB answer takes through the product, and directly from the model.
///
/// # Errors
/// Fails if the answer does not arrive.
pub async fn long_answer(
    figures: &mut Figures,
    installation: &Installation,
    column: &str,
    model: &Model,
) -> Result<()> {
    let section = "An answer of 1 MB in 10 000 deltas";
    let keys = installation.create_users(1).await;
    let mut chat = Chat::create(installation, keys.first().context("a key")?).await?;
    chat.take_turn().await?;
    let turn = chat.take_turn_with(&LONG_ANSWER.to_string()).await?;
    figures.add(section, "Send → answer, ms", column, 1000.0 * turn.answered.as_secs_f64());
    figures.add(section, "The model alone, ms", column, 1000.0 * ask_model(model, &LONG_ANSWER).await?.as_secs_f64());
    Ok(())
}

/// Sends a request directly to the model, and returns the time until the end of the answer.
///
/// # Errors
/// Fails if the model does not answer.
pub async fn ask_model(model: &Model, script: &Script) -> Result<Duration> {
    let mut connection = Connection::open(model.address(), None).await?;
    let body = json!({"messages": [{"content": script.to_string(), "role": "user"}]}).to_string();
    let begun = Instant::now();
    connection.call(Method::POST, "/v1/chat/completions", Some(body), 200).await?;
    Ok(begun.elapsed())
}

/// Measures turns in a session that already has `turns` turns.
///
/// # Errors
/// Fails if delivery is not exact.
pub async fn history(
    figures: &mut Figures,
    setup: Setup,
    placement: &Placement,
    model: &Model,
    turns: usize,
) -> Result<()> {
    let (section, column) = ("Turns after a long history", setup.to_string());
    let mut installation = Installation::prepare(setup, placement, model).await?;
    let keys = installation.fill(Fill { users: 1, sessions: 1, turns }).await?;
    installation.launch(placement).await?;
    let mut chat = Chat::open(&installation, keys.first().context("a key")?, &fill::session_id(0)).await?;
    chat.take_turn().await?;
    let (mut answers, mut sends) = (Latencies::default(), Latencies::default());
    for _ in 0..TURNS {
        let turn = chat.take_turn().await?;
        answers.record(turn.answered);
        sends.record(turn.acknowledged);
    }
    figures.add(section, &format!("{turns} turns, send → answer, p50, ms"), &column, answers.quantile_ms(0.5));
    figures.add(section, &format!("{turns} turns, send → accepted, p50, ms"), &column, sends.quantile_ms(0.5));
    let memory = installation.worker_usage()?.resident_bytes / 1024.0 / 1024.0;
    figures.add(section, &format!("{turns} turns, worker memory, MiB"), &column, memory);
    installation.stop().await
}
