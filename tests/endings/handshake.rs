//! Section 3.6: MQTT before the session is up, and the subscriptions.

use std::time::Duration;

use bytes::Bytes;
use hangup::connection::ending::EndedBy;
use hangup::connection::error::{ErrorName, RetryClass};
use hangup::connection::limits::Limits;
use hangup::connection::plan::{Subscription, Transport};
use hangup::connection::report::Report;
use hangup::connection::{Detail, Phase};
use rumqttc::mqttbytes::v4::{Packet, SubAck, SubscribeReasonCode};
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::{
    EVERY_TRANSPORT, assert_ending, assert_failure, broker, ended, failed, hold, limits, plan, run, server,
};

#[tokio::test]
async fn a_connack_code_decides_the_class() {
    for (code, class) in [
        (1, RetryClass::Setup),
        (2, RetryClass::Setup),
        (3, RetryClass::Service),
        (4, RetryClass::Credential),
        (5, RetryClass::Credential),
        // MQTT 5 for "not authorised", and one that means nothing.
        (0x87, RetryClass::Credential),
        (77, RetryClass::Service),
    ] {
        for transport in EVERY_TRANSPORT {
            let (plan, script) = broker(transport, move |mut side| async move {
                side.connect().await;
                side.bytes(&[0x20, 2, 0, code]).await;
                side.fin().await;
            })
            .await;
            let reports = run(plan, limits()).await;
            script.joined().await;
            let (failure, detail) = (failed(&reports), Detail::Connack(code));
            assert_failure(failure, Phase::Connack, ErrorName::ConnackRefused, detail, class);
        }
    }
}

#[tokio::test]
async fn no_connack() {
    for transport in EVERY_TRANSPORT {
        let (plan, script) = broker(transport, super::harness::Side::ignore).await;
        let reports = run(plan, Limits { connack: Duration::from_millis(200), ..limits() }).await;
        script.joined().await;
        let error = ErrorName::ConnackTimeout;
        assert_failure(failed(&reports), Phase::Connack, error, Detail::None, RetryClass::Network);
    }
}

#[tokio::test]
async fn a_bare_close_before_connack() {
    for transport in EVERY_TRANSPORT {
        let (mut plan, script) = broker(transport, |mut side| async move {
            side.connect().await;
            side.fin().await;
        })
        .await;
        // Says nothing about credentials, whatever the plan makes of orderly closes.
        plan.hangup_means_credentials = true;
        let reports = run(plan, limits()).await;
        script.joined().await;
        let error = ErrorName::SocketClosed;
        assert_failure(failed(&reports), Phase::Connack, error, Detail::Fin, RetryClass::Network);
    }
}

#[tokio::test]
async fn a_reset_before_connack() {
    for transport in EVERY_TRANSPORT {
        let (plan, script) = broker(transport, |mut side| async move {
            side.connect().await;
            side.reset();
        })
        .await;
        let reports = run(plan, limits()).await;
        script.joined().await;
        let error = ErrorName::SocketClosed;
        assert_failure(failed(&reports), Phase::Connack, error, Detail::Rst, RetryClass::Network);
    }
}

#[tokio::test]
async fn an_orderly_close_before_connack_points_where_the_plan_says() {
    for (points, class) in [(false, RetryClass::Network), (true, RetryClass::Credential)] {
        let (mut plan, script) = broker(Transport::Tls, |mut side| async move {
            side.connect().await;
            side.close_notify().await;
        })
        .await;
        plan.hangup_means_credentials = points;
        let reports = run(plan, limits()).await;
        script.joined().await;
        let error = ErrorName::UnexpectedHangup;
        assert_failure(failed(&reports), Phase::Connack, error, Detail::CloseNotify, class);

        for transport in [Transport::Ws, Transport::Wss] {
            let (mut plan, script) = broker(transport, |mut side| async move {
                side.connect().await;
                side.websocket_close(Some(1008)).await;
            })
            .await;
            plan.hangup_means_credentials = points;
            let reports = run(plan, limits()).await;
            script.joined().await;
            let detail = Detail::WebsocketClose(Some(1008));
            assert_failure(failed(&reports), Phase::Connack, error, detail, class);
        }
    }
}

