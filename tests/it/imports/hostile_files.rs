//! Files that try to run scripts, both uploaded and imported.

use banter_tests::{
    app::TestApp,
    attachments::RED_PNG,
    chat::id_of,
    client::{Client, Reply},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{counts, import, sha256, zip};

const SCRIPT: &str = "<script>alert(1)</script>";

/// A hostile file: its name, its declared type, and its content.
struct HostileFile {
    name: &'static str,
    declared: &'static str,
    content: Vec<u8>,
}

/// Returns a PNG chunk.
fn chunk(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
    let checked = [&kind[..], data].concat();
    let crc = checked.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 })
    });
    let length = u32::try_from(data.len()).unwrap().to_be_bytes();
    [&length[..], &checked, &(!crc).to_be_bytes()].concat()
}

/// Returns the red image with another chunk after its header.
fn png_with(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
    [&RED_PNG[..33], &chunk(kind, data), &RED_PNG[33..]].concat()
}

fn hostile_files() -> Vec<HostileFile> {
    let file = |name, declared, content: &[u8]| HostileFile { name, declared, content: content.to_vec() };
    let jpeg = |marker: u8, prefix: &[u8]| {
        let data = [prefix, SCRIPT.as_bytes()].concat();
        let length = u16::try_from(data.len() + 2).unwrap().to_be_bytes();
        [b"\xff\xd8\xff", &[marker][..], &length, &data, b"\xff\xd9"].concat()
    };
    let svg = format!("<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'>{SCRIPT}</svg>");
    let utf16: Vec<u8> = format!("\u{feff}<html>{SCRIPT}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    vec![
        file("text.png", "image/png", &png_with(*b"tEXt", format!("Comment\0{SCRIPT}").as_bytes())),
        file("itxt.png", "text/html", &png_with(*b"iTXt", format!("XML:com\0\0\0\0\0{SCRIPT}").as_bytes())),
        file("tail.png", "text/html", &[RED_PNG, SCRIPT.as_bytes()].concat()),
        file("exif.jpg", "text/html", &jpeg(0xe1, b"Exif\0\0")),
        file("comment.jpeg", "image/svg+xml", &jpeg(0xfe, b"")),
        file("polyglot.gif", "text/javascript", b"GIF89a/*\0\0\0\0*/=alert(1)//"),
        file("polyglot.webp", "text/html", &[b"RIFF\x40\0\0\0WEBPVP8 ", SCRIPT.as_bytes()].concat()),
        file("page.png", "image/png", format!("<html>{SCRIPT}").as_bytes()),
        file("page", "image/png", SCRIPT.as_bytes()),
        file("page.html", "text/html", format!("<!doctype html><body onload=alert(1)>{SCRIPT}").as_bytes()),
        file(
            "page.xhtml",
            "application/xhtml+xml",
            b"<html xmlns='http://www.w3.org/1999/xhtml'><script>alert(1)</script>",
        ),
        file("utf16.html", "text/html", &utf16),
        file("utf7.html", "text/html; charset=utf-7", b"+ADw-script+AD4-alert(1)+ADw-/script+AD4-"),
        file("a.svg", "image/svg+xml", svg.as_bytes()),
        file("svg.png", "image/png", svg.as_bytes()),
        file("style.xml", "text/xml", b"<?xml version='1.0'?><?xml-stylesheet type='text/xsl' href='#'?><a/>"),
        file("a.pdf", "application/pdf", b"%PDF-1.7\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert(1))>>>>"),
        file("a.js", "text/javascript", b"alert(1)"),
        file("a.mjs", "application/javascript", b"export default alert(1)"),
        file("a.es", "text/ecmascript", b"alert(1)"),
        file("a.css", "text/css", b"body { background: url('javascript:alert(1)') }"),
        file("a.mht", "multipart/related", b"MIME-Version: 1.0\nContent-Type: text/html\n\n<script>alert(1)</script>"),
        file("<img src=x onerror=alert(1)>.png", "image/png", RED_PNG),
        file("a\"; filename=b.html; x=\".txt", "text/html", SCRIPT.as_bytes()),
        file("a.exe", "image/png", b"MZ<script>alert(1)</script>"),
    ]
}

