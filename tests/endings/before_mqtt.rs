//! Sections 3.2 and 3.3: names, TCP and proxies.

use std::net::{Ipv4Addr, SocketAddr, TcpStream as BlockingTcp};
use std::time::Duration;

use hangup::config::Secret;
use hangup::connection::error::{ErrorName, RetryClass};
use hangup::connection::limits::Limits;
use hangup::connection::plan::{Plan, Proxy, Transport};
use hangup::connection::report::Report;
use hangup::connection::{Detail, Phase};
use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::{
    EVERY_TRANSPORT, Script, Side, assert_failure, broker, failed, hang_up, hold, limits, listener, plan,
    run, server,
};

fn nowhere() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 1))
}

/// Any name of the DNS family will do: a sandbox without a resolver says "try again" where others say "no".
#[tokio::test]
async fn a_name_that_does_not_exist() {
    let mut plan = plan(Transport::Tcp, nowhere());
    plan.host = "nonexistent.invalid".to_owned();
    let reports = run(plan, limits()).await;
    let failure = failed(&reports);
    let family = [
        ErrorName::DnsInvalidName,
        ErrorName::DnsQueryAgain,
        ErrorName::DnsQueryFailed,
        ErrorName::DnsNoAddress,
    ];
    assert!(family.contains(&failure.error), "{failure:?}");
    assert!(matches!(failure.detail, Detail::Os(_)));
    assert_eq!((failure.phase, failure.class), (Phase::Dns, RetryClass::Network));
}

#[tokio::test]
async fn an_impossible_name() {
    let mut plan = plan(Transport::Tcp, nowhere());
    plan.host = "no\0name".to_owned();
    let reports = run(plan, limits()).await;
    let failure = failed(&reports);
    assert_failure(failure, Phase::Dns, ErrorName::DnsInvalidName, Detail::None, RetryClass::Network);
}

#[tokio::test]
async fn a_refused_connection() {
    let (listener, address) = listener().await;
    drop(listener);
    let reports = run(plan(Transport::Tcp, address), limits()).await;
    let detail = Detail::Os(libc::ECONNREFUSED);
    assert_failure(failed(&reports), Phase::Tcp, ErrorName::ConnectionRefused, detail, RetryClass::Network);
}

/// The kernel refuses to connect to a group address before any packet leaves.
#[tokio::test]
async fn a_network_without_a_route() {
    let mut plan = plan(Transport::Tcp, nowhere());
    plan.host = "224.0.0.1".to_owned();
    let reports = run(plan, limits()).await;
    let detail = Detail::Os(libc::ENETUNREACH);
    assert_failure(failed(&reports), Phase::Tcp, ErrorName::NoRouteToHost, detail, RetryClass::Network);
}

/// A listener whose queue is full drops further SYNs, as a firewall does.
#[tokio::test]
async fn an_address_that_never_answers() {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let mut queue = Vec::new();
    while let Ok(waiting) = BlockingTcp::connect_timeout(&address, Duration::from_millis(200)) {
        queue.push(waiting);
        assert!(queue.len() < 64, "the queue never fills");
    }
    let reports =
        run(plan(Transport::Tcp, address), Limits { tcp: Duration::from_millis(500), ..limits() }).await;
    assert_failure(failed(&reports), Phase::Tcp, ErrorName::SocketTimeout, Detail::None, RetryClass::Network);
}

/// `localhost` has two families on most hosts, and only one of them is listened on.
#[tokio::test]
async fn the_family_that_answers_is_found() {
    let (mut plan, script) = broker(Transport::Tcp, |mut side| async move {
        side.online().await;
        side.reset();
    })
    .await;
    plan.host = "localhost".to_owned();
    let reports = run(plan, limits()).await;
    script.joined().await;
    assert!(reports.iter().any(|report| matches!(report, Report::Restored { active: 1, refused: 0 })));
}

