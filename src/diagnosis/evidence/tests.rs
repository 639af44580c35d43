//! One test for each rule and for each precedence that matters; V11 of the specification; the closed set of pairs.

use std::time::{Duration, SystemTime};

use proptest::prelude::*;

use super::*;
use crate::clock::{Instant, Now};
use crate::connection::ending::{LastSent, LinkStats};
use crate::connection::error::ErrorName;
use crate::connection::{Phase, Tier};
use crate::host::{SignalKind, TcpInfo};
use crate::lifecycle::history::End;
use crate::lifecycle::presence::Reason;

const HOUR: f64 = 3600.0;

/// A drop at this age (in seconds), and what is known around it. Times count from the start of the session.
#[derive(Clone, Debug)]
struct Drop {
    session: Session,
    signals: Vec<Signal>,
    interface: Option<u32>,
    limits: Vec<Duration>,
    no_idle_timeout: bool,
    lifecycle: Option<Reason>,
}

impl Drop {
    /// By the peer, unless the test says otherwise.
    fn of(error: ErrorName, detail: Detail, age: f64) -> Self {
        let failure = Failure::new(Phase::Session, error, "test").with_detail(detail);
        let session = Session {
            number: 7,
            start: at(0.0),
            end: at(age),
            alive: at(age).at,
            ended_by: EndedBy::Peer,
            ending: End::Dropped(failure),
            attempts: 1,
            phases: Vec::new(),
            session_present: false,
            subscriptions: 1,
            keep_alive: Duration::from_secs(60),
            peer: "192.0.2.7:443".parse().unwrap(),
            local: "198.51.100.9:40000".parse().unwrap(),
            credentials_issued: None,
            credentials_expire: None,
            stats: LinkStats::default(),
            fatal_gaps: Vec::new(),
            tcp: None,
            tier: Tier::Quick,
            outage: None,
        };
        let drop = Self {
            session,
            signals: Vec::new(),
            interface: None,
            limits: Vec::new(),
            no_idle_timeout: false,
            lifecycle: None,
        };
        drop.sent("PINGREQ", 20.0)
    }

    fn fin(age: f64) -> Self {
        Self::of(ErrorName::SocketClosed, Detail::Fin, age)
    }

    /// No PINGRESP for ten seconds.
    fn no_pingresp(tcp: TcpInfo) -> Self {
        let mut drop =
            Self::of(ErrorName::MqttTimeout, Detail::None, 5000.0).sent("PINGREQ", 10.0).kernel(tcp);
        drop.session.ended_by = EndedBy::Timeout;
        drop.session.alive = at(4980.0).at;
        (drop.session.stats.pings_sent, drop.session.stats.pings_answered) = (80, 79);
        drop
    }

    /// So long before the end, this was the last packet.
    fn sent(mut self, packet: &'static str, before_end: f64) -> Self {
        let at = self.session.end.at - Duration::from_secs_f64(before_end);
        let sent = Some(LastSent { packet, topic: Some("a/secret/topic".to_owned()), at });
        let stats = &mut self.session.stats;
        match packet {
            "PUBLISH" => stats.last_publish.clone_from(&sent),
            "SUBSCRIBE" => stats.last_subscribe.clone_from(&sent),
            _ => stats.last_ping_sent = Some(at),
        }
        stats.last_sent = sent;
        self
    }

    /// The kernel's view at the end.
    fn kernel(mut self, tcp: TcpInfo) -> Self {
        self.session.tcp = Some(tcp);
        self.session.stats.tcp_at = Some(self.session.end.at);
        self
    }

    /// A silence, and how long before the end a packet of ours broke it.
    fn after_silence(mut self, length: f64, before_end: f64) -> Self {
        self.session.fatal_gaps.push(Duration::from_secs_f64(length));
        self.session.stats.silence_broken = Some(self.session.end.at - Duration::from_secs_f64(before_end));
        self
    }

    /// So long before the end this was noticed.
    fn signal(mut self, before_end: f64, kind: SignalKind) -> Self {
        let end = self.session.end;
        let back = Duration::from_secs_f64(before_end);
        self.signals.push(Signal { at: Now { at: end.at - back, wall: end.wall - back }, kind });
        self
    }