/// Checks that a browser that opens a file, or embeds it in a page, runs nothing.
fn check(file: &HostileFile, attachment: &Value, reply: &Reply) {
    let header = |name: &str| reply.header(name).unwrap_or_else(|| panic!("{}: no {name}", file.name)).to_owned();
    assert_eq!((reply.status, &reply.body), (200, &file.content), "{}", file.name);
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(header("content-security-policy"), "sandbox; default-src 'none'");
    assert_eq!(header("cross-origin-resource-policy"), "same-origin");
    let (media_type, disposition) = (header("content-type"), header("content-disposition"));
    let signatures: [(&str, &[u8]); 4] = [
        ("image/png", b"\x89PNG\r\n\x1a\n"),
        ("image/jpeg", b"\xff\xd8\xff"),
        ("image/gif", b"GIF8"),
        ("image/webp", b"RIFF"),
    ];
    let is_image = signatures.iter().any(|(kind, start)| *kind == media_type && file.content.starts_with(start));
    let (kind, name) = disposition.split_once("; ").unwrap();
    assert_eq!(kind, if is_image { "inline" } else { "attachment" }, "{}: {media_type}", file.name);
    // The name has no quotation marks, so that it is the whole parameter.
    let (name, encoded) = name.strip_prefix("filename=\"").unwrap().split_once("\"; filename*=UTF-8''").unwrap();
    assert!(!name.contains('"') && !encoded.contains(['"', ';', ' ', '<']), "{disposition}");
    // Pages allow scripts from their own origin, which includes files.
    assert!(
        !["javascript", "ecmascript"].iter().any(|script| media_type.contains(script)),
        "{}: {media_type}",
        file.name
    );
    if media_type.starts_with("text/") {
        assert!(media_type.ends_with("; charset=utf-8"), "{media_type}");
    }
    assert_eq!(attachment["size"], file.content.len());
}

async fn check_all(client: &Client, files: &[HostileFile], attachments: &[Value]) {
    assert_eq!(files.len(), attachments.len());
    for (file, attachment) in files.iter().zip(attachments) {
        check(file, attachment, &client.download(attachment, "").await);
        let thumbnail = client.download(attachment, "?thumbnail=64").await;
        if thumbnail.status == 200 {
            let found = String::from_utf8_lossy(&thumbnail.body).contains("alert");
            assert!(thumbnail.header("content-type") == Some("image/jpeg") && !found, "{}", file.name);
        } else {
            thumbnail.problem_code(422, "no_thumbnail");
        }
    }
}

#[tokio::test]
async fn uploaded_files_run_nothing_in_a_browser() {
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let files = hostile_files();

    let mut attachments = Vec::new();
    for file in &files {
        let upload = client.upload_request(file.name, file.content.clone()).header("Content-Type", file.declared);
        attachments.push(client.call(upload).await.ok(201));
    }

    check_all(&client, &files, &attachments).await;
}

#[tokio::test]
async fn imported_files_run_nothing_in_a_browser() {
    const AT: &str = "2026-01-31T12:00:00.000Z";
    let app = TestApp::builder().workers(0).start().await;
    let client = app.client();
    let files = hostile_files();
    let mut entries = Vec::new();
    let mut messages = Vec::new();
    for (turn, file) in (1..).zip(&files) {
        let hash = sha256(&file.content);
        messages.push(json!({"id": Uuid::now_v7(), "turn": turn, "seq": turn, "role": "user", "agent_key": null,
            "parent_turn": if turn == 1 { Value::Null } else { json!(turn - 1) }, "content": "", "attachments": [
                {"name": file.name, "media_type": file.declared, "size": 1, "sha256": hash, "width": 1, "height": 1,
                    "created_at": AT}],
            "created_at": AT, "edited_at": null, "task": null, "finish_reason": null, "elapsed_ms": null,
            "usage": null}));
        entries.push((format!("attachments/{hash}"), file.content.clone()));
    }
    let id = Uuid::now_v7();
    let chat = json!({"id": id, "title": "Files", "agent_key": "demo", "status": "active", "pinned_at": null,
        "created_at": AT, "updated_at": AT, "last_activity_at": AT, "last_read_seq": 0, "forked_from": null,
        "messages": messages});
    let document = format!(r#"{{"format":"banter","version":1,"exported_at":"{AT}","conversations":[{chat}]}}"#);
    entries.insert(0, (format!("conversations/{id}.json"), document.into_bytes()));
    entries.sort_by(|one, other| one.0.cmp(&other.0).reverse());
    entries.dedup_by(|one, other| one.0 == other.0);
    let entries: Vec<(&str, &[u8])> = entries.iter().map(|(name, content)| (name.as_str(), &content[..])).collect();

    assert_eq!(counts(&import(&client, zip(&entries)).await), (1, 0, 0));

    let messages = client.messages(&id_of(&client.list_all("").await[0])).await;
    let attachments: Vec<Value> = messages.iter().map(|message| message["attachments"][0].clone()).collect();
    check_all(&client, &files, &attachments).await;
    app.check().await;
}
