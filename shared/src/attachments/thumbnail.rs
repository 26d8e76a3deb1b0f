//! Scales images down.

use std::{io::Cursor, sync::Arc};

use bytes::Bytes;
use image::{
    DynamicImage, ImageDecoder as _, ImageFormat, ImageReader, Limits, imageops::FilterType, metadata::Orientation,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The maximum width and height of a thumbnail.
pub const MAX_THUMBNAIL_PX: u32 = 1024;

/// The maximum width and height of an image that is decoded, in pixels.
const MAX_SOURCE_PX: u32 = 16_384;
/// The maximum size of a decoded image, in bytes: enough for 40 megapixels. The decoder may need more in the meantime.
const MAX_SOURCE_BYTES: u64 = 160 * 1024 * 1024;

/// The maximum size of an image file that is decoded, in bytes.
const MAX_FILE_BYTES: usize = 64 * 1024 * 1024;

/// The reason why an image has no thumbnail.
#[derive(Debug, thiserror::Error)]
pub enum ThumbnailError {
    /// The file is not an image of a format that can be decoded, or is damaged.
    #[error("the file is not an image that can be scaled ({0})")]
    Undecodable(image::ImageError),
    /// The image is too large to decode.
    #[error("the image is too large to be scaled")]
    TooLarge,
    /// The decoder failed.
    #[error("the decoder failed")]
    Failed,
}

impl From<image::ImageError> for ThumbnailError {
    fn from(error: image::ImageError) -> Self {
        match error {
            image::ImageError::Limits(_) => Self::TooLarge,
            other => Self::Undecodable(other),
        }
    }
}

/// Creates thumbnails, one at a time, so that their memory is limited. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Thumbnails {
    slot: Arc<Semaphore>,
}

impl Default for Thumbnails {
    fn default() -> Self {
        Self { slot: Arc::new(Semaphore::new(1)) }
    }
}

impl Thumbnails {
    /// Waits until no other thumbnail is being created. Call this before the image is read into memory.
    ///
    /// # Errors
    /// Never fails in practice, because the semaphore is never closed.
    pub async fn reserve(&self) -> Result<ThumbnailSlot, ThumbnailError> {
        let permit = Arc::clone(&self.slot).acquire_owned().await.map_err(|_| ThumbnailError::Failed)?;
        Ok(ThumbnailSlot { permit })
    }
}

/// The permission to create one thumbnail.
#[derive(Debug)]
pub struct ThumbnailSlot {
    permit: OwnedSemaphorePermit,
}

impl ThumbnailSlot {
    /// Scales an image down so that its width and height are at most `side` pixels. Returns a PNG image if the image
    /// may be transparent, and otherwise a JPEG image, with its media type.
    ///
    /// # Errors
    /// Returns an error if the image cannot be decoded or is too large.
    pub async fn create(self, content: Bytes, side: u32) -> Result<(Vec<u8>, &'static str), ThumbnailError> {
        let scaled = tokio::task::spawn_blocking(move || {
            // The next thumbnail waits even if the client has disconnected.
            let _permit = self.permit;
            scale(&content, side)
        });
        scaled.await.unwrap_or(Err(ThumbnailError::Failed))
    }
}

/// Returns the average color of an image (red, green, and blue); `None` if it cannot be decoded.
#[must_use]
pub fn average_color(content: &[u8]) -> Option<[u8; 3]> {
    let (image, _) = decode(content).ok()?;
    let pixel = image.resize_exact(1, 1, FilterType::Triangle).into_rgb8();
    Some(pixel.get_pixel(0, 0).0)
}

/// Returns whether an image is shown turned by 90 or 270 degrees. `head` is the beginning of the file.
pub(super) fn is_turned(head: &[u8]) -> bool {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};

    let reader = ImageReader::new(Cursor::new(head)).with_guessed_format().ok();
    let decoder = reader.and_then(|reader| reader.into_decoder().ok());
    let orientation = decoder.and_then(|mut decoder| decoder.orientation().ok());
    matches!(orientation, Some(Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH))
}

