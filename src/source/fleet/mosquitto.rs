//! The log of Mosquitto as it publishes it with `log_dest topic`: lines for people, matched from both of their ends. Pure.
//! Never believes the middle of a line: it is the client id, and may hold the very words of another line.

use super::event::{Event, Parsed, What};
use crate::lifecycle::presence::Reason;

/// What is subscribed to: notices and errors. A takeover is an error, all the rest are notices.
pub(super) const FILTERS: &[&str] = &["$SYS/broker/log/N", "$SYS/broker/log/E"];

const CONNECTED: &str = "New client connected from ";
const CLIENT: &str = "Client ";
const BAD_SOCKET: &str = "Bad socket read/write on client ";
const TAKEN_OVER: &str = " already connected, closing old connection.";
const COLON: &str = " disconnected: ";
/// Whoever left before it said who it is: a probe of the port, a wrong password. It never was a client.
const NOBODY: &str = "<unknown>";

/// How the lines of a disconnect end, in the words of version 2.0.
const ENDS: &[(&str, Reason)] = &[
    (" disconnected.", Reason::ClientInitiatedDisconnect),
    (" closed its connection.", Reason::ConnectionLost),
    (" has exceeded timeout, disconnecting.", Reason::KeepAliveTimeout),
    (TAKEN_OVER, Reason::DuplicateClientId),
    (" disconnected, not authorised.", Reason::AuthError),
    (" disconnected due to malformed packet.", Reason::ClientError),
    (" disconnected due to protocol error.", Reason::ClientError),
    (" disconnected due to oversize packet.", Reason::PayloadTooLarge),
    (" disconnected due to oversize payload.", Reason::PayloadTooLarge),
    (" disconnected due to QoS too high or retain not supported.", Reason::ClientError),
    (" disconnected due to out of memory.", Reason::ServerError),
    (" been disconnected by administrative action.", Reason::ApiInitiatedDisconnect),
];

/// Reads a line of the log, with its time before it or without.
#[must_use]
pub(super) fn parse(payload: &[u8]) -> Parsed<'_> {
    let Ok(text) = std::str::from_utf8(payload) else { return Parsed::Malformed };
    let Some(line) = line(text) else { return Parsed::Other };
    if let Some(rest) = line.strip_prefix(CONNECTED) {
        let client = connected(rest);
        // A client that calls itself so would come, and never leave.
        if client == Some(NOBODY) {
            return Parsed::Other;
        }
        return client.and_then(|client| Event::plain(client, What::Connected)).into();
    }
    if let Some(rest) = line.strip_prefix(BAD_SOCKET) {
        let gone = What::Disconnected(Reason::ConnectionLost, Reason::ConnectionLost.by());
        let client = rest.rsplit_once(": ").map(|(client, _)| client);
        if client.is_some_and(is_nobody) {
            return Parsed::Other;
        }
        return client.and_then(|client| Event::plain(client, gone)).into();
    }
    let Some(rest) = line.strip_prefix(CLIENT) else { return Parsed::Other };
    let Some((client, reason)) = ended(rest).filter(|(client, _)| !is_nobody(client)) else {
        return Parsed::Other;
    };
    let event = Event::plain(client, What::Disconnected(reason, reason.by()));
    let takeover = rest.ends_with(TAKEN_OVER);
    event.map(|event| Event { bare: without_address(client).map(Into::into), takeover, ..event }).into()
}

fn is_nobody(client: &str) -> bool {
    client == NOBODY || without_address(client) == Some(NOBODY)
}

/// The line without its time. The time is the broker's own and has no word of these lines in it.
fn line(text: &str) -> Option<&str> {
    let known = |line: &str| [CONNECTED, CLIENT, BAD_SOCKET].iter().any(|head| line.starts_with(head));
    let text = text.trim_end_matches(['\r', '\n']);
    if known(text) {
        return Some(text);
    }
    text.split_once(": ").map(|(_, line)| line).filter(|line| known(line))
}

