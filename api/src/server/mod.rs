//! Accepts connections and serves them until shutdown begins.
//!
//! Guarantees: a silent client occupies a connection only for a bounded time. A request head must arrive within
//! [`HEAD_TIMEOUT`], a body within [`BODY_TIMEOUT`]. Connections are limited per process and per address; at the limit,
//! the connection that has waited longest for its client is closed. A shutdown finishes every request that has arrived,
//! and does not wait for clients that are still sending or that do not read.

mod activity;
mod client_stream;
mod connections;
mod exchange;
mod guarded_body;
mod limits;
mod refusal;
mod request_body;

use std::{convert::Infallible, io, pin::pin, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::Request, http::header::CONTENT_TYPE, response::Response};
use banter_shared::shutdown::Shutdown;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::SockRef;
use tokio::{
    io::Interest,
    net::{TcpListener, TcpStream},
    time::{Instant, sleep},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

pub use activity::Activity;
pub use connections::Connections;
pub use guarded_body::GuardedBody;
pub use limits::ConnectionLimits;
pub use request_body::{BODY_TIMEOUT, BodyTimeoutError};

use crate::stream;
use client_stream::ClientStream;
use connections::ConnectionPermit;
use exchange::HttpExchange;
use refusal::Refusals;

/// Time limit for the head of a request, and for an idle connection.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long sent data may stay unacknowledged before the connection is dropped (`TCP_USER_TIMEOUT`, tcp(7)).
const STALL_TIMEOUT: Duration = Duration::from_mins(1);
/// How often to check whether a client that has sent more than its request has hung up.
const HANG_UP_CHECK: Duration = Duration::from_secs(1);
/// Pause after a failed accept, usually because too many files are open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until shutdown begins, then stops accepting and returns when all requests have been answered. Streams end
/// when shutdown begins; idle connections are closed.
pub async fn serve(listener: TcpListener, router: Router, connections: &Connections, shutdown: &Shutdown) {
    let (open, refusals) = (TaskTracker::new(), Refusals::new(connections.clone()));
    while let Some(accepted) = shutdown.soft().run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((stream, peer)) => match connections.admit(peer.ip()) {
                Ok(permit) => {
                    open.spawn(serve_connection(stream, router.clone(), permit, shutdown.soft().clone()));
                }
                Err(scope) => refusals.refuse(stream, scope),
            },
            // The client disconnected before the connection was accepted.
            Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) => {
            }
            Err(error) => {
                refusals.record_failure(&error);
                connections.close_longest_wait();
                shutdown.soft().run_until_cancelled(sleep(ACCEPT_PAUSE)).await;
            }
        }
    }
    drop(listener);
    open.close();
    open.wait().await;
}

/// Serves one connection until it ends, is closed to make room, or is silent during the shutdown.
async fn serve_connection(stream: TcpStream, router: Router, permit: ConnectionPermit, draining: CancellationToken) {
    if let Err(error) = prepare(&stream) {
        tracing::debug!(%error, "cannot set socket options");
    }
    let activity = Arc::clone(permit.activity());
    let stream = Arc::new(stream);
    let client = ClientStream::new(Arc::clone(&stream), Arc::clone(&activity));
    let mut connection = pin!(connection(client, router, &activity));
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = activity.closed() => None,
        () = hang_up(&stream, &activity) => None,
        () = draining.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let begun = Instant::now();
            tokio::select! {
                ended = connection.as_mut() => Some(ended),
                () = activity.closed() => None,
                () = activity.silent_since(begun) => None,
            }
        }
    };
    if let Some(Err(error)) = ended {
        tracing::debug!(%error, "connection failed");
    }
}

/// Waits until the client of an event stream has closed its sending side, which means that it no longer reads the
/// stream. Otherwise, the stream would stay open until a heartbeat failed. Other responses are still sent after the
/// client has closed its sending side.
async fn hang_up(stream: &TcpStream, activity: &Activity) {
    loop {
        activity.streaming().await;
        match stream.ready(Interest::READABLE).await {
            Ok(ready) if !ready.is_read_closed() => sleep(HANG_UP_CHECK).await,
            Ok(_) | Err(_) => return,
        }
    }
}

fn connection(
    stream: ClientStream,
    router: Router,
    activity: &Arc<Activity>,
) -> http1::Connection<
    TokioIo<ClientStream>,
    impl hyper::service::Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send> + Send,
> {
    let activity = Arc::clone(activity);
    let service = service_fn(move |request: Request<Incoming>| answer(router.clone(), request, Arc::clone(&activity)));
    http1::Builder::new()
        .timer(TokioTimer::new())
        // A client may close its sending side after its request and still receive the response.
        .half_close(true)
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
}

/// Routes one request and records the activity of its connection.
async fn answer(router: Router, request: Request<Incoming>, activity: Arc<Activity>) -> Result<Response, Infallible> {
    let (exchange, request) = HttpExchange::begin(&activity, request);
    let response = router.oneshot(request).await?;
    if response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == stream::MEDIA_TYPE) {
        activity.begin_stream();
    }
    // The exchange ends when the body has been passed to the connection, or dropped.
    Ok(response.map(|body| Body::new(GuardedBody::new(body, exchange))))
}

/// Disables Nagle's algorithm, which would delay the frames of a stream, and limits how long a client may leave data
/// unacknowledged.
fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    SockRef::from(stream).set_tcp_user_timeout(Some(STALL_TIMEOUT))
}
