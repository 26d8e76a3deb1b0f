//! Images within a document.

/// An image of a message, as a `data:` URL.
#[derive(Clone, Debug)]
pub struct EmbeddedImage {
    /// The SHA-256 hash of the image, as in the attachment.
    pub sha256: String,
    /// The URL.
    pub url: String,
}
