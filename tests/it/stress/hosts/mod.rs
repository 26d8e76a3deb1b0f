//! PostgreSQL, Redis, three apis, and three workers run on hosts of their own. Links are cut, slow, and lossy, processes
//! are killed, and whole hosts are lost, under load. Then every process is replaced, one after another.

mod fault;
mod target;

use std::time::{Duration, Instant};

use banter_tests::{
    app::TestApp, fake_openai::FakeOpenAi, load::LoadClient, network::Network, postgres::Postgres, random::TestRng,
    redis::Redis, wait::within,
};
use rand::SeedableRng as _;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{
    Batch, batches,
    client::{ChatClient, Conversation},
    installation::Installation,
    load::{Load, LoadOptions},
    report::Report,
    sleep_up_to,
};
use fault::Fault;
use target::Target;

/// Number of rounds per installation.
const BATCH: u64 = 10;

const APIS: usize = 3;
const WORKERS: usize = 3;

/// The documented maximum number of connections from a process to PostgreSQL.
const MAX_CONNECTIONS: usize = 10;

/// The longest pause between rounds. The installation has not always recovered by then.
const MAX_PAUSE: Duration = Duration::from_secs(2);

/// Time limit for an answer once everything works again. Lost data is sent again after up to as long as the link was
/// cut, and a worker that was lost is replaced after 5.8 s; the rest is headroom for a machine that is busy with other
/// tests. The longest time is reported.
const RECOVERY_LIMIT: Duration = Duration::from_mins(1);

/// The longest delay before each word of an answer. It makes it likely that turns are running when a fault begins.
const WORD_DELAY: Duration = Duration::from_millis(400);

/// How long a client waits for a heartbeat, which is sent every 15 s, before it reconnects.
const MAX_SILENCE: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_survive_broken_links_and_lost_hosts() {
    let report = Report::new("hosts");
    for Batch { rounds, mut rng } in batches("hosts", BATCH) {
        let mut installation = match start(&mut rng).await {
            Ok(installation) => installation,
            Err(reason) => return println!("SKIPPED: {reason}"),
        };
        let options = LoadOptions { word_delay: WORD_DELAY, max_silence: Some(MAX_SILENCE) };
        let mut load = Load::start_with(&installation, &mut rng, &report, options).await;
        let mut probe = probe(&installation, &mut rng, &report).await;
        for _ in 0..rounds {
            sleep_up_to(&mut rng, MAX_PAUSE).await;
            let (fault, target) = (Fault::random(&mut rng), Target::random(&mut rng));
            let duration = fault.random_duration(&mut rng);
            println!("stress: hosts: {fault:?} {target:?} for {duration:?}");
            report.count("rounds");
            report.count(fault.description());

            fault.begin(target, &mut installation.app);
            tokio::time::sleep(duration).await;
            fault.end(target, &mut installation.app).await;

            report.time("time from the end of a fault until a message is answered", answer(&mut probe).await);
        }
        for target in Target::all() {
            target.replace(&mut installation.app).await;
            report.time("time from the replacement of a process until a message is answered", answer(&mut probe).await);
        }
        load.add_conversations(probe.conversations);
        load.finish(&installation).await;
        within(RECOVERY_LIMIT, "the server closes lost connections", async || {
            (connections(&mut installation.app) <= MAX_CONNECTIONS).then_some(())
        })
        .await;
    }
    report.print();
}

/// Sends a message, waits for the answer, and returns how long it took.
async fn answer(probe: &mut ChatClient) -> Duration {
    let sent = Instant::now();
    let answered = async {
        probe.send_message().await;
        probe.read().await;
    };
    timeout(RECOVERY_LIMIT, answered).await.expect("a message is answered");
    sent.elapsed()
}

/// Starts an installation with a host for each process.
async fn start(rng: &mut TestRng) -> Result<Installation, String> {
    let network = Network::start(&Target::all().map(Target::host).collect::<Vec<_>>(), rng)?;
    let postgres = Postgres::start_on(network.host(&Target::Postgres.host())).await;
    let redis = Redis::start_on(network.host(&Target::Redis.host())).await;
    let model = FakeOpenAi::start_on(network.address()).await;
    let mut installation = Installation::start_with(model, |builder| {
        let builder = builder.apis(APIS).workers(WORKERS).on_postgres(postgres).on_redis(redis).on_network(network);
        builder.env("AUTH", "required").env("TASK_LEASE_SECONDS", "4")
    })
    .await;
    let key = installation.app.create_key("default", "someone", "member").await;
    for client in &mut installation.clients {
        *client = client.with_key(&key);
    }
    Ok(installation)
}

/// Returns the maximum number of connections from one process to PostgreSQL.
fn connections(app: &mut TestApp) -> usize {
    let test = app.network().address();
    let counts = "SELECT count(*) AS n FROM pg_stat_activity WHERE client_addr";
    let sql = format!("SELECT coalesce(max(n), 0) FROM ({counts} <> '{test}' GROUP BY client_addr) AS counts");
    app.postgres().query("banter", &sql).parse().unwrap()
}

/// Creates a client whose messages show whether the installation has recovered.
async fn probe(installation: &Installation, rng: &mut TestRng, report: &Report) -> ChatClient {
    ChatClient {
        name: "probe".into(),
        client: LoadClient::new(installation.clients.clone()),
        model: installation.model.clone(),
        rng: rng.fork(),
        report: report.clone(),
        stop: CancellationToken::new(),
        word_delay: Duration::from_millis(1),
        conversations: vec![Conversation { session: installation.session().await, sent: Vec::new() }],
    }
}
