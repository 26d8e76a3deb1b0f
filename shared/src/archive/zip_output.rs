//! Writes a zip file to an asynchronous output, without seeking.

use std::{
    io::{self, Write as _},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions, write::StreamWriter};

use super::error::ExportError;

/// The permissions of the files after they have been extracted.
const FILE_MODE: u32 = 0o600;
/// The maximum number of bytes that are compressed at once.
const PIECE_BYTES: usize = 64 * 1024;

/// A zip file that is being written. Sizes and checksums follow the contents, and the format allows for more than 4 GiB
/// (ZIP64).
pub struct ZipOutput<W> {
    zip: ZipWriter<StreamWriter<Buffer>>,
    buffer: Buffer,
    output: W,
}

impl<W: AsyncWrite + Unpin + Send> ZipOutput<W> {
    /// Begins a zip file.
    pub fn new(output: W) -> Self {
        let buffer = Buffer::default();
        Self { zip: ZipWriter::new_stream(buffer.clone()), buffer, output }
    }

    /// Begins an entry, and ends the previous one.
    ///
    /// # Errors
    /// Returns an error if the name has already been used.
    pub fn begin(&mut self, name: &str, compression: CompressionMethod) -> Result<(), ExportError> {
        let options =
            SimpleFileOptions::default().compression_method(compression).large_file(true).unix_permissions(FILE_MODE);
        Ok(self.zip.start_file(name, options)?)
    }

    /// Adds content to the entry. Waits until the output has accepted what was compressed.
    ///
    /// # Errors
    /// Returns an error if the output cannot be written.
    pub async fn write(&mut self, content: &[u8]) -> Result<(), ExportError> {
        for piece in content.chunks(PIECE_BYTES) {
            self.zip.write_all(piece)?;
            self.output.write_all(&self.buffer.take()).await?;
        }
        Ok(())
    }

    /// Ends the zip file.
    ///
    /// # Errors
    /// Returns an error if the output cannot be written.
    pub async fn finish(mut self) -> Result<(), ExportError> {
        self.zip.finish()?;
        self.output.write_all(&self.buffer.take()).await?;
        Ok(self.output.shutdown().await?)
    }
}

/// The compressed bytes that the output has not accepted yet.
#[derive(Clone, Debug, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