    fn direct(&self) -> Preliminary {
        direct(&DropFacts {
            session: &self.session,
            signals: &self.signals,
            interface: self.interface,
            limits: &self.limits,
            no_idle_timeout: self.no_idle_timeout,
            lifecycle: self.lifecycle,
        })
    }

    #[track_caller]
    fn is(&self, cause: Cause, evidence: Evidence, rule: Rule) -> String {
        let Preliminary { verdict, settled } = self.direct();
        assert_eq!(
            (verdict.cause, verdict.evidence, verdict.rule),
            (cause, evidence, rule),
            "{}",
            verdict.words
        );
        assert_eq!(settled, !may_yield(&verdict), "{verdict:?}");
        verdict.words
    }
}

fn at(age: f64) -> Now {
    let age = Duration::from_secs_f64(age);
    let (boot, noon) = (Duration::from_secs(100_000), Duration::from_secs(1_735_689_600));
    Now { at: Instant::from_boot(boot + age), wall: SystemTime::UNIX_EPOCH + noon + age }
}

fn tcp(unacked: u32, retransmits: u8, last_ack_ms: u64) -> TcpInfo {
    TcpInfo {
        state: 1,
        unacked,
        retransmits,
        probes: 0,
        backoff: retransmits,
        rtt: Duration::from_millis(40),
        total_retransmits: u32::from(retransmits),
        last_data_received: Duration::from_secs(60),
        last_ack_received: Duration::from_millis(last_ack_ms),
    }
}

fn our_address() -> std::net::IpAddr {
    "198.51.100.9".parse().unwrap()
}

fn other_address() -> std::net::IpAddr {
    "2001:db8::7".parse().unwrap()
}

#[test]
fn d1_a_reason_of_the_broker_is_stated() {
    for (detail, cause) in [
        (Detail::Disconnect(Some(0x8E)), Cause::SessionTakenOver),
        (Detail::Disconnect(Some(0x8B)), Cause::BrokerRestart),
        (Detail::Disconnect(Some(0xA0)), Cause::ConnectionLifetimeLimit),
        (Detail::WebsocketClose(Some(1008)), Cause::PolicyViolation),
        (Detail::WebsocketClose(Some(1001)), Cause::ServerMaintenance),
        (Detail::Alert(116), Cause::TlsClientCert),
    ] {
        Drop::of(ErrorName::UnexpectedHangup, detail, HOUR).is(cause, Evidence::Stated, Rule::PeerGaveReason);
    }
}

#[test]
fn d1_a_code_without_a_meaning_is_no_reason() {
    for detail in [
        Detail::Disconnect(None),
        Detail::Disconnect(Some(0x33)),
        Detail::WebsocketClose(Some(1000)),
        Detail::WebsocketClose(Some(4003)),
    ] {
        let found = Drop::of(ErrorName::UnexpectedHangup, detail, 5000.0).direct();
        assert_eq!((found.verdict, found.settled), (Verdict::unknown(), false), "{detail}");
    }
}

#[test]
fn d1_what_attempts_are_told_has_causes_too() {
    let cause =
        |detail| stated(&Failure::new(Phase::Connack, ErrorName::ConnackRefused, "").with_detail(detail));
    assert_eq!(cause(Detail::Connack(5)).unwrap().0, Cause::CredentialRejected);
    assert_eq!(cause(Detail::Connack(3)).unwrap().0, Cause::BrokerOverloaded);
    assert_eq!(cause(Detail::HttpStatus(403)).unwrap().0, Cause::CredentialRejected);
    assert_eq!(cause(Detail::HttpStatus(429)).unwrap().0, Cause::Throttled);
    assert_eq!(cause(Detail::HttpStatus(404)).unwrap().0, Cause::Config);
    assert!(cause(Detail::Connack(77)).is_none());
}

#[test]
fn d1_not_authorised_after_the_credentials_lapsed_is_that() {
    let mut drop = Drop::of(ErrorName::DisconnectReceived, Detail::Disconnect(Some(0x87)), HOUR);
    drop.is(Cause::PolicyViolation, Evidence::Stated, Rule::PeerGaveReason);
    drop.session.credentials_expire = Some(at(HOUR - 1.0).wall);
    drop.is(Cause::CredentialExpired, Evidence::Stated, Rule::PeerGaveReason);
}

