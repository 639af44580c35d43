//! The upgrade from HTTP to WebSocket with the subprotocol `mqtt`.
//!
//! The request is written by hand: a presigned target must go out byte for byte, and must not pass through a
//! library that may log or quote it. Never follows a redirect.

use std::time::{Duration, SystemTime};

use tokio::io::AsyncWriteExt;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::Wire;
use super::head::{Head, NoHead, bracketed};
use crate::clock;
use crate::connection::plan::Plan;
use crate::connection::{Failure, Phase, classify};

pub(crate) type Websocket = WebSocketStream<Wire>;

const BUFFER: usize = 8 * 1024;
/// A frame may carry several packets; the single packet is checked by the MQTT decoder.
const SLACK: usize = 64 * 1024;

/// Upgrades `wire`.
pub(super) async fn upgrade(mut wire: Wire, plan: &Plan) -> Result<Websocket, Failure> {
    let key = generate_key();
    let request = request(plan, &key)?;
    // A failed write is left to the read that follows: the peer's last words (a TLS alert) tell more.
    if wire.write_all(request.as_bytes()).await.is_ok() {
        let _ = wire.flush().await;
    }
    let head = Head::read(&mut wire, Phase::Websocket).await.map_err(|why| match why {
        NoHead::Failed(failure) => failure,
        NoHead::NotHttp => {
            classify::websocket_breach(Phase::Websocket, "what answered is not an HTTP server")
        }
        NoHead::Tls => {
            let what = "what answered speaks TLS, and we do not on this connection: `wss://` or another port";
            classify::websocket_breach(Phase::Websocket, what)
        }
    })?;
    check(&head, &key)?;
    let largest = plan.max_packet_size.saturating_add(SLACK);
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER)
        .write_buffer_size(BUFFER)
        .max_message_size(Some(largest))
        .max_frame_size(Some(largest));
    Ok(WebSocketStream::from_partially_read(wire, head.rest, Role::Client, Some(config)).await)
}

fn request(plan: &Plan, key: &str) -> Result<String, Failure> {
    let target = plan.request_target.expose();
    // A line break in either would let them write headers.
    let clean = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    if !target.starts_with('/') || !clean(target) || !clean(&plan.host) {
        let what = "the path of the endpoint is not one that HTTP allows";
        return Err(classify::websocket_breach(Phase::Websocket, what));
    }
    // The host goes without its port, whatever the port: SigV4 signs the bare host, and a server that verifies
    // the signature compares it with this header.
    let host = bracketed(&plan.host);
    let mut request = format!(
        "GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: mqtt\r\n"
    );
    for (name, value) in &plan.upgrade_headers {
        if !is_further_header(name, value.expose()) {
            let what =
                "a further header of the upgrade is not one that HTTP allows, or one of the upgrade itself";
            return Err(classify::websocket_breach(Phase::Websocket, what));
        }
        request.extend([name.as_str(), ": ", value.expose(), "\r\n"]);
    }
    request.push_str("\r\n");
    Ok(request)
}

/// Whether a header may stand beside those of the upgrade: a line break would begin another one, and a second `Host`
/// or `Upgrade` would be another request to some servers.
#[must_use]
pub fn is_further_header(name: &str, value: &str) -> bool {
    const OURS: &[&str] = &["host", "connection", "upgrade", "content-length", "transfer-encoding"];
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let visible = |byte: u8| matches!(byte, b' ' | b'\t') || byte.is_ascii_graphic();
    let lower = name.to_ascii_lowercase();
    !name.is_empty()
        && name.bytes().all(token)
        && value.bytes().all(visible)
        && !OURS.contains(&lower.as_str())
        && !lower.starts_with("sec-websocket-")
}

fn check(head: &Head, key: &str) -> Result<(), Failure> {
    if head.status != 101 {
        let now = clock::now().wall;
        let mut failure = classify::upgrade_status(head.status, head.header("date").and_then(date), now);
        failure.retry_after = head.header("retry-after").and_then(|text| wait(text, now));
        return Err(failure);
    }
    let breach = |what| Err(classify::websocket_breach(Phase::Websocket, what));
    if !head.lists("connection", "upgrade") || !head.lists("upgrade", "websocket") {
        return breach("the answer does not upgrade to WebSocket");
    }
    if head.header("sec-websocket-accept") != Some(derive_accept_key(key.as_bytes()).as_str()) {
        return breach("the answer is to another request");
    }
    if head.header("sec-websocket-protocol") != Some("mqtt") {
        return breach(
            "the server does not speak MQTT over WebSocket: it did not choose the subprotocol `mqtt`",
        );
    }
    if head.header("sec-websocket-extensions").is_some_and(|extensions| !extensions.is_empty()) {
        return breach("the server uses an extension that we did not offer");
    }
    Ok(())
}

/// An HTTP date, as the headers `Date` and `Retry-After` carry it.
fn date(text: &str) -> Option<SystemTime> {
    jiff::fmt::rfc2822::parse(text).ok().map(|zoned| SystemTime::from(zoned.timestamp()))
}

/// `Retry-After`: seconds or a date.
fn wait(text: &str, now: SystemTime) -> Option<Duration> {
    match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => date(text)?.duration_since(now).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;
    use crate::connection::plan::Transport;

    #[test]
    fn further_headers_stand_in_the_request_and_can_not_write_others() {
        let with = |name: &str, value: &str| {
            let mut plan = Plan::to("broker", 443, Transport::Wss, "client");
            plan.upgrade_headers = vec![(name.to_owned(), Secret::new(value))];
            request(&plan, "key")
        };
        let fine = with("x-amz-customauthorizer-name", "mine").unwrap();
        assert!(fine.ends_with("\r\nx-amz-customauthorizer-name: mine\r\n\r\n"), "{fine}");
        for (name, value) in [
            ("token", "a\r\nX: y"),
            ("token", "a\nX: y"),
            ("token", "a\0"),
            ("to ken", "a"),
            ("token:", "a"),
            ("", "a"),
            ("HOST", "elsewhere"),
            ("Upgrade", "h2c"),
            ("Content-Length", "5"),
            ("Sec-WebSocket-Key", "a"),
        ] {
            let failure = with(name, value).unwrap_err();
            assert!(!failure.message.contains("elsewhere"), "{failure:?}");
        }
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let now = date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        assert_eq!(wait("120", now), Some(Duration::from_secs(120)));
        assert_eq!(wait("Sun, 06 Nov 1994 08:50:37 GMT", now), Some(Duration::from_secs(60)));
        assert_eq!(wait("Sun, 06 Nov 1994 08:48:37 GMT", now), None);
        assert_eq!(wait("soon", now), None);
    }
}
