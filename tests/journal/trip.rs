//! What is written comes back: every field of every record, whatever its value.
//!
//! Except what a journal must not hold: addresses and topics, which come back empty.

use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, SystemTime};

use hangup::clock::{Instant, Now};
use hangup::connection::ending::{EndedBy, Gap, LastSent, LinkStats, PhaseTime};
use hangup::connection::error::{ErrorName, RetryClass};
use hangup::connection::{Detail, Failure, Phase, Tier};
use hangup::diagnosis::desk::{Desk, Options, Subject};
use hangup::diagnosis::{
    Cause, Claim, EventKind, Evidence, Finding, Pattern, Rule, Sends, TopicKey, Verdict,
};
use hangup::host::{Signal, SignalKind, TcpInfo};
use hangup::lifecycle::history::{Attempt, AttemptOutcome, End, History, Living, Session};
use hangup::lifecycle::observer::{Fact, Observer as _};
use hangup::lifecycle::record::{Began, Line, Over, Record, Tried};
use hangup::lifecycle::{CloseCause, CredentialEvent, CredentialKind, Event};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use tempfile::TempDir;

use crate::life::{Life, MIB, closed, established, files, found, noon};

/// To the microsecond, as lines tell times.
fn wall() -> impl Strategy<Value = SystemTime> {
    (0_u64..253_402_300_799_999_999).prop_map(|micros| SystemTime::UNIX_EPOCH + Duration::from_micros(micros))
}

/// To the nanosecond, up to 20 days.
fn length() -> impl Strategy<Value = Duration> {
    prop_oneof![0_u64..1_000, 0_u64..5_000_000_000, 0_u64..1_700_000_000_000_000]
        .prop_map(Duration::from_nanos)
}

fn phase() -> impl Strategy<Value = Phase> {
    proptest::sample::select(Phase::ALL)
}

fn tier() -> impl Strategy<Value = Tier> {
    prop_oneof![Just(Tier::Quick), Just(Tier::Deep)]
}

fn detail() -> impl Strategy<Value = Detail> {
    prop_oneof![
        Just(Detail::None),
        Just(Detail::Fin),
        Just(Detail::Rst),
        Just(Detail::CloseNotify),
        any::<Option<u16>>().prop_map(Detail::WebsocketClose),
        any::<u16>().prop_map(Detail::HttpStatus),
        any::<i64>().prop_map(Detail::VendorCode),
        any::<u8>().prop_map(Detail::Connack),
        any::<Option<u8>>().prop_map(Detail::Disconnect),
        any::<u8>().prop_map(Detail::Alert),
        any::<u64>().prop_map(Detail::Size),
        any::<i32>().prop_map(Detail::Os),
    ]
}

fn failure() -> impl Strategy<Value = Failure> {
    let class = prop_oneof![
        Just(RetryClass::Network),
        Just(RetryClass::Service),
        Just(RetryClass::Credential),
        Just(RetryClass::Setup)
    ];
    let error = proptest::sample::select(ErrorName::ALL);
    (phase(), error, class, detail(), any::<String>(), option::of(length())).prop_map(
        |(phase, error, class, detail, message, retry_after)| Failure {
            phase,
            error,
            class,
            detail,
            message,
            retry_after,
        },
    )
}

fn phases() -> impl Strategy<Value = Vec<PhaseTime>> {
    vec((phase(), length()).prop_map(|(phase, took)| PhaseTime { phase, took }), 0..8)
}

/// A packet that was sent so long before the end.
fn sent() -> impl Strategy<Value = Option<(&'static str, Duration)>> {
    option::of((proptest::sample::select(&["CONNECT", "PUBLISH", "SUBSCRIBE", "PINGREQ"][..]), length()))
}

fn sends() -> impl Strategy<Value = Vec<Sends>> {
    let one = (any::<u64>(), any::<String>(), any::<(u32, u32, u64)>());
    let one = one.prop_map(|(topic, shape, (sent, closed, largest))| Sends {
        packet: "PUBLISH".to_owned(),
        topic: TopicKey(topic),
        shape,
        sent,
        closed,
        largest,
    });
    vec(one, 0..4)
}

