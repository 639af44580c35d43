//! What must work between the beginning and the end.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hangup::clock;
use hangup::config::Secret;
use hangup::connection::ending::EndedBy;
use hangup::connection::link::Link;
use hangup::connection::message::{Outgoing, Refused};
use hangup::connection::plan::{LastWill, Transport};
use hangup::connection::report::Report;
use hangup::connection::{Detail, Phase};
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{Packet, PubAck, PubComp, PubRec, PubRel, Publish};
use tokio_tungstenite::tungstenite::Message;

use crate::harness::{EVERY_TRANSPORT, Farewell, PATIENCE, broker, ended, limits, required, run, until_end};
use crate::tls::EXPIRES;

#[test]
fn a_link_can_move_between_threads() {
    fn movable<T: Send>() {}
    movable::<Link>();
}

fn message(token: u64, qos: u8) -> Outgoing {
    let payload = Bytes::from_static(b"payload");
    Outgoing { token, topic: "a/b".to_owned(), payload, qos, retain: false }
}

/// The next report that `wanted` picks; the others are passed over.
async fn next<T>(link: &mut Link, wanted: impl Fn(Report) -> Option<T>) -> T {
    loop {
        let report = tokio::time::timeout(PATIENCE, link.next()).await.expect("a report should come");
        if let Some(found) = wanted(report) {
            return found;
        }
    }
}

async fn online(link: &mut Link) {
    next(link, |report| matches!(report, Report::Restored { .. }).then_some(())).await;
}

#[tokio::test]
async fn a_session_passes_its_phases_in_order() {
    for transport in EVERY_TRANSPORT {
        let (plan, script) = broker(transport.clone(), |mut side| async move {
            side.online().await;
            side.fin().await;
        })
        .await;
        let reports = run(plan, limits()).await;
        script.joined().await;
        let entered: Vec<_> = reports
            .iter()
            .filter_map(|report| if let Report::Entered(phase) = report { Some(*phase) } else { None })
            .collect();
        let finished: Vec<_> = reports
            .iter()
            .filter_map(|report| if let Report::Finished(time) = report { Some(time.phase) } else { None })
            .collect();
        let mut expected = vec![Phase::Dns, Phase::Tcp];
        expected.extend(transport.has_tls().then_some(Phase::Tls));
        expected.extend(transport.has_websocket().then_some(Phase::Websocket));
        expected.extend([Phase::Connack, Phase::Subscribe]);
        assert_eq!(finished, expected);
        expected.push(Phase::Session);
        assert_eq!(entered, expected);
    }
}

#[tokio::test]
async fn acceptance_tells_the_addresses_and_the_certificate() {
    for transport in EVERY_TRANSPORT {
        let (plan, script) = broker(transport.clone(), |mut side| async move {
            side.online().await;
            side.fin().await;
        })
        .await;
        let port = plan.port;
        let mut link = Link::new(Arc::new(plan), limits());
        let (address, expires) = next(&mut link, |report| match report {
            Report::Accepted { session_present: false, peer, local, certificate_expires } => {
                assert_ne!(local, peer);
                Some((peer, certificate_expires))
            }
            _ => None,
        })
        .await;
        assert_eq!(address.port(), port);
        let end = jiff::civil::date(i16::try_from(EXPIRES).unwrap(), 1, 1)
            .to_zoned(jiff::tz::TimeZone::UTC)
            .unwrap();
        assert_eq!(expires, transport.has_tls().then(|| end.timestamp().into()));
        until_end(&mut link).await;
        script.joined().await;
    }
}

#[tokio::test]
async fn subscriptions_come_back_in_batches() {
    let (mut plan, script) = broker(Transport::Wss, |mut side| async move {
        side.accepted().await;
        assert_eq!([side.grant().await, side.grant().await, side.grant().await], [8, 8, 4]);
        side.fin().await;
    })
    .await;
    plan.subscriptions = (0..20).map(|number| required(&format!("a/{number}"))).collect();
    let reports = run(plan, limits()).await;
    script.joined().await;
    assert!(reports.iter().any(|report| matches!(report, Report::Restored { active: 20, refused: 0 })));
}

