//! What the recorder says of real endings: cause, evidence and rule.
//!
//! The sessions are told to be 75 s old and to have no keep-alive: an age at which nobody closes. Everything else is as it
//! was on the wire. A machine that has just booted must not matter, so the age is a small one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hangup::clock::{self, Now};
use hangup::connection::Tier;
use hangup::connection::ending::{EndedBy, Ending};
use hangup::connection::error::ErrorName;
use hangup::connection::limits::Limits;
use hangup::connection::link::Link;
use hangup::connection::message::Outgoing;
use hangup::connection::plan::{Plan, Transport};
use hangup::connection::report::Report;
use hangup::diagnosis::Verdict;
use hangup::lifecycle::Event;
use hangup::lifecycle::board::{Board, ConnectionStatus};
use hangup::lifecycle::recorder::Recorder;
use hangup::telemetry::{ConnectionLabels, Metrics};
use rumqttc::mqttbytes::v4::Packet;
use tokio::sync::oneshot;

use crate::harness::{
    EVERY_TRANSPORT, PATIENCE, Side, broker, ended, failed, limits, listener, plan, run, until_end,
};
use crate::session::flood;

const AGE: Duration = Duration::from_secs(75);

/// What the recorder thinks of this ending, after what follows it.
fn verdict(ending: &Ending, next: impl IntoIterator<Item = Event>) -> Verdict {
    let labels = ConnectionLabels {
        connection: "test".to_owned(),
        broker: "127.0.0.1:1883".to_owned(),
        protocol: "3.1.1",
        transport: Transport::Tcp,
        source: "test",
        proxied: false,
        signs_in: true,
    };
    let now = clock::now();
    let entry = Board::default().enter(ConnectionStatus::new("test", "test", "tcp", now));
    let history = entry.lock().unwrap().history.clone();
    let mut recorder = Recorder::new(Metrics::new().connection(&labels), entry);
    let address: SocketAddr = "127.0.0.1:1883".parse().unwrap();
    recorder.record(Event::AttemptStarted { tier: Tier::Quick, number: 1 }, now);
    let accepted = Event::Established {
        session_present: false,
        attempts: 1,
        peer: address,
        local: address,
        subscriptions: 1,
        keep_alive: Duration::ZERO,
        credentials_expire: None,
        certificate_expires: None,
    };
    recorder.record(accepted, Now { at: now.at - AGE, wall: now.wall - AGE });
    recorder.record(Event::Dropped(Box::new(ending.clone())), now);
    for event in next {
        recorder.record(event, now);
    }
    history.read(|history| history.verdict(1).cloned()).unwrap()
}

#[track_caller]
pub(crate) fn assert_cause(ending: &Ending, expected: &str) {
    let verdict = verdict(ending, []);
    assert_eq!(
        format!("{} {} {}", verdict.cause, verdict.evidence, verdict.rule),
        expected,
        "{}: {}",
        ending.failure.message,
        verdict.words
    );
}

/// The ending of a session with a broker that follows this script.
async fn ending_of<F>(
    transport: Transport,
    change: impl FnOnce(&mut Plan),
    limits: Limits,
    script: impl FnOnce(Side) -> F + Send + 'static,
) -> Ending
where
    F: Future<Output = ()> + Send,
{
    let (mut plan, script) = broker(transport, script).await;
    change(&mut plan);
    let reports = run(plan, limits).await;
    script.joined().await;
    ended(&reports).clone()
}

#[tokio::test]
async fn a_broker_that_reads_and_does_not_answer_is_stalled() {
    for transport in EVERY_TRANSPORT {
        let impatient = Limits { ping: Duration::from_millis(300), ..limits() };
        let hasty = |plan: &mut Plan| plan.keep_alive = Duration::from_millis(100);
        let ending = ending_of(transport, hasty, impatient, |mut side| async move {
            side.online().await;
            side.ignore().await;
        });
        assert_cause(&ending.await, "broker_stalled observed D7");
    }
}

