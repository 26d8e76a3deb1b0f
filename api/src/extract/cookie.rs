//! The cookie of a browser that is signed in.

use axum::http::HeaderMap;
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use banter_shared::store::LOGIN_LIFE;

/// The cookie's name.
const NAME: &str = "banter_session";
/// The header by which a proxy tells how the browser reached it.
const FORWARDED_PROTO: &str = "x-forwarded-proto";

/// The cookie: no script reads it, no other site's page gets it sent.
#[derive(Debug)]
pub struct LoginCookie;

impl LoginCookie {
    /// The token of a request's cookie.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Option<String> {
        CookieJar::from_headers(headers).get(NAME).map(|cookie| cookie.value().to_owned())
    }

    /// Puts a token into the browser.
    pub fn set(headers: &HeaderMap, token: String) -> CookieJar {
        let mut cookie = bare(headers, token);
        cookie.set_max_age(LOGIN_LIFE.try_into().ok());
        CookieJar::new().add(cookie)
    }

    /// Takes it out again.
    pub fn clear(headers: &HeaderMap) -> CookieJar {
        let mut cookie = bare(headers, String::new());
        cookie.make_removal();
        CookieJar::new().add(cookie)
    }
}

fn bare(headers: &HeaderMap, value: String) -> Cookie<'static> {
    // Over plain HTTP a browser would drop a `Secure` cookie, and a loopback address has no TLS.
    let is_https = headers
        .get_all(FORWARDED_PROTO)
        .iter()
        .next_back()
        .and_then(|value| value.to_str().ok()?.rsplit(',').next())
        .is_some_and(|proto| proto.trim().eq_ignore_ascii_case("https"));
    Cookie::build((NAME, value)).path("/").http_only(true).same_site(SameSite::Strict).secure(is_https).build()
}
