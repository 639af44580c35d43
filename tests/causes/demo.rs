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
    // Once it stands it is on all three, the page and both documents.
    let document = exporter.get("/api/v1/diagnostics").await.body;
    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
    let finding = eventually("the document tells it", async || {
        let all = document.to_string();
        all.contains(&found).then_some(all)
    })
    .await;
    eprintln!("TABLE | demo | after {} s | finding {found} |", took.as_secs());
    eprintln!("{finding}");
    let page = exporter.get("/").await.body;
    assert!(page.contains("drops"), "{page}");
    exporter.stop().await;
}
