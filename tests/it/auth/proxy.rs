//! Requests through a reverse proxy are rejected in keyless mode, and succeed with a key.

use banter_tests::{app::TestApp, client::Client, header_proxy::HeaderProxy, sse::USER_EVENTS};
use serde_json::json;

/// Headers that a reverse proxy adds. With the configuration in docs/operations.md, nginx adds the first two.
const NGINX: &[(&str, &str)] =
    &[("X-Forwarded-For", "203.0.113.7"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "chat.example.com")];

async fn behind(app: &TestApp, host: &str, headers: &[(&str, &str)]) -> (HeaderProxy, Client) {
    let proxy = HeaderProxy::start(app.client().address(), host, headers).await;
    let client = Client::new(proxy.address());
    (proxy, client)
}

#[tokio::test]
async fn rejects_proxied_requests_without_keys() {
    let app = TestApp::builder().workers(0).start().await;
    let host = app.client().address().to_owned();
    let headers: &[&[(&str, &str)]] = &[
        NGINX,
        &[("Forwarded", "for=203.0.113.7;proto=https")],
        &[("X-Forwarded-For", "127.0.0.1")],
        &[("X-Forwarded-Host", "localhost")],
        &[("X-Forwarded-Port", "443")],
        &[("X-Forwarded-Prefix", "/chat")],
        &[("X-Forwarded-For", "")],
        &[("Via", "1.1 proxy")],
        &[("X-Real-IP", "203.0.113.7")],
    ];

    for headers in headers {
        // The proxy makes `Host` look local.
        let (_proxy, client) = behind(&app, &host, headers).await;
        for (method, path) in [("GET", "/v1/auth/me"), ("GET", "/v1/chat"), ("GET", "/v1/events"), ("GET", "/")] {
            let problem = client.call(client.request(method, path)).await.problem_code(403, "proxy_not_allowed");
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains("api keys create"), "{headers:?}: {detail}");
        }
        client.post("/v1/chat", &json!({"agent_key": "demo"})).await.problem_code(403, "proxy_not_allowed");
    }

    assert_eq!(app.client().list_all("status=all").await.len(), 0);
}

#[tokio::test]
async fn everything_works_behind_a_proxy_with_keys() {
    let app = TestApp::builder().env("AUTH", "required").start().await;
    let key = app.create_key("default", "ann", "member").await;
    let (_proxy, stranger) = behind(&app, "chat.example.com", NGINX).await;
    stranger.get("/v1/auth/me").await.problem(401);

    let ann = stranger.with_key(&key);
    let session = ann.create_session("demo").await;
    let mut stream = ann.events(USER_EVENTS).await;
    stream.expect("hello").await;
    let asked = ann.ask(&session, "/echo hello").await;

    assert_eq!(asked["reply"]["content"], "hello");
    stream.expect("message.created").await;
    stranger.get("/").await.ok_status(200);
}

#[tokio::test]
async fn a_browser_signs_in_behind_a_proxy_with_a_host_only_cookie() {
    let app = TestApp::builder().workers(0).env("AUTH", "required").start().await;
    let key = app.create_key("default", "ann", "member").await;
    let (_proxy, client) = behind(&app, "chat.example.com", NGINX).await;

    let signed_in = client.post("/v1/auth/session", &json!({"api_key": key})).await;

    signed_in.ok(200);
    let cookie = signed_in.header("set-cookie").unwrap();
    let (value, attributes) = cookie.split_once("; ").unwrap();
    assert!(value.starts_with("__Host-banter_session="), "{cookie}");
    for attribute in ["Secure", "HttpOnly", "Path=/", "SameSite=Strict"] {
        assert!(attributes.split("; ").any(|found| found == attribute), "{attribute} in {cookie}");
    }
    assert!(!attributes.contains("Domain"), "{cookie}");
    let browser = client.with_cookie(value);
    let own = browser.request("POST", "/v1/chat").header("Origin", "https://chat.example.com");
    browser.call(own.json(&json!({"agent_key": "demo"}))).await.ok(201);
    let other = browser.request("POST", "/v1/chat").header("Origin", "https://example.com");
    browser.call(other.json(&json!({"agent_key": "demo"}))).await.problem_code(403, "cross_site_request");
    // A cookie without the `__Host-` prefix is ignored, because another host may have set it over plain HTTP.
    let planted = value.trim_start_matches("__Host-").to_owned();
    client.with_cookie(&planted).get("/v1/auth/me").await.problem(401);
}
