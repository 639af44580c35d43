//! `/api/v1/diagnostics` and `/api/v1/drops` after drops that happened.

use serde_json::Value;

use crate::support::scene::{FAST, Scene};
use crate::{consumed, diagnostics, two_drops};

#[tokio::test]
async fn a_script_for_nwp500_python_reads_the_export() {
    let scene = Scene::new().await;
    let exporter = scene.home("").await;
    if let Some(said) = consumed(&exporter.get("/api/v1/diagnostics").await.body) {
        assert_eq!(said, "0 drops, 1 connections\n");
    }
    two_drops(&scene, &exporter).await;
    let body = exporter.get("/api/v1/diagnostics").await.body;
    if let Some(said) = consumed(&body) {
        assert_eq!(said, "2 drops, 3 connections\n");
    }
    let export: Value = serde_json::from_str(&body).unwrap();
    let names: Vec<_> =
        export["recent_drops"].as_array().unwrap().iter().map(|drop| &drop["error_name"]).collect();
    assert_eq!(names, ["AWS_ERROR_MQTT_UNEXPECTED_HANGUP", "AWS_IO_SOCKET_CLOSED"]);
    assert_eq!(export["connections"][0]["name"], "home");
    assert_eq!(export["connections"][0]["recent_drops"], export["recent_drops"]);
    assert_eq!(export["exporter"]["name"], "hangup");
    assert!(export["metrics"]["messages_published"].as_u64().unwrap() > 0);
    assert!(export["metrics"]["current_session_uptime_seconds"].as_f64().unwrap() > 0.0);
    scene.end(exporter).await;
}

#[tokio::test]
async fn several_connections_are_one_export_that_a_script_reads_too() {
    let scene = Scene::new().await;
    let config = ["home", "cellar"].map(|name| scene.connection(name, FAST, "")).concat();
    let exporter = scene.run(&config).await;
    exporter.until("both online", |page| page.online("home") && page.online("cellar")).await;
    let export = diagnostics(&exporter).await;
    assert_eq!(export["metrics"]["total_connections"], 2);
    let names: Vec<_> = export["connections"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["cellar", "home"]);
    if let Some(said) = consumed(&export.to_string()) {
        assert_eq!(said, "0 drops, 2 connections\n");
    }
    scene.end(exporter).await;
}

#[tokio::test]
async fn drops_come_newest_first_and_as_asked() {
    let scene = Scene::new().await;
    let exporter = scene.home("").await;
    two_drops(&scene, &exporter).await;
    let sessions = async |query: &str| {
        let answer = exporter.get(&format!("/api/v1/drops{query}")).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.body);
        let list: Value = serde_json::from_str(&answer.body).unwrap();
        let numbers = list["drops"].as_array().unwrap().iter().map(|drop| drop["session"].as_u64().unwrap());
        numbers.collect::<Vec<_>>()
    };
    assert_eq!(sessions("").await, [2, 1]);
    assert_eq!(sessions("?connection=home&since=1h&limit=1").await, [2]);
    assert_eq!(sessions("?since=2099-01-01T00:00:00Z").await, [0; 0]);
    assert_eq!(sessions("?since=2020-01-01T01:00:00%2B01:00").await, [2, 1]);
    assert_eq!(sessions("?since=2020-01-01T01:00:00+01:00").await, [2, 1]);
    for (query, right) in [
        ("?connection=garage", "connection=home"),
        ("?limit=0", "limit=20"),
        ("?limit=many", "limit=20"),
        ("?limit=1000000", "limit=20"),
        ("?since=yesterday", "since=24h"),
        ("?since=", "since=24h"),
        ("?sort=asc", "/api/v1/drops?connection=home"),
    ] {
        let answer = exporter.get(&format!("/api/v1/drops{query}")).await;
        assert_eq!(answer.status, 400, "{query}");
        assert!(answer.body.contains(right) && answer.body.ends_with(".\n"), "{query}: {}", answer.body);
    }
    scene.end(exporter).await;
}
