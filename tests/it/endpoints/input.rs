//! Invalid input to every operation that accepts a body or a query.

use banter_tests::{
    app::TestApp,
    chat::fresh_key,
    client::{Client, Reply, complained_fields},
};
use serde_json::{Value, json};

use super::table::{Complaints, MAX_CONTENT, OPERATIONS, Operation, Target};

/// Maximum length of a body, in bytes.
const MAX_BODY: usize = 512 * 1024;

async fn app() -> TestApp {
    TestApp::builder().workers(0).start().await
}

fn with_body() -> impl Iterator<Item = &'static Operation> {
    OPERATIONS.iter().filter(|operation| operation.body.is_some())
}

async fn send_raw(
    client: &Client,
    operation: &Operation,
    target: &Target,
    content_type: Option<&str>,
    body: Vec<u8>,
) -> Reply {
    let mut request =
        client.request(operation.method, &operation.path_for(target)).header("Idempotency-Key", fresh_key());
    if let Some(content_type) = content_type {
        request = request.header("Content-Type", content_type);
    }
    client.call(request.body(body)).await
}

#[tokio::test]
async fn every_operation_succeeds_and_ignores_unknown_query_parameters() {
    let app = app().await;
    let client = app.client();
    let mut complaints = Complaints::default();

    for operation in OPERATIONS {
        let target = operation.prepare(&app, &client).await;
        let reply = operation.send(&client, &target, "no_such=1&also[]=%00", None).await;
        complaints.expect_status(&operation.name(), &reply, operation.status);
    }

    complaints.report();
}

#[tokio::test]
async fn rejects_an_invalid_value_and_names_its_field() {
    let app = app().await;
    let client = app.client();
    let mut complaints = Complaints::default();

    for operation in with_body() {
        let target = operation.prepare(&app, &client).await;
        let before = client.chat(&target.session).await;
        for (body, field) in (operation.bad_bodies)() {
            let reply = operation.send(&client, &target, "", Some(&body)).await;
            let what = format!("{} with a bad {field}", operation.name());
            if let Some(problem) = complaints.expect_problem(&what, &reply, 400)
                && !complained_fields(&problem).iter().any(|named| named == field)
            {
                complaints.add(format!("{what}: the errors do not name the field: {problem}"));
            }
        }
        if client.chat(&target.session).await != before {
            complaints.add(format!("{} changed something", operation.name()));
        }
    }

    complaints.report();
}

#[tokio::test]
async fn rejects_an_unknown_field_and_names_it() {
    let app = app().await;
    let client = app.client();
    let mut complaints = Complaints::default();

    for operation in with_body() {
        let target = operation.prepare(&app, &client).await;
        let mut body: Value = operation.body_for(&target);
        body["no_such"] = json!(1);
        let reply = operation.send(&client, &target, "", Some(&body)).await;
        if let Some(problem) = complaints.expect_problem(&operation.name(), &reply, 400)
            && !problem.to_string().contains("no_such")
        {
            complaints.add(format!("{}: the error does not name the field: {problem}", operation.name()));
        }
    }

    complaints.report();
}

#[tokio::test]
async fn rejects_a_body_that_is_not_a_json_object() {
    let app = app().await;
    let client = app.client();
    let deep = "[".repeat(100_000);
    let bodies: [&[u8]; 8] =
        [b"", b"{", b"nonsense", b"null", b"[]", b"{} {}", b"{\"content\":\"\xff\xfe\"}", deep.as_bytes()];
    let mut complaints = Complaints::default();

    for operation in with_body() {
        let target = operation.prepare(&app, &client).await;
        for body in bodies {
            if body.is_empty() && ["/fork", "/revise"].iter().any(|end| operation.path.ends_with(end)) {
                // The body is optional.
                continue;
            }
            let reply = send_raw(&client, operation, &target, Some("application/json"), body.to_vec()).await;
            let shown = String::from_utf8_lossy(&body[..body.len().min(20)]);
            complaints.expect_problem(&format!("{} with {shown:?}", operation.name()), &reply, 400);
        }
    }

    complaints.report();
}

#[tokio::test]
async fn rejects_a_body_of_another_content_type() {
    let app = app().await;
    let client = app.client();
    let mut complaints = Complaints::default();

    for operation in with_body() {
        let target = operation.prepare(&app, &client).await;
        let body = operation.body_for(&target).to_string().into_bytes();
        for content_type in [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("nonsense")] {
            let reply = send_raw(&client, operation, &target, content_type, body.clone()).await;
            complaints.expect_problem(&format!("{} as {content_type:?}", operation.name()), &reply, 415);
        }
        let reply = send_raw(&client, operation, &target, Some("application/json; charset=utf-8"), body).await;
        complaints.expect_status(&format!("{} with a charset", operation.name()), &reply, operation.status);
    }

    complaints.report();
}

