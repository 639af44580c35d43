//! Section 3.7: how sessions end.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hangup::connection::ending::EndedBy;
use hangup::connection::error::{ErrorName, RetryClass};
use hangup::connection::limits::Limits;
use hangup::connection::link::Link;
use hangup::connection::message::{Outgoing, Refused};
use hangup::connection::plan::Transport;
use hangup::connection::report::Report;
use hangup::connection::{Detail, Phase};
use rumqttc::mqttbytes::v4::Packet;
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::Message;

use crate::causes::assert_cause;
use crate::harness::{EVERY_TRANSPORT, PATIENCE, Side, assert_ending, broker, ended, limits, run};

const NETWORK: RetryClass = RetryClass::Network;

#[tokio::test]
async fn a_bare_close() {
    for transport in EVERY_TRANSPORT {
        let (plan, script) = broker(transport, |mut side| async move {
            side.online().await;
            side.fin().await;
        })
        .await;
        let reports = run(plan, limits()).await;
        script.joined().await;
        let error = ErrorName::SocketClosed;
        assert_ending(ended(&reports), Phase::Session, error, Detail::Fin, NETWORK, EndedBy::Peer);
    }
}

#[tokio::test]
async fn a_reset() {
    for transport in EVERY_TRANSPORT {
        let (mut plan, script) = broker(transport, |mut side| async move {
            side.online().await;
            // By its ping the client shows that it has read the SUBACK.
            assert_eq!(side.packet().await, Some(Packet::PingReq));
            side.reset();
        })
        .await;
        plan.keep_alive = Duration::from_millis(50);
        let reports = run(plan, limits()).await;
        script.joined().await;
        let error = ErrorName::SocketClosed;
        assert_ending(ended(&reports), Phase::Session, error, Detail::Rst, NETWORK, EndedBy::Peer);
    }
}

#[tokio::test]
async fn an_orderly_close_by_tls() {
    for transport in [Transport::Tls, Transport::Wss] {
        let (plan, script) = broker(transport, |mut side| async move {
            side.online().await;
            side.close_notify().await;
        })
        .await;
        let reports = run(plan, limits()).await;
        script.joined().await;
        let error = ErrorName::UnexpectedHangup;
        assert_ending(ended(&reports), Phase::Session, error, Detail::CloseNotify, NETWORK, EndedBy::Peer);
    }
}

#[tokio::test]
async fn an_orderly_close_by_websocket() {
    for transport in [Transport::Ws, Transport::Wss] {
        for code in [None, Some(1000), Some(1001), Some(1008), Some(4003)] {
            let (plan, script) = broker(transport.clone(), move |mut side| async move {
                side.online().await;
                side.websocket_close(code).await;
            })
            .await;
            let reports = run(plan, limits()).await;
            script.joined().await;
            let (error, detail) = (ErrorName::UnexpectedHangup, Detail::WebsocketClose(code));
            assert_ending(ended(&reports), Phase::Session, error, detail, NETWORK, EndedBy::Peer);
        }
    }
}

#[tokio::test]
async fn a_disconnect_by_the_broker() {
    for transport in EVERY_TRANSPORT {
        let (plan, script) = broker(transport, |mut side| async move {
            side.online().await;
            side.send(Packet::Disconnect).await;
            side.fin().await;
        })
        .await;
        let reports = run(plan, limits()).await;
        script.joined().await;
        let (error, detail) = (ErrorName::DisconnectReceived, Detail::Disconnect(None));
        assert_ending(ended(&reports), Phase::Session, error, detail, NETWORK, EndedBy::Peer);
    }
}

/// The kernel of the peer acknowledges the PINGREQ, its broker does not answer: the broker is stalled, not the path.
#[tokio::test]
async fn no_pingresp() {
    for transport in EVERY_TRANSPORT {
        let (mut plan, script) = broker(transport, |mut side| async move {
            side.online().await;
            side.ignore().await;
        })
        .await;
        // Longer than the limit: one ping is all that is sent meanwhile.
        plan.keep_alive = Duration::from_millis(400);
        let reports = run(plan, Limits { ping: Duration::from_millis(300), ..limits() }).await;
        script.joined().await;
        let (ending, error) = (ended(&reports), ErrorName::MqttTimeout);
        assert_ending(ending, Phase::Session, error, Detail::None, NETWORK, EndedBy::Timeout);
        assert_eq!((ending.stats.pings_sent, ending.stats.pings_answered), (1, 0));
        assert_eq!(ending.stats.last_sent.as_ref().map(|sent| sent.packet), Some("PINGREQ"));
        if cfg!(target_os = "linux") {
            let tcp = ending.tcp.unwrap();
            assert_eq!((tcp.state, tcp.unacked), (1, 0));
            // The acknowledgement came after the PINGREQ: proof that the path works.
            assert!(ending.alive >= ending.stats.last_sent.as_ref().unwrap().at - Duration::from_millis(20));
        }
    }
}

