//! Section 3.5: the upgrade to WebSocket.

use std::time::Duration;

use hangup::connection::error::{ErrorName, RetryClass};
use hangup::connection::limits::Limits;
use hangup::connection::plan::Transport;
use hangup::connection::{Detail, Failure, Phase};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{assert_failure, failed, hang_up, hold, limits, plan, run, server};
use crate::tls::Authority;

async fn asked(tcp: &mut TcpStream) {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        assert!(tcp.read_buf(&mut bytes).await.unwrap() > 0);
    }
}

/// What becomes of an upgrade that is answered so.
async fn answered(answer: String) -> Failure {
    let (address, script) = server(move |mut tcp| async move {
        asked(&mut tcp).await;
        tcp.write_all(answer.as_bytes()).await.unwrap();
        hold(&mut tcp).await;
    })
    .await;
    let reports = run(plan(Transport::Ws, address), limits()).await;
    script.joined().await;
    failed(&reports).clone()
}

#[tokio::test]
async fn a_status_other_than_101_decides_the_class() {
    for (status, class) in [
        (401, RetryClass::Credential),
        (403, RetryClass::Credential),
        (404, RetryClass::Setup),
        (426, RetryClass::Setup),
        (429, RetryClass::Service),
        (503, RetryClass::Service),
    ] {
        let failure = answered(format!("HTTP/1.1 {status} No\r\nX-Secret: token\r\n\r\n<p>token</p>")).await;
        let detail = Detail::HttpStatus(status);
        assert_failure(&failure, Phase::Websocket, ErrorName::WebsocketUpgradeFailure, detail, class);
        assert_eq!(failure.retry_after, None);
        assert!(!failure.message.contains("token"));
    }
}

#[tokio::test]
async fn the_wait_that_a_server_asks_for_is_kept() {
    let failure = answered("HTTP/1.1 503 Busy\r\nRetry-After: 17\r\n\r\n".to_owned()).await;
    assert_eq!(failure.retry_after, Some(Duration::from_secs(17)));
}

#[tokio::test]
async fn a_refusal_by_a_server_in_another_time() {
    let failure = answered("HTTP/1.1 403 No\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n".to_owned()).await;
    let detail = Detail::HttpStatus(403);
    assert_failure(&failure, Phase::Websocket, ErrorName::ClockSkew, detail, RetryClass::Credential);
}

#[tokio::test]
async fn an_answer_without_the_subprotocol() {
    let (address, script) = server(|tcp| async move {
        // The library's plain upgrade chooses no subprotocol.
        let mut websocket = tokio_tungstenite::accept_async(tcp).await.unwrap();
        hold(websocket.get_mut()).await;
    })
    .await;
    let reports = run(plan(Transport::Ws, address), limits()).await;
    script.joined().await;
    let error = ErrorName::WebsocketProtocolError;
    assert_failure(failed(&reports), Phase::Websocket, error, Detail::None, RetryClass::Setup);
}

#[tokio::test]
async fn an_answer_to_another_request() {
    let failure = answered(
        "HTTP/1.1 101 Yes\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: mqtt\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
            .to_owned(),
    )
    .await;
    let error = ErrorName::WebsocketProtocolError;
    assert_failure(&failure, Phase::Websocket, error, Detail::None, RetryClass::Setup);
}

#[tokio::test]
async fn an_answer_that_is_not_http() {
    let failure = answered("SSH-2.0-OpenSSH_9.2\r\n\r\n".to_owned()).await;
    let error = ErrorName::WebsocketProtocolError;
    assert_failure(&failure, Phase::Websocket, error, Detail::None, RetryClass::Setup);
}

#[tokio::test]
async fn an_answer_without_end() {
    let failure = answered(format!("HTTP/1.1 200 OK\r\nX-Long: {}", "x".repeat(32 * 1024))).await;
    let error = ErrorName::WebsocketProtocolError;
    assert_failure(&failure, Phase::Websocket, error, Detail::None, RetryClass::Setup);
}

#[tokio::test]
async fn a_close_before_the_answer() {
    let (address, script) = server(|mut tcp| async move {
        asked(&mut tcp).await;
        hang_up(&mut tcp).await;
    })
    .await;
    let reports = run(plan(Transport::Ws, address), limits()).await;
    script.joined().await;
    let error = ErrorName::HttpConnectionClosed;
    assert_failure(failed(&reports), Phase::Websocket, error, Detail::Fin, RetryClass::Network);
}

#[tokio::test]
async fn an_orderly_close_before_the_answer() {
    let (address, script) = server(|tcp| async move {
        let mut tls = Authority::ours().acceptor().accept(tcp).await.unwrap();
        hang_up(&mut tls).await;
    })
    .await;
    let reports = run(plan(Transport::Wss, address), limits()).await;
    script.joined().await;
    let error = ErrorName::HttpConnectionClosed;
    assert_failure(failed(&reports), Phase::Websocket, error, Detail::CloseNotify, RetryClass::Network);
}

#[tokio::test]
async fn a_reset_before_the_answer() {
    let (address, script) = server(|mut tcp| async move {
        asked(&mut tcp).await;
        socket2::SockRef::from(&tcp).set_linger(Some(Duration::ZERO)).unwrap();
    })
    .await;
    let reports = run(plan(Transport::Ws, address), limits()).await;
    script.joined().await;
    let error = ErrorName::HttpConnectionClosed;
    assert_failure(failed(&reports), Phase::Websocket, error, Detail::Rst, RetryClass::Network);
}

#[tokio::test]
async fn a_silent_upgrade() {
    let (address, script) = server(|mut tcp| async move { hold(&mut tcp).await }).await;
    let limits = Limits { websocket: Duration::from_millis(200), ..limits() };
    let reports = run(plan(Transport::Ws, address), limits).await;
    script.joined().await;
    let error = ErrorName::WebsocketTimeout;
    assert_failure(failed(&reports), Phase::Websocket, error, Detail::None, RetryClass::Network);
}