/// A packet that comes byte by byte is waited for, and not for ever; who sends it is slow, or the path is.
#[tokio::test]
async fn a_broker_in_the_middle_of_a_packet_is_not_called_stalled() {
    let impatient = Limits { ping: Duration::from_millis(150), ..limits() };
    let hasty = |plan: &mut Plan| plan.keep_alive = Duration::from_millis(200);
    let ending = ending_of(Transport::Tcp, hasty, impatient, |mut side| async move {
        side.online().await;
        side.bytes(&[0x30, 0xC3, 0xB8, 0x02, 0, 1, b'a']).await;
        while side.trickles().await {}
    });
    let ending = ending.await;
    assert_eq!((ending.failure.error, ending.ended_by), (ErrorName::MqttTimeout, EndedBy::Timeout));
    assert!(ending.stats.still_arriving);
    assert_cause(&ending, "unknown none none");
}

#[tokio::test]
async fn a_broker_that_does_not_even_read_is_stalled() {
    let (frozen, release) = oneshot::channel::<()>();
    let (plan, script) = broker(Transport::Tcp, |mut side: Side| async move {
        side.online().await;
        // Frozen until the test is over; the drop of the sender lets it go.
        let _ = release.await;
    })
    .await;
    let mut link = Link::new(Arc::new(plan), Limits { ping: Duration::from_secs(2), ..limits() });
    let ending = tokio::time::timeout(PATIENCE, flood(&mut link)).await.expect("the link should not hang");
    drop(frozen);
    script.joined().await;
    assert_cause(&ending, "broker_stalled observed D7");
}

/// The opposite cause of the same error name: the kernel of the broker does not answer either.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_black_hole_is_a_dead_path() {
    let (frozen, release) = oneshot::channel::<()>();
    let (mut plan, script) = broker(Transport::Tcp, |mut side: Side| async move {
        side.online().await;
        side.hear_nothing();
        let _ = release.await;
    })
    .await;
    plan.keep_alive = Duration::from_millis(200);
    let reports = run(plan, Limits { ping: Duration::from_secs(3), ..limits() }).await;
    drop(frozen);
    script.joined().await;
    let ending = ended(&reports);
    assert_eq!((ending.failure.error, ending.ended_by), (ErrorName::MqttTimeout, EndedBy::Timeout));
    assert_cause(ending, "path_dead observed D6");
}

#[tokio::test]
async fn an_orderly_close_right_after_a_publish_makes_the_publish_a_suspect() {
    for transport in EVERY_TRANSPORT {
        let with_tls = transport.has_tls();
        let (plan, script) = broker(transport, move |mut side| async move {
            side.online().await;
            assert!(matches!(side.packet().await, Some(Packet::Publish(_))));
            if with_tls {
                side.close_notify().await;
            } else {
                side.fin().await;
            }
        })
        .await;
        let mut link = Link::new(Arc::new(plan), limits());
        while !matches!(link.next().await, Report::Restored { .. }) {}
        // The close must follow the publish and not the subscribe.
        tokio::time::sleep(Duration::from_millis(1200)).await;
        let (topic, payload) = ("cmd/020000aabbcc/on".to_owned(), Bytes::from_static(b"1"));
        link.publish(Outgoing { token: 0, topic, payload, qos: 0, retain: false }).unwrap();
        let reports = until_end(&mut link).await;
        script.joined().await;
        let ending = ended(&reports);
        assert_cause(ending, "policy_violation suspected D9");
        let sends: Vec<_> =
            ending.stats.sends.iter().map(|s| (&*s.packet, &*s.shape, s.sent, s.closed)).collect();
        assert_eq!(sends, [("SUBSCRIBE", "a/+", 1, 0), ("PUBLISH", "cmd/+/on", 1, 1)]);
    }
}

