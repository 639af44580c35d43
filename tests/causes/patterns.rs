//! What only many drops tell: a length of sessions, a time of the clock, a number of messages, a packet, a silence.
//!
//! Never more drops than the tests need by their tables of power (drop-diagnosis.md section 7).

use std::sync::Arc;
use std::time::Duration;

use hangup::diagnosis::{Cause, Counter, Evidence, Pattern, Rule};
use hangup::simulator::{Fault, Settings};

use crate::lab::{Lab, fast, sums};
use crate::middlebox::Middlebox;
use crate::talk::{Account, FOREIGN, OWN, Script, Step, paces};

/// A day is four seconds.
const DAY_IN_4_S: f64 = 86_400.0 / 4.0;
/// An hour is a second.
const HOUR_IN_1_S: f64 = 3_600.0;

#[tokio::test]
async fn sessions_that_the_broker_closes_after_a_day_are_a_lifetime() {
    let account = Account::at(Settings { speed: DAY_IN_4_S, ..Settings::default() }).await;
    // The pace differs: else nobody could tell a length of time from a number of messages.
    // The shortest keep-alive there is: a known limit is sought as far above itself as the keep-alive allows a silence.
    let planner = account.talking(1, paces(&[20, 55, 30, 44, 25, 37]));
    let policy = hangup::config::Policy { initial_delay: Duration::from_millis(100), ..fast() };
    let lab = Lab::start("lifetime of 24 h", DAY_IN_4_S, policy, planner);
    // Four would do to see it; with six a lifetime is told from a clock (power 1.00).
    lab.drops(6).await;
    lab.finds(Cause::ConnectionLifetimeLimit, Evidence::Inferred, 6).await;
    let outcome = lab.end().await;
    let finding = outcome.only();
    assert_eq!(
        (finding.cause, finding.or, finding.evidence),
        (Cause::ConnectionLifetimeLimit, None, Evidence::Inferred)
    );
    assert_eq!((finding.claim.support, finding.claim.of), (6, 6));
    let Pattern::Lifetime { age, limit, .. } = finding.claim.pattern else { panic!("{finding:?}") };
    assert_eq!(limit, Some(86_400.0));
    assert!((85_000.0..95_000.0).contains(&age), "{age}");
    assert!(finding.words.starts_with("6 of 6 drops came 2"), "{}", finding.words);
    assert!(finding.words.contains("AWS IoT closes WebSockets at 24 h"), "{}", finding.words);
    assert_eq!(outcome.judged(Cause::ConnectionLifetimeLimit, Evidence::Inferred), 6);
    // At once, the close looked like the answer to a message: that is only suspected.
    assert_eq!(outcome.counted(Cause::PolicyViolation, Evidence::Suspected), 6.0);
    account.cloud.stop().await;
}

#[tokio::test]
async fn a_nightly_disconnect_is_a_time_of_the_clock() {
    let night = Duration::from_secs(6);
    let account = Account::at(Settings { curfew: Some(night), ..Settings::default() }).await;
    let planner = account.talking(30, paces(&[40, 95, 60, 75, 50, 110, 45]));
    let lab = Lab::start("daily clock", 86_400.0 / 6.0, fast(), planner);
    // Three nights; then something else ends sessions twice in the middle of a day: those after them end at the same time
    // of the clock and at another age, which no lifetime does. Ten drops are a look.
    lab.drops(3).await;
    for (session, share) in [(4, 0.35), (7, 0.6)] {
        lab.session(session).await;
        tokio::time::sleep(night.mul_f64(share)).await;
        account.cloud.faults().inject(Fault::Reset);
    }
    lab.drops(10).await;
    // Before that, the two may happen to lie on a shorter period together with the nights: a hint, until more is known.
    lab.finds(Cause::CalendarEvent, Evidence::Inferred, 8).await;
    let outcome = lab.end().await;
    let finding = outcome.only();
    assert_eq!(
        (finding.cause, finding.or, finding.evidence),
        (Cause::CalendarEvent, None, Evidence::Inferred)
    );
    let Pattern::Calendar { period, .. } = finding.claim.pattern else { panic!("{finding:?}") };
    assert_eq!(period, 86_400.0);
    assert!(finding.words.contains("drops came daily at "), "{}", finding.words);
    // All but the two in the middle of a day.
    assert_eq!(finding.claim.members.len(), 8, "{finding:?}");
    assert_eq!(outcome.judged(Cause::CalendarEvent, Evidence::Inferred), 8);
    account.cloud.stop().await;
}

