//! Signing in with a key, and session cookies.

use std::time::Duration;

use banter_tests::{
    app::TestApp,
    client::{Client, Reply, complained_fields},
    sse::USER_EVENTS,
};
use serde_json::json;

/// Time limit for closing a login's streams after the login has ended, which takes at most 5 s; the rest is headroom
/// for a busy machine.
const CLOSED_WITHIN: Duration = Duration::from_secs(10);

async fn app_with_keys() -> TestApp {
    TestApp::builder().apis(2).workers(0).env("AUTH", "required").start().await
}

async fn log_in(client: &Client, key: &str) -> Reply {
    client.post("/v1/auth/session", &json!({"api_key": key})).await
}

/// Returns a client that acts as a signed-in browser.
async fn browser(app: &TestApp, key: &str) -> Client {
    let client = app.client();
    let reply = log_in(&client, key).await;
    reply.ok(200);
    let cookie = reply.header("set-cookie").unwrap();
    client.with_cookie(cookie.split(';').next().unwrap())
}

/// Creates a chat session with these additional request headers.
async fn create_from(browser: &Client, headers: &[(&str, &str)]) -> Reply {
    let mut request = browser.request("POST", "/v1/chat").json(&json!({"agent_key": "demo"}));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    browser.call(request).await
}

#[tokio::test]
async fn exchanges_a_key_for_an_http_only_cookie() {
    let app = app_with_keys().await;
    let key = app.create_key("default", "ann", "member").await;

    let reply = log_in(&app.client(), &key).await;

    assert_eq!(reply.ok(200), json!({"user_id": "ann", "workspace_id": "default", "role": "member"}));
    let cookie = reply.header("set-cookie").unwrap().to_owned();
    for attribute in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=2592000"] {
        assert!(cookie.split("; ").any(|part| part == attribute), "{attribute} in {cookie}");
    }
    assert!(!cookie.contains("Secure"), "a browser would reject the cookie over plain HTTP: {cookie}");
    assert!(!cookie.contains(&key));
    let browser = app.client().with_cookie(cookie.split(';').next().unwrap());
    assert_eq!(browser.get("/v1/auth/me").await.ok(200), reply.ok(200));
    assert_eq!(browser.at(app.client_of(1).address()).get("/v1/auth/me").await.ok(200), reply.ok(200));
}

#[tokio::test]
async fn sets_a_secure_cookie_behind_a_tls_proxy() {
    let app = app_with_keys().await;
    let key = app.create_key("default", "ann", "member").await;
    let client = app.client();

    let request = client.request("POST", "/v1/auth/session").json(&json!({"api_key": key}));
    let reply = client.call(request.header("X-Forwarded-Proto", "https")).await;

    let cookie = reply.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-banter_session=") && cookie.contains("; Secure"), "{cookie}");
}

#[tokio::test]
async fn rejects_an_invalid_key() {
    let app = app_with_keys().await;
    let revoked = app.create_key("default", "ann", "member").await;
    let listed = app.run_api(&["keys", "list"]).await;
    let id = String::from_utf8(listed.stdout).unwrap().split_whitespace().next().unwrap().to_owned();
    assert!(app.run_api(&["keys", "revoke", &id]).await.status.success());

    for key in [revoked.as_str(), "bnt_nonsense", ""] {
        let reply = log_in(&app.client(), key).await;

        reply.problem_code(401, "unauthorized");
        assert_eq!(reply.header("set-cookie"), None);
    }
    let body = json!({"api_key": "x", "remember": true});
    let problem = app.client().post("/v1/auth/session", &body).await.problem(400);
    assert_eq!(complained_fields(&problem), ["remember"]);
    app.client().with_cookie("banter_session=nonsense").get("/v1/auth/me").await.problem_code(401, "unauthorized");
}

