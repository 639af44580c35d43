//! Tests of the combination: claims in, findings out.
//! The claims are given; whether a test would make them is tested where the tests are.

use super::super::{Cause, Counts, EventKind, Events, TopicKey};
use super::*;

const DAY: f64 = 86_400.0;
const NOW: SystemTime = SystemTime::UNIX_EPOCH;

/// A session of this age, dropped by the peer a moment before the next one began.
fn case(ages: &[f64]) -> Case {
    let mut start = 1.6e9;
    let sessions = ages.iter().zip(1..).map(|(age, number)| {
        let session = Lived {
            number,
            start,
            age: *age,
            uncertainty: 0.0,
            ended_by: EndedBy::Peer,
            orderly: true,
            taken_over: false,
            reset: false,
            verdict: Verdict::unknown(),
            keep_alive: 30.0,
            counts: Counts::default(),
            reconnected_at_once: true,
            connects_failed: false,
            fatal_gaps: Vec::new(),
            sends: Vec::new(),
        };
        start += age + 2.0;
        session
    });
    Case { sessions: sessions.collect(), ..Case::default() }
}

fn claim(pattern: Pattern, members: &[u64]) -> Claim {
    let support = u32::try_from(members.len()).unwrap();
    Claim { pattern, support, of: support, members: members.to_vec(), p: 1e-4 }
}

fn lifetime(members: &[u64]) -> Claim {
    claim(Pattern::Lifetime { age: DAY, from: 86_397.0, to: 86_402.0, limit: Some(DAY) }, members)
}

fn after_commands(members: &[u64]) -> Claim {
    claim(Pattern::AfterEvent { event: EventKind::Command, window: 2.0, lag: 0.5, lift: 100.0 }, members)
}

fn look(case: &Case, before: &[Finding], claims: Vec<Claim>) -> Conclusion {
    conclude(Evident { case, before, scale: 1.0, now: NOW }, claims)
}

/// The ages of the first worked example.
const V1: [f64; 7] = [86_397.0, 86_402.0, 3_711.0, 86_399.0, 86_401.0, 51_234.0, 86_400.0];

#[test]
fn two_drops_at_a_known_limit_are_a_remark_and_no_finding() {
    let two = case(&[86_455.0, 86_412.0]);
    let conclusion = look(&two, &[], Vec::new());
    assert_eq!(conclusion.findings, []);
    let remark = "Both drops came at an age of 24 h; AWS IoT closes WebSockets at 24 h.";
    assert!(conclusion.unknowable.iter().any(|told| told.starts_with(remark)), "{:?}", conclusion.unknowable);
    let told = look(&case(&[86_455.0, 43_000.0]), &[], Vec::new()).unknowable;
    assert_eq!(told.len(), 1, "{told:?}");
}

#[test]
fn a_time_within_the_day_is_local_for_those_that_belong_as_it_is_for_the_test() {
    // Every six hours by a clock that is half an hour off the full one.
    let six = 21_600.0;
    let mut case = case(&[six - 2.0; 4]);
    case.utc_offset = 5.5 * 3_600.0;
    let end = case.sessions[3].start + case.sessions[3].age;
    let phase = case.local(end).rem_euclid(six);
    let pattern = Pattern::Calendar { period: six, phase };
    assert!(belongs(&pattern, &case.sessions[3], &case));
    assert!(!belongs(
        &Pattern::Calendar { period: six, phase: end.rem_euclid(six) },
        &case.sessions[3],
        &case
    ));
}

#[test]
fn a_claim_becomes_a_finding_with_its_share_and_its_times() {
    let case = case(&V1);
    let conclusion = look(&case, &[], vec![lifetime(&[1, 2, 4, 5, 7])]);
    let [finding] = &conclusion.findings[..] else { panic!("{conclusion:?}") };
    assert_eq!(
        (finding.cause, finding.or, finding.evidence),
        (Cause::ConnectionLifetimeLimit, None, Evidence::Inferred)
    );
    assert!((finding.share - 5.0 / 7.0).abs() < 1e-9);
    assert_eq!(
        finding.words,
        "5 of 7 drops came 24 h 0 min after connecting; AWS IoT closes WebSockets at 24 h."
    );
    let end = |index: usize| wall(case.sessions[index].start + case.sessions[index].age);
    assert_eq!((finding.first, finding.last, finding.since), (end(0), end(6), NOW));
    assert_eq!((finding.contradicted, conclusion.nothing), (0, None));
}

