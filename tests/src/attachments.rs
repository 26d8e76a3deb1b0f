//! Uploads and downloads.

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::{
    chat::{Sent, id_of},
    client::{Client, Reply},
};

/// A red image of 4 × 3 pixels.
pub const RED_PNG: &[u8] = include_bytes!("files/red.png");

impl Client {
    /// Builds the upload of a file.
    pub fn upload_request(&self, name: &str, content: impl Into<reqwest::Body>) -> RequestBuilder {
        self.request("POST", "/v1/attachments").query(&[("name", name)]).body(content)
    }

    /// Uploads a file and returns the attachment.
    pub async fn upload(&self, name: &str, content: impl Into<reqwest::Body>) -> Value {
        self.call(self.upload_request(name, content)).await.ok(201)
    }

    /// Downloads an attachment. `query` is empty or starts with `?`.
    pub async fn download(&self, attachment: &Value, query: &str) -> Reply {
        self.get(&format!("/v1/attachments/{}{query}", id_of(attachment))).await
    }

    /// Sends a message with attachments and expects it to be accepted.
    pub async fn send_files(&self, session: &str, content: &str, attachments: &[&Value]) -> Sent {
        let ids: Vec<String> = attachments.iter().map(|attachment| id_of(attachment)).collect();
        let body = json!({"content": content, "attachments": ids});
        Sent::from_body(&self.post_message(session, "", &body).await.ok(202))
    }

    /// Sends a message with attachments and waits until its task has ended. Returns `{message, task, reply}`.
    pub async fn ask_about(&self, session: &str, content: &str, attachments: &[&Value]) -> Value {
        let ids: Vec<String> = attachments.iter().map(|attachment| id_of(attachment)).collect();
        let body = json!({"content": content, "attachments": ids});
        self.post_message(session, "?wait=60", &body).await.ok(200)
    }
}
