//! Measures reads in a database with many conversations: lists, search, unread sessions, opening a session, pages of
//! messages, and resuming a stream. Also measures turns.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use banter_tests::latency::Latencies;
use serde_json::Value;

use super::{
    chat::Chat,
    connection::Connection,
    figures::Figures,
    fill::{self, Fill},
    installation::Installation,
    model::Model,
    placement::Placement,
    resume,
    setup::Setup,
};

/// The list page, counted from 1, that is measured in addition to the first page.
const PAGE: usize = 10;

/// A function that returns the path of a request, given the request's number.
type PathOf = Box<dyn Fn(usize) -> String + Send>;

/// Fills a database and measures reads and turns. `api check` must report no violations after the fill.
///
/// # Errors
/// Fails if the database cannot be filled, or if a read or a turn fails.
pub async fn run(
    figures: &mut Figures,
    setup: Setup,
    placement: &Placement,
    model: &Model,
    (size, runs, requests): (Fill, usize, usize),
) -> Result<()> {
    let mut installation = Installation::prepare(setup, placement, model).await?;
    let keys = installation.fill(size).await?;
    let violations = installation.app().find_violations().await;
    ensure!(violations.is_none(), "api check after the fill: {}", violations.unwrap_or_default());
    installation.launch(placement).await?;
    let users = if size.users == 1 { "one user".to_owned() } else { format!("{} users", size.users) };
    let messages = 2 * size.sessions * size.turns;
    let section = format!("Reads, {messages} messages in {} sessions of {users}", size.sessions);
    let column = setup.to_string();
    for run in 0..runs {
        for (row, latencies) in measure(&installation, &keys, size, (run, requests)).await? {
            figures.add(&section, &format!("{row}, p50, ms"), &column, latencies.quantile_ms(0.5));
            figures.add(&section, &format!("{row}, p99, ms"), &column, latencies.quantile_ms(0.99));
        }
    }
    if size.users == 1 && size.sessions >= resume::REPLAYED_TURNS {
        let key = keys.first().context("a key")?;
        let row = format!("Resume a stream, {} events behind, ms", resume::REPLAYED_EVENTS);
        for latency in resume::replay(&installation, key, runs).await? {
            figures.add(&section, &row, &column, 1000.0 * latency.as_secs_f64());
        }
    }
    installation.stop().await
}

/// Measures each kind of read, and a turn, `requests` times.
async fn measure(
    installation: &Installation,
    keys: &[String],
    size: Fill,
    (run, requests): (usize, usize),
) -> Result<Vec<(&'static str, Latencies)>> {
    let user = run % size.users;
    let key = &keys[user];
    let mut connection = installation.connect(key).await?;
    let deep = deep_page(&mut connection).await?;
    // Spread the requests over the user's sessions.
    let own = size.sessions / size.users;
    let session = move |number: usize| fill::session_id(user + size.users * (number * 7919 % own));
    let fixed = |path: &str| -> PathOf {
        let path = path.to_owned();
        Box::new(move |_| path.clone())
    };
    let reads: [(&'static str, PathOf); 6] = [
        ("List, first page", fixed("/v1/chat")),
        ("List, page 10", fixed(&deep)),
        ("List, title search (`q=`)", Box::new(|number| format!("/v1/chat?q=topic%20{}%20", number * 31 % 997))),
        ("List, unread (`unread=true`)", fixed("/v1/chat?unread=true")),
        ("Open a session", Box::new(move |number| format!("/v1/chat/{}", session(number)))),
        ("A page of messages", Box::new(move |number| format!("/v1/chat/{}/messages?before_turn=4", session(number)))),
    ];
    let mut results = Vec::new();
    for (row, path) in reads {
        connection.get(&path(0)).await?;
        let mut latencies = Latencies::default();
        for number in 1..=requests {
            let (path, begun) = (path(number), Instant::now());
            connection.get(&path).await?;
            latencies.record(begun.elapsed());
        }
        results.push((row, latencies));
    }
    let behind = resume::one_behind(installation, key, &session(1), requests).await?;
    results.push(("Resume a stream, one event behind", behind));
    results.push(("A turn, send → answer", take_turns(installation, key, &session(run), requests).await?));
    Ok(results)
}

/// Returns the path for page [`PAGE`] of the list.
async fn deep_page(connection: &mut Connection) -> Result<String> {
    let mut path = "/v1/chat?limit=10".to_owned();
    for _ in 1..PAGE {
        let page: Value = serde_json::from_slice(&connection.get(&path).await?)?;
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/v1/chat?limit=10&cursor={cursor}"),
            None => break,
        }
    }
    Ok(path)
}

/// Measures turns in a session.
async fn take_turns(installation: &Installation, key: &str, session: &str, turns: usize) -> Result<Latencies> {
    let mut chat = Chat::open(installation, key, session).await?;
    chat.take_turn().await?;
    let mut latencies = Latencies::default();
    for _ in 0..turns {
        latencies.record(chat.take_turn().await?.answered);
    }
    Ok(latencies)
}
