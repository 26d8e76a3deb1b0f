//! The files that the demo returns.

use std::{fmt::Write as _, io::Cursor};

use agent_client_protocol::{
    Error,
    v1::schema::{ContentBlock, ImageContent, ResourceLink},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use image::{ImageFormat, Rgb, RgbImage};
use reqwest::Url;
use tokio::fs;

/// The width and height of the picture, in pixels.
const PICTURE_PX: (u32, u32) = (768, 480);
/// The number of colors in the picture's sky.
const BANDS: u32 = 24;
/// The name of the file.
const FILE_NAME: &str = "squares.csv";

/// Returns a picture of a sunset, as the content of a message.
pub(super) fn picture() -> Result<ContentBlock, Error> {
    let mut png = Cursor::new(Vec::new());
    sunset().write_to(&mut png, ImageFormat::Png).map_err(Error::into_internal_error)?;
    Ok(ContentBlock::Image(
        ImageContent::new(STANDARD.encode(png.into_inner()), "image/png").uri("sunset.png".to_owned()),
    ))
}

/// Writes a text file to the current folder, and returns a link to it.
pub(super) async fn file() -> Result<ContentBlock, Error> {
    let path = std::env::current_dir().map_err(Error::into_internal_error)?.join(FILE_NAME);
    let mut table = "number,square\n".to_owned();
    for number in 1..=100 {
        let _ = writeln!(table, "{number},{}", number * number);
    }
    fs::write(&path, table).await.map_err(Error::into_internal_error)?;
    let address = Url::from_file_path(&path).map_err(|()| Error::internal_error())?;
    Ok(ContentBlock::ResourceLink(ResourceLink::new(FILE_NAME, address.to_string()).mime_type("text/csv".to_owned())))
}

fn sunset() -> RgbImage {
    let (width, height) = PICTURE_PX;
    let (center, radius) = ((i64::from(width / 2), i64::from(height * 2 / 3)), i64::from(height / 5));
    RgbImage::from_fn(width, height, |x, y| {
        let (dx, dy) = (i64::from(x) - center.0, i64::from(y) - center.1);
        let is_sea = y > height * 2 / 3;
        if !is_sea && dx * dx + dy * dy < radius * radius {
            return Rgb([255, 214, 102]);
        }
        let band = y * BANDS / height;
        let part = if is_sea { BANDS * 5 / 3 - band * 5 / 3 } else { band * 3 / 2 };
        let mix = |from: u32, to: u32| {
            u8::try_from((from * (BANDS.saturating_sub(part)) + to * part.min(BANDS)) / BANDS).unwrap_or(u8::MAX)
        };
        Rgb([mix(38, 250), mix(40, 130), mix(96, 70)])
    })
}