fn tcp() -> impl Strategy<Value = Option<TcpInfo>> {
    let one = (any::<(u8, u32, u8, u8, u8, u32)>(), length(), length(), length());
    option::of(one.prop_map(|(numbers, rtt, last_data_received, last_ack_received)| {
        let (state, unacked, retransmits, probes, backoff, total_retransmits) = numbers;
        TcpInfo {
            state,
            unacked,
            retransmits,
            probes,
            backoff,
            rtt,
            total_retransmits,
            last_data_received,
            last_ack_received,
        }
    }))
}

prop_compose! {
    fn session()(
        (number, attempts, subscriptions) in (1_u64..=1 << 53, any::<u32>(), any::<usize>()),
        (start, end, issued, expire) in (wall(), wall(), option::of(wall()), option::of(wall())),
        (lasted, alive, keep_alive, outage, ping) in
            (length(), length(), length(), option::of(length()), option::of(length())),
        ended_by in prop_oneof![
            Just(EndedBy::Peer), Just(EndedBy::Timeout), Just(EndedBy::LocalError), Just(EndedBy::Us)
        ],
        ending in prop_oneof![
            failure().prop_map(End::Dropped),
            proptest::sample::select(CloseCause::ALL).prop_map(End::Closed),
        ],
        (phases, tier, session_present) in (phases(), tier(), any::<bool>()),
        counts in any::<[u64; 8]>(),
        (last_sent, last_publish, last_subscribe, sends) in (sent(), sent(), sent(), sends()),
        (fatal_gaps, moments) in (vec(length(), 0..4), [option::of(length()), option::of(length()), option::of(length())]),
        tcp in tcp(),
    ) -> Session {
        // Long after the machine booted, so that nothing lies before it.
        let base = Instant::from_boot(Duration::from_secs(100 * 86_400));
        let died = base + lasted;
        let sent = |sent: Option<(&'static str, Duration)>| sent.map(|(packet, before)| LastSent {
            packet,
            topic: Some("cmd/52/0123456789ab".to_owned()),
            at: died - before,
        });
        let [last_ping_sent, silence_broken, tcp_at] = moments.map(|before| before.map(|before| died - before));
        let [packets_received, packets_sent, bytes_received, bytes_sent, messages_received, messages_sent,
            pings_sent, pings_answered] = counts;
        Session {
            number,
            start: Now { at: base, wall: start },
            end: Now { at: died, wall: end },
            alive: base + alive,
            ended_by,
            ending,
            attempts,
            phases,
            session_present,
            subscriptions,
            keep_alive,
            peer: "192.0.2.7:443".parse().unwrap(),
            local: "198.51.100.9:40000".parse().unwrap(),
            credentials_issued: issued,
            credentials_expire: expire,
            stats: LinkStats {
                queued_commands: 2,
                packets_received, packets_sent, bytes_received, bytes_sent, messages_received, messages_sent,
                pings_sent, pings_answered,
                last_ping: ping,
                last_ping_sent,
                silence_broken,
                tcp_at,
                last_received: None,
                still_arriving: false,
                gaps: Vec::new(),
                last_sent: sent(last_sent),
                last_publish: sent(last_publish),
                last_subscribe: sent(last_subscribe),
                sends,
            },
            fatal_gaps,
            tcp,
            tier,
            outage,
        }
    }
}

prop_compose! {
    fn attempt()(
        (start, took, number, tier, phases) in (wall(), length(), any::<u32>(), tier(), phases()),
        outcome in prop_oneof![
            Just(AttemptOutcome::Accepted),
            failure().prop_map(AttemptOutcome::Failed),
            Just(AttemptOutcome::Interrupted),
        ],
    ) -> Attempt {
        let start = Now { at: Instant::from_boot(Duration::from_secs(7)), wall: start };
        Attempt { start, end: start.plus(took), number, tier, phases, outcome }
    }
}

