//! `[connection.source.broker]`: any MQTT broker, by its URL.
//!
//! Never takes a user name or a password in the URL, and never repeats one that somebody wrote there.

use std::fmt;

use reqwest::Url;
use toml::de::DeValue;

use super::file::Fields;
use super::mqtt::{self, Mqtt};
use super::navien::{is_host, proxy};
use super::secret_field::{self, Inline, Surroundings};
use super::tls::{self, Tls};
use super::{Secret, SecretSource, value};
use crate::connection::dialer::is_further_header;
use crate::connection::plan::{Transport, Version};

/// A broker. Its `Debug` tells no more than where it is.
#[derive(Clone, PartialEq)]
pub struct Broker {
    /// What its URL says.
    pub address: Address,
    /// MQTT as it is spoken there.
    pub mqtt: Mqtt,
    /// User name. Personal: never logged.
    pub username: Option<SecretSource>,
    /// Password, read anew at each attempt when it is a file.
    pub password: Option<SecretSource>,
    /// TLS; without effect where the transport has none.
    pub tls: Tls,
    /// HTTP proxy, `http://user:password@host:port`.
    pub proxy: Option<Secret>,
    /// Further headers of the WebSocket upgrade.
    pub headers: Vec<(String, SecretSource)>,
    /// Larger packets from the broker end the session with a name of its own. Bytes.
    pub max_packet_size: usize,
}

/// Where a broker is and what lies under MQTT there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// TCP, TLS, WebSocket or secure WebSocket.
    pub transport: Transport,
    /// Host name or IP address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Path and query of the WebSocket upgrade; a query may hold a token.
    pub target: Secret,
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker").field("address", &self.address).finish_non_exhaustive()
    }
}

/// `host:port`, with the brackets of IPv6.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, .. } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

/// What a scheme means, and its port.
const SCHEMES: &[(&str, Transport, u16)] = &[
    ("mqtt", Transport::Tcp, 1883),
    ("mqtts", Transport::Tls, 8883),
    ("ws", Transport::Ws, 80),
    ("wss", Transport::Wss, 443),
];

/// Where most brokers listen for WebSockets.
const PATH: &str = "/mqtt";

/// Packets may be this large: a picture passes, a flood of them does not fill the memory.
const LARGEST: usize = 4 * 1024 * 1024;

/// Reads the broker; `None` when its URL is missing or wrong.
pub(super) fn broker(mut fields: Fields<'_, '_>, around: &Surroundings<'_>) -> Option<Broker> {
    let address = fields.require("url", "url = \"mqtt://broker.example.com:1883\"", address);
    let mqtt = mqtt::read(&mut fields, Version::V311, 2, around);
    let username = secret_field::read(&mut fields, "username", Inline::Allowed, around);
    let password = secret_field::read(&mut fields, "password", Inline::Refused, around);
    if fields.has("password") && !fields.has("username") && mqtt.version == Version::V311 {
        fields.problem("password", "comes with a `username` in MQTT 3.1.1: write one too");
    }
    let has_tls = address.as_ref().is_none_or(|address| address.transport.has_tls());
    let tls = tls::read(&mut fields, around);
    if !has_tls {
        tls::refuse(&fields, "its `url` would begin with `mqtts://` or `wss://`");
    }
    let headers = fields
        .table("headers")
        .map_or_else(Vec::new, |headers| secret_field::table(&headers, header_fault, around));
    if fields.has("headers") && address.as_ref().is_some_and(|address| !address.transport.has_websocket()) {
        fields.problem("headers", "belong to a WebSocket: the `url` would begin with `ws://` or `wss://`");
    }
    let proxy = proxy(&mut fields, around);
    let largest = fields.read("max_packet_size", value::size(1 << 10..=255 << 20));
    fields.finish();
    Some(Broker {
        address: address?,
        mqtt,
        username,
        password,
        tls,
        proxy,
        headers,
        max_packet_size: largest.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(LARGEST),
    })
}

