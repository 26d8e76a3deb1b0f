//! In keyless mode, only local pages and programs are served, so that no page from another site can control the api.

use banter_tests::{app::TestApp, client::Client};
use serde_json::json;

/// Headers as sent by a browser or by a program.
type Headers<'a> = &'a [(&'a str, &'a str)];

async fn app() -> (TestApp, Client) {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    (app, client)
}

async fn status(client: &Client, method: &str, path: &str, headers: Headers<'_>) -> u16 {
    let mut request = client.request(method, path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if method == "POST" {
        request = request.json(&json!({"agent_key": "demo"}));
    }
    let reply = client.call(request).await;
    if reply.status >= 400 {
        reply.problem(reply.status);
    }
    reply.status
}

#[tokio::test]
async fn every_local_client_is_the_local_admin() {
    let (_app, client) = app().await;

    let me = client.get("/v1/auth/me").await.ok(200);

    assert_eq!(me, json!({"user_id": "local", "workspace_id": "default", "role": "admin"}));
}

#[tokio::test]
async fn warns_about_keyless_mode_at_startup() {
    let (mut app, _client) = app().await;

    let log = app.api(0).process.stderr().to_lowercase();

    assert!(log.contains("key"), "{log}");
}

#[tokio::test]
async fn accepts_only_loopback_hosts() {
    let (_app, client) = app().await;
    let port = client.address().split_once(':').unwrap().1.to_owned();

    for host in ["localhost", "127.0.0.1", "[::1]"] {
        let host = format!("{host}:{port}");
        assert_eq!(status(&client, "GET", "/v1/chat", &[("host", &host)]).await, 200, "{host}");
        assert_eq!(status(&client, "POST", "/v1/chat", &[("host", &host)]).await, 201, "{host}");
    }
    let foreign = [
        "evil.example".to_owned(),
        format!("evil.example:{port}"),
        format!("127.0.0.1.evil.example:{port}"),
        format!("localhost.evil.example:{port}"),
        format!("evil.example.localhost.:{port}x"),
        format!("10.0.0.1:{port}"),
        format!("0.0.0.0.evil.example:{port}"),
        format!("localhost@evil.example:{port}"),
    ];
    for host in &foreign {
        for (method, path) in [("GET", "/v1/chat"), ("POST", "/v1/chat"), ("GET", "/v1/events"), ("GET", "/v1/auth/me")]
        {
            let refused = status(&client, method, path, &[("host", host)]).await;
            assert!([400, 401, 403, 421].contains(&refused), "{method} {path} as {host}: {refused}");
        }
    }
    assert_eq!(client.list_all("status=all").await.len(), 3, "the rejected requests created nothing");
}

#[tokio::test]
async fn rejects_a_page_from_another_origin() {
    let (_app, client) = app().await;
    let own = format!("http://{}", client.address());
    let other_port = "http://127.0.0.1:1".to_owned();
    let refused: &[Headers<'_>] = &[
        &[("origin", "http://evil.example")],
        &[("origin", "https://evil.example"), ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")],
        &[("origin", "null")],
        &[("origin", &other_port)],
        &[("origin", "http://127.0.0.1.evil.example")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")],
    ];

    for headers in refused {
        for (method, path) in [("POST", "/v1/chat"), ("GET", "/v1/chat"), ("GET", "/v1/events")] {
            let status = status(&client, method, path, headers).await;
            assert!([400, 401, 403].contains(&status), "{method} {path} with {headers:?}: {status}");
        }
    }

    assert_eq!(client.list_all("status=all").await.len(), 0, "the rejected requests created nothing");
    let served: &[Headers<'_>] = &[
        &[],
        &[("origin", &own)],
        &[("origin", &own), ("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "cors")],
        &[("sec-fetch-site", "none")],
    ];
    for headers in served {
        assert_eq!(status(&client, "POST", "/v1/chat", headers).await, 201, "{headers:?}");
        assert_eq!(status(&client, "GET", "/v1/chat", headers).await, 200, "{headers:?}");
    }
}

#[tokio::test]
async fn does_not_allow_a_preflight_from_another_origin() {
    let (_app, client) = app().await;
    let request = client
        .request("OPTIONS", "/v1/chat")
        .header("Origin", "http://evil.example")
        .header("Access-Control-Request-Method", "POST")
        .header("Access-Control-Request-Headers", "content-type");

    let reply = client.call(request).await;

    assert_eq!(reply.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn serves_the_page_via_a_link_but_not_in_a_frame() {
    let (_app, client) = app().await;
    let link = [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
        ("sec-fetch-user", "?1"),
    ];
    let frame = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")];
    let form = [
        ("origin", "http://evil.example"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
    ];

    assert_eq!(status(&client, "GET", "/", &link).await, 200);
    assert_eq!(status(&client, "GET", "/", &[]).await, 200);
    assert!(status(&client, "GET", "/", &frame).await >= 400);
    assert!(
        status(&client, "POST", "/v1/chat", &form).await >= 400,
        "navigations with other methods than GET are rejected"
    );
    assert_eq!(client.list_all("status=all").await.len(), 0);
}
