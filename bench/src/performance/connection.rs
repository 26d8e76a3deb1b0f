//! An HTTP connection that uses as few resources as possible.

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    client::conn::http1::{self, SendRequest},
    header,
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// A persistent connection.
#[derive(Debug)]
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    address: String,
    key: Option<String>,
}

impl Connection {
    /// Connects to an address. Every request is sent with the given key, if any.
    ///
    /// # Errors
    /// Fails if the connection cannot be established.
    pub async fn open(address: &str, key: Option<&str>) -> Result<Self> {
        let socket = TcpStream::connect(address).await.with_context(|| format!("connect to {address}"))?;
        socket.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(socket)).await?;
        // The task ends when the sender and the last body are dropped.
        tokio::spawn(connection);
        Ok(Self { sender, address: address.to_owned(), key: key.map(str::to_owned) })
    }

    /// Sends a request and returns the response as soon as its head has arrived.
    ///
    /// # Errors
    /// Fails if the connection fails.
    pub async fn request(&mut self, method: Method, path: &str, body: Option<String>) -> Result<Response<Incoming>> {
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, &self.address);
        if let Some(key) = &self.key {
            request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let request = request.body(Full::from(body.unwrap_or_default()))?;
        self.sender.ready().await?;
        Ok(self.sender.send_request(request).await?)
    }

    /// Sends a request, checks the response status, and returns the response body.
    ///
    /// # Errors
    /// Fails if the connection fails or the status is not the expected one.
    pub async fn call(&mut self, method: Method, path: &str, body: Option<String>, expected: u16) -> Result<Bytes> {
        let response = self.request(method, path, body).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        ensure!(
            status == StatusCode::from_u16(expected)?,
            "{path}: {status} instead of {expected}: {}",
            String::from_utf8_lossy(&body)
        );
        Ok(body)
    }

    /// Sends a GET request, checks that the response status is 200, and returns the response body.
    ///
    /// # Errors
    /// See [`Self::call`].
    pub async fn get(&mut self, path: &str) -> Result<Bytes> {
        self.call(Method::GET, path, None, 200).await
    }

    /// Sends a POST request with a JSON body, checks the response status, and returns the response body.
    ///
    /// # Errors
    /// See [`Self::call`].
    pub async fn post(&mut self, path: &str, body: &Value, expected: u16) -> Result<Bytes> {
        self.call(Method::POST, path, Some(body.to_string()), expected).await
    }
}
