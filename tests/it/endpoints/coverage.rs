//! The OpenAPI document and the table in these tests list the same operations.

use std::collections::BTreeSet;

use banter_tests::app::TestApp;

use super::table::OPERATIONS;

/// Replaces every parameter in a path with `{}`, as in `/v1/chat/{}`, and removes the query.
fn without_parameter_names(path: &str) -> String {
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part }).collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn every_operation_of_the_openapi_document_is_tested() {
    let app = TestApp::builder().workers(0).start().await;

    let document = app.client().get("/v1/openapi.json").await.ok(200);

    let version = document["openapi"].as_str().unwrap();
    assert!(version.starts_with("3.1"), "expected OpenAPI 3.1, found {version}");
    let mut documented = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys().filter(|key| key.len() <= 6 && *key != "$ref") {
            documented.insert(format!("{} {}", method.to_uppercase(), without_parameter_names(path)));
        }
    }
    let tested: BTreeSet<String> = OPERATIONS
        .iter()
        .map(|operation| format!("{} {}", operation.method, without_parameter_names(operation.path)))
        .collect();
    let untested: Vec<_> = documented.difference(&tested).collect();
    assert!(untested.is_empty(), "in the document, but not in the table: {untested:?}");
    // The document may omit health checks, metrics, and itself.
    let undocumented: Vec<_> = tested
        .difference(&documented)
        .filter(|name| name.contains(" /v1/") && !name.ends_with("openapi.json"))
        .collect();
    assert!(undocumented.is_empty(), "in the table, but not in the document: {undocumented:?}");
}
