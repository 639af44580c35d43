//! What the broker said of us becomes the verdict on our drop, whether it comes before or after we notice.

use super::*;
use crate::diagnosis::{Cause, Evidence, Rule};
use crate::lifecycle::presence::Reason;
use crate::lifecycle::testimony::{Said, Testimony};

const TAKEN: &str = "drop_causes_total cause=session_taken_over evidence=stated";
const TIMED_OUT: &str = "drop_causes_total cause=keepalive_timeout_server evidence=stated";
const UNKNOWN: &str = "drop_causes_total cause=unknown evidence=none";

/// A connection `home` with another one, `watch`, at the same broker that listens.
fn heard() -> (Life, Testimony) {
    let testimony = Testimony::default();
    testimony.is_known("watch", "broker.example", "watcher");
    testimony.listens("watch", true);
    let mut life = Life::new();
    life.recorder = life.recorder.hearing(testimony.clone());
    life.recorder.known_as("broker.example", "jane's boiler");
    (life, testimony)
}

fn says(life: &mut Life, testimony: &Testimony, reason: Reason) {
    testimony.tell("watch", "jane's boiler", Said { at: life.now, reason });
    life.recorder.told(life.now);
}

#[test]
fn a_word_before_the_drop_is_noticed_states_it_at_once() {
    let (mut life, testimony) = heard();
    session(&mut life);
    life.after(100.0, restored());
    says(&mut life, &testimony, Reason::DuplicateClientId);
    let end = life.now.plus(Duration::from_secs(1));
    life.after(1.0, hangup(end));
    life.shows(&[(TAKEN, 1.0), (UNKNOWN, 0.0)]);
    let verdict = life.history(|history| history.verdict(1).cloned()).unwrap();
    assert_eq!(
        (verdict.cause, verdict.evidence, verdict.rule),
        (Cause::SessionTakenOver, Evidence::Stated, Rule::PeerGaveReason)
    );
    assert!(verdict.words.contains("duplicate_client_id") && !verdict.words.contains("jane"), "{verdict:?}");
}

#[test]
fn a_word_after_the_next_session_began_still_counts_once() {
    let (mut life, testimony) = heard();
    session(&mut life);
    let end = life.now.plus(Duration::from_secs(5000));
    life.after(5000.0, hangup(end)).then([waiting(0.4)]).after(0.4, attempt(1)).then([established(1)]);
    life.shows(&[(UNKNOWN, 0.0)]);
    life.now = life.now.plus(Duration::from_secs(2));
    says(&mut life, &testimony, Reason::KeepAliveTimeout);
    life.shows(&[(TIMED_OUT, 1.0), (UNKNOWN, 0.0)]);
    assert_eq!(life.status().last_drop.unwrap().cause, Cause::KeepaliveTimeoutServer);
    life.recorder.passed(life.now.plus(Duration::from_secs(60)));
    life.shows(&[(TIMED_OUT, 1.0), (UNKNOWN, 0.0)]);
}

#[test]
fn a_late_word_changes_what_is_thought_and_not_what_is_counted() {
    let (mut life, testimony) = heard();
    session(&mut life);
    let end = life.now.plus(Duration::from_secs(5000));
    life.after(5000.0, hangup(end)).then([waiting(0.4)]).after(0.4, attempt(1)).then([established(1)]);
    life.now = life.now.plus(Duration::from_secs(60));
    life.recorder.passed(life.now);
    life.shows(&[(UNKNOWN, 1.0)]);
    says(&mut life, &testimony, Reason::KeepAliveTimeout);
    life.shows(&[(TIMED_OUT, 0.0), (UNKNOWN, 1.0)]);
    let known = life.history(|history| history.verdict(1).map(|verdict| (verdict.cause, verdict.evidence)));
    assert_eq!(known, Some((Cause::KeepaliveTimeoutServer, Evidence::Stated)));
}

#[test]
fn each_word_is_used_once_and_none_is_used_after_150_s() {
    let (mut life, testimony) = heard();
    session(&mut life);
    let end = life.now.plus(Duration::from_secs(100));
    life.after(100.0, restored());
    says(&mut life, &testimony, Reason::DuplicateClientId);
    life.then([hangup(end), waiting(0.4)]).after(0.4, attempt(1)).then([established(1), restored()]);
    // The second drop has no word of its own.
    let end = life.now.plus(Duration::from_secs(5));
    life.after(5.0, hangup(end))
        .then([waiting(0.4)])
        .after(0.4, attempt(1))
        .then([established(1), restored()]);
    life.recorder.passed(life.now.plus(Duration::from_secs(11)));
    life.shows(&[(TAKEN, 1.0), (UNKNOWN, 1.0)]);
    // Nor is a word used that is too far from the third.
    says(&mut life, &testimony, Reason::Unknown);
    life.after(1.0, restored());
    says(&mut life, &testimony, Reason::DuplicateClientId);
    let end = life.now.plus(Duration::from_secs(5000));
    life.after(5000.0, hangup(end)).then([waiting(0.4)]).after(0.4, attempt(1)).then([established(1)]);
    life.recorder.passed(life.now.plus(Duration::from_secs(11)));
    life.shows(&[(TAKEN, 1.0), (UNKNOWN, 2.0)]);
}

