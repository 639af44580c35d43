//! All tests together: what they claim of whole cases, and that no input breaks them.
//! Never a test alone: each file has its own.

use proptest::prelude::*;

use super::super::{
    Case, Cause, Claim, Counter, Counts, EventKind, Events, Evidence, Lived, Pattern, Rule, Sends, TopicKey,
    Verdict,
};
use super::examples::aged;
use super::*;
use crate::connection::ending::EndedBy;

fn only(case: &Case) -> Claim {
    let mut found = claims(case);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

#[test]
fn v1_is_a_lifetime_of_a_day_or_a_time_of_the_day() {
    let claim = only(&aged(&[86397.0, 86402.0, 3711.0, 86399.0, 86401.0, 51234.0, 86400.0]));
    assert_eq!((claim.support, claim.of, claim.members.clone()), (5, 7, vec![1, 2, 4, 5, 7]));
    // Sessions that began an hour off the phase are too near to vote, and the longest run is of two.
    let Pattern::LifetimeOrCalendar { age, period, .. } = claim.pattern else { panic!("{claim:?}") };
    assert_eq!((age, period), (86400.0, 86400.0));
}

#[test]
fn of_several_limits_that_a_long_keep_alive_allows_the_nearest_is_named() {
    // Up to 20 min may pass until a close at 10 min is noticed: both windows hold these ages.
    let mut case = aged(&[1203.0, 1201.0, 1204.5, 1202.0, 1203.5, 1200.5]);
    for session in &mut case.sessions {
        session.keep_alive = 1200.0;
    }
    let claim = only(&case);
    let Pattern::Lifetime { limit, .. } = claim.pattern else { panic!("{claim:?}") };
    assert_eq!(limit, Some(1200.0));
}

#[test]
fn v2_two_drops_are_no_claim() {
    assert_eq!(claims(&aged(&[86455.0, 86412.0])), []);
    assert!(!is_look(2));
}

#[test]
fn v3_is_no_pattern() {
    let case = aged(&[412.0, 9033.0, 1840.0, 15210.0, 3377.0, 660.0, 24101.0, 5120.0, 7288.0, 2954.0]);
    assert_eq!(claims(&case), []);
}

#[test]
fn v4_is_a_message_limit() {
    let mut case = aged(&[6120.0, 9880.0, 4410.0, 12950.0, 7700.0, 5230.0]);
    for (session, count) in case.sessions.iter_mut().zip([10012, 9987, 10004, 9995, 10008, 9991]) {
        session.counts.messages_received = count;
    }
    let counter = Counter::MessagesReceived;
    assert_eq!(
        only(&case).pattern,
        Pattern::MessageLimit { counter, count: 9999.5, from: 9987.0, to: 10012.0 }
    );
}

#[test]
fn v10_yields_to_a_packet_that_provokes() {
    let mut case = aged(&[3600.0, 3000.0, 4200.0, 3500.0, 3700.0, 14.0, 9.0, 31.0]);
    for session in &mut case.sessions {
        session.orderly = true;
        session.reconnected_at_once = true;
    }
    assert!(matches!(only(&case).pattern, Pattern::Takeover { sessions: 3, .. }));
    let sends = |topic, sent, closed| Sends {
        packet: "PUBLISH".to_owned(),
        topic: TopicKey(topic),
        shape: "+".to_owned(),
        sent,
        closed,
        largest: 10,
    };
    for session in &mut case.sessions {
        let quick = session.age < 120.0;
        session.sends = vec![sends(1, 40, 0), sends(2, u32::from(quick), u32::from(quick))];
    }
    assert!(matches!(only(&case).pattern, Pattern::Packet { topic: TopicKey(2), sent: 3, closed: 3, .. }));
}

#[test]
fn the_hint_is_given_only_where_nothing_else_claims() {
    let mut case = aged(&[0.0; 8]);
    for (day, session) in (0_u8..).zip(&mut case.sessions) {
        session.age = 4000.0 + 7000.0 * f64::from(day);
        session.start = 86_400.0 * f64::from(day) + 14_400.0 - session.age;
    }
    assert!(matches!(only(&case).pattern, Pattern::ClockHint { period: 86_400.0, .. }));
    let commands = case.sessions.iter().map(|session| session.start + session.age - 1.0).collect();
    case.events = vec![Events { kind: EventKind::Command, times: commands, since: None }];
    assert!(matches!(only(&case).pattern, Pattern::AfterEvent { event: EventKind::Command, .. }));
}

#[test]
fn what_direct_evidence_explains_makes_no_pattern() {
    let mut case = aged(&[5000.0; 12]);
    assert!(matches!(only(&case).pattern, Pattern::Lifetime { .. }));
    for session in &mut case.sessions {
        session.verdict = Verdict {
            cause: Cause::HostSuspended,
            evidence: Evidence::Observed,
            rule: Rule::Suspend,
            words: String::new(),
        };
    }
    assert_eq!(claims(&case), []);
}

#[test]
fn the_looks_are_thirteen_and_then_every_tenth() {
    let looks: Vec<u64> = (0..=80).filter(|drop| is_look(*drop)).collect();
    assert_eq!(looks, [3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 32, 40, 50, 60, 70, 80]);
}

fn any_size() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => 0.0..1e6,
        2 => prop::sample::select(vec![0.0, 60.0, 86_400.0, 5_000.0]),
        1 => prop::sample::select(vec![-1.0, f64::NAN, f64::INFINITY, f64::MAX, f64::MIN_POSITIVE, 1e300]),
    ]
}

