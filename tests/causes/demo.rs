//! What somebody sees who has two minutes: the real binary with its demo finds something in its own drops.
//!
//! Never asks for a certain finding: a demo has chance in it.

use crate::support::eventually;
use crate::support::exporter::Exporter;

#[tokio::test]
async fn a_demo_finds_something_within_two_minutes_and_shows_it_everywhere() {
    let exporter = Exporter::start(&["demo"]).await;
    let began = hangup::clock::now().at;
    let found = eventually("a finding", async || {
        let page = exporter.page().await;
        let up = page.samples("mqtt_client_finding", &[("connection", "demo")]);
        up.iter().find(|sample| sample.value > 0.5).map(|sample| sample.labels["finding"].clone())
    })
    .await;
    let took = hangup::clock::now().at.saturating_since(began);
    assert!(took.as_secs() < 120, "{took:?}");
    // What the gauge says the document and the page say in words, as long as it stands: a further drop may change it.
    let words = eventually("the words are in the document and on the page", async || {
        let document = exporter.get("/api/v1/diagnostics").await.body;
        let document: serde_json::Value = serde_json::from_str(&document).unwrap();
        let finding = &document["findings"][0];
        let words = finding["words"].as_str()?.split(';').next()?.to_owned();
        assert!(["inferred", "suspected"].contains(&finding["evidence"].as_str().unwrap()), "{finding}");
        exporter.get("/").await.body.contains(&words).then_some(words)
    })
    .await;
    eprintln!("TABLE | demo | after {} s | finding {found} | {words} |", took.as_secs());
    exporter.stop().await;
}
