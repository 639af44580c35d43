//! Whole reports, word by word: of a document of ours and of one of nwp500-python.

use super::*;
use crate::lifecycle::export::FailedAttempt;

/// A document as hangup writes it.
const OURS: &str = include_str!("../../../tests/fixtures/diagnostics/hangup.json");
/// A document as nwp500-python 7 writes it: a drop without a name, none of our fields.
const THEIRS: &str = include_str!("../../../tests/fixtures/diagnostics/nwp500_python.json");

fn read(text: &str) -> Export {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_report_says_how_often_what_why_and_what_to_change() {
    let text = terminal(&report(&read(OURS)), 100, false);
    let expected = include_str!("../../../tests/fixtures/diagnostics/hangup.txt");
    assert_eq!(text, expected, "{text}");
}

#[test]
fn the_same_report_as_markdown() {
    let text = markdown(&report(&read(OURS)));
    let expected = include_str!("../../../tests/fixtures/diagnostics/hangup.md");
    assert_eq!(text, expected, "{text}");
}

#[test]
fn a_document_of_nwp500_python_is_read_and_what_it_lacks_is_said() {
    let text = terminal(&report(&read(THEIRS)), 100, false);
    let expected = include_str!("../../../tests/fixtures/diagnostics/nwp500_python.txt");
    assert_eq!(text, expected, "{text}");
}

#[test]
fn a_document_that_tells_secrets_makes_a_report_that_does_not() {
    let told = OURS
        .replace("the broker hung up without a word", "jane@example.com at 192.0.2.7 \\u001b[31mhung up")
        .replace("Nothing needs to change", "see https://jane:secret@broker.example/");
    assert_ne!(told, OURS);
    let text = terminal(&report(&read(&told)), 100, false);
    for secret in ["jane", "192.0.2.7", "\u{1b}", "broker.example"] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[test]
fn a_document_without_drops_says_what_may_still_be() {
    let mut export = read(OURS);
    for connection in &mut export.connections {
        connection.past = super::super::export::Past::default();
    }
    let text = terminal(&report(&export), 100, false);
    assert!(text.contains("none in 10 d: up to 0.4 a day would fit"), "{text}");
}

#[test]
fn a_rate_is_of_the_time_of_sessions_where_hangup_was_away_meanwhile() {
    let mut export = read(OURS);
    // Ten days since the first record, and it started a day ago: for how long it was away nobody knows.
    let exporter = export.exporter.as_mut().unwrap();
    exporter.started = Some(Stamp(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_773_144_000)));
    let text = terminal(&report(&export), 200, false);
    for said in [
        "6 drops in 9 d 1 h of sessions, 0.7 a day: between 0.2 and 1.4 a day would fit",
        "since 2026-03-01 12:00:00 UTC, 10 d ago, but for the times when hangup did not run; the sessions lasted 9 d 1 h together",
    ] {
        assert!(text.contains(said), "{said} is not in {text}");
    }
}

#[test]
fn a_connection_that_is_not_up_says_how_its_last_attempt_failed() {
    let mut export = read(OURS);
    let now = export.timestamp;
    let said = |export: &Export| terminal(&report(export), 200, false);
    let connection = export.connections.first_mut().unwrap();
    "waiting".clone_into(&mut connection.state);
    connection.last_failure = Some(FailedAttempt {
        timestamp: now,
        error_name: "AWS_IO_SOCKET_CLOSED".to_owned(),
        error_message: "the peer at 192.0.2.7 reset the connection; is it a port without TLS?".to_owned(),
        phase: "tls".to_owned(),
        detail: "rst".to_owned(),
    });
    let text = said(&export);
    let line = text.lines().find(|line| line.contains("Last attempt")).unwrap();
    assert!(
        line.ends_with(
            "in phase tls: the peer at … reset the connection; is it a port without TLS?; AWS_IO_SOCKET_CLOSED"
        ),
        "{line}"
    );
    // Something came after it, or it is up: then it explains nothing.
    let mut dropped = export.clone();
    dropped.connections[0].last_failure.as_mut().unwrap().timestamp = Stamp(std::time::UNIX_EPOCH);
    assert!(!said(&dropped).contains("Last attempt"));
    "online".clone_into(&mut export.connections[0].state);
    assert!(!said(&export).contains("Last attempt"));
}
