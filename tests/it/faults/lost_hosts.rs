//! PostgreSQL's host is lost, or cut off for longer than connections survive. No side is notified that the other one
//! closed the connection.

use std::time::Duration;

use banter_tests::{
    app::TestApp,
    client::Client,
    database::StoreLock,
    network::{Condition, Network},
    postgres::Postgres,
    random,
    redis::Redis,
    wait::{eventually, within},
};
use futures::future::join_all;
use serde_json::json;
use tokio::time::{sleep, timeout};

/// How long the link is cut: longer than a connection waits for an acknowledgment.
const CUT: Duration = Duration::from_secs(12);

/// Time limit for detecting a lost connection.
const DETECTED_WITHIN: Duration = Duration::from_secs(30);

/// The documented maximum number of connections of an api.
const MAX_CONNECTIONS: usize = 5;

/// Starts an api, PostgreSQL, and Redis on hosts of their own. Prints the reason if that is not possible.
async fn start() -> Option<(TestApp, Client)> {
    let names = ["postgres", "redis", "api-0"].map(str::to_owned);
    let network =
        Network::start(&names, &mut random::from_environment()).map_err(|reason| println!("SKIPPED: {reason}")).ok()?;
    let postgres = Postgres::start_on(network.host("postgres")).await;
    let redis = Redis::start_on(network.host("redis")).await;
    let builder = TestApp::builder().workers(0).on_postgres(postgres).on_redis(redis).on_network(network);
    let app = builder.env("AUTH", "required").start().await;
    let client = app.client_for("someone", "member").await;
    Some((app, client))
}

fn cut_off_postgres(app: &TestApp) {
    app.network().host("postgres").link().set(Condition { is_cut: true, ..Condition::default() });
}

/// Returns the number of connections from the api.
fn connections(app: &mut TestApp) -> usize {
    let address = app.network().host("api-0").address();
    let count = format!("SELECT count(*) FROM pg_stat_activity WHERE client_addr = '{address}'");
    app.postgres().query("postgres", &count).parse().unwrap()
}

/// Sends so many requests at the same time that the api uses all of its connections.
async fn read_on_all_connections(client: &Client) {
    join_all((0..2 * MAX_CONNECTIONS).map(|_| client.get("/v1/chat"))).await;
}

#[tokio::test]
async fn an_api_that_waits_for_a_lost_server_reconnects_when_it_is_back() {
    let Some((mut app, client)) = start().await else { return };
    let session = client.create_session("demo").await;
    let lock = StoreLock::take(&app.database(), DETECTED_WITHIN).await.unwrap();
    let waiting = tokio::spawn({
        let (client, session) = (client.clone(), session.clone());
        async move { client.post_message(&session, "", &json!({"content": "/echo lost"})).await }
    });
    eventually("a transaction waits for the lock", async || {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory'";
        (app.postgres().query("postgres", sql) != "0").then_some(())
    })
    .await;

    cut_off_postgres(&app);
    app.postgres().kill();
    app.network().host("postgres").forget_connections();
    sleep(CUT).await;
    app.network().heal();
    app.postgres().restart().await;

    let body = json!({"content": "/echo back"});
    within(DETECTED_WITHIN, "a message is accepted", async || {
        let sent = client.post_message(&session, "", &body);
        timeout(Duration::from_secs(1), sent).await.ok().filter(|reply| reply.status == 202)
    })
    .await;
    drop(lock);
    waiting.abort();
    app.check().await;
}

#[tokio::test]
async fn the_server_closes_connections_to_an_api_that_was_cut_off() {
    let Some((mut app, client)) = start().await else { return };
    for _ in 0..2 {
        cut_off_postgres(&app);
        let _ = timeout(CUT, read_on_all_connections(&client)).await;
        app.network().heal();
        eventually("the api is ready", async || (client.get("/readyz").await.status == 200).then_some(())).await;
        read_on_all_connections(&client).await;
    }

    within(DETECTED_WITHIN, "the lost connections are closed", async || {
        (connections(&mut app) <= MAX_CONNECTIONS).then_some(())
    })
    .await;
}
