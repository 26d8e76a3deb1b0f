//! Rejects requests without a key that may come from a foreign page, that is, a web page from another origin.
//!
//! Checking `Host` prevents DNS rebinding: foreign names that resolve to this machine are rejected. Checking `Origin`
//! and `Sec-Fetch-Site` (<https://www.w3.org/TR/fetch-metadata/>) prevents requests from foreign pages.

use std::net::{Ipv4Addr, Ipv6Addr};

use axum::http::{HeaderMap, HeaderName, Method, Uri, header, uri::Authority};

use crate::error::{ApiError, Code};

/// The parts of a request that identify its origin.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestOrigin<'a> {
    /// Whether the method is GET.
    pub is_get: bool,
    /// The path of the URI.
    pub path: &'a str,
    /// The authority, if the URI is in absolute form.
    pub authority: Option<&'a str>,
    /// The `Host` header.
    pub host: Option<&'a str>,
    /// The `Origin` header.
    pub origin: Option<&'a str>,
    /// The `Sec-Fetch-Site` header.
    pub fetch_site: Option<&'a str>,
    /// The `Sec-Fetch-Mode` header.
    pub fetch_mode: Option<&'a str>,
    /// The `Sec-Fetch-Dest` header.
    pub fetch_dest: Option<&'a str>,
    /// Whether the request has a header that only proxies add.
    pub is_forwarded: bool,
}

impl<'a> RequestOrigin<'a> {
    /// Returns the parts of a request. A header that is unreadable or repeated is treated as invalid.
    #[must_use]
    pub fn of(method: &Method, uri: &'a Uri, headers: &'a HeaderMap) -> Self {
        let one = |name: HeaderName| {
            let mut values = headers.get_all(name).iter();
            let first = values.next()?;
            Some(if values.next().is_some() { "" } else { first.to_str().unwrap_or_default() })
        };
        Self {
            is_get: *method == Method::GET,
            path: uri.path(),
            authority: uri.authority().map(Authority::as_str),
            host: one(header::HOST),
            origin: one(header::ORIGIN),
            fetch_site: one(HeaderName::from_static("sec-fetch-site")),
            fetch_mode: one(HeaderName::from_static("sec-fetch-mode")),
            fetch_dest: one(HeaderName::from_static("sec-fetch-dest")),
            is_forwarded: headers.keys().any(is_proxy_header),
        }
    }
}

/// Returns whether only proxies add this header: `Forwarded` (RFC 7239), `Via` (RFC 9110), and their predecessors.
fn is_proxy_header(name: &HeaderName) -> bool {
    let name = name.as_str();
    name.starts_with("x-forwarded-")
        || matches!(name, "forwarded" | "via" | "x-forwarded" | "x-real-ip" | "x-client-ip" | "x-cluster-client-ip")
}

/// The reason a request without a key is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OriginError {
    /// The `Host` header is missing, does not name a loopback host, or differs from the URI's authority.
    Host,
    /// A proxy forwarded the request for an unknown client.
    Forwarded,
    /// The request was sent by another page.
    CrossSite,
}

impl From<OriginError> for ApiError {
    fn from(refused: OriginError) -> Self {
        match refused {
            OriginError::Host => Self::new(
                Code::HostNotAllowed,
                "Without API keys, only requests to localhost, 127.0.0.1, and [::1] are accepted. Create a key with \
                 `api keys create`.",
            ),
            OriginError::Forwarded => Self::new(
                Code::ProxyNotAllowed,
                "Without API keys, everyone who can connect is an administrator, so requests through a proxy are rejected. \
                 Create a key with `api keys create` and send it with each request.",
            ),
            OriginError::CrossSite => {
                Self::new(Code::CrossSiteRequest, "Requests from other sites must include an API key.")
            }
        }
    }
}