#[tokio::test]
async fn connect_says_what_the_plan_says() {
    let (mut plan, script) = broker(Transport::Tcp, |mut side| async move {
        let Some(Packet::Connect(connect)) = side.packet().await else { panic!("CONNECT expected") };
        assert_eq!((connect.keep_alive, connect.clean_session), (31, false));
        assert_eq!(connect.client_id, "a-client");
        let login = connect.login.unwrap();
        assert_eq!((login.username.as_str(), login.password.as_str()), ("user", "pass"));
        let will = connect.last_will.unwrap();
        assert_eq!(
            (will.topic.as_str(), &will.message[..], will.qos),
            ("will", &b"gone"[..], QoS::AtLeastOnce)
        );
        side.fin().await;
    })
    .await;
    plan.keep_alive = Duration::from_millis(30_500);
    plan.clean_session = false;
    plan.login = Some(("user".to_owned(), Secret::new("pass")));
    let payload = Bytes::from_static(b"gone");
    plan.last_will =
        Some(LastWill { topic: "will".to_owned(), payload, qos: 1, retain: true, delay: Duration::ZERO });
    run(plan, limits()).await;
    script.joined().await;
}

/// A presigned target is signed as it stands, over the bare host.
#[tokio::test]
async fn the_upgrade_asks_for_the_signed_target_at_the_bare_host() {
    let (plan, script) = broker(Transport::Wss, |mut side| async move {
        let (target, host) = side.request.take().unwrap();
        assert_eq!(target, "/mqtt?X-Amz-Signature=0123&X-Amz-Security-Token=a%2Fb%3D");
        assert_eq!(host.as_deref(), Some("127.0.0.1"));
        side.online().await;
        side.fin().await;
    })
    .await;
    run(plan, limits()).await;
    script.joined().await;
}

