//! The head of an HTTP/1.1 answer: its status and the few headers we look at.
//!
//! Never reads a body, and never shows what the peer wrote.

use std::borrow::Cow;

use tokio::io::AsyncReadExt;

use super::Wire;
use crate::connection::classify::{self, Broken};
use crate::connection::{Failure, Phase};

/// More than any proxy or broker sends.
const LONGEST: usize = 16 * 1024;
const MOST_HEADERS: usize = 64;

/// Status, headers and what followed them in the same reads.
pub(super) struct Head {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    /// Bytes that came after the head.
    pub(super) rest: Vec<u8>,
}

/// Why there is no head.
#[derive(Debug)]
pub(super) enum NoHead {
    /// The stream broke first.
    Failed(Failure),
    /// What came is not HTTP, or too long.
    NotHttp,
    /// What came is TLS, which we do not speak here.
    Tls,
}

impl Head {
    /// Reads until the empty line.
    pub(super) async fn read(wire: &mut Wire, phase: Phase) -> Result<Self, NoHead> {
        let mut bytes = Vec::with_capacity(1024);
        loop {
            match wire.read_buf(&mut bytes).await {
                Ok(0) => {
                    let end = wire.ended().unwrap_or(Broken::Fin);
                    return Err(NoHead::Failed(classify::broken(phase, &end)));
                }
                Ok(_) => {}
                Err(error) => return Err(NoHead::Failed(classify::io(phase, &error))),
            }
            match Self::parse(&bytes) {
                Ok(Some(head)) => return Ok(head),
                Ok(None) if bytes.len() < LONGEST => {}
                Err(NotHttp) if classify::speaks_tls(&bytes) => return Err(NoHead::Tls),
                Ok(None) | Err(NotHttp) => return Err(NoHead::NotHttp),
            }
        }
    }

    /// The first header of this name.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Whether a header lists `token`.
    pub(super) fn lists(&self, name: &str, token: &str) -> bool {
        self.header(name).is_some_and(|value| value.split(',').any(|v| v.trim().eq_ignore_ascii_case(token)))
    }

    fn parse(bytes: &[u8]) -> Result<Option<Self>, NotHttp> {
        let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        let length = match response.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err(NotHttp),
        };
        let headers = response
            .headers
            .iter()
            .map(|h| (h.name.to_owned(), String::from_utf8_lossy(h.value).trim().to_owned()))
            .collect();
        let rest = bytes.get(length..).unwrap_or_default().to_vec();
        Ok(Some(Self { status: response.code.unwrap_or_default(), headers, rest }))
    }
}

#[derive(Debug)]
struct NotHttp;

/// A host as HTTP writes it: IPv6 addresses stand in brackets.
pub(super) fn bracketed(host: &str) -> Cow<'_, str> {
    if host.contains(':') && !host.starts_with('[') { format!("[{host}]").into() } else { host.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_ends_at_the_empty_line() {
        let head =
            Head::parse(b"HTTP/1.1 101 Yes\r\nConnection: keep-alive, Upgrade\r\n\r\nrest").unwrap().unwrap();
        assert_eq!((head.status, head.rest.as_slice()), (101, &b"rest"[..]));
        assert!(head.lists("connection", "upgrade"));
        assert!(!head.lists("connection", "up"));
        assert!(Head::parse(b"HTTP/1.1 101 Yes\r\nConn").unwrap().is_none());
        assert!(Head::parse(b"\x20\x02\x00\x00\r\n\r\n").is_err());
    }
}