/// A proxy that reads one request and follows `answer`; what it was asked.
async fn proxy(answer: &'static [u8]) -> (Plan, Script) {
    let (address, script) = server(move |mut tcp| async move {
        let asked = request(&mut tcp).await;
        assert!(asked.starts_with("CONNECT broker.invalid:8883 HTTP/1.1\r\nHost: broker.invalid:8883\r\n"));
        assert!(asked.contains("Proxy-Authorization: Basic dXNlcjpwYXNz\r\n"));
        tcp.write_all(answer).await.unwrap();
        hold(&mut tcp).await;
    })
    .await;
    (through(address), script)
}

/// A plan that leads through a proxy to a broker whose name only the proxy can resolve.
fn through(proxy: SocketAddr) -> Plan {
    let credentials = Some(Secret::new("user:pass"));
    let proxy = Proxy { host: proxy.ip().to_string(), port: proxy.port(), credentials };
    let mut plan = plan(Transport::Tcp, nowhere());
    plan.proxy = Some(proxy);
    "broker.invalid".clone_into(&mut plan.host);
    plan.port = 8883;
    plan
}

async fn request(tcp: &mut tokio::net::TcpStream) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        assert!(tcp.read_buf(&mut bytes).await.unwrap() > 0);
    }
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn a_proxy_that_wants_other_credentials() {
    let (plan, script) = proxy(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await;
    let reports = run(plan, limits()).await;
    script.joined().await;
    let (failure, detail) = (failed(&reports), Detail::HttpStatus(407));
    assert_failure(failure, Phase::Proxy, ErrorName::ProxyConnectFailed, detail, RetryClass::Setup);
    assert!(!failure.message.contains("pass"));
}

#[tokio::test]
async fn a_proxy_that_cannot_connect() {
    let (plan, script) = proxy(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n").await;
    let reports = run(plan, limits()).await;
    script.joined().await;
    let detail = Detail::HttpStatus(502);
    assert_failure(
        failed(&reports),
        Phase::Proxy,
        ErrorName::ProxyConnectFailed,
        detail,
        RetryClass::Network,
    );
}

#[tokio::test]
async fn a_proxy_that_is_none() {
    let (plan, script) = proxy(b"220 mail.example ESMTP\r\n").await;
    let reports = run(plan, limits()).await;
    script.joined().await;
    let failure = failed(&reports);
    assert_failure(failure, Phase::Proxy, ErrorName::ProxyConnectFailed, Detail::None, RetryClass::Setup);
}

#[tokio::test]
async fn a_proxy_that_hangs_up() {
    let (address, script) = server(|mut tcp| async move { hang_up(&mut tcp).await }).await;
    let reports = run(through(address), limits()).await;
    script.joined().await;
    assert_failure(failed(&reports), Phase::Proxy, ErrorName::SocketClosed, Detail::Fin, RetryClass::Network);
}

#[tokio::test]
async fn a_silent_proxy() {
    let (address, script) = server(|mut tcp| async move { hold(&mut tcp).await }).await;
    let reports = run(through(address), Limits { proxy: Duration::from_millis(200), ..limits() }).await;
    script.joined().await;
    assert_failure(
        failed(&reports),
        Phase::Proxy,
        ErrorName::ProxyTimeout,
        Detail::None,
        RetryClass::Network,
    );
}

/// Every transport works through a proxy; SNI, `Host` and certificate are the broker's.
#[tokio::test]
async fn a_tunnel() {
    for transport in EVERY_TRANSPORT {
        let (listener, target) = listener().await;
        let kind = transport.clone();
        let inner = tokio::spawn(async move {
            let mut side = Side::accept(&listener, &kind).await;
            side.online().await;
            side.reset();
        });
        let (address, script) = server(move |mut tcp| async move {
            request(&mut tcp).await;
            tcp.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
            let mut onward = tokio::net::TcpStream::connect(target).await.unwrap();
            // Ends with the broker's reset.
            let _ = tokio::io::copy_bidirectional(&mut tcp, &mut onward).await;
        })
        .await;
        let mut plan = plan(transport, target);
        plan.proxy = Some(Proxy { host: address.ip().to_string(), port: address.port(), credentials: None });
        let reports = run(plan, limits()).await;
        assert!(reports.iter().any(|report| matches!(report, Report::Restored { .. })), "{reports:?}");
        inner.await.unwrap();
        script.joined().await;
    }
}
