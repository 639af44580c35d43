//! The monitor as a program uses it: in order, out of order, and with callbacks that call back.

use std::sync::{Arc, Mutex};

use super::*;
use crate::diagnosis::{Cause, Evidence};

fn page(monitor: &Monitor) -> String {
    prometheus::TextEncoder::new().encode_to_string(&monitor.registry().gather()).unwrap()
}

fn has(monitor: &Monitor, series: &str) -> bool {
    page(monitor).lines().any(|line| line == series)
}

#[test]
fn a_drop_is_named_counted_explained_and_told_once() {
    let monitor = Monitor::new("boiler");
    let heard = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&heard);
    monitor.on_drop(move |drop| into.lock().unwrap().push((drop.error, drop.verdict.cause)));
    monitor.record_connecting();
    monitor.record_connected(false);
    monitor.record_subscribed(2, 0);
    monitor.record_failure(
        Failure::new(Phase::Session, ErrorName::DisconnectReceived, "the broker sent DISCONNECT")
            .with_detail(crate::connection::Detail::Disconnect(Some(0x8E))),
        EndedBy::Peer,
    );
    monitor.record_connected(true);
    assert_eq!(*heard.lock().unwrap(), [(ErrorName::DisconnectReceived, Cause::SessionTakenOver)]);
    assert!(has(
        &monitor,
        "mqtt_client_drop_causes_total{cause=\"session_taken_over\",connection=\"boiler\",evidence=\"stated\"} 1"
    ));
    assert!(has(&monitor, "mqtt_client_connected{connection=\"boiler\"} 1"));
    let verdict = monitor.history().read(|history| history.verdict(1).cloned()).unwrap();
    assert_eq!((verdict.cause, verdict.evidence), (Cause::SessionTakenOver, Evidence::Stated));
}

#[test]
fn what_breaks_before_a_session_is_a_failed_attempt_and_no_drop() {
    let monitor = Monitor::new("boiler");
    for _ in 0..3 {
        monitor.record_drop(ErrorName::ConnectionRefused, "nobody listens");
    }
    monitor.record_connected(false);
    let totals = monitor.totals();
    assert_eq!((totals.drops, totals.failed_attempts, totals.connects), (0, 3, 1));
    assert!(has(&monitor, "mqtt_client_connect_attempts_total{connection=\"boiler\",tier=\"quick\"} 4"));
}

#[test]
fn calls_at_the_wrong_time_break_nothing() {
    let monitor = Monitor::new("boiler");
    monitor.record_publish("a", 1);
    monitor.record_received(1);
    monitor.record_closed(CloseCause::Shutdown);
    monitor.record_connected(false);
    monitor.record_connected(false);
    monitor.record_connecting();
    monitor.record_closed(CloseCause::Shutdown);
    monitor.record_closed(CloseCause::Shutdown);
    let totals = monitor.totals();
    assert_eq!((totals.connects, totals.drops, totals.closes), (2, 0, 2));
}

#[test]
fn a_callback_may_use_the_monitor() {
    let monitor = Monitor::new("boiler");
    let own = monitor.clone();
    monitor.on_drop(move |_| {
        own.record_event(EventKind::Reload);
        if own.totals().drops == 1 {
            own.record_connected(false);
            own.record_drop(ErrorName::SocketClosed, "again");
        }
    });
    monitor.record_connected(false);
    monitor.record_drop(ErrorName::SocketClosed, "once");
    assert_eq!(monitor.totals().drops, 2);
    assert_eq!(monitor.history().read(|history| history.happenings().len()), 2);
}

#[test]
fn a_topic_does_not_leave_the_monitor() {
    let monitor =
        Monitor::with(Settings { client_id: "client-of-ann".to_owned(), ..Settings::new("boiler") });
    for _ in 0..2 {
        monitor.record_connected(false);
        monitor.record_publish("homes/aabbccddeeff/client-of-ann/set", 5);
        monitor.record_drop(ErrorName::UnexpectedHangup, "the broker closed the connection");
    }
    let told = format!("{}{}{}{monitor:?}", monitor.export_json(), monitor.summary(), page(&monitor));
    assert!(!told.contains("aabbcc") && !told.contains("of-ann"), "{told}");
    assert!(monitor.summary().contains("boiler"));
    let export: serde_json::Value = serde_json::from_str(&monitor.export_json()).unwrap();
    assert_eq!(export["metrics"]["total_connection_drops"], 2);
}

#[test]
fn two_monitors_share_a_registry() {
    let one = Monitor::new("one");
    let two = Monitor::beside(Settings::new("two"), one.metrics());
    two.record_connected(false);
    assert!(has(&one, "mqtt_client_connected{connection=\"one\"} 0"));
    assert!(has(&one, "mqtt_client_connected{connection=\"two\"} 1"));
}

#[test]
fn a_call_that_panics_does_not_end_the_calls() {
    let monitor = Monitor::new("boiler");
    let heard = Arc::new(Mutex::new(0));
    let into = Arc::clone(&heard);
    monitor.on_drop(move |_| {
        *into.lock().unwrap() += 1;
        let heard = *into.lock().unwrap();
        assert_ne!(heard, 1, "the bug of the program");
    });
    for expected in 1..=3 {
        monitor.record_connected(false);
        let drop = || monitor.record_drop(ErrorName::SocketClosed, "gone");
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(drop)).is_err();
        assert_eq!((panicked, *heard.lock().unwrap()), (expected == 1, expected));
    }
}

#[test]
fn a_call_may_ask_for_another_call() {
    let monitor = Monitor::new("boiler");
    let heard = Arc::new(Mutex::new(0));
    let (again, into) = (monitor.clone(), Arc::clone(&heard));
    monitor.on_drop(move |_| {
        let into = Arc::clone(&into);
        again.on_drop(move |_| *into.lock().unwrap() += 1);
    });
    for _ in 0..3 {
        monitor.record_connected(false);
        monitor.record_drop(ErrorName::SocketClosed, "gone");
    }
    assert_eq!(*heard.lock().unwrap(), 3, "none at the first drop, one at the second, two at the third");
}

#[test]
fn every_drop_is_told_though_many_threads_record() {
    let monitor = Monitor::new("boiler");
    let heard = Arc::new(Mutex::new(0));
    let into = Arc::clone(&heard);
    monitor.on_drop(move |_| *into.lock().unwrap() += 1);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    monitor.record_connected(false);
                    monitor.record_drop(ErrorName::SocketClosed, "gone");
                }
            });
        }
    });
    assert_eq!(*heard.lock().unwrap(), monitor.totals().drops);
}

#[test]
fn a_size_that_nothing_has_breaks_nothing() {
    let monitor = Monitor::new("boiler");
    monitor.record_connected(false);
    monitor.record_publish("a", usize::MAX);
    monitor.record_publish("a", usize::MAX);
    monitor.record_received(usize::MAX);
    monitor.record_received(usize::MAX);
    monitor.record_ping(Duration::MAX);
    monitor.record_drop(ErrorName::SocketClosed, "gone");
    assert_eq!(monitor.totals().drops, 1);
}