/// A PINGRESP stands behind a packet that takes longer than the limit to arrive.
#[tokio::test]
async fn a_large_message_on_a_slow_path() {
    for transport in EVERY_TRANSPORT {
        let (mut plan, script) = broker(transport, |mut side| async move {
            side.online().await;
            assert_eq!(side.packet().await, Some(Packet::PingReq));
            // A PUBLISH with QoS 0 of 5 bytes and 40,000 bytes of payload, in parts.
            let mut bytes = vec![0x30, 0xC3, 0xB8, 0x02, 0, 1, b'a'];
            bytes.resize(7 + 40_000, 0);
            side.slowly(&bytes, 20, Duration::from_millis(100)).await;
            side.send(Packet::PingResp).await;
            side.fin().await;
        })
        .await;
        plan.keep_alive = Duration::from_millis(500);
        let reports = run(plan, Limits { ping: Duration::from_millis(800), ..limits() }).await;
        script.joined().await;
        let error = ErrorName::SocketClosed;
        assert_ending(ended(&reports), Phase::Session, error, Detail::Fin, NETWORK, EndedBy::Peer);
        assert!(
            reports
                .iter()
                .any(|report| matches!(report, Report::Message(message) if message.payload.len() == 40_000))
        );
        assert!(reports.iter().any(|report| matches!(report, Report::Arriving)));
        let stats = &ended(&reports).stats;
        assert!(stats.pings_sent > 1 && stats.pings_sent == stats.pings_answered, "{stats:?}");
    }
}

#[tokio::test]
async fn a_packet_that_cannot_be_decoded() {
    for bytes in [
        // Type 0; PUBLISH with QoS 3; PUBLISH with a topic longer than itself; a topic that is not UTF-8.
        &[0x00, 1, 0][..],
        &[0x36, 3, 0, 1, b'a'],
        &[0x30, 3, 0, 200, b'a'],
        &[0x30, 3, 0, 1, 0xFF],
        // CONNECT and a second CONNACK, which are well-formed and impossible.
        &[0x20, 2, 0, 0],
        &[0xC0, 0],
    ] {
        let (plan, script) = broker(Transport::Wss, move |mut side| async move {
            side.online().await;
            side.bytes(bytes).await;
            side.ignore().await;
        })
        .await;
        let reports = run(plan, limits()).await;
        script.joined().await;
        let error = ErrorName::ProtocolError;
        assert_ending(ended(&reports), Phase::Session, error, Detail::None, NETWORK, EndedBy::LocalError);
    }
}

/// A middlebox that damages what passes: a TLS record that does not decrypt.
#[tokio::test]
async fn a_damaged_tls_record() {
    let (plan, script) = broker(Transport::Wss, |mut side| async move {
        side.online().await;
        side.below(&[[23, 3, 3, 0, 32], [0; 5]].concat()).await;
        side.below(&[0; 27]).await;
        side.ignore().await;
    })
    .await;
    let reports = run(plan, limits()).await;
    script.joined().await;
    let error = ErrorName::TlsReadFailure;
    assert_ending(ended(&reports), Phase::Session, error, Detail::None, NETWORK, EndedBy::LocalError);
}

#[tokio::test]
async fn a_damaged_websocket_frame() {
    let (plan, script) = broker(Transport::Ws, |mut side| async move {
        side.online().await;
        // Reserved bits that no extension explains.
        side.below(&[0xF2, 0]).await;
        side.ignore().await;
    })
    .await;
    let reports = run(plan, limits()).await;
    script.joined().await;
    let error = ErrorName::WebsocketProtocolError;
    assert_ending(ended(&reports), Phase::Session, error, Detail::None, NETWORK, EndedBy::LocalError);
}

#[tokio::test]
async fn a_malformed_length() {
    for transport in EVERY_TRANSPORT {
        let (plan, script) = broker(transport, |mut side| async move {
            side.online().await;
            side.bytes(&[0x30, 0xFF, 0xFF, 0xFF, 0xFF]).await;
            side.ignore().await;
        })
        .await;
        let reports = run(plan, limits()).await;
        script.joined().await;
        let error = ErrorName::InvalidRemainingLength;
        assert_ending(ended(&reports), Phase::Session, error, Detail::None, NETWORK, EndedBy::LocalError);
    }
}

