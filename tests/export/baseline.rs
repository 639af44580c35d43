//! `hangup baseline`: exactly one period, interrupted, continued, over a restart of the exporter.

use hangup::simulator::Fault;
use serde_json::Value;

use crate::support::eventually;
use crate::support::exporter::{Process, command};
use crate::support::scene::{FAST, Scene, assert_no_secret};
use crate::{hangup, two_drops};

/// What `hangup report` tells of the file.
async fn told(file: &str) -> Value {
    let (code, json, log) = hangup(&["report", "--json", file]).await;
    assert_eq!(code, Some(0), "{log}");
    serde_json::from_str(&json).unwrap()
}

#[tokio::test]
async fn a_period_that_is_over_is_reported_and_its_file_stays() {
    let scene = Scene::new().await;
    let exporter = scene.home("").await;
    two_drops(&scene, &exporter).await;
    let (url, file) = (format!("http://{}", exporter.address), scene.directory.path().join("base.json"));
    let file = file.to_str().unwrap();
    let (code, text, log) = hangup(&["baseline", "--for", "3s", "--every", "1s", "--file", file, &url]).await;
    assert_eq!(code, Some(0), "{log}");
    assert!(
        text.starts_with("Baseline of 3 s\n") && text.contains("none in"),
        "drops before it do not count: {text}"
    );
    let (_, again, _) = hangup(&["report", file]).await;
    assert_eq!(again.lines().next(), text.lines().next());
    let (code, _, log) = hangup(&["baseline", "--for", "3s", "--file", file, &url]).await;
    assert_eq!(code, Some(2));
    assert!(log.contains("--continue"), "{log}");
    let (code, text, _) = hangup(&["baseline", "--continue", file]).await;
    assert_eq!(code, Some(0));
    assert!(text.starts_with("Baseline of 3 s\n"), "what is over is reported at once: {text}");
    scene.end(exporter).await;
}

#[tokio::test]
async fn an_interrupted_baseline_goes_on_and_outlives_a_restart_of_the_exporter() {
    let scene = Scene::new().await;
    let exporter = scene.home("").await;
    two_drops(&scene, &exporter).await;
    let address = exporter.address;
    let (url, file) = (format!("http://{address}"), scene.directory.path().join("base.json"));
    let file = file.to_str().unwrap();
    let begin = ["baseline", "--for", "1h", "--every", "1s", "--connection", "home", "--file", file, &url];
    let watching = Process::start(&mut command(&begin));
    eventually("it has begun", async || watching.stderr().contains("0 drops so far").then_some(())).await;
    watching.signal("INT");
    let (status, out, log) = watching.end().await;
    assert_eq!((status.code(), out.as_str()), (Some(1), ""), "{log}");
    assert!(log.contains(&format!("hangup baseline --continue {file}")), "{log}");
    assert_no_secret("the baseline", &std::fs::read_to_string(file).unwrap());
    // While nobody looks, the exporter counts.
    scene.inject(Fault::HangUp);
    exporter.until("a new session", |page| page.sessions("home") >= 4.0 && page.online("home")).await;
    let watching = Process::start(&mut command(&["baseline", "--continue", file, "--every", "1s"]));
    eventually("it sees what it missed", async || watching.stderr().contains("1 drop so far").then_some(()))
        .await;
    exporter.stop().await;
    eventually("nobody answers", async || watching.stderr().contains("does not answer").then_some(())).await;
    let config = format!("[http]\nlisten = [\"{address}\"]\n{}", scene.connection("home", FAST, ""));
    let path = scene.write("again.toml", &config);
    let again = Process::start(&mut command(&["run", "--config", path.to_str().unwrap()]));
    let export = eventually("it saw the new one", async || {
        Some(told(file).await).filter(|export| export["period"]["restarts"] == 1)
    })
    .await;
    assert_eq!(export["metrics"]["total_connection_drops"], 1, "{export}");
    assert_eq!(export["recent_drops"].as_array().unwrap().len(), 1);
    assert_eq!(export["metrics"]["connection_recovered"], 1);
    let observed = export["period"]["observed_seconds"].as_f64().unwrap();
    let (from, to) = (&export["period"]["from"], &export["period"]["to"]);
    assert!(observed > 0.0, "{from} {to}");
    watching.signal("TERM");
    assert_eq!(watching.end().await.0.code(), Some(1));
    again.signal("TERM");
    again.end().await;
    scene.cloud.stop().await;
}

#[tokio::test]
async fn a_baseline_of_nobody_ends_at_once_and_says_what_is_right() {
    let scene = Scene::new().await;
    let exporter = scene.home("").await;
    let (url, file) = (format!("http://{}", exporter.address), scene.directory.path().join("base.json"));
    let file = file.to_str().unwrap();
    for (arguments, code, words) in [
        (&["--for", "1h", "--connection", "garage", &url][..], 1, "--connection home"),
        (&["--for", "1h", "http://127.0.0.1:1"], 1, "is hangup running there?"),
        (&["--for", "soon", &url], 2, "24h"),
        (&[&url], 2, "--for"),
        (&["--for", "1h", "ftp://host"], 2, "http://127.0.0.1:9883"),
    ] {
        let (is, out, log) = hangup(&[&["baseline", "--file", file][..], arguments].concat()).await;
        assert_eq!((is, out.as_str()), (Some(code), ""), "{arguments:?}: {log}");
        assert!(log.contains(words), "{arguments:?}: {log}");
    }
    scene.end(exporter).await;
}
