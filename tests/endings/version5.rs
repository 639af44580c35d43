//! How connections of MQTT 5 end: reason codes, terms of the broker, and the names that differ from 3.1.1.
//!
//! The broker's bytes are written by hand: no codec stands between a test and what it claims.

use std::future::Future;
use std::time::Duration;

use hangup::connection::ending::EndedBy;
use hangup::connection::error::{ErrorName, RetryClass};
use hangup::connection::limits::Limits;
use hangup::connection::plan::{Mqtt5, Plan, Subscription, Transport, Version};
use hangup::connection::report::Report;
use hangup::connection::{Detail, Phase};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{self, Script, assert_ending, assert_failure, ended, failed, hold, limits, run, server};

/// CONNACK without properties.
const WELCOME: &[u8] = &[0x20, 3, 0, 0, 0];

/// The broker's side.
struct Side(TcpStream);

impl Side {
    /// The next packet: its first byte and its body.
    async fn packet(&mut self) -> (u8, Vec<u8>) {
        let (first, mut length, mut shift) = (self.0.read_u8().await.unwrap(), 0, 0);
        loop {
            let byte = self.0.read_u8().await.unwrap();
            length |= usize::from(byte & 0x7F) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await.unwrap();
        (first, body)
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }

    /// Takes CONNECT, which asks for version 5, and answers.
    async fn connect(&mut self, answer: &[u8]) -> Vec<u8> {
        let (first, body) = self.packet().await;
        assert_eq!((first, &body[..7]), (0x10, &b"\0\x04MQTT\x05"[..]));
        self.send(answer).await;
        body
    }

    /// Answers SUBSCRIBE with these codes.
    async fn subscribe(&mut self, codes: &[u8]) {
        let (first, body) = self.packet().await;
        assert_eq!(first, 0x82);
        let length = u8::try_from(3 + codes.len()).unwrap();
        self.send(&[&[0x90, length, body[0], body[1], 0], codes].concat()).await;
    }

    async fn online(&mut self) {
        self.connect(WELCOME).await;
        self.subscribe(&[1]).await;
    }

    async fn ignore(mut self) {
        hold(&mut self.0).await;
    }
}

async fn broker<F>(script: impl FnOnce(Side) -> F + Send + 'static) -> (Plan, Script)
where
    F: Future<Output = ()> + Send,
{
    let (address, script) = server(|tcp| script(Side(tcp))).await;
    (Plan { version: Version::V5, ..harness::plan(Transport::Tcp, address) }, script)
}

/// A session that ends by these bytes of the broker.
async fn ended_by(bytes: &'static [u8]) -> Vec<Report> {
    let (plan, script) = broker(move |mut side| async move {
        side.online().await;
        side.send(bytes).await;
        side.ignore().await;
    })
    .await;
    let reports = run(plan, limits()).await;
    script.joined().await;
    reports
}

#[tokio::test]
async fn a_refusal_by_connack() {
    for (code, class) in [
        (0x84, RetryClass::Setup),
        (0x85, RetryClass::Setup),
        (0x86, RetryClass::Credential),
        (0x87, RetryClass::Credential),
        (0x88, RetryClass::Service),
        (0x89, RetryClass::Service),
        (0x8A, RetryClass::Setup),
        (0x97, RetryClass::Service),
        (0x9D, RetryClass::Setup),
        (0x9F, RetryClass::Service),
    ] {
        let (plan, script) = broker(move |mut side| async move {
            side.connect(&[0x20, 8, 0, code, 5, 0x1F, 0, 2, b'n', b'o']).await;
            side.ignore().await;
        })
        .await;
        let reports = run(plan, limits()).await;
        script.joined().await;
        let (failure, error) = (failed(&reports), ErrorName::ConnackRefused);
        assert_failure(failure, Phase::Connack, error, Detail::Connack(code), class);
        assert!(failure.message.ends_with("; it says `no`"), "{}", failure.message);
    }
}

/// A broker that knows 3.1.1 only answers in its own format.
#[tokio::test]
async fn a_broker_of_the_version_before() {
    let (plan, script) = broker(|mut side| async move {
        side.connect(&[0x20, 2, 0, 1]).await;
        side.ignore().await;
    })
    .await;
    let reports = run(plan, limits()).await;
    script.joined().await;
    let (error, class) = (ErrorName::ConnackRefused, RetryClass::Setup);
    assert_failure(failed(&reports), Phase::Connack, error, Detail::Connack(1), class);
}

#[tokio::test]
async fn a_disconnect_with_a_reason() {
    for (code, class) in [
        (0x00, RetryClass::Network),
        (0x82, RetryClass::Network),
        (0x87, RetryClass::Credential),
        (0x89, RetryClass::Service),
        (0x8B, RetryClass::Network),
        (0x8D, RetryClass::Network),
        (0x8E, RetryClass::Setup),
        (0x93, RetryClass::Network),
        (0x95, RetryClass::Network),
        (0x96, RetryClass::Service),
        (0x97, RetryClass::Service),
        (0x98, RetryClass::Network),
        (0x9F, RetryClass::Service),
        (0xA0, RetryClass::Network),
    ] {
        let (plan, script) = broker(move |mut side| async move {
            side.online().await;
            // Its reason names the client, and would begin a line of its own.
            side.send(&[&[0xE0, 18, code, 16, 0x1F, 0, 13], &b"no,\na-client!"[..]].concat()).await;
            side.ignore().await;
        })
        .await;
        let reports = run(plan, limits()).await;
        script.joined().await;
        let (ending, detail) = (ended(&reports), Detail::Disconnect(Some(code)));
        assert_ending(ending, Phase::Session, ErrorName::DisconnectReceived, detail, class, EndedBy::Peer);
        assert!(ending.failure.message.ends_with("; it says `no, …!`"), "{}", ending.failure.message);
    }
}

#[tokio::test]
async fn what_can_not_be_decoded_has_the_name_of_version_5() {
    for bytes in [
        // QoS 3; properties longer than the packet; a property of CONNACK; AUTH; a second CONNACK; PINGREQ.
        &[0x36, 5, 0, 1, b'a', 0, 1][..],
        &[0x30, 4, 0, 1, b'a', 9],
        &[0x30, 7, 0, 1, b'a', 3, 0x21, 0, 1],
        &[0xF0, 0],
        WELCOME,
        &[0xC0, 0],
    ] {
        let reports = ended_by(bytes).await;
        let error = ErrorName::DecodeProtocolError;
        let (class, by) = (RetryClass::Network, EndedBy::LocalError);
        assert_ending(ended(&reports), Phase::Session, error, Detail::None, class, by);
    }
}

/// We announce that there are none.
#[tokio::test]
async fn a_topic_alias() {
    let reports = ended_by(&[0x30, 7, 0, 0, 3, 0x23, 0, 1, b'x']).await;
    let (error, class) = (ErrorName::InvalidTopicAlias, RetryClass::Network);
    assert_ending(ended(&reports), Phase::Session, error, Detail::None, class, EndedBy::LocalError);
}

#[tokio::test]
async fn a_message_that_is_too_large() {
    let reports = ended_by(&[0x30, 0x80, 0x80, 0x40, 0, 1, b'a']).await;
    let (error, detail) = (ErrorName::InboundPacketTooLarge, Detail::Size(1 << 20));
    assert_ending(ended(&reports), Phase::Session, error, detail, RetryClass::Setup, EndedBy::LocalError);
}

/// The plan would ping every ten minutes; the broker wants to hear something every second.
#[tokio::test]
async fn the_keep_alive_of_the_broker_counts_and_its_missing_answer_has_the_name_of_version_5() {
    let (plan, script) = broker(|mut side| async move {
        side.connect(&[0x20, 6, 0, 0, 3, 0x13, 0, 1]).await;
        side.subscribe(&[1]).await;
        assert_eq!(side.packet().await, (0xC0, vec![]));
        side.ignore().await;
    })
    .await;
    let reports = run(plan, Limits { ping: Duration::from_millis(200), ..limits() }).await;
    script.joined().await;
    let told = reports.iter().find_map(|report| match report {
        Report::Terms(terms) => Some(terms.keep_alive),
        _ => None,
    });
    assert_eq!(told, Some(Some(Duration::from_secs(1))));
    let (error, class) = (ErrorName::PingTimeout, RetryClass::Network);
    assert_ending(ended(&reports), Phase::Session, error, Detail::None, class, EndedBy::Timeout);
}

#[tokio::test]
async fn every_refusal_of_a_subscription_counts_and_a_required_one_is_the_end() {
    for (codes, required) in [(&[1, 0x87, 0x8F][..], false), (&[0x97, 0x87, 2], true)] {
        let (mut plan, script) = broker(move |mut side| async move {
            side.connect(WELCOME).await;
            side.subscribe(codes).await;
            if !required {
                side.send(&[0xE0, 0]).await;
            }
            side.ignore().await;
        })
        .await;
        plan.subscriptions.extend(["b", "c"].map(|filter| Subscription::new(filter, 0, false)));
        let reports = run(plan, limits()).await;
        script.joined().await;
        if required {
            let (error, class) = (ErrorName::SubscribeFailure, RetryClass::Service);
            let ending = ended(&reports);
            assert_ending(ending, Phase::Subscribe, error, Detail::None, class, EndedBy::LocalError);
            assert!(ending.failure.message.contains("0x97"), "{}", ending.failure.message);
        } else {
            assert!(
                reports.iter().any(|report| matches!(report, Report::Restored { active: 1, refused: 2 }))
            );
        }
    }
}

/// What the plan says to version 5 stands in CONNECT.
#[tokio::test]
async fn connect_carries_what_only_version_5_can_say() {
    let (mut plan, script) = broker(|mut side| async move {
        let body = side.connect(&[0x20, 3, 0, 0x87, 0]).await;
        // Flags: no clean start. Keep-alive. Then the length of the properties.
        assert_eq!(&body[7..11], [0, 2, 0x58, 13]);
        assert_eq!(&body[11..24], [0x11, 0, 0, 0x0E, 0x10, 0x21, 0, 20, 0x27, 0, 1, 0, 0]);
        side.ignore().await;
    })
    .await;
    plan.clean_session = false;
    let session_expiry = Duration::from_secs(3600);
    plan.mqtt5 = Mqtt5 { session_expiry, receive_maximum: Some(20), user_properties: Vec::new() };
    let reports = run(plan, limits()).await;
    script.joined().await;
    assert_eq!(failed(&reports).error, ErrorName::ConnackRefused);
}
