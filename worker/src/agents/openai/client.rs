//! The HTTP client for a model server.

use std::{net::IpAddr, time::Duration};

use banter_shared::chat::ErrorCode;
use reqwest::{
    RequestBuilder, Response, Url,
    header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, HeaderMap, HeaderValue},
    redirect::Policy,
};
use tokio::time::{Instant, timeout_at};

use super::{connections, errors, request::CompletionRequest};
use crate::agents::AgentError;

/// Time limit for establishing a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an idle connection is kept open. Common servers close idle connections after 5 s. The limit must be
/// shorter, because a request fails if the server closes the connection at the same moment.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// Maximum number of header fields in a response. Gateways may add many fields.
const MAX_HEADERS: usize = 1_000;

/// A client for one server. Sends the API key with every request.
pub(super) struct Client {
    http: reqwest::Client,
    base_url: String,
}

impl Client {
    /// Creates a client without opening a connection.
    ///
    /// # Errors
    /// Fails with a readable message if the address or the key is invalid, or TLS cannot be set up.
    pub fn new(base_url: &str, key: Option<&str>) -> Result<Self, String> {
        let url = Url::parse(base_url).map_err(|_| "The agent's `base_url` is not a valid URL.".to_owned())?;
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream, application/json"));
        // Ask for uncompressed responses, because some proxies buffer compressed streams. Responses that are compressed
        // anyway are still decoded.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(key) = key {
            let mut value = HeaderValue::from_str(&format!("Bearer {key}"))
                .map_err(|_| "The agent's API key contains invalid characters.".to_owned())?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("banter/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .redirect(Policy::none())
            .http1_max_headers(MAX_HEADERS)
            // The `gzip` module handles gzip, including variants that reqwest's decoder does not support.
            .no_gzip()
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(POOL_IDLE_TIMEOUT);
        if url.scheme() == "http" {
            // Plain HTTP needs no CA certificates, which small containers may lack.
            builder = builder.tls_certs_only([]);
        }
        if is_loopback(&url) {
            // A server on this machine cannot be reached through a proxy.
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| {
            tracing::error!(error = ?error, "cannot set up TLS");
            "TLS could not be initialized on the worker. Check that CA certificates are installed.".to_owned()
        })?;
        Ok(Self { http, base_url: base_url.trim_end_matches('/').to_owned() })
    }

    /// Requests a completion. The response may have any HTTP status.
    pub async fn complete(&self, request: &CompletionRequest<'_>, deadline: Instant) -> Result<Response, AgentError> {
        send(self.http.post(format!("{}/chat/completions", self.base_url)).json(request), deadline).await
    }

    /// Requests the list of models. The response may have any HTTP status.
    pub async fn models(&self, deadline: Instant) -> Result<Response, AgentError> {
        send(self.http.get(format!("{}/models", self.base_url)), deadline).await
    }
}

async fn send(request: RequestBuilder, deadline: Instant) -> Result<Response, AgentError> {
    match timeout_at(deadline, connections::spawn(request.send())?).await {
        Ok(Ok(sent)) => sent.map_err(errors::from_transport),
        Ok(Err(error)) => {
            tracing::error!(%error, "request task panicked");
            Err(AgentError::new(ErrorCode::AgentError, "The worker could not send the request."))
        }
        Err(_) => Err(AgentError::new(ErrorCode::Timeout, "The agent's server did not respond in time.")),
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bypasses_the_proxy_only_for_this_machine() {
        for (url, expected) in [
            ("http://127.0.0.1:1", true),
            ("http://[::1]:1", true),
            ("http://localhost", true),
            ("http://10.0.0.1", false),
            ("https://localhost.example", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(url).unwrap()), expected, "{url}");
        }
    }
}