#[test]
fn d1_a_refused_subscription_is_a_policy() {
    let mut drop = Drop::of(ErrorName::SubscribeFailure, Detail::None, 1.0);
    drop.session.ended_by = EndedBy::LocalError;
    drop.is(Cause::PolicyViolation, Evidence::Stated, Rule::PeerGaveReason);
}

#[test]
fn d1_a_lifecycle_event_counts_where_the_close_itself_said_nothing() {
    let mut drop = Drop::fin(5000.0);
    drop.lifecycle = Some(Reason::DuplicateClientId);
    drop.is(Cause::SessionTakenOver, Evidence::Stated, Rule::PeerGaveReason);
    drop.lifecycle = Some(Reason::Other);
    assert!(!drop.direct().settled);
}

#[test]
fn d1_that_the_connection_broke_explains_no_close_that_we_saw_the_broker_make() {
    let mut drop = Drop::fin(5000.0);
    drop.lifecycle = Some(Reason::ConnectionLost);
    let preliminary = drop.direct();
    assert!(!preliminary.settled, "{preliminary:?}");
    let verdict = settle(&preliminary, NextAttempt::Refused).unwrap();
    assert_eq!((verdict.cause, verdict.evidence), (Cause::BrokerRestart, Evidence::Inferred));
    drop.session.ended_by = EndedBy::Timeout;
    drop.is(Cause::PathDead, Evidence::Stated, Rule::PeerGaveReason);
}

#[test]
fn d2_a_sleep_is_seen_and_a_nap_or_an_earlier_sleep_is_not() {
    let sleep = |seconds| SignalKind::Suspended(Duration::from_secs(seconds));
    let dead = Drop::no_pingresp(tcp(1, 3, 25_000));
    let words =
        dead.clone().signal(1.0, sleep(900)).is(Cause::HostSuspended, Evidence::Observed, Rule::Suspend);
    assert_eq!(words, "this machine slept for 15 min 0 s while the connection was open");
    dead.clone().signal(1.0, sleep(1)).is(Cause::PathDead, Evidence::Observed, Rule::NotAcknowledged);
    // It was alive 20 s before its end: a sleep before that was survived.
    dead.signal(21.0, sleep(900)).is(Cause::PathDead, Evidence::Observed, Rule::NotAcknowledged);
}

#[test]
fn d3_our_address_or_our_link() {
    let dead = Drop::no_pingresp(tcp(1, 3, 25_000));
    let removed = dead.clone().signal(24.0, SignalKind::AddressRemoved(2, our_address()));
    let words = removed.is(Cause::LocalNetworkChange, Evidence::Observed, Rule::AddressRemoved);
    assert!(!words.contains("198.51"), "{words}");
    let mut down = dead.clone().signal(3.0, SignalKind::LinkDown(2));
    down.interface = Some(2);
    down.is(Cause::LocalNetworkChange, Evidence::Observed, Rule::AddressRemoved);
    down.interface = Some(3);
    down.is(Cause::PathDead, Evidence::Observed, Rule::NotAcknowledged);
    // More than five seconds before the last sign of life.
    dead.signal(26.0, SignalKind::AddressRemoved(2, our_address())).is(
        Cause::PathDead,
        Evidence::Observed,
        Rule::NotAcknowledged,
    );
}

#[test]
fn d4_another_change_is_a_suspicion_that_yields_to_what_is_observed() {
    for kind in [
        SignalKind::RouteRemoved,
        SignalKind::RouteAdded,
        SignalKind::AddressRemoved(2, other_address()),
        SignalKind::LinkDown(9),
    ] {
        let suspected = (Cause::LocalNetworkChange, Evidence::Suspected, Rule::RouteChanged);
        let (cause, evidence, rule) = suspected;
        Drop::fin(5000.0).signal(1.0, kind.clone()).is(cause, evidence, rule);
        // It does not yield to another suspicion, …
        Drop::fin(5000.0).sent("PUBLISH", 0.2).signal(1.0, kind.clone()).is(cause, evidence, rule);
        // … but to what the kernel knows.
        Drop::no_pingresp(tcp(1, 3, 25_000)).signal(1.0, kind).is(
            Cause::PathDead,
            Evidence::Observed,
            Rule::NotAcknowledged,
        );
    }
    let resolver = Drop::fin(5000.0).signal(1.0, SignalKind::ResolverChanged).direct();
    assert!(!resolver.settled);
}

