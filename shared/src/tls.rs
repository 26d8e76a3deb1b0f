//! TLS connections to Redis and PostgreSQL.

/// Installs the cryptography that rustls uses. If another crate enables a second provider, rustls cannot choose one. A
/// provider that is already installed is kept.
pub(crate) fn install_provider() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}
