//! Imports of chats.

mod faults;
mod hostile_files;
mod many;
mod products;
mod round_trip;

use std::{
    fmt::Write as _,
    io::{Cursor, Write as _},
};

use banter_tests::client::{Client, Reply};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use zip::{ZipWriter, write::SimpleFileOptions};

/// Posts a file.
async fn post(client: &Client, file: impl Into<reqwest::Body>) -> Reply {
    client.call(client.request("POST", "/v1/import").body(file)).await
}

/// Imports a file and returns the result, which is the last line.
async fn import(client: &Client, file: impl Into<reqwest::Body>) -> Value {
    let reply = post(client, file).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/x-ndjson")), "{}", reply.text());
    let text = reply.text();
    let last = text.lines().last().unwrap_or_else(|| panic!("no lines: {text:?}"));
    let result: Value = serde_json::from_str(last).unwrap();
    assert_eq!(result["type"], "result", "{text}");
    result
}

/// Returns the numbers of conversations that were imported, skipped, and rejected.
fn counts(result: &Value) -> (u64, u64, usize) {
    let number = |field: &str| result[field].as_u64().unwrap();
    (number("imported"), number("skipped"), result["failed"].as_array().unwrap().len())
}

/// Returns the SHA-256 hash of a file as it appears in exports.
fn sha256(content: &[u8]) -> String {
    Sha256::digest(content).iter().fold(String::new(), |mut hash, byte| {
        let _ = write!(hash, "{byte:02x}");
        hash
    })
}

/// Returns a zip file with these entries.
fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}
