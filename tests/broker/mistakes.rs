//! What is said of a wrong port, a wrong scheme and a wrong login: in the log, and in the report of a connection that never came
//! up.
//!
//! Never a secret, and never a word of vendors: the broker is the operator's own.

use std::process::Output;

use hangup::simulator::DEMO_PASSWORD;

use crate::authority::Authority;
use crate::mosquitto::{Mosquitto, is_here};
use crate::support::exporter::{Exporter, command};
use crate::support::scene::{WRONG_PASSWORD, assert_no_secret};

/// What `hangup report` says of this exporter, on one line.
async fn report(exporter: &Exporter) -> String {
    let url = format!("http://{}", exporter.address);
    let asked = tokio::task::spawn_blocking(move || command(&["report", &url]).output().unwrap());
    let Output { status, stdout, .. } = asked.await.unwrap();
    assert!(status.success());
    let text = String::from_utf8(stdout).unwrap();
    assert_no_secret("the report", &text);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn a_wrong_scheme_is_asked_after() {
    if !is_here() {
        return;
    }
    let plain = Mosquitto::open().await;
    let authority = Authority::new("ours");
    let lines = "certfile DIR/server.pem\nkeyfile DIR/server-key.pem\nallow_anonymous true";
    let secure =
        Mosquitto::start(lines, |directory| authority.sign("localhost").write(directory, "server")).await;
    let config = plain.connection("tls-at-plain", &plain.url("mqtts"), "", "a")
        + &plain.connection("ws-at-plain", &plain.url("ws"), "", "a")
        + &secure.connection("plain-at-tls", &secure.url("mqtt"), "", "a");
    let exporter = plain.run(&config).await;
    exporter
        .until("three that fail", |page| {
            ["tls-at-plain", "ws-at-plain", "plain-at-tls"].iter().all(|name| !page.failures(name).is_empty())
        })
        .await;
    exporter.logged(&["connection=\"tls-at-plain\"", "is it a port without TLS (`mqtt://`)?"]).await;
    exporter.logged(&["connection=\"ws-at-plain\"", "is it a WebSocket port"]).await;
    // Its TLS may answer with an alert before it closes; then it is no question.
    exporter.logged(&["connection=\"plain-at-tls\"", "`mqtts://`"]).await;
    let text = report(&exporter).await;
    assert_eq!(text.matches("Last attempt failed ").count(), 3, "{text}");
    assert!(text.contains("is it a port without TLS"), "{text}");
    exporter.stop().await;
}

#[tokio::test]
async fn a_login_that_is_missing_and_one_that_is_wrong() {
    if !is_here() {
        return;
    }
    let lines = "allow_anonymous false\npassword_file DIR/passwords";
    let mosquitto = Mosquitto::start(lines, |directory| {
        let mut tool = std::process::Command::new("mosquitto_passwd");
        tool.args(["-b", "-c"]).arg(directory.join("passwords")).args(["hangup", DEMO_PASSWORD]);
        assert!(tool.status().unwrap().success());
    })
    .await;
    mosquitto.write("password", WRONG_PASSWORD);
    let wrong = "username = \"hangup\"\npassword = { file = \"password\" }";
    let config = mosquitto.connection("nobody", "", "", "a") + &mosquitto.connection("wrong", wrong, "", "a");
    let exporter = mosquitto.run(&config).await;
    let missing = "the broker wants a `username` and `password`, and none is configured";
    let check = "check `username` and `password`";
    exporter.logged(&["connection=\"nobody\"", missing]).await;
    exporter.logged(&["connection=\"wrong\"", check]).await;
    let page = exporter.says("/", check).await.body;
    assert!(page.contains(missing), "{page}");
    let text = report(&exporter).await;
    // A terminal has no code.
    for words in [missing, check, "AWS_ERROR_MQTT5_CONNACK_CONNECTION_REFUSED", "in phase connack"] {
        assert!(text.contains(&words.replace('`', "")), "{words} is missing: {text}");
    }
    exporter.logged(&["connection=\"wrong\"", "waiting as long as `max_delay_setup` allows"]).await;
    let log = exporter.process.stderr() + &exporter.process.stdout() + &page + &text;
    assert_no_secret("an output", &log);
    for words in ["vendor", "signing in", "the account"] {
        assert!(!log.contains(words), "{words}: {log}");
    }
    exporter.stop().await;
}
