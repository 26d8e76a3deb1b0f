//! Parses `REDIS_URL` and `REDIS_CA_FILE`. Errors and `Debug` output never contain the password.

use std::{fmt, io, path::Path};

use ::redis::{Client, IntoConnectionInfo as _, TlsCertificates};

use crate::tls::install_provider;

/// The accepted forms of `REDIS_URL`.
pub const URL_FORMS: &str = "redis://[USER:PASSWORD@]HOST:PORT, or rediss://… for TLS";

/// The reason why an address was rejected.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// The URL is invalid. It may contain a password, so it is not shown.
    #[error("the URL is invalid")]
    Url,
    /// A CA file is given, but the URL does not use TLS.
    #[error("a CA file has no effect without TLS")]
    CaWithoutTls,
    /// The CA file cannot be read.
    #[error("the CA file cannot be read")]
    CaFile(#[source] io::Error),
    /// The CA file contains no valid certificate.
    #[error("the CA file contains no valid certificate")]
    Ca,
}

/// The address of Redis and how to connect to it.
#[derive(Clone)]
pub struct RedisAddress {
    client: Client,
}

impl RedisAddress {
    /// Parses a URL. For a `rediss://` URL, the PEM certificates in `ca_file`, if given, are trusted instead of the
    /// system's.
    ///
    /// # Errors
    /// Returns an error if the URL is invalid, or if the CA file is unreadable, invalid, or not applicable.
    pub fn parse(url: &str, ca_file: Option<&Path>) -> Result<Self, AddressError> {
        let is_tls = url.starts_with("rediss://");
        if !is_tls && !url.starts_with("redis://") {
            return Err(AddressError::Url);
        }
        let info = url.into_connection_info().map_err(|_| AddressError::Url)?;
        if is_tls {
            install_provider();
        }
        let client = match ca_file {
            None => Client::open(info).map_err(|_| AddressError::Url)?,
            Some(_) if !is_tls => return Err(AddressError::CaWithoutTls),
            Some(path) => {
                let pem = std::fs::read(path).map_err(AddressError::CaFile)?;
                if !pem.windows(CERTIFICATE.len()).any(|window| window == CERTIFICATE) {
                    return Err(AddressError::Ca);
                }
                let certificates = TlsCertificates { client_tls: None, root_cert: Some(pem) };
                Client::build_with_tls(info, certificates).map_err(|_| AddressError::Ca)?
            }
        };
        Ok(Self { client })
    }

    pub(super) const fn client(&self) -> &Client {
        &self.client
    }
}

/// The first line of a certificate in a PEM file (RFC 7468).
const CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----";

impl fmt::Debug for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Shows only the host and the port.
        write!(f, "RedisAddress({})", self.client.get_connection_info().addr())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_plain_and_tls_urls_with_and_without_users() {
        for url in [
            "redis://localhost",
            "redis://127.0.0.1:6379",
            "redis://[::1]:6379/1",
            "redis://:secret@redis:6379",
            "redis://relay:secret@redis:6379",
            "rediss://relay:s%40cret@redis.example:6380",
        ] {
            let address = RedisAddress::parse(url, None).unwrap_or_else(|error| panic!("{url}: {error}"));
            assert!(!format!("{address:?}").contains("cret"), "{address:?}");
        }
    }

    #[test]
    fn rejects_other_urls_without_showing_them() {
        for url in
            ["localhost:6379", "http://secret@redis", "redis://", "redis://:secret@redis:port", "redis://[secret"]
        {
            let error = RedisAddress::parse(url, None).expect_err(url);
            assert!(matches!(error, AddressError::Url), "{url}: {error:?}");
            assert!(!format!("{error:?}").contains("secret"));
        }
    }

    #[test]
    fn rejects_an_unreadable_invalid_or_inapplicable_ca_file() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing.pem");
        let empty = folder.path().join("empty.pem");
        std::fs::write(&empty, "").unwrap();
        let broken = folder.path().join("broken.pem");
        std::fs::write(&broken, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();

        let parse = |url, path| RedisAddress::parse(url, Some(path)).unwrap_err();

        assert!(matches!(parse("rediss://redis", &missing), AddressError::CaFile(_)));
        assert!(matches!(parse("rediss://redis", &empty), AddressError::Ca));
        assert!(matches!(parse("rediss://redis", &broken), AddressError::Ca));
        assert!(matches!(parse("redis://redis", &empty), AddressError::CaWithoutTls));
    }
}
