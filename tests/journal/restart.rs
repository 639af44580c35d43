//! The real binary, started again: history and findings are shown, counters begin at zero, nothing personal was kept.
//!
//! Never a prepared page: the drops come from the simulated cloud.

use std::fs;
use std::path::PathBuf;

use hangup::simulator::Fault;
use serde_json::Value;

use crate::life::{CURRENT, files};
use crate::support::exporter::Exporter;
use crate::support::scene::{FAST, Scene, assert_no_secret};
use crate::trip::finding;

const HOME: (&str, &str) = ("connection", "home");

fn config(scene: &Scene, state: &str) -> String {
    format!("[state]\ndirectory = \"{state}\"\n{}", scene.connection("home", FAST, ""))
}

async fn online(exporter: &Exporter, sessions: f64) {
    exporter.until("online", |page| page.sessions("home") >= sessions && page.online("home")).await;
}

async fn status(exporter: &Exporter) -> Value {
    let board: Value = serde_json::from_str(&exporter.get("/api/v1/connections").await.body).unwrap();
    board["connections"][0].clone()
}

fn state(scene: &Scene) -> PathBuf {
    scene.directory.path().join("state")
}

#[tokio::test]
async fn a_restart_shows_the_history_and_the_findings_of_before() {
    let scene = Scene::new().await;
    let config = config(&scene, "state");
    let exporter = scene.run(&config).await;
    online(&exporter, 1.0).await;
    scene.inject(Fault::Fin);
    online(&exporter, 2.0).await;
    scene.inject(Fault::HangUp);
    online(&exporter, 3.0).await;
    exporter.stop().await;
    let text: String = files(&state(&scene)).into_values().collect();
    assert_no_secret("the journal", &text);
    for personal in ["127.0.0.1", "localhost"] {
        assert!(!text.contains(personal), "{personal} in {text}");
    }
    assert!(text.contains("\"verdict\""), "what is thought of a drop stands there: {text}");
    // As the diagnosis tells it.
    let finding = serde_json::json!({ "connection": "home", "record": { "concluded": {
        "at": "2025-01-01T00:00:00Z", "findings": [finding(vec![1, 2])]
    }}});
    fs::write(state(&scene).join(CURRENT), format!("{text}{finding}\n")).unwrap();

    let exporter = scene.run(&config).await;
    exporter.logged(&["the history goes on where the journal ended", "connections=1"]).await;
    online(&exporter, 1.0).await;
    let page = exporter.page().await;
    assert_eq!(page.drops("home"), [], "counters begin at zero");
    let standing = [HOME, ("finding", "connection_lifetime_limit")];
    assert_eq!(page.value("mqtt_client_finding", &standing), 1.0, "a finding stands from the start");
    assert_eq!(page.sum("mqtt_client_finding", &[HOME]), 1.0);
    let home = status(&exporter).await;
    assert_eq!((&home["sessions"], &home["drops"]), (&1.into(), &0.into()), "since the start of the process");
    let drops = home["history"]["drops"].as_array().unwrap();
    let told: Vec<_> = drops.iter().map(|drop| (&drop["number"], &drop["error"])).collect();
    let (hangup, closed) = ("AWS_ERROR_MQTT_UNEXPECTED_HANGUP".into(), "AWS_IO_SOCKET_CLOSED".into());
    assert_eq!(told, [(&2.into(), &hangup), (&1.into(), &closed)], "newest first");
    assert_eq!(
        home["history"]["sessions"][0]["close"], "shutdown",
        "a restart is a session that ended by us"
    );
    assert_eq!(home["history"]["sessions"][0]["number"], 3);
    // The numbers go on.
    scene.inject(Fault::Fin);
    online(&exporter, 2.0).await;
    assert_eq!(status(&exporter).await["history"]["drops"][0]["number"], 4);
    assert_eq!(exporter.page().await.sum("hangup_journal_write_failures_total", &[]), 0.0);
    scene.end(exporter).await;
}

#[tokio::test]
async fn a_kill_is_a_session_that_ended_by_us() {
    let scene = Scene::new().await;
    let config = config(&scene, "state");
    let exporter = scene.run(&config).await;
    online(&exporter, 1.0).await;
    scene.inject(Fault::Fin);
    online(&exporter, 2.0).await;
    exporter.process.signal("KILL");
    assert!(!exporter.process.end().await.0.success());
    let exporter = scene.run(&config).await;
    online(&exporter, 1.0).await;
    let history = status(&exporter).await["history"].clone();
    assert_eq!(history["drops"].as_array().unwrap().len(), 1);
    let cut_off = &history["sessions"][0];
    assert_eq!((&cut_off["number"], &cut_off["close"]), (&2.into(), &"shutdown".into()), "{history}");
    scene.end(exporter).await;
}

#[tokio::test]
async fn a_disk_that_cannot_be_written_is_said_with_what_to_do_and_the_exporter_works() {
    let scene = Scene::new().await;
    let exporter = scene.run(&config(&scene, "password/state")).await;
    online(&exporter, 1.0).await;
    exporter.logged(&["WARN", "the journal is not written", "`[state]`", "works on"]).await;
    assert!(exporter.page().await.sum("hangup_journal_write_failures_total", &[]) > 0.0);
    scene.end(exporter).await;
}

#[tokio::test]
async fn a_second_process_is_told_that_the_directory_is_taken() {
    let scene = Scene::new().await;
    let first = scene.run(&config(&scene, "state")).await;
    online(&first, 1.0).await;
    let second = scene.run(&config(&scene, "state")).await;
    second.logged(&["WARN", "another process writes in", "a directory of its own"]).await;
    first.stop().await;
    second.logged(&["the journal is written again"]).await;
    scene.end(second).await;
}
