//! Describes the files of a message.

use std::{fmt::Write as _, fs, path::PathBuf};

use agent_client_protocol::v1::schema::ResourceLink;
use banter_shared::{
    attachments::{Inspector, average_color},
    chat::{is_raster_image, is_text},
    count::count,
};
use reqwest::Url;

/// The maximum number of characters of a text file that are quoted.
const QUOTED_CHARS: usize = 200;

/// A file that was sent with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DemoFile {
    name: String,
    path: PathBuf,
}

impl DemoFile {
    /// Returns the file to which a link refers; `None` if it is not a local file.
    pub(super) fn from_link(link: &ResourceLink) -> Option<Self> {
        let path = Url::parse(&link.uri).ok()?.to_file_path().ok()?;
        Some(Self { name: link.name.clone(), path })
    }
}

/// Returns one paragraph for each file.
pub(super) fn describe(files: &[DemoFile]) -> String {
    let paragraphs: Vec<String> = files.iter().map(describe_one).collect();
    paragraphs.join("\n\n")
}

fn describe_one(file: &DemoFile) -> String {
    let name = escape(&file.name);
    let Ok(content) = fs::read(&file.path) else { return format!("I could not read **{name}**.") };
    let mut inspector = Inspector::default();
    inspector.read(&content);
    let guess = mime_guess::from_path(&file.name).first_raw();
    let info = inspector.finish(guess.as_slice());
    let size = readable_size(content.len());
    let mut text = format!("**{name}** is ");
    match info.dimensions {
        Some((width, height)) if is_raster_image(&info.media_type) => {
            let _ = write!(text, "an image ({}) of {width} × {height} pixels, {size}.", info.media_type);
            if let Some([red, green, blue]) = average_color(&content) {
                let _ = write!(text, " Its average color is #{red:02x}{green:02x}{blue:02x}.");
            }
        }
        _ if is_text(&info.media_type) => {
            let content = String::from_utf8_lossy(&content);
            let (lines, words) = (content.lines().count(), content.split_whitespace().count());
            let _ = write!(
                text,
                "a text file ({}) with {} and {}, {size}.",
                info.media_type,
                count(lines, "line"),
                count(words, "word")
            );
            let start: String = content.trim().chars().take(QUOTED_CHARS).collect();
            if let Some(first) = start.lines().next() {
                let _ = write!(text, " It begins with:\n\n> {}", escape(first));
            }
        }
        _ => {
            let _ = write!(text, "a file of type {}, {size}. I cannot read it.", info.media_type);
        }
    }
    text
}

/// Escapes the characters that have a meaning in Markdown.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_punctuation() && !matches!(c, '.' | ',' | '-') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

fn readable_size(bytes: usize) -> String {
    match bytes {
        0..1000 => count(bytes, "byte"),
        1000..1_000_000 => format!("{} kB", bytes.div_ceil(1000)),
        _ => format!("{} MB", bytes.div_ceil(1_000_000)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn describe_content(name: &str, content: &[u8]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        describe(&[DemoFile { name: name.to_owned(), path }])
    }

    #[test]
    fn describes_texts_images_and_other_files() {
        assert_eq!(
            describe_content("notes.txt", b"First line\nmore"),
            "**notes.txt** is a text file (text/plain) with 2 lines and 3 words, 15 bytes. It begins with:\n\n> First line"
        );
        assert_eq!(
            describe_content("a.zip", b"PK\x03\x04"),
            "**a.zip** is a file of type application/zip, 4 bytes. I cannot read it."
        );
        let gif = b"GIF89a\x01\0\x01\0\x80\0\0\xff\0\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";
        assert_eq!(
            describe_content("dot.gif", gif),
            "**dot.gif** is an image (image/gif) of 1 × 1 pixels, 35 bytes. Its average color is #ff0000."
        );
        let missing = DemoFile { name: "a*b".into(), path: "/no/such/file".into() };
        assert_eq!(describe(&[missing]), r"I could not read **a\*b**.");
    }
}
