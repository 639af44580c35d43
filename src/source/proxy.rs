//! An HTTP proxy, from its URL to what a client needs of it.
//!
//! Never shows the URL: it may hold a password.

use crate::config::Secret;
use crate::connection::plan::Proxy;

/// The proxy as our own dialer wants it; `None` when this is not the URL of an HTTP proxy.
pub(super) fn own(address: &Secret) -> Option<Proxy> {
    take_apart(&reqwest::Url::parse(address.expose()).ok()?)
}

/// The same, and as the HTTP client wants it.
pub(super) fn both(address: &Secret) -> Option<(reqwest::Proxy, Proxy)> {
    let url = reqwest::Url::parse(address.expose()).ok()?;
    let own = take_apart(&url)?;
    Some((reqwest::Proxy::all(url).ok()?, own))
}

fn take_apart(url: &reqwest::Url) -> Option<Proxy> {
    let host = url.host_str().filter(|_| url.scheme() == "http")?;
    let credentials = (!url.username().is_empty()).then(|| {
        let password = url.password().unwrap_or_default();
        Secret::new(format!("{}:{}", percent_decode(url.username()), percent_decode(password)))
    });
    let port = url.port_or_known_default()?;
    Some(Proxy { host: host.trim_matches(['[', ']']).to_owned(), port, credentials })
}

/// Undoes the percent-encoding that a password in a URL needs.
fn percent_decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let escaped = tail
            .get(..2)
            .filter(|_| *first == b'%')
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { tail.get(2..).unwrap_or_default() } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_taken_apart_with_its_password_decoded() {
        let (_, own) = both(&Secret::new("http://me:p%40ss%2Fw%zz@proxy.example:3128")).unwrap();
        assert_eq!((own.host.as_str(), own.port), ("proxy.example", 3128));
        assert_eq!(own.credentials.unwrap().expose(), "me:p@ss/w%zz");
        assert!(both(&Secret::new("socks5://proxy.example:1080")).is_none());
        assert!(both(&Secret::new("proxy.example")).is_none());
    }
}