#[test]
fn d5_the_first_packet_after_a_silence_is_reset_or_lost() {
    let reset = Drop::of(ErrorName::SocketClosed, Detail::Rst, 5000.0);
    let nat = (Cause::NatIdleTimeout, Evidence::Suspected, Rule::AfterSilence);
    reset.clone().after_silence(300.0, 0.1).is(nat.0, nat.1, nat.2);
    let words = Drop::no_pingresp(tcp(1, 3, 25_000)).after_silence(300.0, 10.0).is(nat.0, nat.1, nat.2);
    assert_eq!(
        words,
        "nothing came back to the first packet (3 retransmissions and 1 segment without acknowledgement) after \
         5 min 0 s of silence, as when a NAT or firewall forgets"
    );
    // A reset that comes late, or after a shorter silence, is of something else.
    assert!(!reset.clone().after_silence(300.0, 1.5).direct().settled);
    assert!(!reset.after_silence(29.0, 0.1).direct().settled);
}

#[test]
fn d5_the_silence_that_killed_is_the_first_that_nothing_came_back_from() {
    // Nothing came back to the packet after ten seconds; the minute after it is only its echo.
    let echo = Drop::no_pingresp(tcp(2, 4, 85_000)).after_silence(10.0, 80.0).after_silence(60.0, 20.0);
    echo.is(Cause::PathDead, Evidence::Observed, Rule::NotAcknowledged);
}

#[test]
fn d5_the_time_for_an_answer_grows_with_the_round_trip() {
    let slow = TcpInfo { rtt: Duration::from_millis(400), ..tcp(0, 0, 100) };
    let reset = Drop::of(ErrorName::SocketClosed, Detail::Rst, 5000.0).kernel(slow).after_silence(300.0, 1.9);
    reset.is(Cause::NatIdleTimeout, Evidence::Suspected, Rule::AfterSilence);
}

#[test]
fn d5_is_not_said_where_the_test_over_many_drops_found_no_idle_timeout() {
    let mut dead = Drop::no_pingresp(tcp(1, 3, 25_000)).after_silence(300.0, 10.0);
    dead.no_idle_timeout = true;
    dead.is(Cause::PathDead, Evidence::Observed, Rule::NotAcknowledged);
}

/// V11, first half.
#[test]
fn d6_unacknowledged_and_retransmitted_is_a_dead_path() {
    let words =
        Drop::no_pingresp(tcp(1, 3, 3012)).is(Cause::PathDead, Evidence::Observed, Rule::NotAcknowledged);
    assert_eq!(
        words,
        "3 retransmissions and 1 segment without acknowledgement 10.0 s after the ping: packets did not arrive any more"
    );
    assert!(!Drop::no_pingresp(tcp(1, 1, 3012)).direct().settled, "one lost packet is no dead path");
}

#[test]
fn d6_probes_of_the_kernel_that_nobody_answers_are_a_dead_path() {
    let mut drop = Drop::of(ErrorName::SocketTimeout, Detail::Os(110), 5000.0);
    drop = drop.kernel(TcpInfo { probes: 3, ..tcp(0, 0, 25_000) });
    drop.session.ended_by = EndedBy::Timeout;
    let words = drop.is(Cause::PathDead, Evidence::Observed, Rule::NotAcknowledged);
    assert!(words.starts_with("3 probes of the kernel without an answer"), "{words}");
}

/// V11, second half.
#[test]
fn d7_acknowledged_and_not_answered_is_a_stalled_broker() {
    let words =
        Drop::no_pingresp(tcp(0, 0, 9980)).is(Cause::BrokerStalled, Evidence::Observed, Rule::NotAnswered);
    assert_eq!(
        words,
        "the broker's machine acknowledged everything, last 20 ms after we asked, and the broker did not answer \
         within 10.0 s"
    );
}

#[test]
fn d7_an_acknowledgement_from_before_the_ping_proves_nothing() {
    assert!(!Drop::no_pingresp(tcp(0, 0, 11_000)).direct().settled);
}

