//! The diagnostics file: written now and then, whole, readable, once more at the end, and again after trouble.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::support::eventually;
use crate::support::scene::{FAST, Scene, assert_no_secret};
use crate::{consumed, two_drops};

fn config(scene: &Scene, fields: &str) -> String {
    format!("[diagnostics]\n{fields}\n{}", scene.connection("home", FAST, ""))
}

#[tokio::test]
async fn the_file_follows_what_happens_and_the_last_one_knows_of_the_stop() {
    let scene = Scene::new().await;
    let exporter = scene.run(&config(&scene, "file = \"diagnostics.json\"\ninterval = \"1s\"")).await;
    exporter.until("online", |page| page.online("home")).await;
    two_drops(&scene, &exporter).await;
    let path = scene.directory.path().join("diagnostics.json");
    let read = || {
        let text = fs::read_to_string(&path).ok()?;
        assert_no_secret("the diagnostics file", &text);
        Some((serde_json::from_str::<Value>(&text).unwrap(), text))
    };
    let (_, text) = eventually("the file tells two drops", async || {
        read().filter(|(export, _)| {
            export["metrics"]["total_connection_drops"] == 2 && export["metrics"]["sessions"] == 3
        })
    })
    .await;
    if let Some(said) = consumed(&text) {
        assert_eq!(said, "2 drops, 3 connections\n");
    }
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
    let page = exporter.page().await;
    assert!(page.value("hangup_diagnostics_last_written_timestamp_seconds", &[]) > 0.0);
    assert!(page.value("hangup_diagnostics_write_failures_total", &[]).abs() < 0.5);
    exporter.stop().await;
    let (export, _) = read().unwrap();
    assert_eq!(export["metrics"]["closes"], 1, "the close of the stop is in it");
    assert_eq!(export["connections"][0]["state"], "stopped");
    let left = fs::read_dir(scene.directory.path())
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().ends_with(".new"));
    assert_eq!(left.count(), 0, "nothing half written is left");
    scene.cloud.stop().await;
}

#[tokio::test]
async fn a_directory_that_goes_is_said_once_and_one_that_comes_back_is_written_to_again() {
    let scene = Scene::new().await;
    let place = scene.directory.path().join("away");
    fs::create_dir(&place).unwrap();
    let exporter = scene.run(&config(&scene, "file = \"away/diagnostics.json\"\ninterval = \"1s\"")).await;
    eventually("the file is there", async || place.join("diagnostics.json").exists().then_some(())).await;
    fs::remove_dir_all(&place).unwrap();
    exporter
        .until("three failures", |page| page.value("hangup_diagnostics_write_failures_total", &[]) >= 3.0)
        .await;
    let said = |words: &str| exporter.process.stderr().matches(words).count();
    assert_eq!(said("the diagnostics file cannot be written"), 1);
    fs::create_dir(&place).unwrap();
    exporter.logged(&["the diagnostics file is written again"]).await;
    assert!(place.join("diagnostics.json").exists());
    scene.end(exporter).await;
}

#[tokio::test]
async fn files_with_times_are_kept_as_many_as_wanted() {
    let scene = Scene::new().await;
    scene.write("history-of-the-house.json", "{}");
    let fields = "file = \"history.json\"\ninterval = \"1s\"\nnames = \"timestamped\"\nkeep = 2";
    let exporter = scene.run(&config(&scene, fields)).await;
    let files = || {
        let entries = fs::read_dir(scene.directory.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| name.starts_with("history-2")).collect();
        names.sort();
        names
    };
    let first = eventually("a first file", async || files().first().cloned()).await;
    eventually("it goes when there are two newer ones", async || (!files().contains(&first)).then_some(()))
        .await;
    // Between the newest one and the removal of the oldest there are three for a moment.
    assert!((2..=3).contains(&files().len()), "{:?}", files());
    assert!(scene.directory.path().join("history-of-the-house.json").exists());
    scene.end(exporter).await;
}
