//! The broker's word for our own client becomes the cause of our drop, on every surface.

use super::broker::Mosquitto;
use super::support::eventually;
use super::watching;

#[tokio::test(flavor = "multi_thread")]
async fn a_takeover_of_our_own_client_is_stated_by_the_broker() {
    let broker = Mosquitto::start().await;
    let more = format!(
        "[[connection]]\nname = \"line\"\n[connection.source.broker]\nurl = \"{}\"\n[connection.reconnect]\n\
         jitter = \"none\"\nclient_id = \"jane-line\"\n[[connection.subscribe]]\nfilter = \"some/topic\"\n",
        broker.url()
    );
    let (exporter, _files) = watching(&broker, "kind = \"mosquitto\"", &more).await;
    eventually("the other connection is there too", async || {
        exporter.page().await.online("line").then_some(())
    })
    .await;
    let thief = broker.client("jane-line", 60).await;
    let page = eventually("the drop is counted with its cause", async || {
        let page = exporter.page().await;
        (!page.causes("line").is_empty()).then_some(page)
    })
    .await;
    // It takes its id back at once, and is not thrown out again: one drop, one cause.
    assert_eq!(page.causes("line"), [("session_taken_over stated".to_owned(), 1.0)]);
    assert_eq!(page.causes("watch"), []);
    let drops: serde_json::Value =
        serde_json::from_str(&exporter.get("/api/v1/drops?connection=line").await.body).unwrap();
    let told = drops.to_string();
    assert!(told.contains("session_taken_over") && told.contains("duplicate_client_id"), "{told}");
    let status = exporter.get("/connections/line").await.body;
    assert!(status.contains("another connection took its client id"), "{status}");
    for path in ["/", "/metrics", "/api/v1/drops", "/api/v1/fleet", "/api/v1/connections"] {
        assert!(!exporter.get(path).await.body.contains("jane-line"), "{path}");
    }
    assert!(!exporter.process.stderr().contains("jane-line"));
    thief.resets();
}