#[test]
fn d7_a_missing_suback_is_a_missing_answer_too() {
    let mut drop = Drop::of(ErrorName::SubscribeFailure, Detail::None, 10.0).kernel(tcp(0, 0, 9900));
    drop.session.ended_by = EndedBy::Timeout;
    drop = drop.sent("SUBSCRIBE", 10.0);
    drop.is(Cause::BrokerStalled, Evidence::Observed, Rule::NotAnswered);
}

#[test]
fn without_the_kernels_view_a_missing_answer_has_no_cause() {
    let mut drop = Drop::no_pingresp(tcp(1, 3, 25_000));
    drop.session.tcp = None;
    assert!(!drop.direct().settled);
}

#[test]
fn d8_a_close_after_we_were_silent_for_one_and_a_half_keep_alives() {
    let inferred = (Cause::KeepaliveTimeoutServer, Evidence::Inferred, Rule::WeWereSilent);
    Drop::fin(5000.0).sent("PINGREQ", 89.0).is(inferred.0, inferred.1, inferred.2);
    Drop::of(ErrorName::SocketClosed, Detail::Rst, 5000.0)
        .sent("PINGREQ", 95.0)
        .is(inferred.0, inferred.1, inferred.2);
    assert!(!Drop::fin(5000.0).sent("PINGREQ", 88.0).direct().settled);
    let mut impatient = Drop::fin(5000.0).sent("PINGREQ", 0.55);
    impatient.session.keep_alive = Duration::from_millis(500);
    assert!(!impatient.direct().settled, "our own ping timer is no silence");
    let mut without_keep_alive = Drop::fin(5000.0).sent("PINGREQ", 500.0);
    without_keep_alive.session.keep_alive = Duration::ZERO;
    assert!(!without_keep_alive.direct().settled);
}

#[test]
fn d9_an_orderly_close_right_after_a_packet() {
    let suspected = (Cause::PolicyViolation, Evidence::Suspected, Rule::AfterPacket);
    let words = Drop::fin(5000.0).sent("PUBLISH", 0.3).is(suspected.0, suspected.1, suspected.2);
    assert_eq!(words, "the broker closed in order 300 ms after a PUBLISH of ours");
    Drop::of(ErrorName::UnexpectedHangup, Detail::CloseNotify, 2.0).sent("SUBSCRIBE", 0.9).is(
        suspected.0,
        suspected.1,
        suspected.2,
    );
    assert!(!Drop::fin(5000.0).sent("PUBLISH", 1.1).direct().settled);
    assert!(!Drop::fin(5000.0).sent("PINGREQ", 0.1).direct().settled, "a ping provokes nothing");
    let reset = Drop::of(ErrorName::SocketClosed, Detail::Rst, 5000.0).sent("PUBLISH", 0.3);
    assert!(!reset.direct().settled, "a reset is not orderly");
}

#[test]
fn d10_a_refused_connect_explains_what_nothing_else_did() {
    let first = Drop::fin(86_400.0).direct();
    assert_eq!((first.verdict.cause, first.settled), (Cause::ConnectionLifetimeLimit, false));
    assert_eq!(settle(&first, NextAttempt::Failed), None);
    let restart = settle(&first, NextAttempt::Refused).unwrap();
    assert_eq!((restart.cause, restart.evidence), (Cause::BrokerRestart, Evidence::Inferred));
}

#[test]
fn d10_is_better_evidence_than_a_suspicion_about_a_packet_or_a_silence_and_than_nothing_else() {
    let forgotten = Drop::of(ErrorName::SocketClosed, Detail::Rst, 5000.0).after_silence(300.0, 0.1).direct();
    let after_packet = Drop::fin(5000.0).sent("PUBLISH", 0.3).direct();
    for suspected in [forgotten, after_packet] {
        assert_eq!(suspected.verdict.evidence, Evidence::Suspected);
        let restart = settle(&suspected, NextAttempt::Refused).unwrap();
        assert_eq!((restart.cause, restart.rule), (Cause::BrokerRestart, Rule::ConnectsRefused));
        assert_eq!(settle(&suspected, NextAttempt::Accepted), Some(suspected.verdict.clone()));
    }
    // What is inferred already stays, and what may be this machine's network is not the broker's.
    let silent = Drop::fin(5000.0).sent("PINGREQ", 95.0).direct();
    assert_eq!(settle(&silent, NextAttempt::Refused), Some(silent.verdict.clone()));
    assert_eq!(silent.verdict.rule, Rule::WeWereSilent);
    let route = Drop::fin(5000.0).signal(1.0, SignalKind::RouteRemoved).direct();
    assert_eq!((route.verdict.evidence, settle(&route, NextAttempt::Refused)), (Evidence::Suspected, None));
}

