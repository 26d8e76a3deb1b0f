//! `api files copy` moves the files of attachments to another storage.

use banter_tests::{app::TestApp, attachments::RED_PNG};

async fn run(app: &TestApp, arguments: &[&str]) -> String {
    let output = app.run_api(arguments).await;
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn copies_the_files_to_another_storage_while_the_api_runs() {
    let mut app = TestApp::builder().workers(0).start().await;
    let image = app.client().upload("a.png", RED_PNG).await;
    let url = format!("file://{}", app.folder().join("moved").display());

    let first = run(&app, &["files", "copy", "--to", &url]).await;
    let text = app.client().upload("b.txt", "hello").await;
    let second = run(&app, &["files", "copy", "--to", &url]).await;

    assert!(first.starts_with("copied 1 file from file://") && first.ends_with("; 0 already present\n"), "{first}");
    assert!(second.ends_with(" (5 bytes); 1 already present\n"), "{second}");
    app.set_env("ATTACHMENTS_URL", &url);
    app.check().await;
    app.restart_api(0).await;
    assert_eq!(app.client().download(&image, "").await.body, RED_PNG);
    assert_eq!(app.client().download(&text, "").await.body, b"hello");
}

#[tokio::test]
async fn copies_files_back_and_reports_missing_ones() {
    let mut app = TestApp::builder().workers(0).start().await;
    let text = app.client().upload("b.txt", "hello").await;
    let [own, lost] = ["data/attachments", "lost"].map(|name| format!("file://{}", app.folder().join(name).display()));
    app.set_env("ATTACHMENTS_URL", &lost);

    let missing = app.run_api(&["files", "copy", "--to", &format!("{lost}-again")]).await;
    run(&app, &["files", "copy", "--from", &own]).await;
    let same = app.run_api(&["files", "copy", "--from", &lost]).await;

    assert_eq!(missing.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&missing.stderr).contains("1 file is missing or damaged in file://"),
        "{missing:?}"
    );
    assert!(String::from_utf8_lossy(&same.stderr).contains("is ATTACHMENTS_URL itself"), "{same:?}");
    app.check().await;
    app.restart_api(0).await;
    assert_eq!(app.client().download(&text, "").await.body, b"hello");
}