#[test]
fn a_finding_explains_the_drops_that_nothing_better_explains() {
    let mut case = case(&V1);
    let verdict = |cause, evidence, rule| Verdict { cause, evidence, rule, words: String::new() };
    case.sessions[0].verdict = verdict(Cause::ConnectionLifetimeLimit, Evidence::Suspected, Rule::KnownLimit);
    case.sessions[1].verdict = verdict(Cause::ServerMaintenance, Evidence::Stated, Rule::PeerGaveReason);
    case.sessions[3].verdict = verdict(Cause::PathDead, Evidence::Observed, Rule::NotAcknowledged);
    case.sessions[4].verdict = verdict(Cause::BrokerRestart, Evidence::Inferred, Rule::ConnectsRefused);
    let conclusion = look(&case, &[], vec![lifetime(&[1, 2, 4, 5, 7])]);
    let explained: Vec<u64> = conclusion.verdicts.iter().map(|(number, _)| *number).collect();
    assert_eq!(explained, [1, 7]);
    let better = &conclusion.verdicts[1].1;
    assert_eq!((better.evidence, better.rule), (Evidence::Inferred, Rule::Pattern));
    assert_eq!(better.words, "it came 24 h 0 min after connecting, as other drops did");
}

#[test]
fn what_was_explained_so_is_not_explained_again() {
    let mut case = case(&V1);
    for _ in 0..2 {
        for (number, verdict) in look(&case, &[], vec![lifetime(&[1, 2, 4, 5, 7])]).verdicts {
            case.sessions[usize::try_from(number).unwrap() - 1].verdict = verdict;
        }
    }
    assert_eq!(look(&case, &[], vec![lifetime(&[1, 2, 4, 5, 7])]).verdicts, []);
}

#[test]
fn a_suspicion_makes_an_unknown_drop_suspected_and_no_more() {
    let mut case = case(&[14.0, 9.0, 31.0]);
    case.sessions[1].verdict =
        Verdict { cause: Cause::PolicyViolation, evidence: Evidence::Suspected, ..Verdict::unknown() };
    let conclusion =
        look(&case, &[], vec![claim(Pattern::Takeover { sessions: 3, mean: 3_600.0 }, &[1, 2, 3])]);
    let told: Vec<_> = conclusion
        .verdicts
        .iter()
        .map(|(number, verdict)| (*number, verdict.cause, verdict.evidence))
        .collect();
    let suspected = |number| (number, Cause::SessionTakenOver, Evidence::Suspected);
    assert_eq!(told, [suspected(1), suspected(3)]);
    assert!(
        conclusion.unknowable.iter().any(|told| told.contains("look alike")),
        "{:?}",
        conclusion.unknowable
    );
}

#[test]
fn a_test_that_passed_is_told_before_a_suspicion_about_the_same_drops() {
    let case = case(&[60.0; 5]);
    let members = [1, 2, 3, 4, 5];
    let limit = Pattern::Lifetime { age: 60.0, from: 60.0, to: 60.0, limit: Some(60.0) };
    let takeover = claim(Pattern::Takeover { sessions: 5, mean: 0.0 }, &members);
    let conclusion = look(&case, &[], vec![takeover, claim(limit, &members)]);
    let causes: Vec<_> = conclusion.findings.iter().map(|finding| finding.cause).collect();
    assert_eq!(causes, [Cause::ConnectionLifetimeLimit, Cause::SessionTakenOver]);
    let inferred =
        |(_, verdict): &(u64, Verdict)| (verdict.cause, verdict.evidence) == (causes[0], Evidence::Inferred);
    assert!(conclusion.verdicts.len() == 5 && conclusion.verdicts.iter().all(inferred));
}

#[test]
fn of_two_claims_on_the_same_drops_the_one_that_is_believed_first_stands() {
    let case = case(&V1);
    let claims = vec![lifetime(&[1, 2, 4, 5, 7]), after_commands(&[1, 2, 4, 5])];
    let causes: Vec<_> = look(&case, &[], claims).findings.iter().map(|finding| finding.cause).collect();
    assert_eq!(causes, [Cause::ProvokedByEvent]);
}

