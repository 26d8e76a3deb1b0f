//! The HTTP client for the trace collector.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use tokio::runtime::Handle;

use super::settings::Endpoint;

/// The client that sends spans to the collector. Logs a message when exporting begins to fail and when it succeeds
/// again, but not for every failure.
#[derive(Debug)]
pub(super) struct Collector {
    http: reqwest::Client,
    /// The runtime for the requests; the exporter runs on a thread that has no runtime.
    runtime: Handle,
    address: String,
    is_failing: AtomicBool,
}

impl Collector {
    /// Creates a client. Must be called in a Tokio runtime.
    pub(super) fn new(endpoint: &Endpoint, timeout: Duration) -> reqwest::Result<Self> {
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("banter/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .timeout(timeout);
        if !endpoint.is_https {
            // Plain HTTP does not require CA certificates, which small containers may lack.
            builder = builder.tls_certs_only([]);
        }
        if endpoint.is_local {
            // A proxy could not reach this machine's loopback addresses.
            builder = builder.no_proxy();
        }
        let (http, address) = (builder.build()?, endpoint.address.clone());
        Ok(Self { http, runtime: Handle::current(), address, is_failing: AtomicBool::new(false) })
    }

    fn note_result(&self, error: Option<&str>) {
        let was_failing = self.is_failing.swap(error.is_some(), Ordering::Relaxed);
        match error {
            Some(error) if !was_failing => {
                tracing::warn!(
                    collector = self.address,
                    error,
                    "cannot export traces; they are dropped until the collector accepts them"
                );
            }
            None if was_failing => tracing::info!(collector = self.address, "trace export resumed"),
            Some(_) | None => {}
        }
    }
}

async fn send(http: reqwest::Client, request: Request<Bytes>) -> Result<Response<Bytes>, reqwest::Error> {
    let response = http.execute(request.try_into()?).await?;
    let status = response.status();
    let headers = response.headers().clone();
    let mut result = Response::new(response.bytes().await?);
    *result.status_mut() = status;
    *result.headers_mut() = headers;
    Ok(result)
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let sent = self.runtime.spawn(send(self.http.clone(), request)).await;
        let result: Result<_, HttpError> = match sent {
            Ok(result) => result.map_err(|error| chain(&error).into()),
            // The runtime has been shut down.
            Err(error) => return Err(error.into()),
        };
        match &result {
            Ok(response) if response.status().is_success() => self.note_result(None),
            Ok(response) => self.note_result(Some(&format!("status {}", response.status()))),
            Err(error) => self.note_result(Some(&error.to_string())),
        }
        result
    }
}

/// Formats an error with its causes, without the URL, which may contain a password.
fn chain(error: &reqwest::Error) -> String {
    let mut text = "the request failed".to_owned();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