fn address(field: &DeValue<'_>) -> Result<Address, String> {
    const EXAMPLE: &str = "write for example `mqtt://broker.example.com:1883`, `mqtts://broker.example.com`, \
        `ws://broker.example.com/mqtt` or `wss://broker.example.com/mqtt`";
    let text = value::text(field)?;
    // The parser's faults are fixed phrases: none repeats what it read.
    let url = Url::parse(&text).map_err(|fault| format!("is not a URL: {fault} ({EXAMPLE})"))?;
    let scheme = SCHEMES.iter().find(|(scheme, ..)| *scheme == url.scheme());
    let (_, transport, port) = scheme.ok_or_else(|| match url.scheme() {
        // As other programs call them.
        "tcp" => "has the scheme `tcp`, which is called `mqtt` here: write `mqtt://…`".to_owned(),
        "ssl" | "tls" | "mqtt+ssl" => {
            format!("has the scheme `{}`, which is called `mqtts` here: write `mqtts://…`", url.scheme())
        }
        _ => format!("has a scheme that is no broker's ({EXAMPLE})"),
    })?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            "must not hold a user name or a password: write `username = \"…\"` and `password = { file = \
                    \"broker-password\" }` beside it"
                .to_owned(),
        );
    }
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    if !is_host(host) {
        return Err(format!("has no host name that can be looked up ({EXAMPLE})"));
    }
    if url.port() == Some(0) {
        return Err(format!("has port 0, which nothing listens on ({EXAMPLE})"));
    }
    if url.fragment().is_some() {
        return Err(format!("has a `#`, which no broker sees ({EXAMPLE})"));
    }
    let path_is_written = text.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
    if !transport.has_websocket() && (url.query().is_some() || !matches!(url.path(), "" | "/")) {
        return Err(format!("must end with the port: only a WebSocket has a path ({EXAMPLE})"));
    }
    let path = if path_is_written { url.path() } else { PATH };
    let query = url.query().map_or_else(String::new, |query| format!("?{query}"));
    Ok(Address {
        transport: transport.clone(),
        host: host.to_owned(),
        port: url.port().unwrap_or(*port),
        target: Secret::new(format!("{path}{query}")),
    })
}

/// What is wrong with the name of a further header of the upgrade.
pub(super) fn header_fault(name: &str) -> Option<String> {
    let fine = name.len() <= 128 && is_further_header(name, "");
    (!fine).then(|| {
        "this key is not the name of a header, or of one that the upgrade has itself (write for example `x-token = …`)"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Result<Address, String> {
        address(&DeValue::String(url.into()))
    }

    #[test]
    fn a_url_says_what_lies_under_mqtt_and_where() {
        for (url, transport, place, target) in [
            ("mqtt://broker.lan", Transport::Tcp, "broker.lan:1883", "/mqtt"),
            ("mqtt://broker.lan:1999/", Transport::Tcp, "broker.lan:1999", "/"),
            ("mqtts://192.0.2.1", Transport::Tls, "192.0.2.1:8883", "/mqtt"),
            ("mqtts://[2001:db8::1]:8884", Transport::Tls, "[2001:db8::1]:8884", "/mqtt"),
            ("ws://broker.lan", Transport::Ws, "broker.lan:80", "/mqtt"),
            ("ws://broker.lan/", Transport::Ws, "broker.lan:80", "/"),
            ("wss://[::1]/ws?token=a%2Fb", Transport::Wss, "[::1]:443", "/ws?token=a%2Fb"),
            ("wss://broker.lan:443/ws", Transport::Wss, "broker.lan:443", "/ws"),
        ] {
            let address = read(url).unwrap();
            assert_eq!(address.transport, transport, "{url}");
            assert_eq!((address.to_string().as_str(), address.target.expose()), (place, target), "{url}");
        }
    }

    #[test]
    fn a_wrong_url_is_told_with_a_right_one_and_without_its_secrets() {
        for (url, fault) in [
            ("broker.lan", "is not a URL"),
            ("tcp://broker.lan:1883", "which is called `mqtt` here"),
            ("ssl://broker.lan", "which is called `mqtts` here"),
            ("broker.lan:1883", "a scheme that is no broker's"),
            ("http://broker.lan", "a scheme that is no broker's"),
            ("mqtt://", "no host name"),
            ("mqtt://broker.lan/path", "only a WebSocket has a path"),
            ("mqtt://broker.lan:0", "port 0"),
            ("mqtt://broker.lan:99999", "is not a URL: invalid port number"),
            ("mqtt://me:hunter2@broker.lan:mqtt", "is not a URL: invalid port number"),
            ("ws://broker.lan/#here", "which no broker sees"),
            ("mqtt://me:hunter2@broker.lan", "must not hold a user name"),
        ] {
            let told = read(url).unwrap_err();
            assert!(
                told.contains(fault) && told.contains("write ") && !told.contains("hunter2"),
                "{url}: {told}"
            );
        }
    }

    #[test]
    fn a_header_has_a_name_and_is_not_one_of_the_upgrade() {
        assert_eq!(header_fault("X-Token"), None);
        for wrong in ["", "X Token", "X:", "Sec-WebSocket-Key", "HOST"] {
            assert!(header_fault(wrong).is_some(), "{wrong}");
        }
    }
}
