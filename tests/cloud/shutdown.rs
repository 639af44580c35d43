//! The end: polite to the cloud, quick, and with the right exit code.
//!
//! Never a drop: our own end is a close.

use hangup::simulator::{Cloud, DEMO_PASSWORD};
use tempfile::TempDir;

use crate::support::eventually;
use crate::support::exporter::{Process, command};
use crate::support::scene::{Scene, assert_no_secret};

/// A cloud of its own process, whose log tells how its clients leave.
async fn simulate(directory: &TempDir) -> (Process, String) {
    let ca = directory.path().join("ca.pem");
    let arguments = ["simulate", "--rest", "127.0.0.1:0", "--mqtt", "127.0.0.1:0", "--log-level", "debug"];
    let mut simulate = command(&arguments);
    let process = Process::start(simulate.arg("--ca").arg(&ca));
    let told = eventually("the cloud listens", async || {
        Some(process.stdout()).filter(|text| text.contains("Ctrl-C ends it"))
    })
    .await;
    (process, told)
}

#[tokio::test]
async fn sigterm_closes_politely_and_exits_with_zero() {
    let scene = Scene::new().await;
    let exporter = scene.home("").await;
    assert_eq!(scene.cloud.faults().connected(), 1);
    exporter.process.signal("TERM");
    let (status, _, log) = exporter.process.end().await;
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("session closed") && log.contains("cause=\"shutdown\""), "{log}");
    assert!(!log.contains("connection dropped"), "{log}");
    eventually("the cloud has no client", async || (scene.cloud.faults().connected() == 0).then_some(()))
        .await;
    scene.cloud.stop().await;
}

#[tokio::test]
async fn simulate_serves_a_cloud_that_run_can_use() {
    let directory = TempDir::new().unwrap();
    let (cloud, told) = simulate(&directory).await;
    let ca = std::fs::read_to_string(directory.path().join("ca.pem")).unwrap();
    assert!(ca.contains("BEGIN CERTIFICATE") && !ca.contains("PRIVATE KEY"), "{ca}");
    let rest = told.split_whitespace().find(|word| word.starts_with("https://")).unwrap();
    let mqtt = told.split_whitespace().find_map(|word| word.strip_prefix("wss://localhost:")).unwrap();
    let port = mqtt.strip_suffix("/mqtt").unwrap();
    std::fs::write(directory.path().join("password"), DEMO_PASSWORD).unwrap();
    let config = format!(
        "[[connection]]\nname = \"home\"\n[connection.source.navien]\nemail = \"{}\"\n\
         password = {{ file = \"password\" }}\nca_file = \"ca.pem\"\nbase_url = \"{rest}\"\n\
         mqtt_host = \"localhost\"\nmqtt_port = {port}\nstatus_interval = \"15s\"\n",
        hangup::simulator::DEMO_EMAIL
    );
    let path = directory.path().join("hangup.toml");
    std::fs::write(&path, config).unwrap();
    let exporter =
        crate::support::exporter::Exporter::start(&["run", "--config", path.to_str().unwrap()]).await;
    exporter.until("readings of two heaters", |page| page.heaters() == 2).await;
    exporter.stop().await;
    eventually("the cloud sees DISCONNECT", async || {
        cloud.stderr().contains("a client leaves (DISCONNECT)").then_some(())
    })
    .await;
    cloud.signal("INT");
    let (status, _, log) = cloud.end().await;
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(!log.contains("closes a connection"), "nothing else ended it: {log}");
    assert_no_secret("the cloud's log", &log);
}

#[tokio::test]
async fn a_port_in_use_is_said_and_ends_it() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let scene = Scene::new().await;
    let config = scene.write("hangup.toml", &scene.connection("home", "", ""));
    let arguments = ["run", "--config", config.to_str().unwrap(), "--listen", &address];
    let (status, _, log) = Process::start(&mut command(&arguments)).end().await;
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(log.contains(&address) && log.contains("already in use"), "{log}");
    assert_eq!(scene.cloud.faults().connected(), 0, "nothing was started");
    Cloud::stop(scene.cloud).await;
}