/// To a file and back.
fn trip(record: Record) -> Record {
    let line = Line { connection: Some("home".to_owned()), record };
    let text = line.encode().unwrap();
    assert_eq!(text.iter().position(|byte| *byte == b'\n'), Some(text.len() - 1), "one line");
    let back: Line = serde_json::from_slice(&text).unwrap();
    assert_eq!(back, line);
    back.record
}

/// Topics and times of a packet, relative to the end.
fn last(sent: Option<&LastSent>, end: Instant) -> Option<(&'static str, Duration, bool)> {
    sent.map(|sent| (sent.packet, end.saturating_since(sent.at), sent.topic.is_some()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_session_comes_back_whole_but_for_addresses_and_topics(
        before in session(), gaps in vec(length(), 0..5)
    ) {
        let Record::Over(over) = trip(Record::Over(Box::new(Over::of(&before, &gaps)))) else { panic!() };
        let after = over.back();
        prop_assert_eq!(after.number, before.number);
        prop_assert_eq!((after.start.wall, after.end.wall), (before.start.wall, before.end.wall));
        prop_assert_eq!(after.start.at, Instant::default());
        prop_assert_eq!(after.lasted(), before.lasted());
        prop_assert_eq!(after.alive.since_boot(), before.alive.saturating_since(before.start.at));
        prop_assert_eq!((after.age(), after.uncertainty()), (before.age(), before.uncertainty()));
        prop_assert_eq!((after.ended_by, &after.ending), (before.ended_by, &before.ending));
        prop_assert_eq!((after.attempts, after.subscriptions), (before.attempts, before.subscriptions));
        prop_assert_eq!((&after.phases, after.tier), (&before.phases, before.tier));
        prop_assert_eq!(after.session_present, before.session_present);
        prop_assert_eq!((after.keep_alive, after.outage), (before.keep_alive, before.outage));
        prop_assert_eq!(after.credentials_issued, before.credentials_issued);
        prop_assert_eq!(after.credentials_expire, before.credentials_expire);
        prop_assert_eq!((&after.fatal_gaps, after.tcp), (&before.fatal_gaps, before.tcp));
        let survived: Vec<_> = gaps.into_iter().map(|length| Gap { length, survived: true }).collect();
        prop_assert_eq!(&after.stats.gaps, &survived);
        let counts = |stats: &LinkStats| [
            stats.packets_received, stats.packets_sent, stats.bytes_received, stats.bytes_sent,
            stats.messages_received, stats.messages_sent, stats.pings_sent, stats.pings_answered,
        ];
        prop_assert_eq!(counts(&after.stats), counts(&before.stats));
        prop_assert_eq!(after.stats.last_ping, before.stats.last_ping);
        prop_assert_eq!(&after.stats.sends, &before.stats.sends);
        for (after_sent, before_sent) in [
            (&after.stats.last_sent, &before.stats.last_sent),
            (&after.stats.last_publish, &before.stats.last_publish),
            (&after.stats.last_subscribe, &before.stats.last_subscribe),
        ] {
            // Sent before the session began: told as sent at its start.
            let expected = last(before_sent.as_ref(), before.end.at)
                .map(|(packet, before_end, _)| (packet, before_end.min(before.lasted()), false));
            prop_assert_eq!(last(after_sent.as_ref(), after.end.at), expected);
        }
        let moments = |session: &Session| {
            let LinkStats { last_ping_sent, silence_broken, tcp_at, .. } = &session.stats;
            [*last_ping_sent, *silence_broken, *tcp_at]
                .map(|at| at.map(|at| session.end.at.saturating_since(at).min(session.lasted())))
        };
        prop_assert_eq!(moments(&after), moments(&before));
        prop_assert!(after.peer.ip().is_unspecified() && after.local.ip().is_unspecified());
        let text = serde_json::to_string(&*over).unwrap();
        prop_assert!(!text.contains("192.0.2.7") && !text.contains("198.51") && !text.contains("cmd/52"));
    }

    #[test]
    fn an_attempt_comes_back(before in attempt()) {
        let Record::Attempt(tried) = trip(Record::Attempt(Tried::of(&before))) else { panic!() };
        let after = tried.back();
        prop_assert_eq!(after.start.wall, before.start.wall);
        let took = |attempt: &Attempt| attempt.end.at.saturating_since(attempt.start.at);
        prop_assert_eq!(took(&after), took(&before));
        prop_assert_eq!((after.number, after.tier), (before.number, before.tier));
        prop_assert_eq!((&after.phases, &after.outcome), (&before.phases, &before.outcome));
    }

    #[test]
    fn a_beginning_comes_back(
        (number, attempts, tier, session_present) in (0_u64..=1 << 53, any::<u32>(), tier(), any::<bool>()),
        (start, outage, keep_alive) in (wall(), option::of(length()), length()),
    ) {
        let start = Now { at: Instant::from_boot(Duration::from_secs(9)), wall: start };
        let before = Living { number, start, attempts, tier, session_present, outage, keep_alive };
        let Record::Began(began) = trip(Record::Began(Began::of(&before))) else { panic!() };
        let after = began.back();
        prop_assert_eq!((after.number, after.attempts, after.tier), (number, attempts, tier));
        prop_assert_eq!((after.start.wall, after.session_present), (start.wall, session_present));
        prop_assert_eq!((after.outage, after.keep_alive), (outage, keep_alive));
    }
}

pub(crate) fn finding(members: Vec<u64>) -> Finding {
    Finding {
        cause: Cause::ConnectionLifetimeLimit,
        or: Some(Cause::CalendarEvent),
        evidence: Evidence::Inferred,
        claim: Claim {
            pattern: Pattern::Lifetime { age: 86_400.5, from: 86_400.0, to: 86_401.0, limit: Some(86_400.0) },
            support: 5,
            of: 7,
            members,
            p: 0.001,
        },
        share: 0.75,
        first: noon().wall,
        last: noon().wall + Duration::from_secs(86_400),
        since: noon().wall + Duration::from_millis(1500),
        contradicted: 1,
        words: "5 of 7 drops came 24 h after connecting".to_owned(),
        advice: "reconnect before that".to_owned(),
        disproof: "a session that lives longer".to_owned(),
        test: "known limit".to_owned(),
    }
}

fn verdict(words: &str) -> Verdict {
    Verdict {
        cause: Cause::BrokerRestart,
        evidence: Evidence::Inferred,
        rule: Rule::ConnectsRefused,
        words: words.to_owned(),
    }
}

/// Everything that the history knows and a journal keeps.
fn shown(history: &History) -> String {
    let sessions: Vec<_> = history.sessions().map(|session| Over::of(session, &[])).collect();
    let drops: Vec<_> = history.drops().map(|session| Over::of(session, &[])).collect();
    let attempts: Vec<_> = history.attempts().map(Tried::of).collect();
    let happenings: Vec<_> =
        history.happenings().map(|happening| (happening.kind, happening.at.wall)).collect();
    let gaps: Vec<_> = history.survived_gaps().collect();
    let verdicts: Vec<_> = (0..20).map(|number| history.verdict(number)).collect();
    // The reader of JSON may be wrong by the last bit of a number.
    let mut findings = history.findings().to_vec();
    for finding in &mut findings {
        finding.claim.p = format!("{:.9e}", finding.claim.p).parse().unwrap();
    }
    format!(
        "{sessions:?}\n{drops:?}\n{attempts:?}\n{happenings:?}\n{gaps:?}\n{verdicts:?}\n{findings:?}\n{:?}\n{}",
        history.totals(),
        history.last_number()
    )
}

/// A life with something of everything.
fn rich(life: &mut Life) {
    let credentials = CredentialEvent { kind: CredentialKind::SignIn, outcome: Ok(None) };
    life.after(0.0, Event::AttemptStarted { tier: Tier::Deep, number: 1 });
    life.after(0.25, Event::Credentials(credentials));
    life.after(0.25, Event::PhaseFinished(PhaseTime { phase: Phase::Tls, took: Duration::from_millis(30) }));
    life.after(0.25, established(1));
    let seconds = Duration::from_secs;
    let Event::Dropped(mut ending) = crate::life::dropped("the peer closed") else { panic!() };
    ending.alive = life.now.at + seconds(99);
    ending.stats.messages_sent = 3;
    ending.stats.gaps =
        vec![Gap { length: seconds(30), survived: true }, Gap { length: seconds(301), survived: false }];
    ending.stats.last_publish =
        Some(LastSent { packet: "PUBLISH", topic: Some("cmd/52/0123456789ab".to_owned()), at: life.now.at });
    life.after(100.0, Event::Dropped(ending));
    life.fails(1);
    life.fails(2);
    life.after(1.0, Event::AttemptStarted { tier: Tier::Quick, number: 3 });
    life.after(0.5, established(3));
    life.after(2.0, Event::Happened(EventKind::Command));
    life.after(50.0, closed(CloseCause::Renewal));
    life.drops(7.0, "again");
    life.history.write(|history| {
        history.explain(1, verdict("first"));
        history.explain(1, verdict("better known"));
        history.explain(3, verdict("third"));
        history.conclude(vec![finding(vec![1, 3])]);
    });
    let now = life.now;
    for (session, words) in [(1, "first"), (1, "better known"), (3, "third")] {
        life.scribe.heard(&Fact::Explained { session, verdict: &verdict(words) }, now);
    }
    life.scribe.heard(&Fact::Concluded(&[finding(vec![1])]), now);
    life.scribe.heard(&Fact::Concluded(&[finding(vec![1, 3])]), now);
}

#[test]
fn a_history_goes_on_over_restarts_as_if_nothing_had_been() {
    let directory = TempDir::new().unwrap();
    let mut life = Life::new(directory.path(), MIB);
    rich(&mut life);
    let before = life.history.read(shown);
    life.stop();
    let mut life = Life::new(directory.path(), MIB);
    assert_eq!(life.history.read(shown), before);
    // It goes on, and the numbers do.
    life.drops(3.0, "after the restart");
    assert_eq!(life.history.read(History::last_number), 4);
    let before = life.history.read(shown);
    life.stop();
    let (history, past) = found(directory.path());
    assert_eq!(shown(&history), before);
    assert_eq!(past.passed_over(), hangup::lifecycle::journal::PassedOver::default());
}

#[test]
fn nothing_is_lost_when_the_file_is_changed_and_the_limit_holds() {
    let directory = TempDir::new().unwrap();
    let limit = 256 << 10;
    let mut life = Life::new(directory.path(), limit);
    rich(&mut life);
    life.after(5.0, Event::AttemptStarted { tier: Tier::Quick, number: 1 });
    for number in 1..3000 {
        life.fails(number);
        if number % 500 == 0 {
            assert!(life.journal.flush());
            let size: usize = files(directory.path()).values().map(String::len).sum();
            assert!(size as u64 <= limit, "{size}");
        }
    }
    let before = life
        .history
        .read(|history| format!("{:?} {:?} {}", history.totals(), history.findings(), history.last_number()));
    assert_eq!(life.failures(), 0.0);
    life.stop();
    let names: Vec<_> = files(directory.path()).into_keys().collect();
    assert_eq!(names.len(), 2, "{names:?}");
    let (history, _) = found(directory.path());
    let after = format!("{:?} {:?} {}", history.totals(), history.findings(), history.last_number());
    assert_eq!(after, before, "the sums and findings of what went with the older file");
    assert_eq!(history.attempts().len(), hangup::lifecycle::history::ATTEMPTS);
}

#[test]
fn a_session_that_lives_while_the_file_changes_is_cut_off_by_a_kill_all_the_same() {
    let directory = TempDir::new().unwrap();
    let mut life = Life::new(directory.path(), 64 << 10);
    life.begin();
    // Not what a driver would tell while a session lives: something that fills files.
    for number in 1..1000 {
        life.fails(number);
    }
    life.die();
    let text = files(directory.path()).into_values().collect::<String>();
    assert!(!text.contains("\"began\":"), "its beginning went with an older file");
    let (history, _) = found(directory.path());
    let session = history.sessions().next_back().unwrap();
    assert_eq!((session.number, &session.ending), (1, &End::Closed(CloseCause::Shutdown)));
    assert_eq!((history.totals().connects, history.totals().closes, history.totals().count), (1, 1, 0));
}

#[test]
fn what_happened_on_the_machine_comes_back_without_addresses_and_before_this_life() {
    let directory = TempDir::new().unwrap();
    let mut life = Life::new(directory.path(), MIB);
    let kinds = [
        SignalKind::Suspended(Duration::from_secs(40)),
        SignalKind::ClockForward(Duration::from_secs(3)),
        SignalKind::ClockBack(Duration::from_secs(4)),
        SignalKind::LinkDown(2),
        SignalKind::LinkUp(2),
        SignalKind::AddressAdded(2, "192.0.2.44".parse().unwrap()),
        SignalKind::AddressRemoved(2, "192.0.2.45".parse().unwrap()),
        SignalKind::RouteAdded,
        SignalKind::RouteRemoved,
        SignalKind::ResolverChanged,
    ];
    let mut at = life.now;
    for kind in &kinds {
        at = at.plus(Duration::from_millis(10));
        life.host.add(Signal { at, kind: kind.clone() });
    }
    life.drops(10.0, "after them");
    assert!(life.journal.flush());
    life.drops(10.0, "they are not told twice");
    life.stop();
    let text = files(directory.path()).into_values().collect::<String>();
    assert!(!text.contains("192.0.2"), "{text}");
    let life = Life::new(directory.path(), MIB);
    let signals = life.host.all();
    let words = |kinds: Vec<&SignalKind>| kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>();
    assert_eq!(words(signals.iter().map(|signal| &signal.kind).collect()), words(kinds.iter().collect()));
    assert_eq!(signals.last().unwrap().at.wall, at.wall);
    assert_eq!(life.host.between(Instant::from_boot(Duration::from_nanos(1)), noon().at), []);
    life.stop();
}

#[test]
fn only_its_owner_may_read_it() {
    let directory = TempDir::new().unwrap();
    let state = directory.path().join("deep").join("state");
    let mut life = Life::new(&state, MIB);
    life.drops(1.0, "once");
    life.stop();
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&state), 0o700);
    for entry in std::fs::read_dir(&state).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
}

