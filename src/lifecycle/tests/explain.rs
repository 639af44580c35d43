//! What becomes of the verdicts: counted once each, kept, told, shown, and settled by what follows.
//! The rules themselves are tested in `diagnosis::evidence`.

use std::sync::Mutex;

use super::*;
use crate::diagnosis::{Cause, Evidence, Rule};
use crate::host::{Signal, SignalKind, Timeline};
use crate::lifecycle::observer::{Fact, Observer};

const UNKNOWN: &str = "drop_causes_total cause=unknown evidence=none";
const RESTART: &str = "drop_causes_total cause=broker_restart evidence=inferred";
const STALLED: &str = "drop_causes_total cause=broker_stalled evidence=observed";
const MOVED: &str = "drop_causes_total cause=local_network_change evidence=observed";

/// All counted drops, whatever their cause.
fn counted(life: &Life) -> f64 {
    Cause::VERDICTS
        .iter()
        .filter_map(|(cause, evidence)| {
            value(&life.metrics, &format!("mqtt_client_drop_causes_total cause={cause} evidence={evidence}"))
        })
        .sum()
}

/// No PINGRESP, and the kernel's view: stalled.
fn stalled(now: Now) -> Event {
    let mut end = ending(ErrorName::MqttTimeout, EndedBy::Timeout, now);
    end.failure.detail = Detail::None;
    let asked = now.at - Duration::from_secs(10);
    end.stats.pings_sent = 1;
    end.stats.last_ping_sent = Some(asked);
    end.stats.tcp_at = Some(now.at);
    end.tcp = Some(TcpInfo {
        state: 1,
        unacked: 0,
        retransmits: 0,
        probes: 0,
        backoff: 0,
        rtt: Duration::from_millis(30),
        total_retransmits: 0,
        last_data_received: Duration::from_secs(40),
        last_ack_received: Duration::from_millis(9_970),
    });
    Event::Dropped(Box::new(end))
}

/// Remembers what it is told of sessions and verdicts.
#[derive(Clone, Default)]
struct Ear(Arc<Mutex<Vec<String>>>);

impl Observer for Ear {
    fn heard(&mut self, fact: &Fact<'_>, _: Now) {
        let line = match fact {
            Fact::Over(session) => format!("over {}", session.number),
            Fact::Explained { session, verdict } => {
                format!("{session} {} {}", verdict.cause, verdict.evidence)
            }
            Fact::Happened(happening) => format!("{:?}", happening.kind),
            Fact::Attempt(_) | Fact::Began(_) | Fact::Concluded(_) => return,
        };
        self.0.lock().unwrap().push(line);
    }
}

impl Life {
    fn heard_by(mut self, ear: &Ear) -> Self {
        self.recorder = self.recorder.heard_by(Box::new(ear.clone()));
        self
    }
}

#[test]
fn what_explains_itself_is_counted_kept_told_and_shown_at_once() {
    let ear = Ear::default();
    let mut life = Life::new().heard_by(&ear);
    session(&mut life);
    let end = life.now.plus(Duration::from_secs(5000));
    life.after(5000.0, stalled(end)).then([waiting(0.4)]);
    life.shows(&[(STALLED, 1.0), (UNKNOWN, 0.0)]);
    assert_eq!(*ear.0.lock().unwrap(), ["CredentialExpiry", "over 1", "1 broker_stalled observed"]);
    let verdict = life.history(|history| history.verdict(1).cloned()).unwrap();
    assert_eq!(
        (verdict.cause, verdict.evidence, verdict.rule),
        (Cause::BrokerStalled, Evidence::Observed, Rule::NotAnswered)
    );
    let drop = life.status().last_drop.unwrap();
    assert_eq!((drop.cause, drop.evidence, drop.words), (verdict.cause, verdict.evidence, verdict.words));
    // A refused connect afterwards does not change it.
    life.after(0.4, attempt(1)).then([failed(refused())]).after(1.0, attempt(2)).then([established(2)]);
    assert!((counted(&life) - 1.0).abs() < 1e-9, "{}", counted(&life));
}

#[test]
fn what_nothing_explains_is_counted_when_the_next_session_comes() {
    let mut life = Life::new();
    session(&mut life);
    let end = life.now.plus(Duration::from_secs(5000));
    life.after(5000.0, hangup(end)).then([waiting(0.4)]);
    life.shows(&[(UNKNOWN, 0.0)]);
    assert_eq!(life.status().last_drop.unwrap().cause, Cause::Unknown);
    let other = Failure::new(Phase::Dns, ErrorName::DnsTimeout, "no answer");
    life.after(0.4, attempt(1)).then([failed(other)]);
    life.shows(&[(UNKNOWN, 0.0)]);
    life.after(1.0, attempt(2)).then([established(2)]);
    life.shows(&[(UNKNOWN, 1.0)]);
    assert!((counted(&life) - 1.0).abs() < 1e-9);
}

#[test]
fn a_refused_connect_after_it_makes_it_a_restart_told_a_second_time() {
    let ear = Ear::default();
    let mut life = Life::new().heard_by(&ear);
    session(&mut life);
    let end = life.now.plus(Duration::from_secs(5000));
    life.after(5000.0, hangup(end)).then([waiting(0.4)]);
    life.after(0.4, attempt(1)).then([failed(refused())]).after(1.0, attempt(2)).then([failed(refused())]);
    life.shows(&[(RESTART, 1.0), (UNKNOWN, 0.0)]);
    life.after(1.0, attempt(3)).then([established(3)]);
    life.shows(&[(RESTART, 1.0), (UNKNOWN, 0.0)]);
    assert!((counted(&life) - 1.0).abs() < 1e-9);
    let told = ["CredentialExpiry", "over 1", "1 unknown none", "1 broker_restart inferred"];
    assert_eq!(*ear.0.lock().unwrap(), told);
    assert_eq!(life.history(|history| history.verdict(1).unwrap().cause), Cause::BrokerRestart);
    assert_eq!(life.status().last_drop.unwrap().cause, Cause::BrokerRestart);
}