fn any_count() -> impl Strategy<Value = u64> {
    prop_oneof![0..200_000_u64, Just(u64::MAX), Just(10_000)]
}

fn any_verdict() -> impl Strategy<Value = Verdict> {
    let of = |values: &'static [Evidence]| prop::sample::select(values.to_vec());
    (of(Evidence::ALL), prop::sample::select(Rule::ALL.to_vec())).prop_map(|(evidence, rule)| Verdict {
        evidence: if rule == Rule::Nothing { Evidence::None } else { evidence },
        rule,
        ..Verdict::unknown()
    })
}

fn any_sends() -> impl Strategy<Value = Sends> {
    (0..4_u64, any::<u32>(), 0..3_u32, any::<u64>()).prop_map(|(topic, sent, closed, largest)| Sends {
        packet: "PUBLISH".to_owned(),
        topic: TopicKey(topic),
        shape: String::new(),
        sent,
        closed,
        largest,
    })
}

prop_compose! {
    fn any_session()(
        times in (any_size(), any_size(), any_size(), any_size()),
        ended_by in prop::sample::select(vec![EndedBy::Peer, EndedBy::Peer, EndedBy::Timeout, EndedBy::LocalError, EndedBy::Us]),
        flags in any::<[bool; 5]>(),
        verdict in prop_oneof![2 => Just(Verdict::unknown()), 1 => any_verdict()],
        counts in (any_count(), any_count(), any_count()),
        fatal_gaps in prop::collection::vec(any_size(), 0..3),
        sends in prop::collection::vec(any_sends(), 0..3),
    ) -> Lived {
        Lived {
            number: 0,
            start: times.0,
            age: times.1,
            uncertainty: times.2 / 1e6,
            ended_by,
            orderly: flags[0],
            taken_over: flags[1],
            reset: flags[2],
            verdict,
            keep_alive: times.3,
            counts: Counts { messages_received: counts.0, messages_sent: counts.1, bytes: counts.2 },
            reconnected_at_once: flags[3],
            connects_failed: flags[4],
            fatal_gaps,
            sends,
        }
    }
}

prop_compose! {
    fn any_case()(
        mut sessions in prop::collection::vec(any_session(), 0..70),
        living in prop::option::of(any_size()),
        survived_gaps in prop::collection::vec(any_size(), 0..60),
        times in prop::collection::vec(any_size(), 0..40),
        limits in prop::collection::vec(any_size(), 0..4),
        utc_offset in any_size(),
        equal in prop::option::of(any_size()),
    ) -> Case {
        for (number, session) in (1..).zip(&mut sessions) {
            session.number = number;
            session.age = equal.unwrap_or(session.age);
        }
        let events = [EventKind::Command, EventKind::CredentialExpiry].map(|kind| Events { kind, times: times.clone(), since: None });
        Case { sessions, living, survived_gaps, events: events.to_vec(), limits, utc_offset, ..Case::default() }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_case_breaks_the_tests_and_every_claim_is_whole(case in any_case()) {
        let found = claims(&case);
        prop_assert_eq!(format!("{:?}", claims(&case)), format!("{found:?}"), "the same case, the same claims");
        for claim in &found {
            prop_assert!((0.0..=1.0).contains(&claim.p), "{:?}", claim);
            prop_assert!(claim.support >= 1 && claim.support <= claim.of, "{:?}", claim);
            prop_assert!(!claim.members.is_empty() && claim.members.is_sorted(), "{:?}", claim);
            // JSON writes what is not finite as null, and then cannot read it.
            let json = serde_json::to_string(claim).unwrap();
            prop_assert!(serde_json::from_str::<Claim>(&json).is_ok(), "{}", json);
        }
        prop_assert_eq!(idle::tried(&case), idle::tried(&case));
    }
}
