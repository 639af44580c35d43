mod waits;

use std::net::Ipv4Addr;

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;

use super::*;
use crate::connection::Detail;
use crate::connection::codec::Codec;
use crate::connection::limits::{SILENCE, SUBACK_PATIENCE};
use crate::connection::packet::{Ack, ConnAck, Disconnect, SubAck};
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
    assert!(matches!(protocol.poll_packet(), Some(Outbound::Connect(_))));
    protocol
}

fn connack(ack: ConnAck) -> Inbound {
    Inbound::ConnAck(Box::new(ack))
}

fn accept(protocol: &mut Protocol, now: Instant) {
    protocol.handle(connack(ConnAck::default()), now);
}

fn online(plan: &Plan) -> Protocol {
    let mut protocol = started(plan);
    accept(&mut protocol, at(0));
    let Some(Outbound::Subscribe(subscribe)) = protocol.poll_packet() else { panic!("SUBSCRIBE expected") };
    protocol.handle(Inbound::SubAck(SubAck { id: subscribe.id, codes: vec![1] }), at(0));
    assert_eq!(protocol.phase(), Phase::Session);
    protocol
}

fn message(qos: u8) -> Outgoing {
    Outgoing { token: 1, topic: "t".to_owned(), payload: Bytes::new(), qos, retain: false }
}

