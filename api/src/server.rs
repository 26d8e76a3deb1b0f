//! Accepts connections and serves them until it is told to stop.

use std::{convert::Infallible, time::Duration};

use axum::{Router, body::Body, extract::Request, response::Response};
use banter_shared::shutdown::Shutdown;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt as _;

/// How long a client may take to send the head of a request, and how long a connection may lie idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long what was sent may stay untaken before the connection is given up (`TCP_USER_TIMEOUT`, tcp(7)).
const STALL_TIMEOUT: Duration = Duration::from_mins(1);
/// Pause after a connection could not be accepted: mostly too many files are open, which passes.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until the shutdown begins; then takes no more connections, and returns when all requests are answered.
/// Streams end themselves when the shutdown begins, idle connections are closed.
pub async fn serve(listener: TcpListener, router: Router, shutdown: &Shutdown) {
    let connections = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.soft().cancelled() => break,
        };
        match accepted {
            Ok((stream, _)) => {
                let connection = connection(stream, router.clone());
                let watched = connections.watch(connection);
                tokio::spawn(async move {
                    if let Err(error) = watched.await {
                        tracing::debug!(%error, "a connection broke");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    connections.shutdown().await;
}

fn connection(
    stream: TcpStream,
    router: Router,
) -> http1::Connection<
    TokioIo<TcpStream>,
    impl hyper::service::Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send> + Send,
> {
    if let Err(error) = prepare(&stream) {
        tracing::debug!(%error, "a connection keeps the system's settings");
    }
    let service = service_fn(move |request: Request<Incoming>| router.clone().oneshot(request.map(Body::new)));
    http1::Builder::new()
        .timer(TokioTimer::new())
        // A client that has sent its request and closes its side still gets it carried out.
        .half_close(true)
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
}

/// Small frames of a stream must not wait for each other, and a client that takes nothing any more must go.
fn prepare(stream: &TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    SockRef::from(stream).set_tcp_user_timeout(Some(STALL_TIMEOUT))
}