#[test]
fn two_families_stand_side_by_side_when_they_explain_different_drops() {
    let mut ages = V1.to_vec();
    ages.extend([500.0, 900.0, 7_000.0]);
    let case = case(&ages);
    let claims = vec![lifetime(&[1, 2, 4, 5, 7]), after_commands(&[8, 9, 10])];
    let causes: Vec<_> = look(&case, &[], claims).findings.iter().map(|finding| finding.cause).collect();
    assert_eq!(causes, [Cause::ProvokedByEvent, Cause::ConnectionLifetimeLimit]);
}

#[test]
fn of_one_family_one_stands_and_a_hint_only_alone() {
    let case = case(&V1);
    let hour = claim(Pattern::Lifetime { age: 3_711.0, from: 3_700.0, to: 3_720.0, limit: None }, &[3, 6]);
    let hint = claim(Pattern::ClockHint { period: DAY, phase: 0.0 }, &[3, 6]);
    let findings = look(&case, &[], vec![lifetime(&[1, 2, 4, 5, 7]), hour, hint.clone()]).findings;
    assert_eq!(findings.len(), 1);
    let alone = look(&case, &[], vec![hint]).findings;
    assert_eq!((alone[0].cause, alone[0].evidence), (Cause::CalendarEvent, Evidence::Suspected));
}

#[test]
fn a_finding_stays_although_it_is_not_claimed_again_and_goes_when_ten_sessions_contradict_it() {
    let mut ages = V1.to_vec();
    let before = look(&case(&ages), &[], vec![lifetime(&[1, 2, 4, 5, 7])]).findings;
    let later = [700.0, 95_000.0, 130_000.0, 4_000.0, 180_000.0, 250_000.0, 330_000.0, 460_000.0, 640_000.0];
    ages.extend(later);
    let stands = review(Evident { case: &case(&ages), before: &before, scale: 1.0, now: NOW });
    assert_eq!((stands.findings.len(), stands.findings[0].contradicted), (1, 9));
    assert_eq!(stands.findings[0].since, before[0].since);
    ages.push(61_000.0);
    let gone = review(Evident { case: &case(&ages), before: &stands.findings, scale: 1.0, now: NOW });
    assert_eq!(gone.findings, []);
    assert_eq!(
        gone.nothing.as_deref(),
        Some("17 drops, no pattern in age, time of day, message count, commands or idle time")
    );
}

#[test]
fn a_finding_whose_test_still_passes_on_the_last_sessions_stays_whatever_came_since() {
    let mut ages = V1.to_vec();
    let before = look(&case(&ages), &[], vec![lifetime(&[1, 2, 4, 5, 7])]).findings;
    // They die young of something else: of those that come to 24 h, all still end there.
    ages.extend([700.0, 30_000.0, 12.0, 4_000.0, 19_000.0, 2_500.0, 33.0, 9_100.0, 150.0, 61_000.0]);
    let stands = review(Evident { case: &case(&ages), before: &before, scale: 1.0, now: NOW });
    assert_eq!((stands.findings.len(), stands.findings[0].contradicted), (1, 10));
}

#[test]
fn a_planned_close_before_the_limit_contradicts_nothing_and_one_beyond_it_does() {
    let mut ages = V1.to_vec();
    ages.extend([82_800.0; 30]);
    let mut closed = case(&ages);
    for session in closed.sessions.iter_mut().skip(V1.len()) {
        session.ended_by = EndedBy::Us;
    }
    let before = look(&case(&V1), &[], vec![lifetime(&[1, 2, 4, 5, 7])]).findings;
    let stands = review(Evident { case: &closed, before: &before, scale: 1.0, now: NOW });
    assert_eq!((stands.findings.len(), stands.findings[0].contradicted), (1, 0));
    closed.sessions.last_mut().unwrap().age = 90_000.0;
    let stands = review(Evident { case: &closed, before: &before, scale: 1.0, now: NOW });
    assert_eq!(stands.findings[0].contradicted, 1);
}

#[test]
fn a_drop_that_came_since_and_fits_is_no_contradiction_and_is_explained_at_once() {
    let mut ages = V1.to_vec();
    let before = look(&case(&ages), &[], vec![lifetime(&[1, 2, 4, 5, 7])]).findings;
    ages.extend([5_000.0, 86_400.5]);
    let stands = review(Evident { case: &case(&ages), before: &before, scale: 1.0, now: NOW });
    assert_eq!(stands.findings[0].contradicted, 0);
    assert!(stands.verdicts.iter().any(|(number, _)| *number == 9));
    assert!(!stands.verdicts.iter().any(|(number, _)| *number == 8));
}