#[tokio::test]
async fn rejects_a_change_by_cookie_from_another_page() {
    let app = app_with_keys().await;
    let browser = browser(&app, &app.create_key("default", "ann", "member").await).await;
    let own = format!("http://{}", browser.address());

    for headers in [
        &[] as &[(&str, &str)],
        &[("Origin", own.as_str())],
        &[("Origin", own.as_str()), ("Sec-Fetch-Site", "same-origin")],
    ] {
        create_from(&browser, headers).await.ok(201);
    }
    let made = browser.list_all("status=all").await.len();
    for headers in [
        &[("Origin", "http://example.com")] as &[(&str, &str)],
        &[("Origin", "http://127.0.0.1:1")],
        &[("Origin", "null")],
        &[("Sec-Fetch-Site", "cross-site")],
        &[("Sec-Fetch-Site", "same-site")],
    ] {
        create_from(&browser, headers).await.problem_code(403, "cross_site_request");
    }
    assert_eq!(browser.list_all("status=all").await.len(), made);
}

#[tokio::test]
async fn a_key_takes_precedence_over_a_cookie_and_needs_no_origin() {
    let app = app_with_keys().await;
    let browser = browser(&app, &app.create_key("default", "ann", "member").await).await;
    let both = browser.with_key(&app.create_key("default", "bob", "member").await);

    assert_eq!(both.get("/v1/auth/me").await.ok(200)["user_id"], "bob");

    create_from(&both, &[("Origin", "http://example.com")]).await.ok(201);
}

#[tokio::test]
async fn rejects_a_login_from_another_page() {
    let app = app_with_keys().await;
    let key = app.create_key("default", "mallory", "member").await;
    let client = app.client();

    let request = client.request("POST", "/v1/auth/session").json(&json!({"api_key": key}));
    let reply = client.call(request.header("Origin", "http://example.com")).await;

    reply.problem_code(403, "cross_site_request");
    assert_eq!(reply.header("set-cookie"), None);
}

#[tokio::test]
async fn signing_out_ends_only_this_login_and_its_streams_on_every_api() {
    let app = app_with_keys().await;
    let key = app.create_key("default", "ann", "viewer").await;
    let (left, stays) = (browser(&app, &key).await, browser(&app, &key).await);
    let elsewhere = left.at(app.client_of(1).address());
    let mut ended = [left.events(USER_EVENTS).await, elsewhere.events(USER_EVENTS).await];
    let mut kept = stays.events(USER_EVENTS).await;
    kept.expect("hello").await;

    let reply = left.delete("/v1/auth/session").await;

    assert_eq!(reply.status, 204);
    let cookie = reply.header("set-cookie").unwrap();
    assert!(cookie.starts_with("banter_session=;") && cookie.contains("Max-Age=0"), "{cookie}");
    for stream in &mut ended {
        stream.read_to_end(CLOSED_WITHIN).await;
    }
    left.get("/v1/auth/me").await.problem_code(401, "unauthorized");
    elsewhere.delete("/v1/auth/session").await.problem_code(401, "unauthorized");
    stays.get("/v1/auth/me").await.ok(200);
    let owner = app.client_for("ann", "member").await;
    owner.create_session("demo").await;
    kept.expect("session.created").await;
}

#[tokio::test]
async fn revoking_a_key_ends_its_logins() {
    let app = app_with_keys().await;
    let key = app.create_key("default", "ann", "member").await;
    let browser = browser(&app, &key).await;
    let mut stream = browser.events(USER_EVENTS).await;
    let listed = app.run_api(&["keys", "list"]).await;
    let id = String::from_utf8(listed.stdout).unwrap().split_whitespace().next().unwrap().to_owned();

    assert!(app.run_api(&["keys", "revoke", &id]).await.status.success());

    browser.get("/v1/auth/me").await.problem_code(401, "unauthorized");
    stream.read_to_end(CLOSED_WITHIN).await;
}

#[tokio::test]
async fn signing_out_requires_a_cookie() {
    let app = TestApp::builder().workers(0).start().await;

    assert_eq!(app.client().delete("/v1/auth/session").await.status, 204);

    let owner = app.client_for("ann", "member").await;
    assert_eq!(owner.delete("/v1/auth/session").await.status, 204);
    owner.get("/v1/auth/me").await.ok(200);
}