#[tokio::test]
async fn messages_are_acknowledged_in_both_directions() {
    for transport in EVERY_TRANSPORT {
        let (plan, script) = broker(transport, |mut side| async move {
            side.online().await;
            let Some(Packet::Publish(once)) = side.packet().await else { panic!("PUBLISH expected") };
            // One that nobody waits for comes first.
            side.send(Packet::PubAck(PubAck { pkid: once.pkid + 1000 })).await;
            side.send(Packet::PubAck(PubAck { pkid: once.pkid })).await;
            let Some(Packet::Publish(twice)) = side.packet().await else { panic!("PUBLISH expected") };
            side.send(Packet::PubRec(PubRec { pkid: twice.pkid })).await;
            assert_eq!(side.packet().await, Some(Packet::PubRel(PubRel { pkid: twice.pkid })));
            side.send(Packet::PubComp(PubComp { pkid: twice.pkid })).await;

            let mut publish = Publish::new("a/c", QoS::AtLeastOnce, "one");
            publish.pkid = 9;
            side.send(Packet::Publish(publish.clone())).await;
            assert_eq!(side.packet().await, Some(Packet::PubAck(PubAck { pkid: 9 })));
            publish.qos = QoS::ExactlyOnce;
            publish.payload = Bytes::from_static(b"two");
            for _ in 0..2 {
                // The repetition is answered and not reported.
                side.send(Packet::Publish(publish.clone())).await;
                assert_eq!(side.packet().await, Some(Packet::PubRec(PubRec { pkid: 9 })));
            }
            side.send(Packet::PubRel(PubRel { pkid: 9 })).await;
            assert_eq!(side.packet().await, Some(Packet::PubComp(PubComp { pkid: 9 })));
            side.fin().await;
        })
        .await;
        let mut link = Link::new(Arc::new(plan), limits());
        online(&mut link).await;
        link.publish(message(5, 1)).unwrap();
        link.publish(message(6, 2)).unwrap();
        assert_eq!(link.in_flight(), 2);
        let reports = until_end(&mut link).await;
        script.joined().await;
        let told: Vec<_> = reports
            .iter()
            .filter_map(|report| match report {
                Report::Acknowledged(token) => Some(token.to_string()),
                Report::Message(message) => Some(String::from_utf8_lossy(&message.payload).into_owned()),
                _ => None,
            })
            .collect();
        assert_eq!(told, ["5", "6", "one", "two"]);
        let stats = &ended(&reports).stats;
        assert_eq!((stats.messages_sent, stats.messages_received), (2, 3));
        assert!(stats.bytes_received > 0 && stats.bytes_sent > 0);
    }
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_and_the_session_lives_on() {
    let (mut plan, script) = broker(Transport::Tcp, |mut side| async move {
        side.online().await;
        let Some(Packet::Publish(publish)) = side.packet().await else { panic!("PUBLISH expected") };
        assert_eq!(publish.topic, "a/b");
        side.fin().await;
    })
    .await;
    plan.max_outgoing_size = 100;
    let mut link = Link::new(Arc::new(plan), limits());
    assert_eq!(link.publish(message(1, 0)), Err(Refused::NotConnected));
    online(&mut link).await;
    let with_topic = |topic: &str| Outgoing { topic: topic.to_owned(), ..message(1, 1) };
    for topic in ["", "a/+", "a/#", "a\0"] {
        assert_eq!(link.publish(with_topic(topic)), Err(Refused::BadTopic));
    }
    let large = Outgoing { payload: Bytes::from(vec![0; 100]), ..message(1, 1) };
    assert_eq!(link.publish(large), Err(Refused::TooLarge { size: 109, limit: 100 }));
    assert_eq!(link.in_flight(), 0);
    link.publish(message(1, 0)).unwrap();
    until_end(&mut link).await;
    script.joined().await;
}

#[tokio::test]
async fn pings_are_sent_answered_and_timed() {
    for transport in EVERY_TRANSPORT {
        let (mut plan, script) = broker(transport, |mut side| async move {
            side.online().await;
            for _ in 0..3 {
                assert_eq!(side.packet().await, Some(Packet::PingReq));
                side.send(Packet::PingResp).await;
            }
            side.fin().await;
        })
        .await;
        plan.keep_alive = Duration::from_millis(50);
        let reports = run(plan, limits()).await;
        script.joined().await;
        let pings =
            reports.iter().filter(|report| matches!(report, Report::Pinged(took) if *took < PATIENCE));
        assert_eq!(pings.count(), 3);
        assert!(ended(&reports).stats.last_ping.is_some());
    }
}

/// A second after a ping, when a healthy path has long acknowledged it.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_kernel_is_asked_after_a_ping() {
    let (mut plan, script) = broker(Transport::Wss, |mut side| async move {
        side.online().await;
        while side.packet().await.is_some() {
            side.send(Packet::PingResp).await;
        }
    })
    .await;
    plan.keep_alive = Duration::from_millis(500);
    let mut link = Link::new(Arc::new(plan), limits());
    let info = next(&mut link, |report| if let Report::Tcp(info) = report { Some(info) } else { None }).await;
    assert_eq!(info.state, 1);
    drop(link);
    script.joined().await;
}

#[tokio::test]
async fn a_websocket_ping_is_answered() {
    let (plan, script) = broker(Transport::Ws, |mut side| async move {
        side.online().await;
        side.frame(Message::Ping(Bytes::from_static(b"?"))).await;
        assert_eq!(side.pong().await, Bytes::from_static(b"?"));
        side.fin().await;
    })
    .await;
    run(plan, limits()).await;
    script.joined().await;
}

/// One frame may hold several packets, and one packet may span several frames.
#[tokio::test]
async fn frames_and_packets_need_not_agree() {
    let (plan, script) = broker(Transport::Ws, |mut side| async move {
        side.online().await;
        side.bytes(&[0x30, 4, 0, 1, b'a', b'1', 0x30, 4, 0]).await;
        side.bytes(&[1, b'a']).await;
        side.bytes(b"2").await;
        side.fin().await;
    })
    .await;
    let reports = run(plan, limits()).await;
    script.joined().await;
    let payloads: Vec<_> = reports
        .iter()
        .filter_map(|report| if let Report::Message(m) = report { Some(m.payload.clone()) } else { None })
        .collect();
    assert_eq!(payloads, ["1", "2"]);
}