#[tokio::test]
async fn a_packet_that_is_too_large() {
    for transport in EVERY_TRANSPORT {
        let (plan, script) = broker(transport, |mut side| async move {
            side.online().await;
            side.bytes(&[0x30, 0x81, 0x80, 0x04]).await;
            side.ignore().await;
        })
        .await;
        let reports = run(plan, limits()).await;
        script.joined().await;
        let (error, detail) = (ErrorName::InboundPacketTooLarge, Detail::Size(64 * 1024 + 1));
        let class = RetryClass::Setup;
        assert_ending(ended(&reports), Phase::Session, error, detail, class, EndedBy::LocalError);
    }
}

#[tokio::test]
async fn a_websocket_frame_that_is_too_large() {
    let (plan, script) = broker(Transport::Ws, |mut side| async move {
        side.online().await;
        side.frame(Message::Binary(Bytes::from(vec![0; 256 * 1024]))).await;
        side.ignore().await;
    })
    .await;
    let reports = run(plan, limits()).await;
    script.joined().await;
    let (error, detail) = (ErrorName::InboundPacketTooLarge, Detail::Size(256 * 1024));
    let class = RetryClass::Setup;
    assert_ending(ended(&reports), Phase::Session, error, detail, class, EndedBy::LocalError);
}

#[tokio::test]
async fn a_text_frame() {
    let (plan, script) = broker(Transport::Wss, |mut side| async move {
        side.online().await;
        side.frame(Message::text("hello")).await;
        side.ignore().await;
    })
    .await;
    let reports = run(plan, limits()).await;
    script.joined().await;
    let error = ErrorName::WebsocketProtocolError;
    assert_ending(ended(&reports), Phase::Session, error, Detail::None, NETWORK, EndedBy::LocalError);
}

/// A peer that keeps the connection open and reads nothing: our send buffer fills, and no write may hang.
#[tokio::test]
async fn a_peer_that_stops_reading() {
    for transport in EVERY_TRANSPORT {
        let (frozen, release) = oneshot::channel::<()>();
        let (plan, script) = broker(transport, |mut side: Side| async move {
            side.online().await;
            // Frozen until the test is over; the drop of the sender lets it go.
            let _ = release.await;
        })
        .await;
        let mut link = Link::new(Arc::new(plan), Limits { ping: Duration::from_secs(1), ..limits() });
        let ending =
            tokio::time::timeout(PATIENCE, flood(&mut link)).await.expect("the link should not hang");
        drop(frozen);
        script.joined().await;
        let error = ErrorName::MqttTimeout;
        assert_ending(&ending, Phase::Session, error, Detail::None, NETWORK, EndedBy::Timeout);
        assert_eq!(ending.stats.last_publish.as_ref().unwrap().topic.as_deref(), Some("a/b"));
    }
}

/// Publishes as much as the link takes until its end.
pub(crate) async fn flood(link: &mut Link) -> Box<hangup::connection::ending::Ending> {
    let payload = Bytes::from(vec![0; 100 * 1024]);
    let mut refused = false;
    loop {
        // The short limit only gives the next message its turn: a link with nothing to report stays silent.
        match tokio::time::timeout(Duration::from_millis(5), link.next()).await {
            Ok(Report::Ended(ending)) => {
                assert!(refused, "a full buffer should refuse messages");
                return ending;
            }
            Ok(Report::Failed(failure)) => panic!("{failure:?}"),
            Ok(_) => {}
            Err(_) => loop {
                let (topic, payload) = ("a/b".to_owned(), payload.clone());
                match link.publish(Outgoing { token: 0, topic, payload, qos: 0, retain: false }) {
                    Ok(()) => {}
                    Err(Refused::NotConnected) => break,
                    Err(_) => {
                        refused = true;
                        break;
                    }
                }
            },
        }
    }
}

/// A window that stays closed is a dead path to the kernel, after the user timeout of 20 s.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_path_that_the_kernel_gives_up() {
    let (frozen, release) = oneshot::channel::<()>();
    let (plan, script) = broker(Transport::Tcp, |mut side: Side| async move {
        side.online().await;
        // Frozen until the test is over; the drop of the sender lets it go.
        let _ = release.await;
    })
    .await;
    let mut link = Link::new(Arc::new(plan), Limits { ping: 10 * PATIENCE, ..limits() });
    let ending =
        tokio::time::timeout(2 * PATIENCE, flood(&mut link)).await.expect("the kernel should give up");
    drop(frozen);
    script.joined().await;
    let (error, detail) = (ErrorName::SocketTimeout, Detail::Os(libc::ETIMEDOUT));
    assert_ending(&ending, Phase::Session, error, detail, NETWORK, EndedBy::Timeout);
    // The view from before the kernel forgot: the peer's kernel answered every probe.
    assert_eq!(ending.tcp.unwrap().state, 1);
    assert_cause(&ending, "broker_stalled observed D7");
}