/// Checks a request in keyless mode.
///
/// # Errors
/// Returns an error if a foreign page or a proxy may have sent the request.
pub fn check(request: &RequestOrigin<'_>) -> Result<(), OriginError> {
    if request.is_forwarded {
        return Err(OriginError::Forwarded);
    }
    let host = request.host.filter(|host| is_loopback(host)).ok_or(OriginError::Host)?;
    if request.authority.is_some_and(|authority| !authority.eq_ignore_ascii_case(host)) {
        return Err(OriginError::Host);
    }
    let is_own = |origin: &str| origin.strip_prefix("http://").is_some_and(|own| own.eq_ignore_ascii_case(host));
    if request.origin.is_some_and(|origin| !is_own(origin)) {
        return Err(OriginError::CrossSite);
    }
    let is_followed_link = request.is_get
        && !is_api(request.path)
        && request.fetch_mode == Some("navigate")
        && request.fetch_dest == Some("document");
    match request.fetch_site {
        None | Some("same-origin" | "none") => Ok(()),
        Some(_) if is_followed_link => Ok(()),
        Some(_) => Err(OriginError::CrossSite),
    }
}

/// Checks that a request does not come from a foreign page. Used for sign-in, and for changes authenticated by the
/// login cookie. `SameSite=Strict` keeps only other sites from using the cookie. This check also rejects pages on
/// another port or subdomain of the same site.
///
/// # Errors
/// Returns an error if a foreign page sent the request.
pub fn check_own_page(request: &RequestOrigin<'_>) -> Result<(), OriginError> {
    let is_own = |origin: &str| {
        let name = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        name.is_some_and(|name| request.host.is_some_and(|host| name.eq_ignore_ascii_case(host)))
    };
    let is_foreign = request.origin.is_some_and(|origin| !is_own(origin))
        || request.fetch_site.is_some_and(|site| !matches!(site, "same-origin" | "none"));
    if is_foreign { Err(OriginError::CrossSite) } else { Ok(()) }
}

/// Returns whether a path belongs to the API rather than to the page.
#[must_use]
pub fn is_api(path: &str) -> bool {
    path == "/v1" || path.starts_with("/v1/")
}

