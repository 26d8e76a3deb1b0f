//! The document formats.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    embedded_image::EmbeddedImage, html::HtmlDocument, json::JsonDocument, markdown::MarkdownDocument, reader::Entry,
};
use crate::{chat::Session, clock::Timestamp};

/// The format of an exported chat.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExportFormat {
    /// A complete, versioned format for programs.
    #[default]
    Json,
    /// A text for reading and editing.
    Markdown,
    /// A self-contained page for reading and printing.
    Html,
}

impl ExportFormat {
    /// Returns the media type of the document.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Markdown => "text/markdown; charset=utf-8",
            Self::Html => "text/html; charset=utf-8",
        }
    }

    /// Returns the extension of the file, without a dot.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Markdown => "md",
            Self::Html => "html",
        }
    }
}

/// A document that is written piece by piece: the beginning, each message, and the end.
#[derive(Clone, Debug)]
pub enum Document {
    /// JSON.
    Json(JsonDocument),
    /// Markdown.
    Markdown(MarkdownDocument),
    /// HTML.
    Html(HtmlDocument),
}

impl Document {
    /// Creates the document of a session that is exported at this time.
    pub fn new(format: ExportFormat, session: &Session, now: Timestamp) -> Self {
        match format {
            ExportFormat::Json => Self::Json(JsonDocument::default()),
            ExportFormat::Markdown => Self::Markdown(MarkdownDocument::new(session, now)),
            ExportFormat::Html => Self::Html(HtmlDocument::new(session, now)),
        }
    }

    /// Returns the beginning.
    pub fn begin(&self, session: &Session, now: Timestamp) -> serde_json::Result<String> {
        match self {
            Self::Json(_) => JsonDocument::begin(session, now),
            Self::Markdown(document) => Ok(document.begin(session)),
            Self::Html(document) => Ok(document.begin(session)),
        }
    }

    /// Returns a message.
    pub fn entry(&mut self, entry: Entry, images: &[EmbeddedImage]) -> serde_json::Result<String> {
        match self {
            Self::Json(document) => document.entry(entry),
            Self::Markdown(document) => Ok(document.entry(&entry)),
            Self::Html(document) => Ok(document.entry(&entry, images)),
        }
    }

    /// Returns the end.
    pub fn end(&self) -> &'static str {
        match self {
            Self::Json(_) => JsonDocument::END,
            Self::Markdown(_) => "",
            Self::Html(_) => HtmlDocument::END,
        }
    }

    /// Returns whether the document embeds images.
    pub const fn has_images(&self) -> bool {
        matches!(self, Self::Html(_))
    }
}