fn scale(content: &[u8], side: u32) -> Result<(Vec<u8>, &'static str), ThumbnailError> {
    let (mut image, orientation) = decode(content)?;
    if image.width() > side || image.height() > side {
        image = image.thumbnail(side, side);
    }
    image.apply_orientation(orientation);
    let (image, format) = if image.color().has_alpha() {
        (DynamicImage::ImageRgba8(image.into_rgba8()), ImageFormat::Png)
    } else {
        (DynamicImage::ImageRgb8(image.into_rgb8()), ImageFormat::Jpeg)
    };
    let mut scaled = Vec::new();
    image.write_to(&mut Cursor::new(&mut scaled), format)?;
    Ok((scaled, format.to_mime_type()))
}

/// Decodes an image, with limits. Returns it as stored, and how to turn it.
fn decode(content: &[u8]) -> Result<(DynamicImage, Orientation), ThumbnailError> {
    if content.len() > MAX_FILE_BYTES {
        return Err(ThumbnailError::TooLarge);
    }
    let mut reader = ImageReader::new(Cursor::new(content)).with_guessed_format().map_err(image::ImageError::from)?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SOURCE_PX);
    limits.max_image_height = Some(MAX_SOURCE_PX);
    limits.max_alloc = Some(MAX_SOURCE_BYTES);
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    // A damaged orientation does not make the image useless.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    if decoder.total_bytes() > MAX_SOURCE_BYTES {
        return Err(ThumbnailError::TooLarge);
    }
    Ok((DynamicImage::from_decoder(decoder)?, orientation))
}

#[cfg(test)]
mod tests {
    use image::RgbaImage;

    use super::*;

    fn png(image: &DynamicImage) -> Bytes {
        let mut content = Vec::new();
        image.write_to(&mut Cursor::new(&mut content), ImageFormat::Png).unwrap();
        content.into()
    }

    async fn create(content: Bytes, side: u32) -> Result<(Vec<u8>, &'static str), ThumbnailError> {
        Thumbnails::default().reserve().await.unwrap().create(content, side).await
    }

    #[tokio::test]
    async fn scales_down_and_keeps_the_proportions() {
        let wide = png(&DynamicImage::new_rgb8(400, 100));

        let (scaled, media_type) = create(wide.clone(), 200).await.unwrap();
        let (same, _) = create(wide, 1024).await.unwrap();

        assert_eq!(media_type, "image/jpeg");
        let size = |content: &[u8]| imagesize::blob_size(content).map(|size| (size.width, size.height)).unwrap();
        assert_eq!(size(&scaled), (200, 50));
        assert_eq!(size(&same), (400, 100), "small images are not enlarged");
    }

    #[tokio::test]
    async fn keeps_transparency() {
        let clear = DynamicImage::ImageRgba8(RgbaImage::new(300, 300));

        let (scaled, media_type) = create(png(&clear), 64).await.unwrap();

        assert_eq!(media_type, "image/png");
        assert_eq!(image::load_from_memory(&scaled).unwrap().into_rgba8().get_pixel(5, 5).0[3], 0);
    }

    #[tokio::test]
    async fn refuses_images_that_need_too_much_memory() {
        let mut bomb = png(&DynamicImage::new_luma8(1, 1)).to_vec();
        // The dimensions, and the checksum of the header.
        bomb[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
        let mut checksum = flate2::Crc::new();
        checksum.update(&bomb[12..29]);
        bomb[29..33].copy_from_slice(&checksum.sum().to_be_bytes());

        let error = create(bomb.into(), 64).await.unwrap_err();

        assert!(matches!(error, ThumbnailError::TooLarge), "{error:?}");
    }

    #[tokio::test]
    async fn refuses_files_that_are_not_images() {
        for content in [&b""[..], b"hello", b"\x89PNG\r\n\x1a\n", b"<svg xmlns='http://www.w3.org/2000/svg'/>"] {
            let error = create(Bytes::from_static(content), 64).await.unwrap_err();
            assert!(matches!(error, ThumbnailError::Undecodable(_)), "{error:?}");
        }
    }
}
