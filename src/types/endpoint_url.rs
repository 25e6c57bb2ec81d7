//! Where a service is.

use std::borrow::Cow;

use super::InvalidValue;

/// Longest URL that is taken: what is asked for comes behind it.
pub(crate) const URL_MAX_BYTES: usize = 2048;

/// Returns the URL of a service as it was given.
///
/// # Errors
///
/// When it does not begin with `https://` or `http://` and a host, or names a user: what stands there may be a secret, and
/// URLs are shown.
pub fn endpoint_url(text: &str) -> Result<String, InvalidValue> {
    let refused = |why: &str| Err(InvalidValue(why.to_owned()));
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    match rest {
        _ if names_user(text) => refused("it must not name a user"),
        _ if text.len() > URL_MAX_BYTES => refused("it is too long for a URL"),
        Some(rest) if !rest.is_empty() && !rest.starts_with('/') => Ok(text.to_owned()),
        _ => refused("it must begin with https:// or http:// and name a host"),
    }
}

/// Returns whether something stands before an `@`: a password may have any character in it, a `/` too.
pub fn names_user(url: &str) -> bool {
    url.contains('@')
}

/// Returns a URL, or what was meant to be one, without its user and password.
pub fn without_user(url: &str) -> Cow<'_, str> {
    let Some((before, host)) = url.rsplit_once('@') else { return Cow::Borrowed(url) };
    let scheme = before.find("://").map_or("", |end| &before[..end + 3]);
    Cow::Owned(format!("{scheme}{host}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_user_and_password() {
        for (url, shown) in [
            ("http://user:SECRET@h:80/p", "http://h:80/p"),
            ("https://SE/CRET@SECRET@h", "https://h"),
            ("user:SECRET@h", "h"),
            ("http:/user:SECRET@h", "h"),
            ("http://h/p", "http://h/p"),
            ("", ""),
        ] {
            assert_eq!(without_user(url), shown, "{url}");
            assert_eq!(endpoint_url(url).is_ok(), url == "http://h/p", "{url}");
        }
        assert!(endpoint_url(&format!("http://h/{}", "p".repeat(URL_MAX_BYTES))).is_err());
    }
}
