//! Parses environment variables that contain URLs.

use std::path::{Path, PathBuf};

use super::ConfigError;
use crate::{
    relay::{AddressError, RedisAddress, URL_FORMS},
    store::{Location, SERVER_URL_FORMS, ServerUrlError},
};

/// Parses `REDIS_URL` and `REDIS_CA_FILE`. Errors never show the URL, because it may contain a password.
pub(super) fn redis_address(url: &str, ca_file: Option<&str>) -> Result<RedisAddress, ConfigError> {
    RedisAddress::parse(url, ca_file.map(Path::new)).map_err(|error| {
        let expected = match &error {
            AddressError::Url => {
                return ConfigError { variable: "REDIS_URL", value: None, expected: URL_FORMS.to_owned() };
            }
            AddressError::CaWithoutTls => "to be unset unless REDIS_URL starts with rediss://".to_owned(),
            AddressError::CaFile(source) => format!("a readable file ({source})"),
            AddressError::Ca => "a file with certificates in PEM format".to_owned(),
        };
        ConfigError { variable: "REDIS_CA_FILE", value: ca_file.map(str::to_owned), expected }
    })
}

/// Parses the URL of a database, such as the value of `DATABASE_URL`. `name` is the name of the variable or option.
///
/// # Errors
/// Returns an error if the URL is invalid. The error never shows the username and the password.
pub fn database_location(name: &'static str, url: &str) -> Result<Location, ConfigError> {
    let error = |expected| ConfigError { variable: name, value: Some(without_credentials(url)), expected };
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return match url.parse() {
            Ok(server) => Ok(Location::Server(server)),
            Err(problem @ ServerUrlError::Syntax) => Err(error(problem.to_string())),
            Err(problem) => Err(error(format!("a usable URL: {problem}"))),
        };
    }
    let file = sqlite_path(url).map(Location::File);
    file.ok_or_else(|| error(format!("sqlite://PATH, such as sqlite://data/banter.db, or {SERVER_URL_FORMS}")))
}

/// Returns a URL without its username and password.
fn without_credentials(url: &str) -> String {
    match (url.split_once("://"), url.rfind('@')) {
        (Some((scheme, _)), Some(end)) => format!("{scheme}://…{}", &url[end..]),
        (None, Some(end)) => format!("…{}", &url[end..]),
        (_, None) => url.to_owned(),
    }
}

/// Returns the file to which a `sqlite:` URL refers; `None` if the URL is invalid or refers to an in-memory database,
/// which processes cannot share.
fn sqlite_path(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:"))?;
    // Only modes that match how the store opens the file are accepted.
    let path = path.strip_suffix("?mode=rwc").or_else(|| path.strip_suffix("?mode=rw")).unwrap_or(path);
    (!path.is_empty() && !path.contains(":memory:") && !path.contains('?')).then(|| PathBuf::from(path))
}