#[tokio::test]
async fn a_disconnect_instead_of_connack() {
    let (plan, script) = broker(Transport::Tcp, |mut side| async move {
        side.connect().await;
        side.send(Packet::Disconnect).await;
        side.fin().await;
    })
    .await;
    let reports = run(plan, limits()).await;
    script.joined().await;
    let (error, detail) = (ErrorName::DisconnectReceived, Detail::Disconnect(None));
    assert_failure(failed(&reports), Phase::Connack, error, detail, RetryClass::Network);
}

#[tokio::test]
async fn a_peer_that_is_not_mqtt() {
    for answer in
        [&b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"[..], b"SSH-2.0-OpenSSH\r\n", &[0xD0, 0]]
    {
        let (address, script) = server(move |mut tcp| async move {
            tcp.write_all(answer).await.unwrap();
            hold(&mut tcp).await;
        })
        .await;
        let reports = run(plan(Transport::Tcp, address), limits()).await;
        script.joined().await;
        let (failure, error) = (failed(&reports), ErrorName::PeerNotMqtt);
        assert_failure(failure, Phase::Connack, error, Detail::None, RetryClass::Setup);
        assert_eq!(failure.message.starts_with("an HTTP server"), answer.starts_with(b"HTTP"));
    }
}

#[tokio::test]
async fn a_text_frame_before_connack() {
    let (plan, script) = broker(Transport::Wss, |mut side| async move {
        side.connect().await;
        side.frame(Message::text("hello")).await;
        side.ignore().await;
    })
    .await;
    let reports = run(plan, limits()).await;
    script.joined().await;
    let error = ErrorName::WebsocketProtocolError;
    assert_failure(failed(&reports), Phase::Connack, error, Detail::None, RetryClass::Network);
}

#[tokio::test]
async fn a_malformed_connack() {
    for (bytes, error, detail) in [
        (&[0x20, 1, 0][..], ErrorName::ProtocolError, Detail::None),
        (&[0x20, 0], ErrorName::ProtocolError, Detail::None),
        (&[0x20, 0xFF, 0xFF, 0xFF, 0xFF], ErrorName::InvalidRemainingLength, Detail::None),
        (&[0x20, 0xFF, 0xFF, 0x7F], ErrorName::InboundPacketTooLarge, Detail::Size(2_097_151)),
    ] {
        let (plan, script) = broker(Transport::Tcp, move |mut side| async move {
            side.connect().await;
            side.bytes(bytes).await;
            side.ignore().await;
        })
        .await;
        let reports = run(plan, limits()).await;
        script.joined().await;
        assert_failure(failed(&reports), Phase::Connack, error, detail, error.class());
    }
}

#[tokio::test]
async fn a_refused_subscription_that_is_required() {
    let (plan, script) = broker(Transport::Wss, |mut side| async move {
        side.accepted().await;
        let Some(Packet::Subscribe(subscribe)) = side.packet().await else { panic!("SUBSCRIBE expected") };
        let return_codes = vec![SubscribeReasonCode::Failure];
        side.send(Packet::SubAck(SubAck { pkid: subscribe.pkid, return_codes })).await;
        side.ignore().await;
    })
    .await;
    let reports = run(plan, limits()).await;
    script.joined().await;
    let (ending, error) = (ended(&reports), ErrorName::SubscribeFailure);
    assert_ending(ending, Phase::Subscribe, error, Detail::None, RetryClass::Setup, EndedBy::LocalError);
    let last = ending.stats.last_subscribe.as_ref().unwrap();
    assert_eq!((last.packet, last.topic.as_deref()), ("SUBSCRIBE", Some("a/+")));
}

/// 0x87 is an MQTT 5 code, which the 3.1.1 decoder does not know.
#[tokio::test]
async fn a_refusal_with_another_code() {
    let (plan, script) = broker(Transport::Tcp, |mut side| async move {
        side.accepted().await;
        let Some(Packet::Subscribe(subscribe)) = side.packet().await else { panic!("SUBSCRIBE expected") };
        let [high, low] = subscribe.pkid.to_be_bytes();
        side.bytes(&[0x90, 3, high, low, 0x87]).await;
        side.ignore().await;
    })
    .await;
    let reports = run(plan, limits()).await;
    script.joined().await;
    let error = ErrorName::SubscribeFailure;
    assert_ending(
        ended(&reports),
        Phase::Subscribe,
        error,
        Detail::None,
        RetryClass::Setup,
        EndedBy::LocalError,
    );
}

#[tokio::test]
async fn a_refused_subscription_that_is_optional() {
    let (mut plan, script) = broker(Transport::Tcp, |mut side| async move {
        side.accepted().await;
        let Some(Packet::Subscribe(subscribe)) = side.packet().await else { panic!("SUBSCRIBE expected") };
        let granted = SubscribeReasonCode::Success(rumqttc::mqttbytes::QoS::AtMostOnce);
        let return_codes = vec![granted, SubscribeReasonCode::Failure];
        side.send(Packet::SubAck(SubAck { pkid: subscribe.pkid, return_codes })).await;
        side.fin().await;
    })
    .await;
    plan.subscriptions.push(Subscription::new("b", 0, false));
    let reports = run(plan, limits()).await;
    script.joined().await;
    assert!(reports.iter().any(|report| matches!(report, Report::Restored { active: 1, refused: 1 })));
}

#[tokio::test]
async fn no_suback() {
    let (plan, script) = broker(Transport::Tls, |mut side| async move {
        side.accepted().await;
        side.ignore().await;
    })
    .await;
    let reports = run(plan, Limits { suback: Duration::from_millis(200), ..limits() }).await;
    script.joined().await;
    let error = ErrorName::SubscribeFailure;
    assert_ending(
        ended(&reports),
        Phase::Subscribe,
        error,
        Detail::None,
        RetryClass::Network,
        EndedBy::Timeout,
    );
}

/// What a broker does with a filter that a policy forbids.
#[tokio::test]
async fn a_close_over_a_subscription() {
    let (plan, script) = broker(Transport::Wss, |mut side| async move {
        side.accepted().await;
        assert!(matches!(side.packet().await, Some(Packet::Subscribe(_))));
        side.websocket_close(None).await;
    })
    .await;
    let reports = run(plan, limits()).await;
    script.joined().await;
    let (ending, detail) = (ended(&reports), Detail::WebsocketClose(None));
    let error = ErrorName::UnexpectedHangup;
    assert_ending(ending, Phase::Subscribe, error, detail, RetryClass::Network, EndedBy::Peer);
    assert!(ending.stats.last_subscribe.is_some());
}

/// The decoder must tell the announced size before the payload is there.
#[tokio::test]
async fn a_retained_message_that_is_too_large() {
    let (plan, script) = broker(Transport::Tcp, |mut side| async move {
        side.accepted().await;
        // PUBLISH with a remaining length of 1 MiB, of which only the header comes.
        side.bytes(&Bytes::from_static(&[0x30, 0x80, 0x80, 0x40, 0, 1, b'a'])).await;
        side.ignore().await;
    })
    .await;
    let reports = run(plan, limits()).await;
    script.joined().await;
    let (error, detail) = (ErrorName::InboundPacketTooLarge, Detail::Size(1 << 20));
    assert_ending(ended(&reports), Phase::Subscribe, error, detail, RetryClass::Setup, EndedBy::LocalError);
}
