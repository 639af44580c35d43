//! What is awaited while much comes, or one packet that takes its time.

use super::*;
use crate::connection::limits::PACKET_PATIENCE;

/// An answer comes behind a backlog, and meanwhile the broker must hear from us within each keep-alive.
#[test]
fn who_waits_for_an_answer_goes_on_pinging() {
    let mut protocol = online(&plan());
    let mut sent = Vec::new();
    for second in 1..=95 {
        protocol.handle(publish(0, 0), at(second));
        protocol.tick(at(second));
        assert!(protocol.deadline().is_some_and(|due| due > at(second)));
        while let Some(packet) = protocol.poll_packet() {
            assert_eq!(packet, Outbound::PingReq);
            sent.push(second);
        }
    }
    assert_eq!((sent, protocol.deadline()), (vec![30, 60, 90], Some(at(105))));
    // Between messages the deadline wakes us for the next word, if that is due before the answer.
    protocol.handle(publish(0, 0), at(112));
    assert_eq!(protocol.deadline(), Some(at(120)));
}

#[test]
fn the_first_answer_closes_the_wait_and_the_others_are_harmless() {
    let mut protocol = online(&plan());
    for second in 1..=60 {
        protocol.handle(publish(0, 0), at(second));
        protocol.tick(at(second));
    }
    assert_eq!((protocol.stats().pings_sent, protocol.stats().pings_answered), (2, 0));
    while protocol.poll_notice().is_some() {}
    protocol.handle(Inbound::PingResp, at(61));
    // A drop now is none for want of a PINGRESP.
    assert_eq!((protocol.stats().pings_sent, protocol.stats().pings_answered), (2, 2));
    protocol.handle(Inbound::PingResp, at(62));
    let told: Vec<_> = std::iter::from_fn(|| protocol.poll_notice()).collect();
    assert!(matches!(told[..], [Notice::Pinged(took)] if took == Duration::from_secs(31)), "{told:?}");
    assert_eq!(protocol.stats().pings_answered, 2);
    // One that nobody waited for does not stand in for the next.
    protocol.tick(at(92));
    assert_eq!((protocol.stats().pings_sent, protocol.stats().pings_answered), (3, 2));
    protocol.tick(at(102));
    assert_eq!(over(&mut protocol).unwrap().0.error, ErrorName::MqttTimeout);
}

#[test]
fn a_packet_that_is_not_whole_yet_is_a_sign_of_life_and_not_for_ever() {
    let mut protocol = online(&plan());
    protocol.tick(at(30));
    let last = 30 + 10 * u64::from(PACKET_PATIENCE);
    for second in (35..last).step_by(5) {
        protocol.arriving(at(second));
        protocol.tick(at(second));
        assert_eq!(protocol.phase(), Phase::Session, "{second}");
    }
    protocol.arriving(at(last));
    protocol.tick(at(last));
    assert_eq!(over(&mut protocol).unwrap().0.error, ErrorName::MqttTimeout);
    assert!(protocol.stats().still_arriving);

    // Who stops in the middle of a packet is found as soon as who says nothing.
    let mut protocol = online(&plan());
    protocol.tick(at(30));
    protocol.arriving(at(35));
    protocol.tick(at(45));
    assert_eq!(over(&mut protocol).unwrap().0.error, ErrorName::MqttTimeout);
    assert!(!protocol.stats().still_arriving);
}

#[test]
fn a_suback_may_stand_behind_a_packet_that_is_not_whole_yet() {
    let mut protocol = started(&plan());
    accept(&mut protocol, at(0));
    let last = 7 * u64::from(SUBACK_PATIENCE);
    for second in (5..last).step_by(5) {
        protocol.arriving(at(second));
        protocol.tick(at(second));
        assert_eq!(protocol.phase(), Phase::Subscribe, "{second}");
    }
    protocol.tick(at(last));
    assert_eq!(over(&mut protocol).unwrap().0.error, ErrorName::SubscribeFailure);
}

/// A refusal is a matter of set-up and waits for a person; a missing answer is not.
#[test]
fn a_missing_suback_is_tried_again_soon() {
    let mut protocol = started(&plan());
    accept(&mut protocol, at(0));
    protocol.tick(at(7));
    assert_eq!(over(&mut protocol).unwrap().0.class, RetryClass::Network);
}