#[test]
fn d2_a_close_that_the_machine_finds_when_it_wakes_is_no_sign_of_life() {
    // The broker gave up a sleeping client: its FIN arrives in the moment of waking, before any rule of it.
    let mut drop = Drop::fin(5000.0).sent("PINGREQ", 3600.0);
    drop.session.stats.last_received = Some(at(1400.0).at);
    let drop = drop.signal(0.2, SignalKind::Suspended(Duration::from_secs(3590)));
    drop.is(Cause::HostSuspended, Evidence::Observed, Rule::Suspend);
    // Something was heard after the sleep: the connection outlived it.
    let mut outlived = drop;
    outlived.session.stats.last_received = Some(at(4999.9).at);
    outlived.is(Cause::KeepaliveTimeoutServer, Evidence::Inferred, Rule::WeWereSilent);
}

#[test]
fn d2_a_sleep_that_is_noticed_after_the_drop_counts_if_it_was_before_it() {
    let session = Drop::fin(5000.0).session;
    let noticed = |after: f64, length: u64| {
        let at = session.end.plus(Duration::from_secs_f64(after));
        let signal = Signal { at, kind: SignalKind::Suspended(Duration::from_secs(length)) };
        slept_before(&session, &[signal]).map(|verdict| (verdict.cause, verdict.evidence))
    };
    let slept = Some((Cause::HostSuspended, Evidence::Observed));
    assert_eq!(noticed(4.0, 600), slept);
    assert_eq!(noticed(0.0, 2), slept);
    assert_eq!(noticed(4.0, 3), None, "it may have been after the drop");
    assert_eq!(noticed(0.0, 1), None, "too short to end anything");
    assert!(signals_until(&session) >= session.end.at + Duration::from_secs(5), "the clocks' interval");
}

#[test]
fn d10_does_not_touch_what_is_explained() {
    let stated = Detail::WebsocketClose(Some(1001));
    let first = Drop::of(ErrorName::UnexpectedHangup, stated, 5000.0).sent("PUBLISH", 0.3).direct();
    for next in [NextAttempt::Refused, NextAttempt::Failed, NextAttempt::Accepted, NextAttempt::Stopped] {
        assert_eq!(settle(&first, next), None);
    }
}

#[test]
fn d11_an_orderly_close_at_a_known_age() {
    let at_limit = |drop: &Drop| {
        settle(&drop.direct(), NextAttempt::Accepted).map(|verdict| verdict.rule == Rule::KnownLimit)
    };
    // 24 h, a hundredth around it, and the keep-alive of 60 s on top.
    assert_eq!(at_limit(&Drop::fin(85_536.0)), Some(true));
    assert_eq!(at_limit(&Drop::fin(87_324.0)), Some(true));
    assert_eq!(at_limit(&Drop::fin(85_535.0)), Some(false));
    assert_eq!(at_limit(&Drop::fin(87_325.0)), Some(false));
    assert_eq!(at_limit(&Drop::of(ErrorName::SocketClosed, Detail::Rst, 86_400.0)), Some(false));
    let mut ours = Drop::fin(100_000.0);
    ours.limits = vec![Duration::from_secs(100_000)];
    assert_eq!(at_limit(&ours), Some(true));
    let words = Drop::fin(86_400.0).direct().verdict.words;
    assert_eq!(
        words,
        "the broker closed in order 24 h 0 min after connecting; a limit of 24 h 0 min is usual"
    );
}

#[test]
fn d12_what_is_no_broker() {
    Drop::of(ErrorName::PeerNotMqtt, Detail::None, 1.0).is(
        Cause::ProxyOrPortal,
        Evidence::Observed,
        Rule::NotMqtt,
    );
}

