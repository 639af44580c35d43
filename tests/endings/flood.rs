//! A peer that asks for answers without end and reads none of them.
//!
//! Never measures memory: what is not read from the socket is not kept.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hangup::connection::link::Link;
use hangup::connection::plan::Transport;
use hangup::connection::report::Report;
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{Packet, Publish};

use crate::harness::{PATIENCE, broker, limits};

/// What the kernel's buffers and our own backlog hold together is a fraction of this.
const FLOOD: usize = 48 * 1024 * 1024;
const PUBREL: [u8; 4] = [0x62, 2, 0, 1];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_read_our_answers_is_not_read_either() {
    let (plan, script) = broker(Transport::Tcp, |mut side| async move {
        side.online().await;
        let sent = side.flood(PUBREL, FLOOD).await;
        assert!(sent < FLOOD, "{sent} bytes were taken, and as many answers are kept");
        // As soon as the answers are read, everything flows again.
        for _ in 0..sent / 4 {
            assert!(matches!(side.packet().await, Some(Packet::PubComp(_))));
        }
        side.bytes(&PUBREL[sent % 4..][..(4 - sent % 4) % 4]).await;
        side.send(Packet::Publish(Publish::from_bytes("a/b", QoS::AtMostOnce, Bytes::from_static(b"x"))))
            .await;
        side.ignore().await;
    })
    .await;
    let mut link = Link::new(Arc::new(plan), limits());
    let heard = async { while !matches!(link.next().await, Report::Message(_)) {} };
    tokio::time::timeout(PATIENCE + Duration::from_secs(60), heard).await.expect("the message should come");
    drop(link);
    script.joined().await;
}
