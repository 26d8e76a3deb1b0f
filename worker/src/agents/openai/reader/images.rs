//! Finds images and other files in a message, wherever servers put them.

use bytes::Bytes;
use serde_json::Value;

use super::lines::OMITTED;
use crate::agents::base64_content;

/// An image or another file in an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Image {
    /// The media type, or an empty string if it is not stated.
    pub media_type: String,
    /// The content, as far as the answer includes it.
    pub content: ImageContent,
}

/// The content of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ImageContent {
    /// The content itself.
    Bytes(Bytes),
    /// The size of a content that is too large, in bytes.
    TooLarge(usize),
    /// The address of the image.
    Link(String),
    /// A piece of a content, or something that is not an image.
    Unreadable,
}

/// Returns the image in a value, if there is one.
pub(super) fn image_of(value: &Value) -> Option<Image> {
    match value {
        Value::String(text) => from_url(text),
        Value::Object(fields) => {
            let inline = ["inline_data", "inlineData", "source"].iter().find_map(|name| fields.get(*name));
            if let Some(inline) = inline {
                return image_of(inline);
            }
            let url = ["image_url", "url", "image"].iter().find_map(|name| fields.get(*name));
            if let Some(url) = url {
                return image_of(url);
            }
            let data =
                ["data", "b64_json", "image_base64", "result"].iter().find_map(|name| fields.get(*name)?.as_str())?;
            let types = ["mime_type", "mimeType", "media_type", "format"];
            let media_type = types.iter().find_map(|name| fields.get(*name)?.as_str()).unwrap_or_default();
            Some(Image { media_type: media_type.to_owned(), content: content_of(data) })
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    }
}

fn from_url(url: &str) -> Option<Image> {
    if let Some(data) = url.strip_prefix("data:") {
        let (head, data) = data.split_once(',').unwrap_or((data, ""));
        let media_type = head.split(';').next().unwrap_or_default().to_owned();
        return Some(Image { media_type, content: content_of(data) });
    }
    let is_link = url.starts_with("https://") || url.starts_with("http://");
    is_link.then(|| Image { media_type: String::new(), content: ImageContent::Link(url.to_owned()) })
}

/// Decodes base64, unless part of it was omitted.
fn content_of(data: &str) -> ImageContent {
    if let Some((kept, omitted)) = data.split_once(OMITTED) {
        return ImageContent::TooLarge((kept.len() + omitted.parse::<usize>().unwrap_or(0)) * 3 / 4);
    }
    base64_content::decode(data).map_or(ImageContent::Unreadable, ImageContent::Bytes)
}