#[test]
fn what_the_desk_concludes_comes_back() {
    let directory = TempDir::new().unwrap();
    let mut life = Life::new(directory.path(), MIB);
    let desk = Desk::new(life.host.clone(), Options::default());
    let subject = Subject {
        history: life.history.clone(),
        gauges: life.metrics.connection(&crate::life::labels()).findings(),
        control: None,
    };
    desk.tell_to("home", Box::new(life.scribe.clone()));
    let mut watch = desk.observer("home", subject);
    for (count, spread) in [0.0, 2.0, 1.0, 3.0, 0.5, 2.5, 1.5, 0.2].into_iter().enumerate() {
        life.drops(86_400.0 + spread, &format!("drop {count}"));
        let session = life.history.read(|history| history.drops().next_back().cloned()).unwrap();
        watch.heard(&Fact::Over(&session), life.now);
        desk.look_at_all(life.now);
        // Not at the same time of day each time.
        life.now = life.now.plus(Duration::from_secs(3600 + 700 * count as u64));
    }
    let before = life.history.read(shown);
    let findings = life.history.read(|history| history.findings().to_vec());
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0].cause, Cause::ConnectionLifetimeLimit);
    life.stop();
    assert_eq!(shown(&found(directory.path()).0), before, "findings and the verdicts that follow from them");
}
