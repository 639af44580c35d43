//! The export of the real binary: over HTTP, as a file, read by Python as for nwp500-python, as a report and as a baseline.
//!
//! Never looks inside: what is asserted is what a script, a person or Home Assistant sees. No output may tell a secret.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "helpers outside of test functions fail a test by panicking; what is skipped is said"
)]

#[path = "../support/mod.rs"]
mod support;

mod baseline;
mod file;
mod http;
mod report;

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use hangup::simulator::Fault;
use serde_json::Value;
use support::exporter::{Exporter, command};
use support::scene::{Scene, assert_no_secret};

/// Lets two sessions end, and waits until the third works.
async fn two_drops(scene: &Scene, exporter: &Exporter) {
    for (number, fault) in [(2.0, Fault::HangUp), (3.0, Fault::Reset)] {
        scene.inject(fault);
        exporter.until("a new session", |page| page.sessions("home") >= number && page.online("home")).await;
    }
}

async fn diagnostics(exporter: &Exporter) -> Value {
    let answer = exporter.get("/api/v1/diagnostics").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

/// Reads a document as a script for nwp500-python does. What it says, or nothing where there is no Python.
fn consumed(document: &str) -> Option<String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/export/consumer.py");
    let child = Command::new("python3")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        eprintln!("SKIPPED: there is no python3, so no script for nwp500-python read the export");
        return None;
    };
    child.stdin.take().unwrap().write_all(document.as_bytes()).unwrap();
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    assert!(status.success(), "{}\n{document}", String::from_utf8_lossy(&stderr));
    Some(String::from_utf8(stdout).unwrap())
}

/// Runs the binary to its end beside the cloud, which lives on this thread.
async fn hangup(arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = command(arguments);
    command.env_remove("NO_COLOR");
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let (out, log) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_no_secret("its output", &out);
    assert_no_secret("its log", &log);
    (output.status.code(), out, log)
}