fn publish(qos: u8, id: u16) -> Inbound {
    let (topic, payload) = ("t".to_owned(), Bytes::from_static(b"x"));
    Inbound::Publish(Publish { dup: false, qos, retain: false, id, topic, payload, properties: None })
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
fn a_suback_may_stand_behind_what_the_broker_had_kept_and_not_for_ever() {
    let mut protocol = started(&plan());
    accept(&mut protocol, at(0));
    for second in (5..7 * u64::from(SUBACK_PATIENCE)).step_by(5) {
        protocol.handle(publish(0, 0), at(second));
        protocol.tick(at(second));
        assert_eq!(protocol.phase(), Phase::Subscribe, "{second}");
    }
    let last = at(7 * u64::from(SUBACK_PATIENCE));
    protocol.tick(last);
    assert_eq!(over(&mut protocol).unwrap().0.error, ErrorName::SubscribeFailure);
    // An answered ping is no message.
    let mut protocol = started(&plan());
    accept(&mut protocol, at(0));
    protocol.handle(Inbound::PingResp, at(6));
    protocol.tick(at(7));
    assert!(over(&mut protocol).is_some());
}

#[test]
fn a_frozen_broker_is_found_within_keep_alive_and_ping_limit() {
    let mut protocol = online(&plan());
    protocol.tick(at(29));
    assert_eq!(protocol.poll_packet(), None);
    protocol.tick(at(30));
    assert_eq!(protocol.poll_packet(), Some(Outbound::PingReq));
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
    assert!(std::iter::from_fn(|| protocol.poll_packet()).any(|packet| packet == Outbound::PingReq));
}

/// AWS counts only what the client sends.
#[test]
fn a_busy_receiver_still_pings() {
    let mut protocol = online(&plan());
    for second in (5..=30).step_by(5) {
        protocol.handle(publish(0, 0), at(second));
        protocol.tick(at(second));
    }
    assert_eq!(protocol.poll_packet(), Some(Outbound::PingReq));
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
    assert!(matches!(protocol.poll_packet(), Some(Outbound::Subscribe(_))));
    assert_eq!(protocol.poll_packet(), None);
}

#[test]
fn an_unexpected_acknowledgement_is_harmless() {
    let mut protocol = online(&plan());
    protocol.handle(Inbound::PubAck(Ack::fine(4711)), at(1));
    protocol.handle(Inbound::PingResp, at(1));
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
    assert_eq!(protocol.poll_packet(), Some(Outbound::Disconnect));
    protocol.handle(Inbound::PingResp, at(2));
    protocol.tick(at(1000));
    assert!(protocol.poll_packet().is_none() && protocol.poll_notice().is_none());
}

fn plan_v5() -> Plan {
    Plan { version: Version::V5, ..plan() }
}

/// A session of MQTT 5 with a broker that has these terms.
fn online_v5(ack: ConnAck) -> Protocol {
    let mut protocol = started(&plan_v5());
    protocol.handle(connack(ack), at(0));
    let Some(Outbound::Subscribe(subscribe)) = protocol.poll_packet() else { panic!("SUBSCRIBE expected") };
    protocol.handle(Inbound::SubAck(SubAck { id: subscribe.id, codes: vec![1] }), at(0));
    protocol
}

#[test]
fn the_keep_alive_of_the_broker_counts() {
    let mut protocol = online_v5(ConnAck { keep_alive: Some(7), ..ConnAck::default() });
    let told = std::iter::from_fn(|| protocol.poll_notice())
        .find_map(|notice| if let Notice::Terms(terms) = notice { terms.keep_alive } else { None });
    assert_eq!((told, protocol.deadline()), (Some(Duration::from_secs(7)), Some(at(7))));
    assert_eq!(online_v5(ConnAck { keep_alive: Some(0), ..ConnAck::default() }).deadline(), Some(at(30)));
}

#[test]
fn a_missing_answer_has_the_name_of_its_version() {
    let mut protocol = online_v5(ConnAck::default());
    protocol.tick(at(30));
    protocol.tick(at(40));
    assert_eq!(over(&mut protocol).unwrap().0.error, ErrorName::PingTimeout);
}

/// The answer may stand behind much that came before it.
#[test]
fn a_broker_that_goes_on_sending_is_alive() {
    let mut protocol = online(&plan());
    protocol.tick(at(30));
    protocol.handle(publish(0, 0), at(39));
    protocol.tick(at(40));
    assert!(over(&mut protocol).is_none());
    protocol.tick(at(49));
    assert_eq!(over(&mut protocol).unwrap().0.error, ErrorName::MqttTimeout);
}

#[test]
fn what_the_broker_does_not_take_is_not_sent() {
    let mut protocol = online_v5(ConnAck {
        receive_maximum: 2,
        maximum_qos: 1,
        retain_available: false,
        maximum_packet_size: Some(20),
        ..ConnAck::default()
    });
    assert_eq!(protocol.publish(Outgoing { retain: true, ..message(0) }, at(1)), Err(Refused::NoRetain));
    let large = Outgoing { payload: vec![0; 15].into(), ..message(0) };
    assert_eq!(protocol.publish(large, at(1)), Err(Refused::TooLarge { size: 21, limit: 20 }));
    protocol.publish(message(2), at(1)).unwrap();
    assert!(matches!(protocol.poll_packet(), Some(Outbound::Publish(Publish { qos: 1, .. }))));
    protocol.publish(message(1), at(1)).unwrap();
    assert_eq!(protocol.publish(message(1), at(1)), Err(Refused::TooManyInFlight));
}

#[test]
fn a_refusal_is_told_and_frees_the_flight() {
    for qos in [1, 2] {
        let mut protocol = online_v5(ConnAck::default());
        protocol.publish(message(qos), at(1)).unwrap();
        let Some(Outbound::Publish(Publish { id, .. })) = protocol.poll_packet() else { panic!("PUBLISH") };
        let ack = Ack { id, code: 0x87 };
        protocol.handle(if qos == 1 { Inbound::PubAck(ack) } else { Inbound::PubRec(ack) }, at(1));
        let told = std::iter::from_fn(|| protocol.poll_notice())
            .any(|notice| matches!(notice, Notice::Refused { token: 1, code: 0x87 }));
        assert!(told && protocol.in_flight() == 0 && protocol.poll_packet().is_none());
    }
}

#[test]
fn a_message_of_qos_2_is_heard_once_though_the_connection_breaks() {
    let (plan, carried) = (Plan { clean_session: false, ..plan_v5() }, Carried::default());
    let mut heard = 0;
    for session_present in [false, true, true] {
        let mut protocol = Protocol::resuming(&plan, &limits(), carried.clone(), at(0));
        protocol.start(at(0));
        protocol.handle(connack(ConnAck { session_present, ..ConnAck::default() }), at(0));
        protocol.handle(publish(2, 9), at(1));
        heard += std::iter::from_fn(|| protocol.poll_notice())
            .filter(|notice| matches!(notice, Notice::Message(_)))
            .count();
        assert!(std::iter::from_fn(|| protocol.poll_packet()).any(|packet| packet == Outbound::PubRec(9)));
    }
    assert_eq!(heard, 1);
}

/// The broker knows filters of an earlier time only where it kept the session.
#[test]
fn what_is_not_wanted_any_more_is_given_back_where_the_session_was_kept() {
    for (session_present, packets) in
        [(true, vec!["UNSUBSCRIBE", "UNSUBSCRIBE", "SUBSCRIBE"]), (false, vec!["SUBSCRIBE"])]
    {
        let leave = ["x", "y", "z"].map(str::to_owned).to_vec();
        let mut protocol = started(&Plan { leave, filters_per_subscribe: 2, ..plan() });
        protocol.handle(connack(ConnAck { session_present, ..ConnAck::default() }), at(0));
        let sent: Vec<_> = std::iter::from_fn(|| protocol.poll_packet()).collect();
        assert_eq!(sent.iter().map(Outbound::name).collect::<Vec<_>>(), packets);
        let Some(Outbound::Subscribe(subscribe)) = sent.last() else { panic!("SUBSCRIBE expected") };
        // Its answer comes before, after or never: nobody waits for it.
        for _ in 1..packets.len() {
            protocol.handle(Inbound::UnsubAck, at(1));
        }
        protocol.handle(Inbound::SubAck(SubAck { id: subscribe.id, codes: vec![1] }), at(1));
        assert_eq!(protocol.phase(), Phase::Session);
        protocol.handle(Inbound::UnsubAck, at(2));
        assert!(over(&mut protocol).is_some(), "nobody waited for that one");
    }
}

#[test]
fn a_client_id_that_the_broker_made_up_is_kept() {
    let (plan, carried) = (Plan { client_id: String::new(), ..plan_v5() }, Carried::default());
    for (asked, answered) in [("", Some("auto-1")), ("auto-1", None)] {
        let mut protocol = Protocol::resuming(&plan, &limits(), carried.clone(), at(0));
        protocol.start(at(0));
        let Some(Outbound::Connect(connect)) = protocol.poll_packet() else { panic!("CONNECT expected") };
        assert_eq!(connect.client_id, asked);
        let assigned_client_id = answered.map(str::to_owned);
        protocol.handle(connack(ConnAck { assigned_client_id, ..ConnAck::default() }), at(0));
    }
}

#[test]
fn the_broker_says_why_and_repeats_no_identity() {
    let mut protocol = online_v5(ConnAck::default());
    let reason = Some("client was taken over".to_owned());
    let disconnect = Disconnect { code: Some(0x8E), reason, server: None };
    protocol.handle(Inbound::Disconnect(Box::new(disconnect)), at(1));
    let (failure, by) = over(&mut protocol).unwrap();
    assert_eq!((failure.detail, by), (Detail::Disconnect(Some(0x8E)), EndedBy::Peer));
    assert!(failure.message.ends_with("it says `… was taken over`"), "{}", failure.message);
}

#[test]
fn nobody_asked_for_authentication() {
    let mut protocol = online_v5(ConnAck::default());
    protocol.handle(Inbound::Auth, at(1));
    assert_eq!(over(&mut protocol).unwrap().0.error, ErrorName::DecodeProtocolError);
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

fn version() -> impl Strategy<Value = Version> {
    prop_oneof![Just(Version::V311), Just(Version::V5)]
}

proptest! {
    /// A hostile broker must not take the process down, wedge a timer, or end a session twice or without a name.
    #[test]
    fn whatever_comes_the_session_stays_sound(version in version(), steps in prop::collection::vec(step(), 1..40)) {
        let plan = Plan { version, ..plan() };
        let codec = Codec::new(version, 1024);
        let mut buffer = BytesMut::new();
        let mut protocol = started(&plan);
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
                                let failure = classify::fault(phase, version, error);
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
                    protocol.handle(Inbound::SubAck(SubAck { id: asked, codes: vec![0] }), at(now));
                }
            }
            protocol.tick(at(now));
            prop_assert!(protocol.deadline().is_none_or(|deadline| deadline > at(now)));
            while let Some(packet) = protocol.poll_packet() {
                prop_assert_eq!(ended, 0);
                if let Outbound::Subscribe(subscribe) = packet {
                    asked = subscribe.id;
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
