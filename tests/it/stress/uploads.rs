//! Uploads over a link that is cut at random positions, and uploads while the api is killed (`kill -9`).

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

use banter_tests::{
    app::TestApp,
    chat::{fresh_key, id_of},
    client::Client,
    proxy::{Proxy, Rules},
    random::TestRng,
};
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value;
use tokio::task::JoinSet;

use super::{Batch, batches, report::Report, sleep_up_to};
use crate::attachments::files::wait_for_files;

/// Number of cuts for each upload.
const CUTS: u64 = 50;
/// Size of an upload over a link that is cut, in bytes: the largest one that is allowed by default.
const LARGE: usize = 25 * 1024 * 1024;
/// The number of bytes after the upload within which the link may also be cut, which includes the response.
const RESPONSE: u64 = 4096;
/// Number of kills per installation.
const KILLS: u64 = 20;
/// Number of clients that upload files while the api is killed.
const UPLOADERS: usize = 6;
/// Maximum size of the files that they upload, in bytes.
const SMALL: usize = 3 * 1024 * 1024;
/// The latest time within a round at which the api is killed.
const MAX_DELAY: Duration = Duration::from_millis(600);

/// Returns content that differs from all other content.
fn content(rng: &mut TestRng, size: usize) -> Vec<u8> {
    let start: u64 = rng.random();
    (0..size.div_ceil(8) as u64).flat_map(|word| (start ^ word).to_le_bytes()).take(size).collect()
}

async fn attachments(app: &TestApp) -> Vec<String> {
    app.database().values("SELECT id FROM attachment").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_over_a_cut_link_creates_one_attachment_or_none() {
    let report = Report::new("cut uploads");
    for Batch { rounds, mut rng } in batches("cut uploads", CUTS) {
        let app = TestApp::builder().workers(0).start().await;
        let client = app.client();
        let address = client.address().to_owned();
        let proxy = Proxy::start(&address, rng.fork()).await;
        let behind = Client::new(proxy.address());
        let (body, key) = (content(&mut rng, LARGE), fresh_key());
        let upload =
            |client: &Client| client.upload_request("a.bin", body.clone()).header("Idempotency-Key", key.as_str());
        let end = LARGE as u64 + RESPONSE;
        proxy.set_rules(Rules { cut_one_in: 1, cut_after: 0..end, delay: Duration::ZERO });
        for _ in 0..rounds {
            report.count(match behind.try_call(upload(&behind)).await {
                Ok(reply) if reply.status == 201 => "uploads that were complete before the cut",
                Ok(_) => "uploads that were rejected",
                Err(_) => "uploads that were cut",
            });
            assert!(attachments(&app).await.len() <= 1);
        }
        let before = attachments(&app).await;
        wait_for_files(&app, before.len()).await;

        let attachment = client.call(upload(&client)).await.ok(201);

        assert!(before.is_empty() || before == [id_of(&attachment)]);
        assert!(client.download(&attachment, "").await.body == body);
        wait_for_files(&app, 1).await;
        app.check().await;
        report.count("installations with one attachment and one file");
    }
    report.print();
}

/// Uploads files until the api no longer responds. Returns the attachments with their contents.
async fn upload(client: Client, mut rng: TestRng) -> Vec<(Value, Vec<u8>)> {
    let mut uploaded = Vec::new();
    loop {
        let size = rng.random_range(0..SMALL);
        let body = content(&mut rng, size);
        match client.try_call(client.upload_request("a.bin", body.clone())).await {
            Ok(reply) => uploaded.push((reply.ok(201), body)),
            Err(_) => return uploaded,
        }
    }
}

/// Returns the IDs of all files in a folder, including incomplete ones.
fn file_ids(folder: &Path) -> BTreeSet<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return BTreeSet::new() };
    let paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    let (folders, files): (Vec<_>, Vec<_>) = paths.into_iter().partition(|path| path.is_dir());
    let names = files.iter().map(|path| path.file_name().unwrap().to_str().unwrap().replace("#1", ""));
    names.chain(folders.iter().flat_map(|folder| file_ids(folder))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_during_uploads_leaves_no_file_without_a_row_and_loses_no_attachment() {
    let report = Report::new("killed uploads");
    for Batch { rounds, mut rng } in batches("killed uploads", KILLS) {
        let mut app = TestApp::builder().workers(0).start().await;
        let mut kept = 0;
        for _ in 0..rounds {
            let mut uploaders = JoinSet::new();
            for _ in 0..UPLOADERS {
                uploaders.spawn(upload(app.client(), rng.fork()));
            }
            sleep_up_to(&mut rng, MAX_DELAY).await;
            app.api(0).process.kill();
            report.count("kills");
            let uploaded = uploaders.join_all().await.concat();
            report.add("uploads that were acknowledged", uploaded.len() as u64);

            let rows = app.database().values("SELECT id FROM stored_file").await.into_iter().collect();
            let files = file_ids(&app.folder().join("data/attachments"));
            assert!(files.is_subset(&rows), "files without a row: {:?}", files.difference(&rows));
            let writing = app.database().values("SELECT id FROM stored_file WHERE status != 'stored'").await;
            report.add("incomplete files", writing.len() as u64);
            app.check().await;
            // As if the crash had been a while ago.
            let age = "UPDATE stored_file SET touched_at = '2026-01-01T00:00:00.000Z' WHERE status = 'writing'";
            app.database().execute(age).await;
            app.revive_api(0).await;
            for (attachment, body) in &uploaded {
                assert!(app.client().download(attachment, "").await.body == *body);
            }
            kept += uploaded.len();
        }
        let stored = attachments(&app).await.len();
        assert!((kept..=kept + UPLOADERS * usize::try_from(rounds).unwrap()).contains(&stored), "{kept} {stored}");
        wait_for_files(&app, stored).await;
        app.check().await;
        report.count("installations without unused files");
    }
    report.print();
}