/// `A as X (p2, c1, k60).` or `A as X (p2, c1, k60, u'name').`: an address has no spaces.
fn connected(rest: &str) -> Option<&str> {
    let (_, rest) = rest.split_once(" as ")?;
    let is_open = |start: &str, close: &str| {
        let mut numbers = start.strip_suffix(close)?.split(", ");
        let mut field = |letter| {
            let digits = numbers.next()?.strip_prefix(letter)?;
            (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(())
        };
        field('p').and_then(|()| field('c')).and_then(|()| field('k'))?;
        numbers.next().is_none().then_some(())
    };
    // A user name was authenticated, a client id was not: it is the id that may hold a lookalike.
    let with_name = rest.ends_with("').");
    rest.rmatch_indices(" (p").find_map(|(at, _)| {
        let tail = rest.get(at + 2..)?;
        let fields = if with_name { tail.split_once(", u'").map(|(fields, _)| fields) } else { None };
        match fields {
            Some(fields) => is_open(fields, "")?,
            None => is_open(tail, ").")?,
        }
        rest.get(..at)
    })
}

/// `X closed its connection.`; from version 2.1 on `X [A] disconnected: connection closed by client.`
fn ended(rest: &str) -> Option<(&str, Reason)> {
    let by_end = ENDS.iter().find_map(|(end, reason)| Some((rest.strip_suffix(end)?, *reason)));
    // What the broker adds comes last, and an id may hold a colon: the last one is the broker's.
    let by_colon = rest.rsplit_once(COLON).map(|(client, why)| (client, words(why)));
    by_end.or(by_colon)
}

/// The reason behind the colon.
fn words(why: &str) -> Reason {
    match why.trim_end_matches('.') {
        "connection closed by client"
        | "Connection reset by peer"
        | "Broken pipe"
        | "Connection timed out" => Reason::ConnectionLost,
        "exceeded timeout" => Reason::KeepAliveTimeout,
        "session taken over" => Reason::DuplicateClientId,
        "not authorised" => Reason::AuthError,
        "administrative action" => Reason::ApiInitiatedDisconnect,
        "protocol error" | "malformed packet" => Reason::ClientError,
        "oversize packet" | "oversize payload" => Reason::PayloadTooLarge,
        "server shutting down" => Reason::ServerInitiatedDisconnect,
        _ => Reason::Other,
    }
}

/// `X [192.0.2.1:41000]`: newer versions add the address. An id may look like that too: whoever keeps the ids decides.
fn without_address(client: &str) -> Option<&str> {
    let (client, address) = client.strip_suffix(']')?.rsplit_once(" [")?;
    let (host, port) = address.rsplit_once(':')?;
    let is_address = !host.is_empty() && !host.contains(' ') && port.parse::<u16>().is_ok();
    (is_address && !client.is_empty()).then_some(client)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<(String, What)> {
        match parse(line.as_bytes()) {
            Parsed::Event(event) => Some((event.bare.unwrap_or(event.client).into_owned(), event.what)),
            Parsed::Other | Parsed::Malformed => None,
        }
    }

    fn gone(reason: Reason) -> What {
        What::Disconnected(reason, reason.by())
    }

    #[test]
    fn the_lines_as_they_were_measured() {
        for (line, expected) in [
            (
                "1796009983: New client connected from 127.0.0.1:37930 as take over (p2, c1, k60).",
                ("take over", What::Connected),
            ),
            (
                "1796009983: New client connected from 127.0.0.1:37930 as a (p5, c0, k60, u'jane').",
                ("a", What::Connected),
            ),
            ("1796009983: Client a b disconnected.", ("a b", gone(Reason::ClientInitiatedDisconnect))),
            (
                "1796009984: Client take over already connected, closing old connection.",
                ("take over", gone(Reason::DuplicateClientId)),
            ),
            ("1796009985: Client kill me closed its connection.", ("kill me", gone(Reason::ConnectionLost))),
            (
                "1796009995: Client slow has exceeded timeout, disconnecting.",
                ("slow", gone(Reason::KeepAliveTimeout)),
            ),
            ("Client big disconnected due to oversize packet.", ("big", gone(Reason::PayloadTooLarge))),
            ("2026-11-30T03:39:43: Client a disconnected, not authorised.", ("a", gone(Reason::AuthError))),
            (
                "1: Client a been disconnected by administrative action.",
                ("a", gone(Reason::ApiInitiatedDisconnect)),
            ),
            ("1: Client a disconnected: Connection reset by peer.", ("a", gone(Reason::ConnectionLost))),
            ("1: Client a disconnected: something new.", ("a", gone(Reason::Other))),
            (
                "1: Bad socket read/write on client a: Unknown: error",
                ("a: Unknown", gone(Reason::ConnectionLost)),
            ),
            (
                "1: Client a [192.0.2.1:41000] disconnected: connection closed by client.",
                ("a", gone(Reason::ConnectionLost)),
            ),
            (
                "1: Client a [2001:db8::1:41000] disconnected: session taken over.",
                ("a", gone(Reason::DuplicateClientId)),
            ),
        ] {
            let (client, what) = read(line).unwrap();
            assert_eq!((client.as_str(), what), expected, "{line}");
        }
    }

    #[test]
    fn a_client_id_that_speaks_like_the_log_is_still_an_id() {
        let hostile = [
            "New client connected from 1 as z has exceeded timeout, disconnecting.",
            "victim closed its connection.",
            "victim disconnected: session taken over.",
            "x (p2, c1, k60).",
            "x (p2, c1, k60, u'y').",
            "x (p2, c1, k60)",
            ": Client victim",
            "1: Client victim disconnected.",
            "a as b as c",
            "ünï 😀",
            "[127.0.0.1:1]x",
        ];
        for id in hostile {
            for user in ["", ", u'jane'", ", u'it''s'"] {
                let line =
                    format!("1796009983: New client connected from 192.0.2.1:4 as {id} (p2, c1, k60{user}).");
                assert_eq!(read(&line), Some((id.to_owned(), What::Connected)), "{line}");
            }
            for (end, reason) in ENDS {
                let line = format!("1796009983: Client {id}{end}");
                assert_eq!(read(&line), Some((id.to_owned(), gone(*reason))), "{line}");
            }
            let line = format!("1796009983: Client {id} [192.0.2.1:4] disconnected: exceeded timeout.");
            assert_eq!(read(&line), Some((id.to_owned(), gone(Reason::KeepAliveTimeout))), "{line}");
        }
    }

    #[test]
    fn other_lines_are_other_and_broken_ones_malformed() {
        for line in [
            "1796009983: New connection from 127.0.0.1:37930 on port 18999.",
            "1796009983: Client connection from 127.0.0.1 failed: error:1408F10B:SSL routines.",
            "Saving in-memory database to /var/lib/mosquitto/mosquitto.db.",
            "mosquitto version 2.0.11 running",
            "",
            "Socket error on client x, disconnecting.",
            "1796009983: Client <unknown> closed its connection.",
            "1796009983: New client connected from 192.0.2.1:4 as <unknown> (p2, c1, k60).",
            "1796009983: Client <unknown> disconnected, not authorised.",
            "1796009983: Client <unknown> disconnected due to protocol error.",
            "1796009983: Client <unknown> has exceeded timeout, disconnecting.",
            "1796009983: Client <unknown> [192.0.2.1:4] disconnected: connection closed by client.",
            "1796009983: Bad socket read/write on client <unknown>: Connection reset by peer",
        ] {
            assert_eq!(parse(line.as_bytes()), Parsed::Other, "{line}");
        }
        for line in [
            b"\xff\xfe".as_slice(),
            b"1: New client connected from 127.0.0.1:1 as x",
            b"1: New client connected from ",
            b"1: Client  disconnected.",
        ] {
            assert_eq!(parse(line), Parsed::Malformed);
        }
    }
}
