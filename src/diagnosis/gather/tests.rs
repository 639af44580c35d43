//! Tests of the case: what a history becomes.
//! Histories are filled as a recorder fills them.

use std::time::Duration;

use super::super::Cause;
use super::super::examples::{at, closed, dropped, living};
use super::*;
use crate::connection::ending::Gap;
use crate::connection::{Failure, Phase, Tier};
use crate::lifecycle::CloseCause;
use crate::lifecycle::history::{Attempt, Happening};

fn gathered(history: &History, now: f64) -> Case {
    case(history, &Beside::default(), &Settings::default(), at(now))
}

fn numbers(case: &Case) -> Vec<u64> {
    case.sessions.iter().map(|session| session.number).collect()
}

fn stated() -> Verdict {
    Verdict {
        cause: Cause::ServerMaintenance,
        evidence: Evidence::Stated,
        rule: Rule::PeerGaveReason,
        words: String::new(),
    }
}

#[test]
fn drops_and_closes_come_in_order_with_their_numbers() {
    let mut history = History::default();
    let mut reset = dropped(2, 210.0, 50.0);
    if let End::Dropped(failure) = &mut reset.ending {
        failure.detail = Detail::Rst;
    }
    reset.stats.messages_received = 7;
    reset.stats.bytes_received = 100;
    reset.stats.bytes_sent = 20;
    reset.stats.gaps = vec![
        Gap { length: Duration::from_secs(20), survived: true },
        Gap { length: Duration::from_secs(29), survived: false },
    ];
    history.add_session(dropped(1, 0.0, 200.0));
    history.add_session(reset);
    history.add_session(closed(3, 270.0, 1_000.0, CloseCause::Renewal));
    history.begin_session(living(4, 1_280.0));
    let case = gathered(&history, 1_300.0);
    assert_eq!(numbers(&case), [1, 2, 3]);
    let [first, second, third] = &case.sessions[..] else { panic!("{case:?}") };
    assert_eq!((first.start, first.age, first.keep_alive), (1_767_225_600.0, 200.0, 30.0));
    assert!(first.orderly && !first.reset && first.reconnected_at_once);
    assert!(second.reset && !second.orderly);
    assert_eq!(second.counts, Counts { messages_received: 7, messages_sent: 0, bytes: 120 });
    assert_eq!((&second.fatal_gaps[..], &case.survived_gaps[..]), (&[29.0][..], &[20.0][..]));
    assert_eq!((third.ended_by, case.living), (EndedBy::Us, Some(20.0)));
}

#[test]
fn a_timeout_has_the_age_of_its_last_sign_of_life() {
    let mut history = History::default();
    let mut session = dropped(1, 0.0, 100.0);
    session.ended_by = EndedBy::Timeout;
    session.alive = at(80.0).at;
    history.add_session(session);
    let case = gathered(&history, 100.0);
    assert_eq!((case.sessions[0].age, case.sessions[0].uncertainty), (80.0, 20.0));
}

#[test]
fn the_last_fifty_open_drops_count_and_what_is_explained_takes_no_place_of_theirs() {
    let mut history = History::default();
    for number in 1..=70_u32 {
        let start = f64::from(number) * 100.0;
        history.add_session(dropped(number.into(), start, 90.0));
        if number % 10 == 0 {
            history.explain(number.into(), stated());
        }
    }
    let case = gathered(&history, 7_100.0);
    let open = case.sessions.iter().filter(|session| !is_explained(&session.verdict)).count();
    assert_eq!((open, numbers(&case)[0]), (50, 15));
}

#[test]
fn what_came_after_a_drop_is_told_by_the_session_that_followed_or_by_the_failures_so_far() {
    let mut history = History::default();
    history.add_session(dropped(1, 0.0, 100.0));
    assert!(!gathered(&history, 101.0).sessions[0].connects_failed);
    let failure = Failure::new(Phase::Tcp, ErrorName::ConnectionRefused, "refused");
    let failed = Attempt {
        start: at(100.5),
        end: at(100.6),
        number: 1,
        tier: Tier::Quick,
        phases: Vec::new(),
        outcome: AttemptOutcome::Failed(failure),
    };
    history.add_attempt(failed);
    assert!(gathered(&history, 101.0).sessions[0].connects_failed);
    let mut next = living(2, 102.0);
    next.attempts = 2;
    history.begin_session(next);
    let drop = gathered(&history, 103.0).sessions[0].clone();
    assert!(drop.connects_failed && !drop.reconnected_at_once);
}

