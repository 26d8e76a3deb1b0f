//! Accepts connections and serves them until shutdown begins.
//!
//! Guarantees: a silent client occupies a connection only for a bounded time. A request head must arrive within
//! [`HEAD_TIMEOUT`], and a body within [`BODY_TIMEOUT`]. Connections are limited per process and per address; at the
//! process limit, the connection that has waited longest for its client may be closed. A shutdown finishes every
//! request that has arrived, and waits only briefly for clients that are still sending or are not reading.
//!
//! hyper serves a connection until the head of an event stream has been sent. Then a [`StreamConnection`] takes over
//! the socket. A [`StreamConnection`] uses less memory than hyper, and writes frames that all streams share.

mod activity;
mod client_stream;
mod connections;
mod exchange;
mod guarded_body;
mod limits;
mod refusal;
mod request_body;
mod stream_connection;
mod takeover;

use std::{convert::Infallible, future::poll_fn, io, pin::Pin, sync::Arc, task::Poll, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderValue, Method, Version, header::CONNECTION},
    response::Response,
};
use banter_shared::shutdown::Shutdown;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::SockRef;
use tokio::{
    net::{TcpListener, TcpStream},
    time::{Instant, sleep},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

pub use activity::Activity;
pub use connections::Connections;
pub use guarded_body::GuardedBody;
pub use limits::ConnectionLimits;
pub use request_body::{BODY_TIMEOUT, BodyTimeoutError, UPLOAD_IDLE_TIMEOUT};

use crate::stream::AttachedStream;
use client_stream::ClientStream;
use connections::ConnectionPermit;
use exchange::HttpExchange;
use refusal::Refusals;
use stream_connection::StreamConnection;
use takeover::{Takeover, TakeoverBody, TakeoverSlot};

/// Time limit for receiving the head of a request. This also limits how long a connection may be idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long sent data may stay unacknowledged before the connection is dropped (`TCP_USER_TIMEOUT`, tcp(7)).
const STALL_TIMEOUT: Duration = Duration::from_mins(1);
/// Pause after a failed accept. The usual cause is too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until shutdown begins, then stops accepting connections, and returns when all requests have been answered.
/// Streams end when shutdown begins; idle connections are closed.
pub async fn serve(listener: TcpListener, router: Router, connections: &Connections, shutdown: &Shutdown) {
    let (open, refusals) = (TaskTracker::new(), Refusals::new(connections.clone()));
    while let Some(accepted) = shutdown.soft().run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((stream, peer)) => match connections.admit(peer.ip()) {
                Ok(permit) => {
                    let draining = shutdown.soft().clone();
                    open.spawn(serve_connection(stream, router.clone(), permit, draining, open.clone()));
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

/// A connection that hyper serves. An event stream may take over its socket.
type HttpConnection<S> = http1::Connection<TokioIo<ClientStream>, S>;

/// Serves one connection until the connection ends, until the server closes it to free resources, or until its client
/// is silent during a shutdown. An event stream continues in its own task, which is added to `tasks`.
async fn serve_connection(
    stream: TcpStream,
    router: Router,
    permit: ConnectionPermit,
    draining: CancellationToken,
    tasks: TaskTracker,
) {
    if let Err(error) = prepare(&stream) {
        tracing::debug!(%error, "cannot set socket options");
    }
    let activity = Arc::clone(permit.activity());
    let client = ClientStream::new(stream, Arc::clone(&activity));
    let takeover = TakeoverSlot::default();
    let mut connection = connection(client, router, &activity, &takeover);
    let ended = tokio::select! {
        ended = serve_requests(&mut connection, &activity, &takeover) => ended,
        () = activity.closed() => Ok(None),
        () = draining.cancelled() => {
            Pin::new(&mut connection).graceful_shutdown();
            let begun = Instant::now();
            tokio::select! {
                ended = serve_requests(&mut connection, &activity, &takeover) => ended,
                () = activity.closed() => Ok(None),
                () = activity.silent_since(begun) => Ok(None),
            }
        }
    };
    match ended {
        Ok(Some(takeover)) => {
            let stream = connection.into_parts().io.into_inner().into_inner();
            tasks.spawn(StreamConnection::new(stream, takeover, permit).run());
        }
        Ok(None) => {}
        Err(error) => tracing::debug!(%error, "connection failed"),
    }
}

/// Serves requests until the connection ends, or until an event stream takes over the socket.
async fn serve_requests<S>(
    connection: &mut HttpConnection<S>,
    activity: &Activity,
    takeover: &TakeoverSlot,
) -> hyper::Result<Option<Takeover>>
where
    S: hyper::service::HttpService<Incoming, ResBody = Body> + Unpin,
    S::Error: Into<axum::BoxError>,
{
    poll_fn(|context| match Pin::new(&mut *connection).poll(context) {
        Poll::Ready(ended) => Poll::Ready(ended.map(|()| None)),
        // The head has been written once the body has been polled and nothing is left to write.
        Poll::Pending if activity.is_stalled() => Poll::Pending,
        Poll::Pending => takeover.take().map_or(Poll::Pending, |takeover| Poll::Ready(Ok(Some(takeover)))),
    })
    .await
}

fn connection(
    stream: ClientStream,
    router: Router,
    activity: &Arc<Activity>,
    takeover: &TakeoverSlot,
) -> HttpConnection<
    impl hyper::service::Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send> + Send + Unpin,
> {
    let (activity, takeover) = (Arc::clone(activity), takeover.clone());
    let service = service_fn(move |request: Request<Incoming>| {
        answer(router.clone(), request, Arc::clone(&activity), takeover.clone())
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        // A client may close its sending side after its request and still receive the response.
        .half_close(true)
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
}

/// Routes one request and records the activity of its connection.
async fn answer(
    router: Router,
    request: Request<Incoming>,
    activity: Arc<Activity>,
    slot: TakeoverSlot,
) -> Result<Response, Infallible> {
    let (exchange, request) = HttpExchange::begin(&activity, request);
    let (is_chunked, is_head) = (request.version() == Version::HTTP_11, request.method() == Method::HEAD);
    let mut response = router.oneshot(request).await?;
    let stream = AttachedStream::take(&mut response);
    if stream.is_some() && !is_head {
        // The connection serves no further requests, so a proxy must not keep it open for reuse.
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    // The exchange ends when the body has been passed to the connection, or dropped.
    Ok(response.map(|body| match stream {
        Some(events) => Body::new(TakeoverBody::new(Takeover { events, exchange, is_chunked }, slot)),
        None => Body::new(GuardedBody::new(body, exchange)),
    }))
}

/// Disables Nagle's algorithm, which would delay a stream's frames, and limits how long a client may leave data
/// unacknowledged.
fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    SockRef::from(stream).set_tcp_user_timeout(Some(STALL_TIMEOUT))
}