#[test]
fn a_takeover_by_our_own_next_connection_states_nothing() {
    let (mut life, testimony) = heard();
    session(&mut life);
    let end = life.now.plus(Duration::from_secs(5000));
    life.after(5000.0, hangup(end)).then([waiting(0.4)]).after(0.4, attempt(1));
    // Told while the attempt runs, and by a broker that is slow when the next session lives.
    says(&mut life, &testimony, Reason::DuplicateClientId);
    life.after(0.2, established(1)).after(0.1, restored());
    life.now = life.now.plus(Duration::from_secs(2));
    says(&mut life, &testimony, Reason::DuplicateClientId);
    life.recorder.passed(life.now.plus(Duration::from_secs(11)));
    life.shows(&[(TAKEN, 0.0), (UNKNOWN, 1.0)]);
    // Nor is it used for the session after it.
    let end = life.now.plus(Duration::from_secs(70));
    life.after(70.0, hangup(end)).then([waiting(0.4)]).after(0.4, attempt(1)).then([established(1)]);
    life.shows(&[(TAKEN, 0.0)]);
    let evidence = life.history(|history| history.verdict(2).map(|verdict| verdict.evidence));
    assert!(evidence.is_some_and(|evidence| evidence != Evidence::Stated), "{evidence:?}");
}

#[test]
fn a_takeover_soon_after_a_drop_is_that_of_the_session_that_it_ended() {
    let (mut life, testimony) = heard();
    session(&mut life);
    let end = life.now.plus(Duration::from_secs(5000));
    life.after(5000.0, hangup(end)).then([waiting(0.4)]).after(0.4, attempt(1)).then([established(1)]);
    life.now = life.now.plus(Duration::from_secs(60));
    says(&mut life, &testimony, Reason::DuplicateClientId);
    let end = life.now.plus(Duration::from_secs(1));
    life.after(1.0, hangup(end)).then([waiting(0.4)]).after(0.4, attempt(1)).then([established(1)]);
    life.recorder.passed(life.now.plus(Duration::from_secs(11)));
    life.shows(&[(TAKEN, 1.0), (UNKNOWN, 1.0)]);
    let known = |number| life.history(|history| history.verdict(number).map(|verdict| verdict.cause));
    assert_eq!((known(1), known(2)), (Some(Cause::Unknown), Some(Cause::SessionTakenOver)));
}

#[test]
fn what_is_said_of_a_close_of_our_own_explains_no_drop() {
    let (mut life, testimony) = heard();
    session(&mut life);
    life.after(100.0, closed(CloseCause::Renewal)).then([attempt(1), established(1), restored()]);
    says(&mut life, &testimony, Reason::ClientInitiatedDisconnect);
    let end = life.now.plus(Duration::from_secs(20));
    life.after(20.0, hangup(end)).then([waiting(0.4)]).after(0.4, attempt(1)).then([established(1)]);
    life.recorder.passed(life.now.plus(Duration::from_secs(11)));
    life.shows(&[(UNKNOWN, 1.0)]);
}

#[test]
fn words_about_strangers_and_from_other_brokers_are_of_no_concern() {
    let (mut life, testimony) = heard();
    testimony.is_known("elsewhere", "other.example", "w");
    session(&mut life);
    life.after(100.0, restored());
    testimony.tell("watch", "stranger", Said { at: life.now, reason: Reason::Throttled });
    testimony.tell("elsewhere", "jane's boiler", Said { at: life.now, reason: Reason::Throttled });
    testimony.tell("nobody", "jane's boiler", Said { at: life.now, reason: Reason::Throttled });
    assert_eq!(testimony.take("home"), []);
    assert!(testimony.may_come("home") && !testimony.may_come("watch") && !testimony.may_come("elsewhere"));
    testimony.listens("watch", false);
    assert!(!testimony.may_come("home"));
    testimony.listens("watch", true);
    life.recorder.known_as("broker.example", "another id");
    // The end of the connection before may be told after the next attempt began.
    for id in ["jane's boiler", "another id"] {
        testimony.tell("watch", id, Said { at: life.now, reason: Reason::Throttled });
        assert_eq!(testimony.take("home").len(), 1, "{id}");
    }
    assert!(!format!("{testimony:?}").contains("another"));
}