#[test]
fn a_name_that_leaves_one_cause_gives_it() {
    let mut drop = Drop::of(ErrorName::InvalidRemainingLength, Detail::None, 1.0);
    drop.session.ended_by = EndedBy::LocalError;
    drop.is(Cause::ProtocolError, Evidence::Observed, Rule::Named);
}

#[test]
fn what_stays_unexplained_is_unknown_when_a_session_follows_or_we_stop() {
    for next in [NextAttempt::Accepted, NextAttempt::Stopped] {
        assert_eq!(settle(&Drop::fin(5000.0).direct(), next), Some(Verdict::unknown()));
    }
}

fn details() -> impl Strategy<Value = Detail> {
    prop_oneof![
        Just(Detail::None),
        Just(Detail::Fin),
        Just(Detail::Rst),
        Just(Detail::CloseNotify),
        proptest::option::of(any::<u16>()).prop_map(Detail::WebsocketClose),
        (1000..1015_u16).prop_map(|code| Detail::WebsocketClose(Some(code))),
        (100..600_u16).prop_map(Detail::HttpStatus),
        any::<u8>().prop_map(Detail::Connack),
        proptest::option::of(any::<u8>()).prop_map(Detail::Disconnect),
        any::<u8>().prop_map(Detail::Alert),
        any::<i32>().prop_map(Detail::Os),
    ]
}

fn signals() -> impl Strategy<Value = SignalKind> {
    prop_oneof![
        (0..5_u64).prop_map(|seconds| SignalKind::Suspended(Duration::from_secs(seconds))),
        (0..3_u32).prop_map(SignalKind::LinkDown),
        Just(SignalKind::AddressRemoved(1, our_address())),
        Just(SignalKind::AddressRemoved(1, other_address())),
        Just(SignalKind::RouteRemoved),
        Just(SignalKind::ResolverChanged),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4000) })]

    /// Whatever is known of a drop, its pair of labels exists from the start, and its words name nobody.
    #[test]
    fn every_verdict_is_one_that_exists_from_the_start(
        error in 0..ErrorName::ALL.len(),
        detail in details(),
        age in 0.0..100_000.0_f64,
        who in 0..3_usize,
        kernel in proptest::option::of((0..3_u32, 0..5_u8, 0..5_u8, 0..40_000_u64)),
        last in 0..3_usize,
        before_end in 0.0..120.0_f64,
        silence in proptest::option::of((5.0..600.0_f64, 0.0..30.0_f64)),
        signal in proptest::option::of((0.0..30.0_f64, signals())),
        reason in proptest::option::of(0..Reason::ALL.len()),
        lapsed in any::<bool>(),
        next in 0..4_usize,
    ) {
        let mut drop = Drop::of(ErrorName::ALL[error], detail, age);
        drop = drop.sent(["PINGREQ", "PUBLISH", "SUBSCRIBE"][last], before_end);
        drop.session.ended_by = [EndedBy::Peer, EndedBy::Timeout, EndedBy::LocalError][who];
        if let Some((unacked, retransmits, probes, ack)) = kernel {
            drop = drop.kernel(TcpInfo { probes, ..tcp(unacked, retransmits, ack) });
        }
        if let Some((length, broken)) = silence {
            drop = drop.after_silence(length, broken);
        }
        if let Some((before, kind)) = signal {
            drop = drop.signal(before, kind);
        }
        drop.lifecycle = reason.map(|index| Reason::ALL[index]);
        drop.session.credentials_expire = lapsed.then_some(at(0.0).wall);
        let first = drop.direct();
        let next = [NextAttempt::Refused, NextAttempt::Failed, NextAttempt::Accepted, NextAttempt::Stopped][next];
        for verdict in [Some(first.verdict.clone()), settle(&first, next)].into_iter().flatten() {
            prop_assert!(Cause::VERDICTS.contains(&(verdict.cause, verdict.evidence)), "{:?}", verdict);
            prop_assert!(!verdict.words.is_empty());
            for personal in ["198.51", "192.0.2", "2001:db8", "secret"] {
                prop_assert!(!verdict.words.contains(personal), "{}", verdict.words);
            }
        }
    }
}

#[test]
fn every_pair_exists_once() {
    let pairs: std::collections::BTreeSet<_> = Cause::VERDICTS.iter().collect();
    assert_eq!(pairs.len(), Cause::VERDICTS.len());
}
