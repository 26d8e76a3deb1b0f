//! Files that are part of messages.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{clock::Timestamp, id::AttachmentId};

/// The maximum number of attachments of a message.
pub const MAX_ATTACHMENTS: usize = 10;

/// The maximum length of a file's name, in bytes of UTF-8, which is also the limit of most file systems.
pub const MAX_FILE_NAME_BYTES: usize = 255;

/// A file that a user has uploaded or an agent has returned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, sqlx::FromRow)]
pub struct Attachment {
    /// The ID of the attachment.
    pub id: AttachmentId,
    /// The file's name, without a folder.
    pub name: String,
    /// The media type (RFC 6838), detected from the content.
    pub media_type: String,
    /// The size in bytes.
    pub size: i64,
    /// The SHA-256 hash of the content, as lowercase hexadecimal digits.
    pub sha256: String,
    /// The width in pixels; null unless the file is an image of a known format.
    #[schema(required)]
    pub width: Option<i64>,
    /// The height in pixels; null unless the file is an image of a known format.
    #[schema(required)]
    pub height: Option<i64>,
    /// When the file was uploaded or returned.
    pub created_at: Timestamp,
}

impl Attachment {
    /// Returns whether browsers and models can show the file as an image: PNG, JPEG, GIF, WebP, or AVIF. SVG is
    /// excluded, because it may contain scripts.
    #[must_use]
    pub fn is_image(&self) -> bool {
        is_raster_image(&self.media_type)
    }

    /// Returns whether the file contains text in UTF-8.
    #[must_use]
    pub fn is_text(&self) -> bool {
        is_text(&self.media_type)
    }
}

/// Which files an agent accepts with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptedFiles {
    /// Whether the agent accepts images.
    pub images: bool,
    /// Whether the agent accepts text files.
    pub text: bool,
    /// Whether the agent accepts files of any other type.
    pub other: bool,
}

impl AcceptedFiles {
    /// Any file.
    pub const ANY: Self = Self { images: true, text: true, other: true };
    /// No files.
    pub const NONE: Self = Self { images: false, text: false, other: false };

    /// Returns whether the agent accepts an attachment.
    #[must_use]
    pub fn include(self, attachment: &Attachment) -> bool {
        self.other || if attachment.is_image() { self.images } else { self.text && attachment.is_text() }
    }
}

/// Returns whether a media type is that of an image that browsers show safely.
#[must_use]
pub fn is_raster_image(media_type: &str) -> bool {
    matches!(media_type, "image/png" | "image/jpeg" | "image/gif" | "image/webp" | "image/avif")
}

/// Returns whether files with a media type contain text. Uploads have such a type only if their content is UTF-8.
#[must_use]
pub fn is_text(media_type: &str) -> bool {
    let Some((kind, name)) = media_type.split_once('/') else { return false };
    let is_text_format = ["json", "xml", "yaml", "toml", "javascript", "x-sh", "sql", "x-ndjson"].contains(&name)
        || name.ends_with("+json")
        || name.ends_with("+xml");
    kind == "text" || is_text_format
}

/// The maximum length of an extension with its dot, in bytes.
const MAX_EXTENSION_BYTES: usize = 16;

/// Splits a name before its extension, which is empty if there is none, or if it is too long to be one.
#[must_use]
pub fn split_extension(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(dot) if dot > 0 && name.len() - dot <= MAX_EXTENSION_BYTES => name.split_at(dot),
        _ => (name, ""),
    }
}

/// The name of a file: 1 to [`MAX_FILE_NAME_BYTES`] bytes without folders, control characters, and characters that
/// change the direction of the text, which can disguise the extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileName(String);

/// The reason why a string is not a valid name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileNameError {
    /// The name is empty, or refers to a folder.
    #[error("must be the name of a file")]
    NoName,
    /// The name is too long.
    #[error("must be at most {MAX_FILE_NAME_BYTES} bytes of UTF-8, not {0}")]
    TooLong(usize),
    /// The name contains a separator of folders.
    #[error("must not contain `/` or `\\`")]
    Folder,
    /// The name contains a control character, or one that changes the direction of the text.
    #[error("must not contain control characters (found U+{0:04X})")]
    Control(u32),
}

