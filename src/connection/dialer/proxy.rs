//! A tunnel through an HTTP proxy, by CONNECT.
//!
//! Never sends the proxy's credentials anywhere else, and never shows them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::AsyncWriteExt;

use super::Wire;
use super::head::{Head, NoHead, bracketed};
use crate::connection::error::{ErrorName, RetryClass};
use crate::connection::plan::Proxy;
use crate::connection::{Failure, Phase, classify};

/// Asks the proxy to connect to the broker. What comes after its answer is the broker's.
pub(super) async fn connect(wire: &mut Wire, proxy: &Proxy, host: &str, port: u16) -> Result<(), Failure> {
    // A failed write is left to the read that follows: the proxy's last words tell more.
    if wire.write_all(request(proxy, host, port).as_bytes()).await.is_ok() {
        let _ = wire.flush().await;
    }
    let head = Head::read(wire, Phase::Proxy).await.map_err(|why| match why {
        NoHead::Failed(failure) => failure,
        NoHead::NotHttp | NoHead::Tls => no_proxy("what answered is not an HTTP proxy"),
    })?;
    if !(200..300).contains(&head.status) {
        return Err(classify::proxy_status(head.status));
    }
    // Over all our transports the client speaks first, so nothing can be meant for us yet.
    if head.rest.is_empty() { Ok(()) } else { Err(no_proxy("the proxy sent more than its answer")) }
}

fn no_proxy(message: &str) -> Failure {
    Failure::new(Phase::Proxy, ErrorName::ProxyConnectFailed, message).with_class(RetryClass::Setup)
}

fn request(proxy: &Proxy, host: &str, port: u16) -> String {
    let authority = format!("{}:{port}", bracketed(host));
    let authorisation = proxy.credentials.as_ref().map_or_else(String::new, |credentials| {
        format!("Proxy-Authorization: Basic {}\r\n", STANDARD.encode(credentials.expose()))
    });
    format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n{authorisation}\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    #[test]
    fn credentials_become_basic_authorisation() {
        let credentials = Some(Secret::new("Aladdin:open sesame"));
        let proxy = Proxy { host: "proxy".to_owned(), port: 3128, credentials };
        let expected = "CONNECT broker:443 HTTP/1.1\r\nHost: broker:443\r\n\
                        Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n";
        assert_eq!(request(&proxy, "broker", 443), expected);
        let proxy = Proxy { credentials: None, ..proxy };
        assert_eq!(request(&proxy, "::1", 1), "CONNECT [::1]:1 HTTP/1.1\r\nHost: [::1]:1\r\n\r\n");
    }
}