/// Returns whether a `Host` header names a loopback host, with or without a port.
fn is_loopback(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((name, rest)) => {
            let is_loopback = name.parse::<Ipv6Addr>().is_ok_and(|address| address.to_canonical().is_loopback());
            return is_loopback && (rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port));
        }
        None => host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port))),
    };
    let is_local = name.eq_ignore_ascii_case("localhost") || name.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback());
    is_local && port.is_none_or(is_port)
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: RequestOrigin<'static> = RequestOrigin {
        is_get: true,
        path: "/v1/chat",
        authority: None,
        host: Some("127.0.0.1:8080"),
        origin: None,
        fetch_site: None,
        fetch_mode: None,
        fetch_dest: None,
        is_forwarded: false,
    };

    #[test]
    fn rejects_requests_with_proxy_headers() {
        for (name, expected) in [
            ("forwarded", true),
            ("via", true),
            ("x-forwarded-for", true),
            ("x-forwarded-proto", true),
            ("x-forwarded-anything", true),
            ("x-real-ip", true),
            ("x-request-id", false),
            ("x-forward", false),
            ("host", false),
        ] {
            assert_eq!(is_proxy_header(&HeaderName::from_static(name)), expected, "{name}");
        }
        assert_eq!(check(&RequestOrigin { is_forwarded: true, ..OWN }), Err(OriginError::Forwarded));
    }

    #[test]
    fn accepts_changes_authenticated_by_cookie_only_from_its_own_page() {
        let page = RequestOrigin { host: Some("chat.example.com"), ..OWN };
        for (origin, fetch_site, expected) in [
            (None, None, true),
            (Some("https://chat.example.com"), Some("same-origin"), true),
            (Some("https://CHAT.example.com"), None, true),
            (None, Some("none"), true),
            (Some("https://example.com"), None, false),
            (Some("https://chat.example.com:8443"), None, false),
            (Some("https://chat.example.com.evil.org"), None, false),
            (Some("null"), None, false),
            (Some(""), None, false),
            (None, Some("same-site"), false),
            (None, Some("cross-site"), false),
        ] {
            let checked = check_own_page(&RequestOrigin { origin, fetch_site, ..page });
            assert_eq!(checked.is_ok(), expected, "{origin:?} {fetch_site:?}");
        }
    }

    #[test]
    fn accepts_only_loopback_hosts() {
        for host in
            ["localhost", "LocalHost:1", "127.0.0.1", "127.1.2.3:65535", "[::1]", "[::1]:80", "[::ffff:127.0.0.1]"]
        {
            assert_eq!(check(&RequestOrigin { host: Some(host), ..OWN }), Ok(()), "{host}");
        }
        for host in [
            "",
            "example.com",
            "localhost.example.com",
            "127.0.0.1.example.com",
            "localhost.",
            "localhost:",
            "localhost:x",
            "localhost:99999",
            "localhost:+80",
            "192.168.0.1",
            "0.0.0.0",
            "[::2]",
            "[::1]x",
            "::1",
            "[::1",
            "user@localhost",
        ] {
            assert_eq!(check(&RequestOrigin { host: Some(host), ..OWN }), Err(OriginError::Host), "{host:?}");
        }
        assert_eq!(check(&RequestOrigin { host: None, ..OWN }), Err(OriginError::Host));
        assert_eq!(check(&RequestOrigin { authority: Some("example.com"), ..OWN }), Err(OriginError::Host));
        assert_eq!(check(&RequestOrigin { authority: OWN.host, ..OWN }), Ok(()));
    }

    #[test]
    fn accepts_only_its_own_origin() {
        for (origin, expected) in [
            ("http://127.0.0.1:8080", Ok(())),
            ("http://127.0.0.1", Err(OriginError::CrossSite)),
            ("http://127.0.0.1:8081", Err(OriginError::CrossSite)),
            ("http://localhost:8080", Err(OriginError::CrossSite)),
            ("https://127.0.0.1:8080", Err(OriginError::CrossSite)),
            ("https://example.com", Err(OriginError::CrossSite)),
            ("null", Err(OriginError::CrossSite)),
            ("", Err(OriginError::CrossSite)),
        ] {
            for is_get in [true, false] {
                assert_eq!(check(&RequestOrigin { is_get, origin: Some(origin), ..OWN }), expected, "{origin:?}");
            }
        }
    }

    #[test]
    fn accepts_links_to_the_page_from_other_sites_and_nothing_else() {
        let link = RequestOrigin {
            path: "/",
            fetch_site: Some("cross-site"),
            fetch_mode: Some("navigate"),
            fetch_dest: Some("document"),
            ..OWN
        };
        for (what, request, expected) in [
            ("its own page", RequestOrigin { fetch_site: Some("same-origin"), ..OWN }, Ok(())),
            ("the address bar", RequestOrigin { fetch_site: Some("none"), ..OWN }, Ok(())),
            ("a followed link", link, Ok(())),
            ("a link from another port", RequestOrigin { fetch_site: Some("same-site"), ..link }, Ok(())),
            ("a link into the API", RequestOrigin { path: "/v1/chat", ..link }, Err(OriginError::CrossSite)),
            ("a form", RequestOrigin { is_get: false, ..link }, Err(OriginError::CrossSite)),
            ("a frame", RequestOrigin { fetch_dest: Some("iframe"), ..link }, Err(OriginError::CrossSite)),
            ("a script", RequestOrigin { fetch_mode: Some("cors"), ..link }, Err(OriginError::CrossSite)),
            ("another port", RequestOrigin { fetch_site: Some("same-site"), ..OWN }, Err(OriginError::CrossSite)),
            ("unreadable", RequestOrigin { fetch_site: Some(""), ..OWN }, Err(OriginError::CrossSite)),
        ] {
            assert_eq!(check(&request), expected, "{what}");
        }
    }
}
