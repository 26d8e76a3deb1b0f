//! The login cookie.

use axum::http::HeaderMap;
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use banter_shared::store::LOGIN_LIFE;

/// The cookie's name over plain HTTP.
pub const NAME: &str = "banter_session";
/// The cookie's name over HTTPS. Because of the prefix, browsers accept the cookie only from this host, over HTTPS, and
/// with the path `/` (RFC 6265bis).
const SECURE_NAME: &str = "__Host-banter_session";
/// The header in which a proxy forwards the request's scheme.
const FORWARDED_PROTO: &str = "x-forwarded-proto";

/// The login cookie. Scripts cannot read it, and browsers do not send it with requests from other sites.
#[derive(Debug)]
pub struct LoginCookie;

impl LoginCookie {
    /// Returns the token from a request's cookie.
    ///
    /// Over HTTPS, the unprefixed cookie is ignored, because it could have been set by a page on a sibling domain, or
    /// by an attacker who serves the same hostname over plain HTTP.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Option<String> {
        let jar = CookieJar::from_headers(headers);
        let plain = || jar.get(NAME).filter(|_| !is_https(headers));
        jar.get(SECURE_NAME).or_else(plain).map(|cookie| cookie.value().to_owned())
    }

    /// Returns a jar that sets the cookie to a token.
    pub fn set(headers: &HeaderMap, token: String) -> CookieJar {
        let mut cookie = bare(is_https(headers), token);
        cookie.set_max_age(LOGIN_LIFE.try_into().ok());
        CookieJar::new().add(cookie)
    }

    /// Returns a jar that removes the cookie. Over HTTPS, removes it under both names.
    pub fn clear(headers: &HeaderMap) -> CookieJar {
        let removal = |is_https| {
            let mut cookie = bare(is_https, String::new());
            cookie.make_removal();
            cookie
        };
        let jar = CookieJar::new().add(removal(false));
        if is_https(headers) { jar.add(removal(true)) } else { jar }
    }
}

/// Returns whether the browser uses HTTPS, according to the proxy. Browsers reject `Secure` cookies over plain HTTP.
fn is_https(headers: &HeaderMap) -> bool {
    headers
        .get_all(FORWARDED_PROTO)
        .iter()
        .next_back()
        .and_then(|value| value.to_str().ok()?.rsplit(',').next())
        .is_some_and(|proto| proto.trim().eq_ignore_ascii_case("https"))
}

fn bare(is_https: bool, value: String) -> Cookie<'static> {
    let name = if is_https { SECURE_NAME } else { NAME };
    Cookie::build((name, value)).path("/").http_only(true).same_site(SameSite::Strict).secure(is_https).build()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn token(cookies: &'static str, proto: Option<&'static str>) -> Option<String> {
        let mut headers = HeaderMap::from_iter([(axum::http::header::COOKIE, HeaderValue::from_static(cookies))]);
        if let Some(proto) = proto {
            headers.insert(FORWARDED_PROTO, HeaderValue::from_static(proto));
        }
        LoginCookie::of(&headers)
    }

    #[test]
    fn prefers_the_prefixed_cookie_and_ignores_the_unprefixed_one_over_https() {
        for (cookies, proto, expected) in [
            ("banter_session=a", None, Some("a")),
            ("banter_session=a", Some("http"), Some("a")),
            ("banter_session=a", Some("https"), None),
            ("__Host-banter_session=b", Some("https"), Some("b")),
            ("__Host-banter_session=b", None, Some("b")),
            ("banter_session=a; __Host-banter_session=b", None, Some("b")),
            ("banter_session=a; __Host-banter_session=b", Some("https"), Some("b")),
            ("other=c", None, None),
        ] {
            assert_eq!(token(cookies, proto).as_deref(), expected, "{cookies} over {proto:?}");
        }
    }
}
