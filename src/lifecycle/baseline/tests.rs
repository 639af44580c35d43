//! Baselines over documents that come, stay away, begin anew and tell the same twice.

use super::*;

fn at(seconds: u64) -> Stamp {
    Stamp(std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_268_800 + seconds))
}

/// A document of a process that began at `started`, whose connection has sums since `since` and these drops.
fn document(now: u64, started: u64, since: u64, drops: &[u64]) -> Export {
    let name = "AWS_IO_SOCKET_TIMEOUT".to_owned();
    let count = drops.len() as u64;
    let metrics = Sums {
        total_connections: 1,
        total_disconnects: count,
        total_connection_drops: count,
        connection_recovered: count,
        sessions: count + 1,
        messages_published: now - started,
        connection_drops_by_error: [(name.clone(), count)]
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .collect(),
        reconnection_attempts_distribution: [("1".to_owned(), count), ("2-5".to_owned(), 0)].into(),
        ..Sums::default()
    };
    let drop = |(number, time): (usize, &u64)| Drop {
        timestamp: Some(at(*time)),
        error_name: Some(name.clone()),
        duration_connected_seconds: Some(100.0),
        session: Some(number as u64 + 1),
        cause: Some("path_dead".to_owned()),
        evidence: Some("observed".to_owned()),
        ..Drop::default()
    };
    let past =
        Past { metrics, recent_drops: drops.iter().enumerate().map(drop).collect(), ..Past::default() };
    Export {
        timestamp: at(now),
        past: past.clone(),
        exporter: Some(export::Exporter {
            name: "hangup".to_owned(),
            version: "1".to_owned(),
            started: Some(at(started)),
        }),
        since: Some(at(since)),
        period: None,
        host_events: Vec::new(),
        limits_of_knowledge: Vec::new(),
        connections: vec![Connection {
            name: "home".to_owned(),
            source: "navien".to_owned(),
            transport: "wss".to_owned(),
            state: "online".to_owned(),
            since: Some(at(since)),
            last_failure: None,
            keep_alive_seconds: Some(30.0),
            past,
        }],
    }
}

fn baseline() -> Baseline {
    Baseline::new("http://127.0.0.1:9883/".to_owned(), Vec::new(), at(1_000), Duration::from_secs(1_000))
}

/// Drops by sum, drops told, seconds observed, restarts.
fn figures(baseline: &Baseline) -> (u64, usize, f64, u64) {
    let export = baseline.export(at(2_000));
    let period = export.period.unwrap();
    (
        export.past.metrics.total_connection_drops,
        export.past.recent_drops.len(),
        period.observed_seconds,
        period.restarts,
    )
}

#[test]
fn only_the_drops_of_the_period_count_each_once() {
    let mut baseline = baseline();
    for (now, drops) in [
        (1_000, &[500, 900][..]),
        (1_100, &[500, 900]),
        (1_200, &[500, 900, 1_150]),
        (1_300, &[500, 900, 1_150]),
        (2_000, &[500, 900, 1_150, 1_900]),
    ] {
        baseline.add(document(now, 0, 0, drops));
    }
    assert_eq!(figures(&baseline), (2, 2, 1_000.0, 0));
    let export = baseline.export(at(2_000));
    assert_eq!(export.past.metrics.connection_drops_by_error["AWS_IO_SOCKET_TIMEOUT"], 2);
    assert_eq!(export.past.metrics.reconnection_attempts_distribution["1"], 2);
    assert_eq!(export.past.metrics.messages_published, 1_000);
    assert_eq!(export.past.causes[0].count, 2);
}

#[test]
fn a_connection_that_left_the_configuration_and_came_back_counts_from_zero() {
    let mut baseline = baseline();
    baseline.add(document(1_000, 0, 0, &[]));
    baseline.add(document(1_200, 0, 0, &[1_100, 1_150]));
    baseline.add(document(1_500, 0, 1_300, &[1_400]));
    assert_eq!(figures(&baseline), (3, 3, 500.0, 0));
}

#[test]
fn a_reader_that_was_away_misses_nothing_while_the_exporter_ran() {
    let mut baseline = baseline();
    baseline.add(document(1_000, 0, 0, &[]));
    let text = serde_json::to_string(&baseline).unwrap();
    let mut again: Baseline = serde_json::from_str(&text).unwrap();
    again.add(document(1_900, 0, 0, &[1_100, 1_200]));
    assert_eq!(figures(&again), (2, 2, 900.0, 0));
}

#[test]
fn what_comes_after_the_end_belongs_to_no_baseline() {
    let mut baseline = baseline();
    baseline.add(document(1_000, 0, 0, &[]));
    baseline.add(document(5_000, 0, 0, &[1_500, 2_500, 3_000]));
    assert_eq!(figures(&baseline), (1, 1, 1_000.0, 0));
    assert_eq!(baseline.export(at(5_000)).past.metrics.connection_drops_by_error["AWS_IO_SOCKET_TIMEOUT"], 1);
}

#[test]
fn an_exporter_that_starts_anew_without_a_journal_counts_from_zero_and_its_absence_is_not_observed() {
    let mut baseline = baseline();
    baseline.add(document(1_000, 0, 0, &[500, 600]));
    baseline.add(document(1_200, 0, 0, &[500, 600, 1_100]));
    baseline.add(document(1_500, 1_400, 1_400, &[1_450]));
    assert_eq!(figures(&baseline), (2, 2, 300.0, 1));
    assert!(
        baseline.export(at(1_500)).limits_of_knowledge.iter().any(|limit| limit.contains("started anew"))
    );
    assert_eq!(baseline.export(at(1_500)).past.metrics.messages_published, 300);
}

#[test]
fn an_exporter_that_starts_anew_with_a_journal_goes_on_counting() {
    let mut baseline = baseline();
    baseline.add(document(1_000, 0, 0, &[500, 600]));
    baseline.add(document(1_500, 1_400, 0, &[500, 600, 1_100, 1_450]));
    assert_eq!(figures(&baseline), (2, 2, 100.0, 1));
}

#[test]
fn drops_that_are_counted_and_not_told_are_said_to_be() {
    let mut baseline = baseline();
    baseline.add(document(1_000, 0, 0, &[]));
    let mut many = document(1_100, 0, 0, &[1_050, 1_060, 1_070]);
    many.connections[0].past.recent_drops.truncate(1);
    baseline.add(many);
    assert_eq!(figures(&baseline).0, 3);
    assert!(
        baseline.export(at(1_100)).limits_of_knowledge.iter().any(|limit| limit.contains("Of 2 more drops"))
    );
}

#[test]
fn only_the_connections_that_were_asked_for_are_told() {
    let mut baseline = baseline();
    baseline.only = vec!["cellar".to_owned()];
    baseline.add(document(1_000, 0, 0, &[]));
    baseline.add(document(1_100, 0, 0, &[1_050]));
    assert_eq!(baseline.drops(), 0);
    assert!(baseline.export(at(1_100)).connections.is_empty());
}

#[test]
fn half_of_the_period_is_half_of_the_bar() {
    let baseline = baseline();
    for (now, expected) in [(500, 0.0), (1_500, 0.5), (9_000, 1.0)] {
        assert!((baseline.progress(at(now)) - expected).abs() < 1e-9);
    }
}