#[tokio::test]
async fn rejects_a_body_over_512_kib_with_and_without_its_length() {
    let app = app().await;
    let client = app.client();
    let mut complaints = Complaints::default();

    for operation in with_body() {
        let target = operation.prepare(&app, &client).await;
        let mut body = operation.body_for(&target).to_string().into_bytes();
        body.resize(MAX_BODY + 1, b' ');
        let reply = send_raw(&client, operation, &target, Some("application/json"), body.clone()).await;
        complaints.expect_problem(&operation.name(), &reply, 413);
        let pieces: Vec<Result<Vec<u8>, std::io::Error>> =
            body.chunks(60_000).map(|piece| Ok(piece.to_vec())).collect();
        let chunked = client
            .request(operation.method, &operation.path_for(&target))
            .header("Content-Type", "application/json")
            .header("Idempotency-Key", fresh_key())
            .body(reqwest::Body::wrap_stream(futures::stream::iter(pieces)));
        let reply = client.call(chunked).await;
        complaints.expect_problem(&format!("{} without its length", operation.name()), &reply, 413);
    }

    complaints.report();
}

#[tokio::test]
async fn accepts_a_body_of_512_kib_and_a_text_of_256_kib() {
    let app = app().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let content = "é".repeat(MAX_CONTENT / 2);
    let mut body = json!({"content": content}).to_string().into_bytes();
    body.resize(MAX_BODY, b' ');
    let request = client
        .request("POST", &format!("/v1/chat/{session}/messages"))
        .header("Content-Type", "application/json")
        .header("Idempotency-Key", fresh_key())
        .body(body);

    let sent = client.call(request).await.ok(202);

    assert!(sent["message"]["content"] == content.as_str(), "the text is kept verbatim");
}

#[tokio::test]
async fn rejects_a_number_out_of_range_and_an_invalid_cursor() {
    let app = app().await;
    let client = app.client();
    let mut complaints = Complaints::default();

    for operation in OPERATIONS {
        let target = operation.prepare(&app, &client).await;
        for query in operation.bad_queries {
            let reply = operation.send(&client, &target, query, None).await;
            complaints.expect_problem(&format!("{}?{query}", operation.name()), &reply, 400);
        }
    }

    complaints.report();
}

#[tokio::test]
async fn accepts_both_ends_of_a_range() {
    let app = app().await;
    let client = app.client();
    let session = client.create_session("demo").await;

    for path in [
        "/v1/chat?limit=1".to_owned(),
        "/v1/chat?limit=100&status=archived&q=".to_owned(),
        format!("/v1/chat/{session}?limit=1"),
        format!("/v1/chat/{session}?limit=200"),
        format!("/v1/chat/{session}/messages?limit=1&before_turn=1"),
        format!("/v1/chat/{session}/messages?limit=200&after_turn=1"),
    ] {
        client.get(&path).await.ok(200);
    }
}

#[tokio::test]
async fn accepts_an_idempotency_key_of_1_to_200_bytes() {
    let app = app().await;
    let client = app.client();
    let session = client.create_session("demo").await;
    let send = async |key: &[u8]| {
        let key = reqwest::header::HeaderValue::from_bytes(key).unwrap();
        let request = client.request("POST", &format!("/v1/chat/{session}/messages")).header("Idempotency-Key", key);
        client.call(request.json(&json!({"content": "Hello"}))).await
    };
    let (longest, too_long) = ("k".repeat(200), "k".repeat(201));
    let good = ["a", "order 7, second try", "\"quoted key\"", "!~{}[]()<>@,;:\\/?=", "clé", &longest];

    for (count, key) in good.iter().enumerate() {
        let first = send(key.as_bytes()).await.ok(202);
        let again = send(format!(" {key}  ").as_bytes()).await.ok(202);
        assert_eq!(again["message"]["id"], first["message"]["id"], "{key}");
        assert_eq!(client.messages(&session).await.len(), count + 1, "{key}");
    }
    for key in [b"" as &[u8], b"  ", too_long.as_bytes(), b"a\tb", b"caf\xe9"] {
        let problem = send(key).await.problem(400);
        assert_eq!(complained_fields(&problem), ["Idempotency-Key"], "{key:?}");
    }
    assert_eq!(client.messages(&session).await.len(), good.len());
}

#[tokio::test]
async fn text_with_control_characters_never_causes_a_server_error() {
    let app = app().await;
    let client = app.client();
    let session = client.create_session("demo").await;

    let reply = client.post_message(&session, "", &json!({"content": "a\u{0}b\u{1b}c\u{2028}d"})).await;

    match reply.status {
        202 => assert_eq!(reply.json()["message"]["content"], "a\u{0}b\u{1b}c\u{2028}d", "kept verbatim"),
        _ => drop(reply.problem(400)),
    }
    client.get("/v1/chat?q=%00").await.ok(200);
}
