//! Measures the search of all sessions in a database with many messages, how long it takes to add them to the index, and
//! what the index costs sends.

mod corpus;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use banter_tests::{
    app::TestApp,
    client::{Client, percent_encoded},
    database::Database,
    latency::Latencies,
    postgres::Postgres,
};
use clap::Args;
use futures::future::join_all;
use serde_json::{Value, json};

use self::corpus::Corpus;

/// The highest 99th percentile that a search may have, in milliseconds.
const MAX_P99_MS: f64 = 50.0;
/// How often to check whether all messages are in the index.
const POLL: Duration = Duration::from_secs(1);
/// Statements that remove the index from the transactions of sends, to measure the difference.
const WITHOUT_INDEX: [&str; 2] = [
    "DROP TRIGGER chat_message_add_entry; DROP TRIGGER chat_session_add_entry; DROP TRIGGER chat_session_change_entry",
    "DROP TRIGGER chat_message_add_entry ON chat_message; DROP TRIGGER chat_session_add_entry ON chat_session; \
     DROP TRIGGER chat_session_change_entry ON chat_session",
];

/// Options for `bench search`.
#[derive(Debug, Args)]
pub struct Options {
    /// Number of messages.
    #[arg(long, default_value_t = 1_000_000)]
    messages: usize,
    /// Number of searches of each kind.
    #[arg(long, default_value_t = 300)]
    requests: usize,
    /// How long to send messages, with and without the index, in seconds.
    #[arg(long, default_value_t = 10)]
    sends: u64,
    /// Use a PostgreSQL server instead of SQLite.
    #[arg(long)]
    postgres: bool,
    /// Keep the database at this URL, and do not fill it if it already has messages. The last step, sends without the
    /// index, leaves it without the index's triggers.
    #[arg(long, conflicts_with = "postgres")]
    database: Option<String>,
}

/// Runs the benchmark. Returns whether all kinds of searches are within the limit.
///
/// # Errors
/// Fails if the benchmark cannot be run.
pub async fn run(options: Options) -> Result<bool> {
    let builder = TestApp::builder().workers(0).env("RUST_LOG", "warn");
    let mut app = match &options.database {
        Some(url) if url.starts_with("sqlite:") => builder.on_sqlite().env("DATABASE_URL", url),
        Some(url) => builder.redis().env("DATABASE_URL", url),
        None if options.postgres => builder.on_postgres(Postgres::start().await),
        None => builder.on_sqlite(),
    }
    .start()
    .await;
    let client = app.client();
    let is_file = matches!(app.database(), Database::File(_));
    println!("{} messages on {}", options.messages, if is_file { "SQLite" } else { "PostgreSQL" });

    let corpus = Corpus::new(options.messages);
    if app.database().values("SELECT 1 FROM chat_message LIMIT 1").await.is_empty() {
        let begun = Instant::now();
        corpus.fill(&app.database()).await;
        println!("filled in {:.0} s", begun.elapsed().as_secs_f64());
        measure(&client, &corpus, options.requests, "newest messages not in the index").await?;
    }
    let begun = Instant::now();
    loop {
        let pending = "SELECT CAST(COUNT(*) AS TEXT) FROM search_entry WHERE tokens IS NULL";
        if app.database().values(pending).await == ["0"] {
            break;
        }
        tokio::time::sleep(POLL).await;
    }
    println!("added to the index in {:.0} s more", begun.elapsed().as_secs_f64());
    let is_fast = measure(&client, &corpus, options.requests, "all messages in the index").await?;

    let duration = Duration::from_secs(options.sends);
    let mut rates = Vec::new();
    for round in 0..4 {
        if round == 2 {
            app.database().execute(WITHOUT_INDEX[usize::from(!is_file)]).await;
        }
        rates.push(send(&client, duration).await);
    }
    println!("sends/s with the index: {:.0}, {:.0}; without: {:.0}, {:.0}", rates[0], rates[1], rates[2], rates[3]);
    app.stop_all().await;
    Ok(is_fast)
}

/// Measures each kind of search. Returns whether all are within the limit.
async fn measure(client: &Client, corpus: &Corpus, requests: usize, state: &str) -> Result<bool> {
    println!("\n{state}\n{:34} {:>9} {:>9} {:>9} {:>7}", "", "p50, ms", "p99, ms", "max, ms", "results");
    let mut is_fast = true;
    for (kind, query_of) in corpus.kinds() {
        let mut latencies = Latencies::default();
        let mut results = 0;
        for number in 0..requests {
            let (query, parameters) = query_of(number);
            let path = format!("/v1/search?q={}{parameters}", percent_encoded(&query));
            let begun = Instant::now();
            let reply = client.get(&path).await;
            latencies.record(begun.elapsed());
            let found: Value = reply.ok(200);
            results += found["items"].as_array().map_or(0, Vec::len);
        }
        ensure!(latencies.count() > 0, "no searches");
        let p99 = latencies.quantile_ms(0.99);
        is_fast &= p99 <= MAX_P99_MS;
        println!(
            "{kind:34} {:9.1} {p99:9.1} {:9.1} {:7.1}",
            latencies.quantile_ms(0.5),
            latencies.quantile_ms(1.0),
            results as f64 / requests as f64
        );
    }
    Ok(is_fast)
}

/// Sends messages from several clients at once. Returns the number per second.
async fn send(client: &Client, duration: Duration) -> f64 {
    const CLIENTS: usize = 16;
    let sent = Arc::new(AtomicUsize::new(0));
    let begun = Instant::now();
    let clients = (0..CLIENTS).map(|_| {
        let (client, sent) = (client.clone(), Arc::clone(&sent));
        async move {
            // A session has space for 1,000 queued messages.
            while begun.elapsed() < duration {
                let session = client.create_session("demo").await;
                for number in 0..900 {
                    if begun.elapsed() >= duration {
                        break;
                    }
                    let content = format!("Message {number} with {} ordinary words in one sentence", number % 7);
                    let path = format!("/v1/chat/{session}/messages");
                    client.post(&path, &json!({ "content": content })).await.ok(202);
                    sent.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    });
    join_all(clients).await;
    sent.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64()
}
