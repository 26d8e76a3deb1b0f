//! HTTP calls, including the checks that apply to every response.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use reqwest::{Method, RequestBuilder, header::HeaderMap};
use serde_json::Value;

use crate::wait::PATIENCE;

/// Time limit for a single call.
const CALL_LIMIT: Duration = Duration::from_secs(150);

/// A client that acts as one user and calls one api.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    address: String,
    key: Option<String>,
    cookie: Option<String>,
    is_patient: bool,
}

/// A response. Its body has been read completely, unless it is an event stream.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
    what: String,
}

impl Client {
    /// Returns a client for the api at `address` (`IP:PORT`) without a key.
    pub fn new(address: &str) -> Self {
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { http, address: address.to_owned(), key: None, cookie: None, is_patient: false }
    }

    /// Returns a client for the same api with this key.
    pub fn with_key(&self, key: &str) -> Self {
        Self { key: Some(key.to_owned()), ..self.clone() }
    }

    /// Returns a client for the same api without a key.
    pub fn without_key(&self) -> Self {
        Self { key: None, ..self.clone() }
    }

    /// Returns a client for the same api that acts as a signed-in browser, with this cookie (`name=value`) and without
    /// a key.
    pub fn with_cookie(&self, cookie: &str) -> Self {
        Self { key: None, cookie: Some(cookie.to_owned()), ..self.clone() }
    }

    /// Returns a client for the same user at another address, with separate connections.
    pub fn at(&self, address: &str) -> Self {
        let Self { key, cookie, is_patient, .. } = self.clone();
        Self { key, cookie, is_patient, ..Self::new(address) }
    }

    /// Returns a client for the same user that retries a request after 503 `store_busy`, which means that nothing was
    /// stored.
    pub fn patient(&self) -> Self {
        Self { is_patient: true, ..self.clone() }
    }

    /// Returns the address as `127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Starts building a request. `path` starts with a slash.
    pub fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method: Method = method.parse().unwrap();
        let mut request = self.http.request(method, format!("http://{}{path}", self.address));
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        if let Some(cookie) = &self.cookie {
            request = request.header("Cookie", cookie);
        }
        request
    }

    /// Sends a request and reads the response. Panics if the connection fails.
    pub async fn call(&self, request: RequestBuilder) -> Reply {
        if !self.is_patient {
            return self.try_call(request).await.unwrap();
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            let reply = self.try_call(request.try_clone().unwrap()).await.unwrap();
            if reply.status != 503 || reply.problem(503)["code"] != "store_busy" {
                return reply;
            }
            assert!(Instant::now() < deadline, "the store is still busy");
        }
    }

    /// Sends a request and reads the response. Closes an event stream after reading the headers.
    ///
    /// # Errors
    /// Fails if the connection fails or the response takes too long.
    pub async fn try_call(&self, request: RequestBuilder) -> reqwest::Result<Reply> {
        let request = request.timeout(CALL_LIMIT).build()?;
        let what = format!("{} {}", request.method(), request.url().path());
        let response = self.http.execute(request).await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        assert!(headers.contains_key("x-request-id"), "{what}: {status} without X-Request-Id");
        let is_stream =
            headers.get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
        let body = if is_stream { Vec::new() } else { response.bytes().await?.to_vec() };
        Ok(Reply { status, headers, body, what })
    }

    /// Sends a GET request.
    pub async fn get(&self, path: &str) -> Reply {
        self.call(self.request("GET", path)).await
    }

    /// Returns the value of a metric that has no labels.
    pub async fn metric(&self, name: &str) -> u64 {
        let text = self.get("/metrics").await.text();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("no metric {name} in\n{text}")).parse().unwrap()
    }

    /// Sends a POST request with a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.call(self.request("POST", path).json(body)).await
    }

    /// Sends a POST request without a body or a `Content-Type`.
    pub async fn post_nothing(&self, path: &str) -> Reply {
        self.call(self.request("POST", path)).await
    }

    /// Sends a PUT request with a JSON body.
    pub async fn put(&self, path: &str, body: &Value) -> Reply {
        self.call(self.request("PUT", path).json(body)).await
    }

    /// Sends a PATCH request with a JSON body.
    pub async fn patch(&self, path: &str, body: &Value) -> Reply {
        self.call(self.request("PATCH", path).json(body)).await
    }

    /// Sends a DELETE request.
    pub async fn delete(&self, path: &str) -> Reply {
        self.call(self.request("DELETE", path)).await
    }
}

