//! Finds out what a file contains while it is uploaded.

use sha2::{Digest, Sha256};

use super::thumbnail::is_turned;
use crate::chat::{is_raster_image, is_text};

/// How much of the beginning of a file is kept to determine its type and dimensions. The dimensions of a JPEG image
/// follow its metadata, which may contain a preview and a color profile.
const HEAD_BYTES: usize = 256 * 1024;

/// The type of files that are neither text nor of a known format.
const UNKNOWN: &str = "application/octet-stream";
/// The type of text files without a more specific type.
const PLAIN_TEXT: &str = "text/plain";

/// The maximum length of a media type, in bytes.
const MAX_TYPE_BYTES: usize = 127;

/// What a file contains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentInfo {
    /// The size in bytes.
    pub size: i64,
    /// The SHA-256 hash, as lowercase hexadecimal digits.
    pub sha256: String,
    /// The media type.
    pub media_type: String,
    /// The width and height in pixels, if the file is an image.
    pub dimensions: Option<(i64, i64)>,
}

/// Reads a file piece by piece. Uses a constant amount of memory.
#[derive(Debug, Default)]
pub struct Inspector {
    hash: Sha256,
    size: u64,
    head: Vec<u8>,
    text: TextCheck,
}

impl Inspector {
    /// Reads the next piece.
    pub fn read(&mut self, piece: &[u8]) {
        self.hash.update(piece);
        self.size += piece.len() as u64;
        let missing = HEAD_BYTES.saturating_sub(self.head.len()).min(piece.len());
        self.head.extend_from_slice(&piece[..missing]);
        self.text.read(piece);
    }

    /// Returns the number of bytes read so far.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Returns what the file contains. `hints` are media types in the order of preference, such as the declared one and
    /// that of the file's extension. The first one that describes text is the type of a text file that has no
    /// signature.
    #[must_use]
    pub fn finish(self, hints: &[&str]) -> ContentInfo {
        let is_utf8 = self.text.is_complete();
        let media_type = match infer::get(&self.head) {
            Some(found) if !is_text(found.mime_type()) || is_utf8 => found.mime_type(),
            _ if is_utf8 => {
                let is_usable = |hint: &&str| is_text(hint) && is_well_formed(hint);
                hints.iter().copied().find(is_usable).unwrap_or(PLAIN_TEXT)
            }
            _ => UNKNOWN,
        };
        let dimensions = if is_raster_image(media_type) { dimensions(&self.head) } else { None };
        ContentInfo {
            size: i64::try_from(self.size).unwrap_or(i64::MAX),
            sha256: crate::hex::encode(&self.hash.finalize()),
            media_type: media_type.to_ascii_lowercase(),
            dimensions,
        }
    }
}

/// Returns the width and height of an image as it is shown. Cameras store photos as they were taken and note how to
/// turn them.
fn dimensions(head: &[u8]) -> Option<(i64, i64)> {
    let size = imagesize::blob_size(head).ok()?;
    let (width, height) = (i64::try_from(size.width).ok()?, i64::try_from(size.height).ok()?);
    Some(if is_turned(head) { (height, width) } else { (width, height) })
}

/// Returns whether a media type consists of two short names (RFC 6838, section 4.2).
fn is_well_formed(media_type: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte);
    media_type.len() <= MAX_TYPE_BYTES
        && media_type.split('/').count() == 2
        && media_type.split('/').all(|name| !name.is_empty() && name.bytes().all(is_allowed))
}

/// Checks piece by piece whether a file is text in UTF-8.
#[derive(Debug, Default)]
struct TextCheck {
    /// The first bytes of a character whose other bytes are in the next piece.
    rest: Vec<u8>,
    is_binary: bool,
}

impl TextCheck {
    fn read(&mut self, piece: &[u8]) {
        if self.is_binary {
            return;
        }
        // A character has at most four bytes.
        let mut piece = piece;
        while !self.rest.is_empty() {
            let Some((first, others)) = piece.split_first() else { return };
            self.rest.push(*first);
            piece = others;
            match std::str::from_utf8(&self.rest) {
                Ok(_) => self.rest.clear(),
                Err(error) if error.error_len().is_some() => {
                    self.is_binary = true;
                    return;
                }
                Err(_) => {}
            }
        }
        match std::str::from_utf8(piece) {
            Ok(text) => self.is_binary = text.contains('\0'),
            Err(error) if error.error_len().is_some() => self.is_binary = true,
            Err(error) => {
                let (text, rest) = piece.split_at(error.valid_up_to());
                self.is_binary = text.contains(&0);
                self.rest = rest.to_vec();
            }
        }
    }

    fn is_complete(&self) -> bool {
        !self.is_binary && self.rest.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x02\0\0\0\x03\x08\x02\0\0\0";

    fn inspect(content: &[u8], hints: &[&str]) -> ContentInfo {
        let mut inspector = Inspector::default();
        inspector.read(content);
        inspector.finish(hints)
    }

    #[test]
    fn detects_the_type_from_the_content() {
        for (content, hints, expected) in [
            (PNG, &["text/plain"] as &[&str], "image/png"),
            (b"\xff\xd8\xff\xe0\0\x10JFIF", &[], "image/jpeg"),
            (b"%PDF-1.7\n", &["image/png"], "application/pdf"),
            (b"hello", &[], "text/plain"),
            (b"hello", &["image/png", "text/markdown"], "text/markdown"),
            (b"hello", &["text/a b", "text/", "text/x/y"], "text/plain"),
            (b"", &[], "text/plain"),
            (b"{}", &["application/json"], "application/json"),
            (b"\xff\xfe\0\0", &["text/plain"], UNKNOWN),
            (b"a\0b", &["text/plain"], UNKNOWN),
            (b"<html><script>", &["image/png"], "text/html"),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", &["image/svg+xml"], "image/svg+xml"),
        ] {
            assert_eq!(inspect(content, hints).media_type, expected, "{content:?}");
        }
    }

    #[test]
    fn reads_dimensions_from_the_header_without_decoding() {
        assert_eq!(inspect(PNG, &[]).dimensions, Some((2, 3)));
        let huge = [&PNG[..16], &60_000_u32.to_be_bytes(), &60_000_u32.to_be_bytes(), b"\x08\x02\0\0\0"].concat();
        assert_eq!(inspect(&huge, &[]).dimensions, Some((60_000, 60_000)));
        assert_eq!(inspect(b"hello", &[]).dimensions, None);
        assert_eq!(inspect(&PNG[..12], &[]).dimensions, None);
    }

    #[test]
    fn hashes_the_content() {
        let info = inspect(b"abc", &[]);

        assert_eq!(info.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(info.size, 3);
    }

    proptest! {
        #[test]
        fn the_result_does_not_depend_on_the_pieces(
            content in prop_oneof![
                "\\PC{0,40}".prop_map(String::into_bytes),
                proptest::collection::vec(any::<u8>(), 0..40),
            ],
            cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..5),
        ) {
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(content.len() + 1)).collect();
            cuts.extend([0, content.len()]);
            cuts.sort_unstable();
            let mut inspector = Inspector::default();
            for pair in cuts.windows(2) {
                inspector.read(&content[pair[0]..pair[1]]);
            }

            let is_text = std::str::from_utf8(&content).is_ok_and(|text| !text.contains('\0'));
            prop_assert_eq!(inspector.text.is_complete(), is_text);
            prop_assert_eq!(inspector.finish(&[]), inspect(&content, &[]));
        }
    }
}
