use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use rand::SeedableRng as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use super::{Condition, Network};
use crate::random::TestRng;

/// How long a test waits for something that does not happen.
const SILENCE: Duration = Duration::from_millis(500);

fn start(names: &[&str]) -> Option<Network> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    Network::start(&names, &mut TestRng::seed_from_u64(1)).map_err(|reason| println!("SKIPPED: {reason}")).ok()
}

/// Starts a program on a host that connects to the test and repeats everything that it receives.
async fn connect(network: &Network, host: &str) -> (TcpStream, tokio::process::Child) {
    let listener = TcpListener::bind((network.address(), 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let script = format!("exec 3<>/dev/tcp/{}/{}; exec cat <&3 >&3", address.ip(), address.port());
    let mut command = tokio::process::Command::from(network.host(host).command("bash"));
    let child = command.args(["-c", &script]).stdin(Stdio::null()).kill_on_drop(true).spawn().unwrap();
    let (stream, peer) = listener.accept().await.unwrap();
    assert_eq!(peer.ip(), network.host(host).address());
    (stream, child)
}

async fn echo(stream: &mut TcpStream, text: &str) -> String {
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut received = vec![0; text.len()];
    stream.read_exact(&mut received).await.unwrap();
    String::from_utf8(received).unwrap()
}

#[tokio::test]
async fn a_connection_survives_a_cut() {
    let Some(network) = start(&["one", "two"]) else { return };
    let (mut stream, _child) = connect(&network, "one").await;
    let link = network.host("one").link();
    assert_eq!(echo(&mut stream, "before").await, "before");

    link.set(Condition { is_cut: true, ..Condition::default() });
    assert!(timeout(SILENCE, echo(&mut stream, "during")).await.is_err(), "nothing arrives");
    link.heal();

    let mut received = [0; 6];
    stream.read_exact(&mut received).await.unwrap();
    assert_eq!(&received, b"during");
}

#[tokio::test]
async fn a_slow_link_delays_packets_in_both_directions() {
    let Some(network) = start(&["one"]) else { return };
    let (mut stream, _child) = connect(&network, "one").await;
    let delay = Duration::from_millis(200);

    network.host("one").link().set(Condition { delay, ..Condition::default() });
    let began = Instant::now();
    assert_eq!(echo(&mut stream, "slow").await, "slow");

    assert!(began.elapsed() >= 2 * delay, "{:?}", began.elapsed());
}

#[tokio::test]
async fn all_data_arrives_in_order_over_a_lossy_link() {
    let Some(network) = start(&["one"]) else { return };
    let (mut stream, _child) = connect(&network, "one").await;
    let text = (0..2000).map(|number| number.to_string()).collect::<Vec<_>>().join(",");

    network.host("one").link().set(Condition { loss: 0.05, ..Condition::default() });

    assert_eq!(echo(&mut stream, &text).await, text);
}

#[tokio::test]
async fn hosts_reach_each_other() {
    let Some(network) = start(&["one", "two"]) else { return };
    let address = network.host("two").address().to_string();
    let mut command = tokio::process::Command::from(network.host("one").command("bash"));
    // A closed port is refused at once by a host that can be reached.
    let output = command.args(["-c", &format!("exec 3<>/dev/tcp/{address}/9")]).output().await.unwrap();

    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("Connection refused"), "{text}");
}