impl FileName {
    /// Validates the name. Whitespace around it is removed.
    ///
    /// # Errors
    /// Returns an error if the name is invalid.
    pub fn parse(text: &str) -> Result<Self, FileNameError> {
        let text = text.trim();
        if text.len() > MAX_FILE_NAME_BYTES {
            return Err(FileNameError::TooLong(text.len()));
        }
        if text.contains(['/', '\\']) {
            return Err(FileNameError::Folder);
        }
        if let Some(found) = text.chars().find(|c| c.is_control() || changes_direction(*c)) {
            return Err(FileNameError::Control(found.into()));
        }
        if matches!(text, "" | "." | "..") {
            return Err(FileNameError::NoName);
        }
        Ok(Self(text.to_owned()))
    }

    /// Makes a name valid: omits folders and invalid characters, and shortens a long name before its extension. Returns
    /// `None` if nothing remains.
    #[must_use]
    pub fn clean(name: &str) -> Option<Self> {
        let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
        let name: String = name.chars().filter(|c| !c.is_control() && !changes_direction(*c)).collect();
        let name = name.trim();
        let (stem, extension) = split_extension(name);
        let stem = &stem[..stem.floor_char_boundary(MAX_FILE_NAME_BYTES - extension.len())];
        Self::parse(&format!("{stem}{extension}")).ok()
    }

    /// Creates the name of a file without one, such as `image.png`, from its media type.
    #[must_use]
    pub fn for_media_type(media_type: &str) -> Self {
        let extensions = [
            ("image/png", "image.png"),
            ("image/jpeg", "image.jpg"),
            ("image/gif", "image.gif"),
            ("image/webp", "image.webp"),
            ("image/avif", "image.avif"),
            ("application/pdf", "document.pdf"),
            ("text/plain", "text.txt"),
        ];
        let found = extensions.iter().find(|(known, _)| *known == media_type);
        Self(found.map_or("file", |(_, name)| name).to_owned())
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns whether a character embeds, overrides, or isolates a direction (Unicode Standard Annex 9).
const fn changes_direction(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cleans_names() {
        for (given, expected) in [
            ("chart.png", Some("chart.png")),
            ("/work/out/chart.png", Some("chart.png")),
            ("C:\\out\\chart.png", Some("chart.png")),
            (" a\r\nb\u{202e}.txt ", Some("ab.txt")),
            ("..", None),
            ("out/", None),
            ("", None),
        ] {
            assert_eq!(FileName::clean(given).as_ref().map(FileName::as_str), expected, "{given:?}");
        }
        let long = FileName::clean(&format!("{}.png", "é".repeat(400))).unwrap();
        assert!(long.as_str().len() <= MAX_FILE_NAME_BYTES && long.as_str().ends_with("é.png"));
    }

    #[test]
    fn accepts_ordinary_names_in_any_script() {
        for name in ["a", "screenshot 1.png", "レポート.pdf", "تقرير.pdf", ".profile", "a..b", "é.txt"] {
            assert_eq!(FileName::parse(name).unwrap().as_str(), name);
        }
        assert_eq!(FileName::parse(" a.txt\n").unwrap().as_str(), "a.txt");
    }

    #[test]
    fn rejects_names_that_are_unsafe_or_misleading() {
        for (name, error) in [
            ("", FileNameError::NoName),
            (" ", FileNameError::NoName),
            (".", FileNameError::NoName),
            ("..", FileNameError::NoName),
            ("../../etc/passwd", FileNameError::Folder),
            ("..\\x", FileNameError::Folder),
            ("a\r\nX-Header: 1.png", FileNameError::Control(13)),
            ("a\0.png", FileNameError::Control(0)),
            ("photo\u{202e}gnp.exe", FileNameError::Control(0x202e)),
            ("a\u{2067}b", FileNameError::Control(0x2067)),
        ] {
            assert_eq!(FileName::parse(name), Err(error), "{name:?}");
        }
        assert_eq!(FileName::parse(&"é".repeat(128)), Err(FileNameError::TooLong(256)));
        assert!(FileName::parse(&"x".repeat(255)).is_ok());
    }

    #[test]
    fn recognizes_text() {
        for (media_type, expected) in [
            ("text/plain", true),
            ("text/html", true),
            ("application/json", true),
            ("application/ld+json", true),
            ("image/svg+xml", true),
            ("application/octet-stream", false),
            ("image/png", false),
            ("nonsense", false),
        ] {
            assert_eq!(is_text(media_type), expected, "{media_type}");
        }
    }
}
