use std::net::Ipv4Addr;

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use rumqttc::mqttbytes::v4::{Codec, ConnAck, ConnectReturnCode, PubAck, SubAck, SubscribeReasonCode};
use tokio_util::codec::Decoder;

use super::*;
use crate::connection::limits::SILENCE;
use crate::connection::plan::{Subscription, Transport};

const KEEP_ALIVE: Duration = Duration::from_secs(30);
const PING: Duration = Duration::from_secs(10);

fn at(seconds: u64) -> Instant {
    Instant::from_boot(Duration::from_secs(seconds))
}

fn plan() -> Plan {
    Plan {
        keep_alive: KEEP_ALIVE,
        subscriptions: vec![Subscription::new("a", 1, true)],
        max_packet_size: 1024,
        max_outgoing_size: 1024,
        ..Plan::to(Ipv4Addr::LOCALHOST.to_string(), 1883, Transport::Tcp, "client")
    }
}

fn limits() -> Limits {
    let unused = Duration::ZERO;
    Limits {
        dns: unused,
        tcp: unused,
        proxy: unused,
        tls: unused,
        websocket: unused,
        connack: Duration::from_secs(5),
        suback: Duration::from_secs(7),
        ping: PING,
        close: unused,
        silence: SILENCE,
    }
}

fn started(plan: &Plan) -> Protocol {
    let mut protocol = Protocol::new(plan, &limits(), at(0));
    protocol.start(at(0));
    assert!(matches!(protocol.poll_packet(), Some(Packet::Connect(_))));
    protocol
}

fn accept(protocol: &mut Protocol, now: Instant) {
    protocol
        .handle(Packet::ConnAck(ConnAck { session_present: false, code: ConnectReturnCode::Success }), now);
}

fn online(plan: &Plan) -> Protocol {
    let mut protocol = started(plan);
    accept(&mut protocol, at(0));
    let Some(Packet::Subscribe(subscribe)) = protocol.poll_packet() else { panic!("SUBSCRIBE expected") };
    let return_codes = vec![SubscribeReasonCode::Success(QoS::AtLeastOnce)];
    protocol.handle(Packet::SubAck(SubAck { pkid: subscribe.pkid, return_codes }), at(0));
    assert_eq!(protocol.phase(), Phase::Session);
    protocol
}

fn message(qos: u8) -> Outgoing {
    Outgoing { token: 1, topic: "t".to_owned(), payload: Bytes::new(), qos, retain: false }
}

/// The one `Over` among the notices, which must be the last.
fn over(protocol: &mut Protocol) -> Option<(Failure, EndedBy)> {
    let mut found = None;
    while let Some(notice) = protocol.poll_notice() {
        assert!(found.is_none(), "{notice:?} after the end");
        if let Notice::Over(failure, by) = notice {
            found = Some((failure, by));
        }
    }
    found
}

#[test]
fn each_wait_has_a_limit_and_a_name() {
    let mut protocol = started(&plan());
    assert_eq!(protocol.deadline(), Some(at(5)));
    protocol.tick(at(5));
    let (failure, by) = over(&mut protocol).unwrap();
    assert_eq!(
        (failure.error, failure.phase, by),
        (ErrorName::ConnackTimeout, Phase::Connack, EndedBy::Timeout)
    );
    assert_eq!(protocol.deadline(), None);

    let mut protocol = started(&plan());
    accept(&mut protocol, at(1));
    assert_eq!(protocol.deadline(), Some(at(8)));
    protocol.tick(at(8));
    let (failure, by) = over(&mut protocol).unwrap();
    let expected = (ErrorName::SubscribeFailure, Phase::Subscribe, EndedBy::Timeout);
    assert_eq!((failure.error, failure.phase, by), expected);
}

#[test]
fn a_frozen_broker_is_found_within_keep_alive_and_ping_limit() {
    let mut protocol = online(&plan());
    protocol.tick(at(29));
    assert_eq!(protocol.poll_packet(), None);
    protocol.tick(at(30));
    assert_eq!(protocol.poll_packet(), Some(Packet::PingReq));
    protocol.tick(at(39));
    assert!(over(&mut protocol).is_none());
    protocol.tick(at(40));
    assert_eq!(over(&mut protocol).unwrap().0.error, ErrorName::MqttTimeout);
}

/// Our own messages keep the broker content and tell nothing about it.
#[test]
fn a_busy_sender_still_pings() {
    let mut protocol = online(&plan());
    for second in (5..=30).step_by(5) {
        protocol.publish(message(0), at(second)).unwrap();
        protocol.tick(at(second));
    }
    assert!(std::iter::from_fn(|| protocol.poll_packet()).any(|packet| packet == Packet::PingReq));
}

/// AWS counts only what the client sends.
#[test]
fn a_busy_receiver_still_pings() {
    let mut protocol = online(&plan());
    for second in (5..=30).step_by(5) {
        protocol.handle(Packet::Publish(Publish::new("t", QoS::AtMostOnce, "x")), at(second));
        protocol.tick(at(second));
    }
    assert_eq!(protocol.poll_packet(), Some(Packet::PingReq));
}

