//! The other subcommands against the cloud: `devices` and `demo`.
//!
//! Never with an account: the cloud is the one of the test, or of the demo.

use std::process::Output;

use crate::support::eventually;
use crate::support::exporter::{Exporter, command};
use crate::support::scene::{Scene, WRONG_PASSWORD, assert_no_secret};

/// Runs `hangup devices` beside the cloud, which lives on this thread.
async fn devices(scene: &Scene, more: &'static [&'static str]) -> (Option<i32>, String, String) {
    let account = "[connection.source.navien.devices]\n020000aabb01 = \"cellar\"\n";
    devices_of(scene, &scene.connection("home", "", account), more).await
}

async fn devices_of(
    scene: &Scene,
    connections: &str,
    more: &'static [&'static str],
) -> (Option<i32>, String, String) {
    let config = scene.write("hangup.toml", connections);
    let run =
        move || command(&["devices", "--config", config.to_str().unwrap()]).args(more).output().unwrap();
    let Output { status, stdout, stderr } = tokio::task::spawn_blocking(run).await.unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[tokio::test]
async fn devices_shows_a_table_and_how_to_name_what_has_no_name() {
    let scene = Scene::new().await;
    let (code, table, log) = devices(&scene, &[]).await;
    assert_eq!((code, log.as_str()), (Some(0), ""), "{table}");
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["NAME", "MAC", "LABEL", "ONLINE", "TANK", "SETPOINT", "CHARGE", "POWER"]);
    assert_eq!(rows[1][..4], ["Cellar", "020000aabb01", "cellar", "yes"]);
    assert!(rows[1].contains(&"°C") && !rows[1].contains(&"-"), "{table}");
    assert!(rows[2].starts_with(&["Guest", "house", "020000aabb02"]), "{table}");
    assert!(table.contains("\"020000aabb02\" = \"nwp-"), "{table}");
    assert!(!table.contains("\"020000aabb01\" ="), "it has a name: {table}");
    scene.cloud.stop().await;
}

#[tokio::test]
async fn devices_tells_everything_as_json() {
    let scene = Scene::new().await;
    let (code, json, log) = devices(&scene, &["--json"]).await;
    assert_eq!(code, Some(0), "{log}");
    let devices: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(devices.as_array().unwrap().len(), 2);
    assert_eq!(devices[0]["label"], "cellar");
    assert_eq!((&devices[0]["online"], &devices[0]["supported"]), (&true.into(), &true.into()));
    assert!(devices[1]["readings"].as_array().unwrap().len() > 50, "{json}");
    scene.cloud.stop().await;
}

#[tokio::test]
async fn devices_says_that_the_password_is_wrong() {
    let scene = Scene::new().await;
    scene.write("password", WRONG_PASSWORD);
    let (code, table, log) = devices(&scene, &["--log-level", "trace"]).await;
    assert_eq!((code, table.as_str()), (Some(1), ""));
    assert!(log.contains("connection `home`") && log.contains("password"), "{log}");
    assert_no_secret("devices", &log);
    scene.cloud.stop().await;
}

#[tokio::test]
async fn an_account_that_cannot_be_asked_hides_no_other() {
    let scene = Scene::new().await;
    scene.write("wrong", WRONG_PASSWORD);
    let cabin = scene.connection("cabin", "", "").replace("file = \"password\"", "file = \"wrong\"");
    let both = cabin + &scene.connection("home", "", "");
    let (code, table, log) = devices_of(&scene, &both, &[]).await;
    assert_eq!((code, table.matches("020000aabb0").count() >= 2), (Some(1), true), "{table}{log}");
    assert!(log.contains("connection `cabin`") && !log.contains("connection `home`"), "{log}");
    assert_no_secret("devices", &log);
    scene.cloud.stop().await;
}

/// The client id of the configuration belongs to the exporter that runs.
#[tokio::test]
async fn devices_does_not_throw_out_the_exporter() {
    let scene = Scene::new().await;
    let exporter = scene.home("takeover_count = 1000").await;
    let (code, json, log) = devices(&scene, &["--json"]).await;
    assert_eq!(code, Some(0), "{log}");
    let devices: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(devices[0]["readings"].as_array().unwrap().len() > 50, "{json}");
    let page = exporter.until("still there", |page| page.online("home")).await;
    assert_eq!((page.sessions("home"), page.drops("home")), (1.0, Vec::new()));
    scene.end(exporter).await;
}

#[tokio::test]
async fn the_demo_says_where_to_look_and_stops_cleanly() {
    let demo = Exporter::start(&["demo"]).await;
    let told = eventually("it says where to look", async || {
        Some(demo.process.stdout()).filter(|text| text.contains("Ctrl-C ends it"))
    })
    .await;
    for path in ["/ ", "/metrics ", "/api/v1/connections "] {
        assert!(told.contains(&format!("http://{}{path}", demo.address)), "{told}");
    }
    let page = demo.until("readings of two heaters", |page| page.heaters() == 2).await;
    assert!(page.online("demo"));
    demo.process.signal("INT");
    let (status, stdout, log) = demo.process.end().await;
    assert_eq!(status.code(), Some(0), "{log}");
    assert_no_secret("the demo", &(stdout + &log));
}