#[test]
fn events_are_those_of_the_connection_of_this_machine_and_of_the_others() {
    let mut history = History::default();
    let mut session = dropped(1, 100.0, 100.0);
    session.credentials_expire = Some(at(250.0).wall);
    history.add_session(session);
    for (kind, seconds) in
        [(EventKind::Command, 50.0), (EventKind::Command, 150.0), (EventKind::Reload, 160.0)]
    {
        history.add_happening(Happening { kind, at: at(seconds) });
    }
    let signal = |seconds, kind| Signal { at: at(seconds), kind };
    let beside = Beside {
        host: vec![
            signal(170.0, SignalKind::LinkDown(2)),
            signal(170.0, SignalKind::LinkDown(3)),
            signal(171.0, SignalKind::LinkUp(2)),
            signal(172.0, SignalKind::Suspended(Duration::from_secs(9))),
        ],
        other_drops: vec![at(180.0).wall],
        other_drops_since: None,
    };
    let case = case(&history, &beside, &Settings::default(), at(200.0));
    let told: Vec<_> = case
        .events
        .iter()
        .map(|events| {
            (events.kind, events.times.iter().map(|time| time - 1_767_225_600.0).collect::<Vec<_>>())
        })
        .collect();
    assert_eq!(
        told,
        [
            (EventKind::Command, vec![150.0]),
            (EventKind::CredentialExpiry, vec![250.0]),
            (EventKind::Reload, vec![160.0]),
            (EventKind::Link, vec![170.0, 171.0]),
            (EventKind::OtherDrop, vec![180.0]),
        ]
    );
}

#[test]
fn events_whose_past_was_forgotten_say_from_when_on_they_are_known() {
    let mut history = History::default();
    history.add_session(dropped(1, 0.0, 10_000.0));
    let since = |history: &History, beside: &Beside, kind: EventKind| {
        let case = case(history, beside, &Settings::default(), at(20_000.0));
        let events = case.events.into_iter().find(|events| events.kind == kind).unwrap();
        events.since.map(|since| since - 1_767_225_600.0)
    };
    let command = |seconds: u32| Happening { kind: EventKind::Command, at: at(f64::from(seconds)) };
    (1..500).for_each(|second| history.add_happening(command(second)));
    assert_eq!(since(&history, &Beside::default(), EventKind::Command), None, "all are kept");
    (500..=700).for_each(|second| history.add_happening(command(second)));
    assert_eq!(since(&history, &Beside::default(), EventKind::Command), Some(201.0));
    let link = |second: u32| Signal { at: at(f64::from(second)), kind: SignalKind::LinkDown(2) };
    let other_drops = vec![at(8_000.0).wall];
    let beside = Beside {
        host: (3_000..4_000).map(link).collect(),
        other_drops,
        other_drops_since: Some(at(7_000.0).wall),
    };
    assert_eq!(since(&history, &beside, EventKind::Link), Some(3_000.0));
    assert_eq!(since(&history, &beside, EventKind::OtherDrop), Some(7_000.0));
    let fewer = Beside { host: (3_000..3_999).map(link).collect(), ..beside };
    assert_eq!(since(&history, &fewer, EventKind::Link), None);
}

#[test]
fn limits_are_those_of_the_configuration_and_the_lifetime_of_credentials() {
    let mut history = History::default();
    for (number, lifetime) in [(1, 5_400.3), (2, 5_399.1), (3, 14_400.0)] {
        let mut session = dropped(number, 0.0, 10.0);
        session.credentials_issued = Some(at(0.0).wall);
        session.credentials_expire = Some(at(lifetime).wall);
        history.add_session(session);
    }
    let settings = Settings { limits: vec![14_400.0], ..Settings::default() };
    assert_eq!(case(&history, &Beside::default(), &settings, at(10.0)).limits, [14_400.0, 5_400.0]);
}

#[test]
fn a_session_in_which_the_wall_clock_was_set_ends_when_the_later_time_says() {
    let mut history = History::default();
    let mut session = dropped(1, 0.0, 100.0);
    // A machine without a clock of its own began in 1970.
    session.start.wall = SystemTime::UNIX_EPOCH;
    history.add_session(session);
    let session = &gathered(&history, 200.0).sessions[0];
    assert!((session.start - unix_seconds(at(0.0).wall)).abs() < 1e-6, "{}", session.start);
    assert!((session.age - 100.0).abs() < 1e-6);
}

#[test]
fn compressed_time_is_stretched_everywhere() {
    let mut history = History::default();
    let mut session = dropped(1, 0.0, 8.64);
    session.stats.gaps = vec![Gap { length: Duration::from_secs(6), survived: true }];
    history.add_session(session);
    history.begin_session(living(2, 9.0));
    history.add_happening(Happening { kind: EventKind::Command, at: at(8.0) });
    let settings =
        Settings { limits: vec![1.0], utc_offset: 3_600.0, scale: 10_000.0, ..Settings::default() };
    let case = case(&history, &Beside::default(), &settings, at(10.0));
    let session = &case.sessions[0];
    assert_eq!((session.age, session.keep_alive, case.living), (86_400.0, 300_000.0, Some(10_000.0)));
    assert_eq!(
        (&case.survived_gaps[..], &case.limits[..], case.utc_offset),
        (&[60_000.0][..], &[10_000.0][..], 3_600.0)
    );
    assert!((case.events[0].times[0] - session.start - 80_000.0).abs() < 1.0);
}
