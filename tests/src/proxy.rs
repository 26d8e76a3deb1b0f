//! A TCP proxy on the loopback interface that simulates an unreliable network: connections that are dropped, slow, or
//! silent.

use std::{
    ops::Range,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use rand::RngExt as _;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};

use crate::random::TestRng;

/// Size of a read, in bytes.
const BUFFER: usize = 16 * 1024;

/// What happens to connections.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// One in this many connections is dropped. 0 disables dropping.
    pub cut_one_in: u32,
    /// The number of bytes, in both directions together, after which such a connection is dropped.
    pub cut_after: Range<u64>,
    /// The delay for every chunk, in both directions.
    pub delay: Duration,
}

/// A running proxy. Dropping it drops every connection.
#[derive(Debug)]
pub struct Proxy {
    address: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    target: String,
    rng: Mutex<TestRng>,
    rules: Mutex<Rules>,
    accepted: AtomicUsize,
    cut: AtomicUsize,
    /// Incremented by every call to `cut_all`, which ends the open connections.
    cuts: watch::Sender<u64>,
    frozen: watch::Sender<bool>,
}

impl Proxy {
    /// Listens on a free port and forwards to `target` (`127.0.0.1:PORT`), which need not be reachable yet.
    pub async fn start(target: &str, rng: TestRng) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let shared = Arc::new(Shared {
            target: target.to_owned(),
            rng: Mutex::new(rng),
            rules: Mutex::default(),
            accepted: AtomicUsize::new(0),
            cut: AtomicUsize::new(0),
            cuts: watch::Sender::new(0),
            frozen: watch::Sender::new(false),
        });
        let server = tokio::spawn(accept(listener, shared.clone()));
        Self { address, shared, server }
    }

    /// Returns the address as `127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Sets the rules for new connections. The delay also applies to open connections.
    pub fn set_rules(&self, rules: Rules) {
        *self.shared.rules.lock().unwrap() = rules;
    }

    /// Drops every open connection.
    pub fn cut_all(&self) {
        self.shared.cuts.send_modify(|count| *count += 1);
    }

    /// Stops forwarding until [`Self::resume`] is called. Closes no connections.
    pub fn freeze(&self) {
        self.shared.frozen.send_replace(true);
    }

    /// Resumes forwarding, starting with the data that arrived in the meantime.
    pub fn resume(&self) {
        self.shared.frozen.send_replace(false);
    }

    /// Returns the number of accepted connections.
    pub fn accepted(&self) -> usize {
        self.shared.accepted.load(Ordering::Relaxed)
    }

    /// Returns the number of connections that were dropped because they reached their byte limit.
    pub fn cut(&self) -> usize {
        self.shared.cut.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // The set is dropped together with this task, which drops all connections.
    let mut connections = JoinSet::new();
    loop {
        let Ok((client, _)) = listener.accept().await else { continue };
        shared.accepted.fetch_add(1, Ordering::Relaxed);
        connections.spawn(connection(client, shared.clone()));
        while connections.try_join_next().is_some() {}
    }
}

async fn connection(mut client: TcpStream, shared: Arc<Shared>) {
    let (cuts, budget) = (shared.cuts.subscribe(), shared.draw_budget());
    let Ok(mut server) = TcpStream::connect(&shared.target).await else { return };
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let left = Mutex::new(budget);
    tokio::select! {
        () = pump(from_client, to_server, &shared, &left) => {}
        () = pump(from_server, to_client, &shared, &left) => {}
        () = risen(cuts) => {}
    }
    if *left.lock().unwrap() == Some(0) {
        shared.cut.fetch_add(1, Ordering::Relaxed);
    }
}

/// Waits until the counter is incremented.
async fn risen(mut counter: watch::Receiver<u64>) {
    let _ = counter.changed().await;
}

/// Forwards data in one direction until the data ends or the connection reaches its byte limit.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    shared: &Shared,
    left: &Mutex<Option<u64>>,
) {
    let mut frozen = shared.frozen.subscribe();
    let mut buffer = vec![0; BUFFER];
    loop {
        let Ok(count @ 1..) = from.read(&mut buffer).await else { return };
        let delay = shared.rules.lock().unwrap().delay;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        if frozen.wait_for(|frozen| !frozen).await.is_err() {
            return;
        }
        let (allowed, is_cut) = spend(left, count);
        if to.write_all(&buffer[..allowed]).await.is_err() || is_cut {
            return;
        }
    }
}

/// Returns how many of these bytes to forward, and whether the connection ends after them.
fn spend(left: &Mutex<Option<u64>>, count: usize) -> (usize, bool) {
    let mut left = left.lock().unwrap();
    let Some(budget) = left.as_mut() else { return (count, false) };
    let allowed = count.min(usize::try_from(*budget).unwrap_or(usize::MAX));
    *budget -= allowed as u64;
    (allowed, *budget == 0)
}

impl Shared {
    /// Draws the byte limit for a new connection, if the connection is to be dropped.
    fn draw_budget(&self) -> Option<u64> {
        let rules = self.rules.lock().unwrap().clone();
        let mut rng = self.rng.lock().unwrap();
        let is_cut = rules.cut_one_in > 0 && rng.random_ratio(1, rules.cut_one_in);
        is_cut.then(|| rng.random_range(rules.cut_after))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rand::SeedableRng as _;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::{TcpListener, TcpStream},
    };

    use super::{Proxy, Rules};
    use crate::random::TestRng;

    /// Starts an echo server behind a proxy.
    async fn echo() -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = socket.split();
                    let _ = tokio::io::copy(&mut from, &mut to).await;
                });
            }
        });
        Proxy::start(&address, TestRng::seed_from_u64(1)).await
    }

    async fn read(socket: &mut TcpStream, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        socket.read_exact(&mut bytes).await.unwrap();
        bytes
    }

    #[tokio::test]
    async fn forwards_data_and_delays_it_while_frozen() {
        let proxy = echo().await;
        let mut socket = TcpStream::connect(proxy.address()).await.unwrap();
        socket.write_all(b"one").await.unwrap();
        assert_eq!(read(&mut socket, 3).await, b"one");

        proxy.freeze();
        socket.write_all(b"two").await.unwrap();

        let silence = tokio::time::timeout(Duration::from_millis(100), socket.peek(&mut [0])).await;
        assert!(silence.is_err(), "nothing is forwarded");
        proxy.resume();
        assert_eq!(read(&mut socket, 3).await, b"two");
    }

    #[tokio::test]
    async fn drops_a_connection_at_its_byte_limit() {
        let proxy = echo().await;
        proxy.set_rules(Rules { cut_one_in: 1, cut_after: 6..7, delay: Duration::ZERO });
        let mut socket = TcpStream::connect(proxy.address()).await.unwrap();

        socket.write_all(b"four").await.unwrap();

        let mut got = Vec::new();
        let _ = socket.read_to_end(&mut got).await;
        assert_eq!(got, b"fo", "four bytes sent and two received");
        assert_eq!(proxy.cut(), 1);
    }

    #[tokio::test]
    async fn drops_open_connections() {
        let proxy = echo().await;
        let mut socket = TcpStream::connect(proxy.address()).await.unwrap();
        socket.write_all(b"one").await.unwrap();
        read(&mut socket, 3).await;

        proxy.cut_all();

        let ended = tokio::time::timeout(Duration::from_secs(10), socket.read(&mut [0; 8])).await.unwrap();
        assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
        assert_eq!(proxy.accepted(), 1);
    }
}
