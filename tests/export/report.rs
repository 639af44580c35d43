//! `hangup report` against a running exporter, a file, and places where there is nothing.

use std::fs;

use crate::support::scene::Scene;
use crate::{hangup, two_drops};

#[tokio::test]
async fn a_report_tells_the_drops_of_a_running_exporter_and_of_its_saved_document() {
    let scene = Scene::new().await;
    let exporter = scene.home("").await;
    two_drops(&scene, &exporter).await;
    let url = format!("http://{}", exporter.address);
    let (code, text, log) = hangup(&["report", &url]).await;
    assert_eq!((code, log.as_str()), (Some(0), ""), "{text}");
    for words in ["Connection home", "2 drops in", "AWS_ERROR_MQTT_UNEXPECTED_HANGUP", "What cannot be known"]
    {
        assert!(text.contains(words), "{words} is missing: {text}");
    }
    assert!(!text.contains('\u{1b}'), "no colours where there is no terminal");
    let (_, markdown, _) = hangup(&["report", "--markdown", &url]).await;
    assert!(
        markdown.starts_with("# Connection report\n") && markdown.contains("| 1 | `AWS_IO_SOCKET_CLOSED` |"),
        "{markdown}"
    );
    let file = scene.write("saved.json", &exporter.get("/api/v1/diagnostics").await.body);
    let (code, from_file, _) = hangup(&["report", file.to_str().unwrap()]).await;
    assert_eq!(code, Some(0));
    assert!(from_file.contains("2 drops in"), "{from_file}");
    let (_, json, _) = hangup(&["report", "--json", file.to_str().unwrap()]).await;
    let (again, saved): (serde_json::Value, serde_json::Value) = (
        serde_json::from_str(&json).unwrap(),
        serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap(),
    );
    assert_eq!(again, saved, "nothing is lost on the way through the report");
    scene.end(exporter).await;
}

#[tokio::test]
async fn a_page_with_a_password_is_asked_with_it_or_says_how() {
    let scene = Scene::new().await;
    // Of the password `hangup`, with few rounds.
    let hash = bcrypt::hash("hangup", 4).unwrap();
    scene.write("web.yml", &format!("basic_auth_users:\n  jane: {hash}\n"));
    let config = format!("[http]\nweb_config_file = \"web.yml\"\n{}", scene.connection("home", "", ""));
    let exporter = scene.run(&config).await;
    let (code, _, log) = hangup(&["report", &format!("http://{}", exporter.address)]).await;
    assert_eq!(code, Some(1));
    assert!(log.contains("HANGUP_WEB_USER") && log.contains("http://user:password@host:9883"), "{log}");
    let (code, text, log) = hangup(&["report", &format!("http://jane:hangup@{}", exporter.address)]).await;
    assert_eq!(code, Some(0), "{log}");
    assert!(text.contains("Connection home"), "{text}");
    let (code, _, log) = hangup(&["report", &format!("http://jane:wrong@{}", exporter.address)]).await;
    assert_eq!(code, Some(1));
    assert!(!log.contains("wrong"), "{log}");
    drop(exporter);
    scene.cloud.stop().await;
}

#[tokio::test]
async fn what_cannot_be_read_is_told_with_what_can() {
    let scene = Scene::new().await;
    let text = scene.write("text.json", "no json");
    let other = scene.write("other.json", "{\"a\": 1}");
    let (text, other) = (text.to_str().unwrap(), other.to_str().unwrap());
    for (place, code, words) in [
        ("nothing.json", 1, "cannot be read"),
        (text, 1, "is not JSON"),
        (other, 1, "no document of diagnostics"),
        ("http://127.0.0.1:1", 1, "is hangup running there?"),
        ("ftp://127.0.0.1", 2, "http://127.0.0.1:9883"),
    ] {
        let (is, out, log) = hangup(&["report", place]).await;
        assert_eq!((is, out.as_str()), (Some(code), ""), "{place}: {log}");
        assert!(log.contains(words) && log.contains("9883"), "{place}: {log}");
    }
    scene.cloud.stop().await;
}
