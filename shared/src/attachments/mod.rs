//! The contents of attachments, and what can be found out about them.
//!
//! Contents are objects in a folder or in an S3 bucket ([`Storage`]), named by the ID of their row in the database. The
//! store decides which objects exist (docs/adr/0019); this module does not use the database.

mod inspect;
mod storage;
mod storage_url;
mod thumbnail;
mod transfer;

pub use inspect::{ContentInfo, Inspector};
pub use storage::{Storage, StorageError, Writing};
pub use storage_url::{STORAGE_URL_FORMS, StorageUrl};
pub use thumbnail::{MAX_THUMBNAIL_PX, ThumbnailError, ThumbnailSlot, Thumbnails, average_color};
pub use transfer::{StoredFile, Transfer, TransferError, TransferReport, is_intact};
