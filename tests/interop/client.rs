//! The other clients of a broker: devices that publish or die, and a rival for our client id.
//!
//! Never the client under test: this is rumqttc as it comes.

use std::time::Duration;

use rumqttc::{AsyncClient, Event, EventLoop, LastWill, MqttOptions, Outgoing, Packet, QoS};

use crate::broker::{PASSWORD, USER};
use crate::support::PATIENCE;

/// A client with a session.
pub(crate) struct Client {
    client: AsyncClient,
    events: EventLoop,
}

impl Client {
    /// Connects over TCP; panics when it is not let in.
    pub(crate) async fn connect(port: u16, id: &str, will: Option<(&str, &str)>) -> Self {
        let mut options = MqttOptions::new(id, "127.0.0.1", port);
        options.set_credentials(USER, PASSWORD).set_keep_alive(Duration::from_secs(60));
        if let Some((topic, payload)) = will {
            options.set_last_will(LastWill::new(topic, payload, QoS::AtLeastOnce, false));
        }
        let (client, events) = AsyncClient::new(options, 10);
        let mut connected = Self { client, events };
        connected.until(|event| matches!(event, Event::Incoming(Packet::ConnAck(_)))).await;
        connected
    }

    /// Publishes, and waits for all that this QoS has to say.
    pub(crate) async fn publish(&mut self, topic: &str, payload: &str, qos: QoS, retain: bool) {
        self.client.publish(topic, qos, retain, payload).await.unwrap();
        self.until(|event| match qos {
            QoS::AtMostOnce => matches!(event, Event::Outgoing(Outgoing::Publish(_))),
            QoS::AtLeastOnce => matches!(event, Event::Incoming(Packet::PubAck(_))),
            QoS::ExactlyOnce => matches!(event, Event::Incoming(Packet::PubComp(_))),
        })
        .await;
    }

    /// Leaves with DISCONNECT.
    pub(crate) async fn leave(mut self) {
        self.client.disconnect().await.unwrap();
        self.until(|event| matches!(event, Event::Outgoing(Outgoing::Disconnect))).await;
    }

    /// Is gone, as a device that lost its power: the broker learns of it by the end of TCP.
    pub(crate) fn die(self) {
        drop(self);
    }

    async fn until(&mut self, is_it: impl Fn(&Event) -> bool) {
        let polled = async { while !is_it(&self.events.poll().await.unwrap()) {} };
        tokio::time::timeout(PATIENCE, polled).await.expect("the broker answers");
    }
}