#[test]
fn a_keep_alive_of_zero_means_no_pings() {
    let mut plan = plan();
    plan.keep_alive = Duration::ZERO;
    let mut protocol = online(&plan);
    assert_eq!(protocol.deadline(), None);
    protocol.tick(at(100_000));
    assert_eq!(protocol.poll_packet(), None);
}

#[test]
fn nothing_is_published_before_the_subscriptions_are_back() {
    let mut protocol = started(&plan());
    assert_eq!(protocol.publish(message(0), at(0)), Err(Refused::NotConnected));
    accept(&mut protocol, at(0));
    assert_eq!(protocol.publish(message(0), at(0)), Err(Refused::NotConnected));
    assert!(matches!(protocol.poll_packet(), Some(Packet::Subscribe(_))));
    assert_eq!(protocol.poll_packet(), None);
}

#[test]
fn an_unexpected_acknowledgement_is_harmless() {
    let mut protocol = online(&plan());
    protocol.handle(Packet::PubAck(PubAck { pkid: 4711 }), at(1));
    protocol.handle(Packet::PingResp, at(1));
    assert!(over(&mut protocol).is_none());
}

#[test]
fn a_client_id_that_mqtt_cannot_carry_is_a_setup_error() {
    let mut plan = plan();
    plan.client_id = "x".repeat(LONGEST + 1);
    let mut protocol = Protocol::new(&plan, &limits(), at(0));
    protocol.start(at(0));
    assert_eq!(protocol.poll_packet(), None);
    assert_eq!(over(&mut protocol).unwrap().0.class, RetryClass::Setup);
}

#[test]
fn leaving_says_disconnect_and_nothing_more() {
    let mut protocol = online(&plan());
    while protocol.poll_notice().is_some() {}
    protocol.leave(at(1));
    assert_eq!(protocol.poll_packet(), Some(Packet::Disconnect));
    protocol.handle(Packet::PingResp, at(2));
    protocol.tick(at(1000));
    assert!(protocol.poll_packet().is_none() && protocol.poll_notice().is_none());
}

/// A packet with a right length and whatever content, so that the fuzz gets past the fixed header.
fn framed() -> impl Strategy<Value = Vec<u8>> {
    (any::<u8>(), prop::collection::vec(any::<u8>(), 0..120)).prop_map(|(first, body)| {
        let mut packet = vec![first, u8::try_from(body.len()).unwrap()];
        packet.extend(body);
        packet
    })
}

#[derive(Clone, Debug)]
enum Step {
    Bytes(Vec<u8>),
    Wait(u64),
    Publish(u8),
    Accept,
    Grant,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        framed().prop_map(Step::Bytes),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(Step::Bytes),
        (0..20_u64).prop_map(Step::Wait),
        (0..3_u8).prop_map(Step::Publish),
        Just(Step::Accept),
        Just(Step::Grant),
    ]
}

proptest! {
    /// A hostile broker must not take the process down, wedge a timer, or end a session twice or without a name.
    #[test]
    fn whatever_comes_the_session_stays_sound(steps in prop::collection::vec(step(), 1..40)) {
        let mut codec = Codec { max_incoming_size: 1024, max_outgoing_size: 1024 };
        let mut buffer = BytesMut::new();
        let mut protocol = started(&plan());
        let (mut now, mut asked, mut ended) = (0, 0, 0);
        for step in steps {
            match step {
                Step::Bytes(bytes) => {
                    buffer.extend_from_slice(&bytes);
                    loop {
                        let phase = protocol.phase();
                        match codec.decode(&mut buffer) {
                            Ok(Some(packet)) => protocol.handle(packet, at(now)),
                            Ok(None) => break,
                            Err(error) => {
                                let failure = classify::codec(phase, &error);
                                if phase != Phase::Shutdown {
                                    prop_assert!(failure.error.phases().contains(&phase), "{failure:?}");
                                }
                                protocol.end(failure, EndedBy::LocalError);
                                buffer.clear();
                            }
                        }
                    }
                }
                Step::Wait(seconds) => now += seconds,
                Step::Publish(qos) => drop(protocol.publish(message(qos), at(now))),
                Step::Accept => accept(&mut protocol, at(now)),
                Step::Grant => {
                    let return_codes = vec![SubscribeReasonCode::Success(QoS::AtMostOnce)];
                    protocol.handle(Packet::SubAck(SubAck { pkid: asked, return_codes }), at(now));
                }
            }
            protocol.tick(at(now));
            prop_assert!(protocol.deadline().is_none_or(|deadline| deadline > at(now)));
            while let Some(packet) = protocol.poll_packet() {
                prop_assert_eq!(ended, 0);
                if let Packet::Subscribe(subscribe) = packet {
                    asked = subscribe.pkid;
                }
            }
            while let Some(notice) = protocol.poll_notice() {
                prop_assert_eq!(ended, 0, "{:?} after the end", notice);
                if let Notice::Over(failure, _) = notice {
                    ended += 1;
                    prop_assert!(failure.error.phases().contains(&failure.phase), "{failure:?}");
                }
            }
            prop_assert_eq!(protocol.phase() == Phase::Shutdown, ended == 1);
        }
    }
}