#[tokio::test]
async fn sessions_that_end_after_so_many_messages_are_a_message_limit() {
    let account = Account::at(Settings { message_limit: Some(150), ..Settings::default() }).await;
    // 0.75 to 4.2 s; the size varies too, or it might as well be a limit of bytes.
    let script: Script = Arc::new(|session| {
        let session = usize::try_from(session).unwrap() % 6;
        let (pace, size) = ([5, 14, 8, 21, 11, 28][session], [40, 300, 120, 200, 700, 450][session]);
        Box::new(std::iter::repeat_with(move || Step { size, ..Step::of(pace) }))
    });
    let planner = account.talking(30, script);
    let lab = Lab::start("message limit", HOUR_IN_1_S, fast(), planner);
    lab.drops(4).await;
    lab.finds(Cause::MessageLimit, Evidence::Inferred, 4).await;
    let outcome = lab.end().await;
    let finding = outcome.only();
    assert_eq!(
        (finding.cause, finding.or, finding.evidence),
        (Cause::MessageLimit, None, Evidence::Inferred)
    );
    let Pattern::MessageLimit { counter, count, .. } = finding.claim.pattern else { panic!("{finding:?}") };
    assert_eq!(counter, Counter::MessagesSent);
    // Some are on their way when the broker closes.
    assert!((150.0..166.0).contains(&count), "{count}");
    assert!(finding.words.contains("messages sent, which varies less than their ages"), "{}", finding.words);
    let alike = outcome.judged(Cause::MessageLimit, Evidence::Inferred);
    assert_eq!(alike, outcome.verdicts.len(), "{outcome:#?}");
    account.cloud.stop().await;
}

#[tokio::test]
async fn a_topic_over_which_the_broker_closes_is_a_policy() {
    let account = Account::at(Settings::default()).await;
    // Much that is allowed, a pause in which nothing can be blamed on it, and then a topic of somebody else.
    let script: Script = Arc::new(|session| {
        let talk = [45, 60, 80][usize::try_from(session).unwrap() % 3];
        let pause = Duration::from_millis([1_300, 2_000, 2_800][usize::try_from(session).unwrap() % 3]);
        let foreign = Step { after: pause, topic: FOREIGN, ..Step::of(0) };
        Box::new((0..talk).map(|_| Step::of(11)).chain([foreign]))
    });
    let planner = account.talking(30, script);
    let lab = Lab::start("policy close after a publish", HOUR_IN_1_S, fast(), planner);
    lab.drops(2).await;
    // The third time the topic is in quarantine, and the session lives: something else has to end it, for the tests look
    // after three drops.
    let refused = async {
        let lost = |labels| sums(&lab.metrics, "mqtt_client_dropped_messages_total", labels);
        while !lost(["reason", "connection"]).contains_key(&("quarantined".into(), lab.name().into())) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(crate::support::PATIENCE, refused).await.expect("the quarantine holds it back");
    account.cloud.faults().inject(Fault::Reset);
    lab.finds(Cause::PolicyViolation, Evidence::Inferred, 2).await;
    lab.session(4).await;
    let outcome = lab.end().await;
    let finding = outcome.only();
    assert_eq!(
        (finding.cause, finding.or, finding.evidence),
        (Cause::PolicyViolation, None, Evidence::Inferred)
    );
    assert_eq!((finding.claim.support, finding.claim.of, &finding.claim.members[..]), (2, 2, &[1, 2][..]));
    let words = "2 of 2 times the broker closed right after a PUBLISH to `evt/52/+/note`";
    assert!(finding.words.starts_with(words), "{}", finding.words);
    for verdict in &outcome.verdicts[..2] {
        let judged = (verdict.cause, verdict.evidence, verdict.rule);
        assert_eq!(judged, (Cause::PolicyViolation, Evidence::Inferred, Rule::Pattern));
    }
    assert_eq!(outcome.verdicts[2].cause, Cause::Unknown, "{:?}", outcome.verdicts[2]);
    assert_eq!(outcome.counted(Cause::PolicyViolation, Evidence::Suspected), 2.0);
    account.cloud.stop().await;
}

#[tokio::test]
async fn a_middlebox_that_forgets_silent_connections_is_a_nat() {
    let account = Account::at(Settings::default()).await;
    let middlebox = Middlebox::before(account.cloud.mqtt_address(), Duration::from_secs(1)).await;
    // Silences below and then one above what it remembers; the broker acknowledges every message.
    let script: Script = Arc::new(|session| {
        let mut dice = fastrand::Rng::with_seed(7 + session);
        let survived = [9, 5, 13, 7, 11][usize::try_from(session).unwrap() % 5];
        let long = dice.u64(1_300..1_700);
        let steps = (0..survived).map(move |_| dice.u64(100..500)).chain([long]);
        Box::new(steps.map(|millis| Step { topic: OWN, qos: 1, ..Step::of(millis) }))
    });
    let planner = account.through(middlebox.port, 30, script);
    // A second is 350 s.
    let lab = Lab::start("NAT silence", 350.0, fast(), planner);
    lab.drops(4).await;
    lab.finds(Cause::NatIdleTimeout, Evidence::Inferred, 4).await;
    let outcome = lab.end().await;
    let finding = outcome.only();
    assert_eq!(
        (finding.cause, finding.or, finding.evidence),
        (Cause::NatIdleTimeout, None, Evidence::Inferred)
    );
    let Pattern::IdleTimeout { survived, fatal, reset } = finding.claim.pattern else {
        panic!("{finding:?}")
    };
    assert!(survived < 350.0 && fatal > 350.0 && reset, "{finding:?}");
    assert_eq!(finding.claim.support, finding.claim.of);
    assert!(finding.words.contains("ended the session by a reset"), "{}", finding.words);
    let alike = outcome.judged(Cause::NatIdleTimeout, Evidence::Inferred);
    assert_eq!(alike, outcome.verdicts.len(), "{outcome:#?}");
    account.cloud.stop().await;
}