#[test]
fn a_sleep_that_is_noticed_after_the_drop_explains_it_before_it_is_counted() {
    let host = Timeline::default();
    let ear = Ear::default();
    let mut life = Life::new().heard_by(&ear);
    life.recorder = life.recorder.on_host(host.clone());
    session(&mut life);
    let end = life.now.plus(Duration::from_secs(5000));
    life.after(5000.0, hangup(end)).then([waiting(4.0)]);
    host.add(Signal {
        at: end.plus(Duration::from_secs(3)),
        kind: SignalKind::Suspended(Duration::from_secs(900)),
    });
    life.after(4.0, attempt(1)).then([established(1)]);
    life.shows(&[("drop_causes_total cause=host_suspended evidence=observed", 1.0), (UNKNOWN, 0.0)]);
    assert!((counted(&life) - 1.0).abs() < 1e-9);
    let told = ["CredentialExpiry", "over 1", "1 unknown none", "1 host_suspended observed"];
    assert_eq!(*ear.0.lock().unwrap(), told);
    assert_eq!(life.status().last_drop.unwrap().cause, Cause::HostSuspended);
}

#[test]
fn a_stop_settles_what_is_open() {
    let mut life = Life::new();
    session(&mut life);
    let end = life.now.plus(Duration::from_secs(5000));
    life.after(5000.0, hangup(end)).then([waiting(0.4), Event::Stopped]);
    life.shows(&[(UNKNOWN, 1.0)]);
}

#[test]
fn a_close_of_ours_has_no_cause() {
    let mut life = Life::new();
    session(&mut life);
    life.after(60.0, closed(CloseCause::Shutdown)).then([Event::Stopped]);
    assert!(counted(&life).abs() < 1e-9);
    assert!(life.history(|history| history.verdict(1).is_none()));
}

#[test]
fn drops_and_explained_drops_are_equally_many() {
    let mut life = Life::new();
    for n in 0..20_u32 {
        session(&mut life);
        let end = life.now.plus(Duration::from_secs(5000));
        let drop = if n % 3 == 0 { stalled(end) } else { hangup(end) };
        life.after(5000.0, drop).then([waiting(0.4)]);
        if n % 2 == 0 {
            life.after(0.4, attempt(1)).then([failed(refused())]);
        }
    }
    life.then([Event::Stopped]);
    assert!((counted(&life) - 20.0).abs() < 1e-9, "{}", counted(&life));
    assert_eq!(life.status().drops, 20);
}

#[test]
fn the_signals_of_the_machine_are_asked() {
    let host = Timeline::default();
    let mut life = Life::new();
    life.recorder = life.recorder.on_host(host.clone());
    session(&mut life);
    let end = life.now.plus(Duration::from_secs(5000));
    // An earlier sign of the address tells its interface; the link of that one goes down.
    host.add(Signal { at: life.now, kind: SignalKind::AddressAdded(3, "198.51.100.9".parse().unwrap()) });
    host.add(Signal { at: end, kind: SignalKind::LinkDown(3) });
    life.after(5000.0, hangup(end));
    life.shows(&[(MOVED, 1.0)]);
}

#[test]
fn credentials_that_lapse_in_a_session_are_an_event_at_that_time() {
    let ear = Ear::default();
    let mut life = Life::new().heard_by(&ear);
    session(&mut life);
    life.after(3000.0, Event::Happened(EventKind::Command));
    life.after(2000.0, Event::Happened(EventKind::Scrape));
    let now = life.now;
    life.then([hangup(now)]);
    let happened = life.history(|history| {
        history.happenings().map(|happening| (happening.kind, happening.at.wall)).collect::<Vec<_>>()
    });
    let lapse = noon().wall + Duration::from_secs(3600);
    let kinds: Vec<_> = happened.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [EventKind::Command, EventKind::CredentialExpiry, EventKind::Scrape]);
    assert_eq!(happened[1].1, lapse);
    assert!(ear.0.lock().unwrap().contains(&"CredentialExpiry".to_owned()));
}

#[test]
fn credentials_that_outlive_their_session_are_no_event() {
    let mut life = Life::new();
    session(&mut life);
    life.after(3599.0, closed(CloseCause::Renewal));
    assert_eq!(life.history(|history| history.happenings().len()), 0);
}

#[test]
fn the_short_list_shows_the_verdict_and_nothing_personal() {
    let mut life = Life::new();
    session(&mut life);
    let end = life.now.plus(Duration::from_secs(5000));
    life.after(5000.0, stalled(end)).then([waiting(0.4)]);
    let shown = serde_json::to_value(life.status()).unwrap();
    let newest = &shown["history"]["drops"][0]["verdict"];
    assert_eq!(newest["cause"], "broker_stalled");
    assert_eq!(newest["rule"], "D7");
    assert_eq!(shown["last_drop"]["evidence"], "observed");
    assert_eq!(shown["last_drop"]["words"], newest["words"]);
}