#[tokio::test]
async fn an_orderly_close_right_after_a_subscribe_makes_the_subscribe_a_suspect() {
    let ending = ending_of(
        Transport::Tls,
        |_| {},
        limits(),
        |mut side| async move {
            side.accepted().await;
            assert!(matches!(side.packet().await, Some(Packet::Subscribe(_))));
            side.close_notify().await;
        },
    );
    let ending = ending.await;
    assert_cause(&ending, "policy_violation suspected D9");
    assert_eq!(ending.stats.sends.iter().map(|sends| sends.closed).sum::<u32>(), 1);
}

/// Nobody listens any more after the close: that is what a restart looks like. Later there is a session again.
#[tokio::test]
async fn a_close_before_refused_connects_is_a_restart() {
    let (listener, address) = listener().await;
    let script = tokio::spawn(async move {
        let mut side = Side::accept(&listener, &Transport::Tcp).await;
        drop(listener);
        side.online().await;
        tokio::time::sleep(Duration::from_millis(1200)).await;
        side.fin().await;
    });
    let reports = run(plan(Transport::Tcp, address), limits()).await;
    script.await.unwrap();
    let ending = ended(&reports);
    assert_cause(ending, "unknown none none");
    let next = run(plan(Transport::Tcp, address), limits()).await;
    let refused = failed(&next).clone();
    assert_eq!(refused.error, ErrorName::ConnectionRefused);
    let attempts = [
        Event::AttemptStarted { tier: Tier::Quick, number: 1 },
        Event::AttemptFailed { failure: refused, interrupted: false },
    ];
    let verdict = verdict(ending, attempts);
    assert_eq!(
        format!("{} {} {}", verdict.cause, verdict.evidence, verdict.rule),
        "broker_restart inferred D10"
    );
}

#[tokio::test]
async fn a_websocket_close_says_why() {
    for (code, expected) in [
        (1001, "server_maintenance stated D1"),
        (1008, "policy_violation stated D1"),
        (1009, "payload_too_large stated D1"),
        (1012, "broker_restart stated D1"),
        (1013, "broker_overloaded stated D1"),
    ] {
        let ending = ending_of(
            Transport::Wss,
            |_| {},
            limits(),
            move |mut side| async move {
                side.online().await;
                side.websocket_close(Some(code)).await;
            },
        );
        assert_cause(&ending.await, expected);
    }
}

#[tokio::test]
async fn a_refused_subscription_is_stated() {
    let ending = ending_of(
        Transport::Tcp,
        |_| {},
        limits(),
        |mut side| async move {
            side.accepted().await;
            let Some(Packet::Subscribe(subscribe)) = side.packet().await else {
                panic!("SUBSCRIBE expected")
            };
            side.bytes(&[0x90, 3, (subscribe.pkid >> 8) as u8, (subscribe.pkid & 0xFF) as u8, 0x80]).await;
            side.ignore().await;
        },
    );
    assert_cause(&ending.await, "policy_violation stated D1");
}

#[tokio::test]
async fn what_is_not_mqtt_breaks_the_protocol_and_a_giant_is_too_large() {
    for (bytes, expected) in [
        (&[0x30, 0xFF, 0xFF, 0xFF, 0xFF][..], "protocol_error observed name"),
        (&[0x00, 1, 0], "protocol_error observed name"),
        (&[0x30, 0x81, 0x80, 0x04], "payload_too_large observed name"),
    ] {
        let ending = ending_of(
            Transport::Tls,
            |_| {},
            limits(),
            move |mut side| async move {
                side.online().await;
                side.bytes(bytes).await;
                side.ignore().await;
            },
        );
        assert_cause(&ending.await, expected);
    }
}

/// One reset has many fathers.
#[tokio::test]
async fn a_reset_out_of_the_blue_is_of_unknown_cause() {
    let pinging = |plan: &mut Plan| plan.keep_alive = Duration::from_millis(50);
    let ending = ending_of(Transport::Tcp, pinging, limits(), |mut side| async move {
        side.online().await;
        assert_eq!(side.packet().await, Some(Packet::PingReq));
        side.reset();
    });
    assert_cause(&ending.await, "unknown none none");
}