#[test]
fn what_is_told_apart_later_keeps_its_beginning() {
    let case = case(&V1);
    let vague = Pattern::LifetimeOrCalendar { age: DAY, period: DAY, phase: 0.0 };
    let before = look(&case, &[], vec![claim(vague, &[1, 2, 4, 5, 7])]).findings;
    assert_eq!((before[0].cause, before[0].or), (Cause::ConnectionLifetimeLimit, Some(Cause::CalendarEvent)));
    let later = Evident { case: &case, before: &before, scale: 1.0, now: NOW + Duration::from_secs(9) };
    let after = conclude(later, vec![lifetime(&[1, 2, 4, 5, 7])]).findings;
    assert_eq!((after.len(), after[0].or, after[0].since), (1, None, NOW));
}

#[test]
fn times_of_a_compressed_case_are_told_in_real_time() {
    let mut fast = case(&V1);
    for session in &mut fast.sessions {
        session.start *= 1000.0;
    }
    let evident = Evident { case: &fast, before: &[], scale: 1000.0, now: NOW };
    let findings = conclude(evident, vec![lifetime(&[1, 2, 4, 5, 7])]).findings;
    let first = findings[0].first.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64();
    assert!((first - 1.6e9 - 86.397).abs() < 1e-3, "{first}");
}

#[test]
fn ten_drops_without_a_pattern_are_told_and_nine_are_not() {
    let ages = [412.0, 9_033.0, 1_840.0, 15_210.0, 3_377.0, 660.0, 24_101.0, 5_120.0, 7_288.0, 2_954.0];
    assert!(
        look(&case(&ages), &[], Vec::new())
            .nothing
            .is_some_and(|told| told.starts_with("10 drops, no pattern"))
    );
    assert_eq!(look(&case(&ages[..9]), &[], Vec::new()).nothing, None);
}

#[test]
fn what_can_not_be_known_is_said_where_it_applies() {
    let unknowable = |case: &Case| look(case, &[], Vec::new()).unknowable.join(" ");
    assert_eq!(unknowable(&Case::default()), "");
    assert!(unknowable(&case(&[60.0, 70.0])).starts_with("Two drops carry no pattern"));
    let mut equal = case(&[60.0, 70.0, 80.0]);
    assert_eq!(unknowable(&equal), "");
    equal.sessions[0].fatal_gaps = vec![30.0];
    equal.sessions[2].fatal_gaps = vec![30.2];
    equal.survived_gaps = vec![30.1; 9];
    assert!(unknowable(&equal).contains("all silences were 30 s long"), "{}", unknowable(&equal));
    equal.survived_gaps.push(12.0);
    assert_eq!(unknowable(&equal), "");
}

#[test]
fn an_event_and_a_packet_take_the_drops_that_came_since() {
    let mut case = case(&[100.0, 200.0, 300.0, 400.0]);
    let ends: Vec<f64> = case.sessions.iter().map(|session| session.start + session.age).collect();
    case.events = vec![Events {
        kind: EventKind::Command,
        times: vec![ends[0] - 1.0, ends[2] - 0.1, ends[3] + 0.1],
        since: None,
    }];
    let explained = |claim| {
        let told = look(&case, &[], vec![claim]).verdicts;
        told.into_iter().map(|(number, _)| number).collect::<Vec<_>>()
    };
    assert_eq!(explained(after_commands(&[1])), [1, 3]);
    case.sessions[3].sends = vec![super::super::Sends {
        packet: "PUBLISH".to_owned(),
        topic: TopicKey(9),
        shape: "a/+".to_owned(),
        sent: 1,
        closed: 1,
        largest: 10,
    }];
    let packet = Pattern::Packet {
        packet: "PUBLISH".to_owned(),
        topic: TopicKey(9),
        shape: "a/+".to_owned(),
        sent: 2,
        closed: 2,
        largest: 10,
    };
    let told = look(&case, &[], vec![claim(packet, &[2])]).verdicts;
    assert_eq!(told.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [2, 4]);
}