impl Reply {
    /// Returns the body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Returns the body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{}: {} is not JSON ({error}): {}", self.what, self.status, self.text()))
    }

    /// Returns a header, if it is present and contains valid text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Expects this status and returns the JSON body, or null if the body is empty.
    pub fn ok(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}: {}", self.what, self.text());
        if self.body.is_empty() { Value::Null } else { self.json() }
    }

    /// Expects this status and ignores the body.
    pub fn ok_status(&self, status: u16) {
        assert_eq!(self.status, status, "{}: {}", self.what, self.text());
    }

    /// Expects an error in the common format with this status, and returns it.
    pub fn problem(&self, status: u16) -> Value {
        self.check_problem(status).unwrap_or_else(|complaint| panic!("{complaint}"))
    }

    /// Checks that the response is a problem with this status that names exactly this field, and returns the problem.
    pub fn problem_about(&self, status: u16, field: &str) -> Value {
        let problem = self.problem(status);
        assert_eq!(problem["errors"][0]["field"], field, "{}: {problem}", self.what);
        assert_eq!(problem["errors"].as_array().map(Vec::len), Some(1), "{}: {problem}", self.what);
        problem
    }

    /// Expects an error with this status and code, and returns it.
    pub fn problem_code(&self, status: u16, code: &str) -> Value {
        let problem = self.problem(status);
        assert_eq!(problem["code"], code, "{}: {problem}", self.what);
        problem
    }

    /// Checks that this is an error in the common format with this status, and returns it.
    ///
    /// # Errors
    /// Returns a description of the violation.
    pub fn check_problem(&self, status: u16) -> Result<Value, String> {
        let complain = |what: &str| Err(format!("{}: {what}: {} {}", self.what, self.status, self.text()));
        if self.status != status {
            return complain(&format!("expected {status}"));
        }
        if self.header("content-type").is_none_or(|kind| !kind.starts_with("application/problem+json")) {
            return complain("not application/problem+json");
        }
        let Ok(problem) = serde_json::from_slice::<Value>(&self.body) else { return complain("not JSON") };
        for field in ["type", "title", "detail", "code", "request_id"] {
            if problem[field].as_str().is_none_or(str::is_empty) {
                return complain(&format!("`{field}` is missing"));
            }
        }
        if problem["status"] != status {
            return complain("`status` differs from the response status");
        }
        if self.header("x-request-id") != problem["request_id"].as_str() {
            return complain("`request_id` differs from X-Request-Id");
        }
        let lower = self.text().to_lowercase();
        if ["sqlite", "sqlx", "/tmp", ".rs:", "panicked", "select "].iter().any(|word| lower.contains(word)) {
            return complain("an internal error is exposed");
        }
        if [429, 503].contains(&status) && self.header("retry-after").is_none() {
            return complain("Retry-After is missing");
        }
        Ok(problem)
    }
}

/// Returns the names of the fields that an error reports as invalid.
pub fn complained_fields(problem: &Value) -> Vec<String> {
    let errors = problem["errors"].as_array().cloned().unwrap_or_default();
    errors.iter().filter_map(|error| error["field"].as_str().map(str::to_owned)).collect()
}

/// Encodes a string for use in a query string.
pub fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        let _ = write!(encoded, "%{byte:02X}");
        encoded
    })
}
