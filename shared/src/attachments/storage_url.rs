//! `ATTACHMENTS_URL`, the place where contents are stored.

use std::{fmt, path::PathBuf, str::FromStr};

/// The forms of `ATTACHMENTS_URL`, for error messages.
pub const STORAGE_URL_FORMS: &str = "file:///PATH or s3://BUCKET/PREFIX";

/// Where the contents of attachments are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorageUrl {
    /// A folder.
    Folder(PathBuf),
    /// An S3 bucket. The credentials, the region, and the endpoint are in the variables of AWS's tools, such as
    /// `AWS_ACCESS_KEY_ID` and `AWS_ENDPOINT_URL`.
    Bucket {
        /// The name of the bucket.
        bucket: String,
        /// The beginning of the names of all objects, without slashes around it; may be empty.
        prefix: String,
    },
}

/// The error for a URL of another form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not one of {STORAGE_URL_FORMS}")]
pub struct StorageUrlError;

impl FromStr for StorageUrl {
    type Err = StorageUrlError;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        if let Some(path) = url.strip_prefix("file://") {
            return if path.is_empty() { Err(StorageUrlError) } else { Ok(Self::Folder(path.into())) };
        }
        let rest = url.strip_prefix("s3://").ok_or(StorageUrlError)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let is_bucket = bucket.len() >= 3
            && bucket.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b));
        if !is_bucket || prefix.contains(['?', '#']) {
            return Err(StorageUrlError);
        }
        Ok(Self::Bucket { bucket: bucket.to_owned(), prefix: prefix.trim_matches('/').to_owned() })
    }
}

impl fmt::Display for StorageUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(f, "file://{}", path.display()),
            Self::Bucket { bucket, prefix } if prefix.is_empty() => write!(f, "s3://{bucket}"),
            Self::Bucket { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_folders_and_buckets() {
        for url in ["file:///srv/files", "file://data/attachments", "s3://my-bucket", "s3://my-bucket/a/b"] {
            assert_eq!(url.parse::<StorageUrl>().unwrap().to_string(), url);
        }
        assert_eq!("s3://my-bucket/a/".parse::<StorageUrl>().unwrap().to_string(), "s3://my-bucket/a");
    }

    #[test]
    fn rejects_other_urls() {
        for url in
            ["", "data", "file://", "s3://", "s3://B", "s3://user:key@bucket", "https://x/y", "s3://my-bucket/?x"]
        {
            assert_eq!(url.parse::<StorageUrl>(), Err(StorageUrlError), "{url}");
        }
    }
}
