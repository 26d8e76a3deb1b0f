//! A server that plays one script per connection, in the order in which connections are accepted.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
    time::timeout,
};

/// What the server does on a connection once a request has been read.
#[derive(Clone, Default)]
pub struct Script {
    pub steps: Vec<Step>,
}

#[derive(Clone)]
pub enum Step {
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Sends nothing until the client closes the connection.
    Silence,
    /// Resets the connection instead of closing it.
    Reset,
}

pub struct Server {
    address: SocketAddr,
    requests: mpsc::UnboundedReceiver<String>,
    hang_ups: mpsc::UnboundedReceiver<()>,
    _tasks: JoinSet<()>,
}

/// Returns a 200 response with this body, as an event stream that ends when the connection is closed.
pub fn stream(body: impl AsRef<[u8]>) -> Script {
    Script::head("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n").send(body)
}

/// Returns a complete response.
pub fn response(status: &str, headers: &str, body: &str) -> Script {
    Script::head(&format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n{body}",
        body.len()
    ))
}

impl Script {
    pub fn head(text: &str) -> Self {
        Self::default().send(text)
    }

    pub fn send(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.steps.push(Step::Send(bytes.as_ref().to_vec()));
        self
    }

    pub fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }
}

impl Server {
    /// Starts a server that plays one script per connection. It closes any further connection without responding.
    pub async fn start(scripts: impl IntoIterator<Item = Script>) -> Self {
        let scripts: Vec<Script> = scripts.into_iter().collect();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (request_sender, requests) = mpsc::unbounded_channel();
        let (hang_up_sender, hang_ups) = mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut playing = JoinSet::new();
            let mut scripts = scripts.into_iter();
            while let Ok((connection, _)) = listener.accept().await {
                let script = scripts.next().unwrap_or_default();
                playing.spawn(play(connection, script, request_sender.clone(), hang_up_sender.clone()));
            }
        });
        Self { address, requests, hang_ups, _tasks: tasks }
    }

    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Returns the next request, including its head and body.
    pub async fn request(&mut self) -> String {
        timeout(Duration::from_secs(10), self.requests.recv()).await.unwrap().unwrap()
    }

    /// Waits until a client has closed the connection during [`Step::Silence`].
    pub async fn hang_up(&mut self) {
        timeout(Duration::from_secs(10), self.hang_ups.recv()).await.unwrap().unwrap();
    }

    /// Discards the requests that the test has not read yet, and returns how many there were.
    pub fn requests_left(&mut self) -> usize {
        std::iter::from_fn(|| self.requests.try_recv().ok()).count()
    }
}

async fn play(
    mut connection: TcpStream,
    script: Script,
    requests: mpsc::UnboundedSender<String>,
    hang_ups: mpsc::UnboundedSender<()>,
) {
    let Some(request) = read_request(&mut connection).await else { return };
    let _ = requests.send(request);
    for step in script.steps {
        match step {
            Step::Send(bytes) => {
                if connection.write_all(&bytes).await.is_err() {
                    return;
                }
                let _ = connection.flush().await;
            }
            Step::Silence => {
                let mut rest = Vec::new();
                let _ = connection.read_to_end(&mut rest).await;
                let _ = hang_ups.send(());
            }
            Step::Reset => {
                let _ = connection.set_zero_linger();
                return;
            }
        }
    }
    let _ = connection.shutdown().await;
    // Wait for the client to close the connection. Dropping a socket with unread bytes would reset the connection.
    let _ = timeout(Duration::from_secs(5), connection.read_to_end(&mut Vec::new())).await;
}

async fn read_request(connection: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        if connection.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length =
            head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if body.len() >= length.unwrap_or(0) {
            return Some(text.into_owned());
        }
    }
}
