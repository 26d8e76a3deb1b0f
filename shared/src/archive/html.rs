//! Writes a chat as a self-contained HTML page.
//!
//! The page contains its styles and images. Its content security policy forbids scripts and everything that would be
//! loaded from elsewhere, so opening it contacts no server.

mod content;
mod escape;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use sha2::{Digest as _, Sha256};

use content::to_html;
use escape::escape;

use super::{
    embedded_image::EmbeddedImage,
    plain_time::{minute, size},
    reader::Entry,
    step_summary::{outcome, step_summary},
};
use crate::{
    chat::{Attachment, Role, Session, Step},
    clock::Timestamp,
    count::count,
};

/// The styles, with a dark mode and rules for printing.
const STYLES: &str = include_str!("html/styles.css");

/// An HTML page.
#[derive(Clone, Debug)]
pub struct HtmlDocument {
    agent_key: String,
    exported_at: Timestamp,
}

impl HtmlDocument {
    /// The end of the page.
    pub const END: &'static str = "</main>\n</body>\n</html>\n";

    /// Creates the page of a session.
    pub fn new(session: &Session, now: Timestamp) -> Self {
        Self { agent_key: session.agent_key.clone(), exported_at: now }
    }

    /// Returns the head of the page, and the title.
    pub fn begin(&self, session: &Session) -> String {
        let title = escape(if session.title.is_empty() { "Untitled chat" } else { &session.title });
        let (agent, created, exported) = (escape(&self.agent_key), session.created_at, self.exported_at);
        let hash = BASE64_STANDARD.encode(Sha256::digest(STYLES));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{hash}'; img-src data:; base-uri 'none'; form-action 'none'"
        );
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
             <title>{title}</title>\n<style>{STYLES}</style>\n</head>\n<body>\n<main>\n<header>\n\
             <h1 dir=\"auto\">{title}</h1>\n<p>Agent: {agent} · Created: {} · Exported: {}</p>\n</header>\n",
            time(created),
            time(exported)
        )
    }

    /// Returns a message.
    pub fn entry(&self, entry: &Entry, images: &[EmbeddedImage]) -> String {
        let message = &entry.message;
        let (class, author) = match message.role {
            Role::User => ("user", "You".to_owned()),
            Role::Assistant => ("assistant", escape(message.agent_key.as_deref().unwrap_or(&self.agent_key))),
        };
        let edited = if message.edited_at.is_some() { ", edited" } else { "" };
        let mut html = format!(
            "<article class=\"{class}\" id=\"message-{}\">\n<h2>{author} {}{edited}</h2>\n",
            message.id,
            time(message.created_at)
        );
        if !message.content.is_empty() {
            html.push_str("<div class=\"content\" dir=\"auto\">\n");
            html.push_str(&to_html(&message.content));
            html.push_str("</div>\n");
        }
        if !message.attachments.is_empty() {
            let files: String = message.attachments.iter().map(|file| attachment(file, images)).collect();
            html.push_str("<ul class=\"files\">\n");
            html.push_str(&files);
            html.push_str("</ul>\n");
        }
        html.push_str(&steps(&entry.steps));
        if let Some(outcome) = outcome(entry) {
            html.push_str("<p class=\"outcome\" dir=\"auto\">");
            html.push_str(&escape(&outcome));
            html.push_str("</p>\n");
        }
        html.push_str("</article>\n");
        html
    }
}

fn time(at: Timestamp) -> String {
    format!("<time datetime=\"{at}\">{}</time>", minute(at))
}

fn attachment(file: &Attachment, images: &[EmbeddedImage]) -> String {
    let name = escape(&file.name);
    let image = images.iter().find(|image| image.sha256 == file.sha256);
    let image = image.map(|image| format!("<img src=\"{}\" alt=\"{name}\"><br>", escape(&image.url)));
    let (media_type, size) = (escape(&file.media_type), size(file.size));
    format!("<li>{}<bdi>{name}</bdi> ({media_type}, {size})</li>\n", image.unwrap_or_default())
}

fn steps(steps: &[Step]) -> String {
    if steps.is_empty() {
        return String::new();
    }
    let lines: Vec<String> = steps
        .iter()
        .map(|step| {
            let (label, summary) = step_summary(step);
            format!("<li>{label}: <bdi>{}</bdi></li>\n", escape(&summary))
        })
        .collect();
    let lines = lines.concat();
    format!("<details>\n<summary>{}</summary>\n<ol>\n{lines}</ol>\n</details>\n", count(steps.len() as u64, "step"))
}