#[tokio::test]
async fn a_polite_close_says_goodbye_in_every_layer() {
    for transport in EVERY_TRANSPORT {
        let websocket = transport.has_websocket();
        let (plan, script) = broker(transport, move |mut side| async move {
            side.online().await;
            assert!(matches!(side.packet().await, Some(Packet::Publish(publish)) if publish.topic == "a/b"));
            assert_eq!(side.packet().await, Some(Packet::Disconnect));
            let expected = Farewell { close_frame: websocket.then_some(1000), clean: true };
            assert_eq!(side.farewell().await, expected);
        })
        .await;
        let mut link = Link::new(Arc::new(plan), limits());
        online(&mut link).await;
        let ending = link.close(vec![message(0, 0)], clock::now()).await.unwrap();
        script.joined().await;
        assert_eq!((ending.ended_by, ending.failure.detail), (EndedBy::Us, Detail::None));
        assert_eq!(ending.failure.phase, Phase::Shutdown);
    }
}

#[tokio::test]
async fn a_close_does_not_wait_for_a_frozen_peer() {
    for transport in EVERY_TRANSPORT {
        let (frozen, release) = tokio::sync::oneshot::channel::<()>();
        let (plan, script) = broker(transport, |mut side| async move {
            side.online().await;
            // Frozen until the test is over; the drop of the sender lets it go.
            let _ = release.await;
        })
        .await;
        let limits = hangup::connection::limits::Limits { close: Duration::from_millis(200), ..limits() };
        let mut link = Link::new(Arc::new(plan), limits);
        online(&mut link).await;
        let closed = tokio::time::timeout(PATIENCE, link.close(Vec::new(), clock::now())).await;
        assert!(closed.expect("the close should end").is_some());
        drop(frozen);
        script.joined().await;
    }
}

#[tokio::test]
async fn a_link_can_be_closed_in_any_phase() {
    let (plan, script) = broker(Transport::Tls, super::harness::Side::ignore).await;
    let plan = Arc::new(plan);
    assert!(Link::new(Arc::clone(&plan), limits()).close(Vec::new(), clock::now()).await.is_none());
    for phase in [Phase::Dns, Phase::Tls, Phase::Connack] {
        let (plan, script) = broker(Transport::Tls, super::harness::Side::ignore).await;
        let mut link = Link::new(Arc::new(plan), limits());
        next(&mut link, |report| {
            matches!(report, Report::Entered(entered) if entered == phase).then_some(())
        })
        .await;
        assert!(link.close(vec![message(0, 0)], clock::now()).await.is_none());
        script.stopped();
    }
    script.stopped();
}

/// A driver drops the future of `next` whenever something else happens first.
#[tokio::test]
async fn a_dropped_next_loses_nothing() {
    for transport in EVERY_TRANSPORT {
        let (plan, script) = broker(transport, |mut side| async move {
            side.online().await;
            for number in 0..50_u8 {
                side.send(Packet::Publish(Publish::new("a/b", QoS::AtMostOnce, vec![number; 3000]))).await;
            }
            side.fin().await;
        })
        .await;
        let mut link = Link::new(Arc::new(plan), limits());
        let mut numbers = Vec::new();
        loop {
            // Polled once and dropped, over and over.
            let report = tokio::select! {
                biased;
                report = link.next() => report,
                () = tokio::task::yield_now() => continue,
            };
            match report {
                Report::Message(message) => numbers.push(message.payload[0]),
                Report::Ended(_) => break,
                Report::Failed(failure) => panic!("{failure:?}"),
                _ => {}
            }
        }
        script.joined().await;
        assert_eq!(numbers, (0..50).collect::<Vec<_>>());
    }
}
