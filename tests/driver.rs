//! The driver with a real link to a real socket; the test itself is the broker behind it.
//! Never asserts how long something takes: it waits for what must happen, and fails when it does not.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, SinkExt, StreamExt};
use hangup::clock::{self, Instant, Now};
use hangup::config::Policy;
use hangup::connection::Tier;
use hangup::connection::driver::{Connection, Control};
use hangup::connection::message::{Incoming, Outgoing};
use hangup::connection::plan::{Plan, Subscription, Transport};
use hangup::lifecycle::board::{Board, ConnectionStatus};
use hangup::lifecycle::recorder::Recorder;
use hangup::reading::Reading;
use hangup::source::{Answer, Dialogue, Inventory, Listed, Outcome, Planned, Planner, Sink, Want};
use hangup::telemetry::{ConnectionLabels, Metrics};
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{
    Codec, ConnAck, ConnectReturnCode, Packet, Publish, SubAck, SubscribeReasonCode,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::codec::Framed;

/// Longer than anything here takes: a test that hangs fails instead.
const PATIENCE: Duration = Duration::from_secs(20);

/// A peer whose last sign of life is so long ago was gone before it was noticed.
const QUIET: Duration = Duration::from_secs(2);

/// A message on this topic asks the dialogue for what its payload says.
const TOPIC: &str = "to/client";

/// A source that tells the test whatever happens to it.
struct Source {
    port: u16,
    keep_alive: Duration,
    told: mpsc::UnboundedSender<String>,
}

impl Planner for Source {
    fn plan(self: Arc<Self>, tier: Tier) -> BoxFuture<'static, Answer<Planned>> {
        self.told.send(format!("plan {}", tier.as_str())).unwrap();
        let dialogue = Box::new(Talker { told: self.told.clone(), wants: Vec::new() });
        let plan = Plan { keep_alive: self.keep_alive, ..plan(self.port) };
        let planned = Planned { plan, dialogue };
        async { Answer { result: Ok(planned), credentials: Vec::new() } }.boxed()
    }

    fn look_up(self: Arc<Self>) -> BoxFuture<'static, Answer<Inventory>> {
        let devices = vec![Listed { key: "a".to_owned(), online: Some(true) }];
        async { Answer { result: Ok(Inventory { devices }), credentials: Vec::new() } }.boxed()
    }
}

fn plan(port: u16) -> Plan {
    Plan {
        subscriptions: vec![Subscription::new(TOPIC, 0, true)],
        max_packet_size: 65_536,
        max_outgoing_size: 1_024,
        ..Plan::to("127.0.0.1", port, Transport::Tcp, "test")
    }
}

/// Greets, does what messages ask for, takes its leave.
struct Talker {
    told: mpsc::UnboundedSender<String>,
    wants: Vec<Want>,
}

impl Dialogue for Talker {
    fn restored(&mut self, _: Now, _: &mut dyn Sink) {
        self.wants.push(Want::Publish(message("hello")));
    }

    fn deadline(&self) -> Option<Instant> {
        None
    }

    fn due(&mut self, _: Now, _: &mut dyn Sink, wants: &mut Vec<Want>) {
        wants.append(&mut self.wants);
    }

    fn heard(&mut self, message: &Incoming, _: Now, _: &mut dyn Sink) -> Outcome {
        match &*message.payload {
            b"break" => panic!("a payload that the decoder cannot digest"),
            b"look up" => self.wants.push(Want::LookUp),
            b"reconnect" => self.wants.push(Want::Reconnect("asked to")),
            b"replan" => self.wants.push(Want::Replan("asked to")),
            b"shout" => self.wants.push(Want::Publish(self::message(&"!".repeat(2_000)))),
            other => self.told.send(format!("heard {}", String::from_utf8_lossy(other))).unwrap(),
        }
        Outcome::Decoded
    }

    fn inventory(&mut self, inventory: Option<&Inventory>, _: Now, _: &mut dyn Sink) {
        let devices = inventory.map_or(0, |inventory| inventory.devices.len());
        self.told.send(format!("devices {devices}")).unwrap();
    }

    fn farewell(&mut self, _: Now) -> Vec<Outgoing> {
        vec![message("bye")]
    }
}

fn message(payload: &str) -> Outgoing {
    let (topic, payload) = ("from/client".to_owned(), payload.to_owned().into());
    Outgoing { token: 0, topic, payload, qos: 0, retain: false }
}

struct Ears(mpsc::UnboundedSender<String>);

impl Sink for Ears {
    fn reading(&mut self, _: &Reading<'_>) {}
    fn device_seen(&mut self, _: &str) {}
    fn expected_interval(&mut self, _: &str, _: Duration) {}
    fn field_error(&mut self, _: &str, _: &'static str) {}
    fn request_answered(&mut self, _: &str, _: Duration) {}
    fn request_timed_out(&mut self, _: &str) {}
    fn devices(&mut self, _: &[&str]) {}
    fn link_up(&mut self) {
        self.0.send("up".to_owned()).unwrap();
    }
    fn link_down(&mut self, since: Instant) {
        let quiet = clock::now().at.saturating_since(since) >= QUIET;
        self.0.send(if quiet { "down, quiet before" } else { "down" }.to_owned()).unwrap();
    }
}

/// A running connection, what it tells, and the listener that it connects to.
struct Stage {
    listener: TcpListener,
    told: mpsc::UnboundedReceiver<String>,
    orders: mpsc::Sender<Control>,
    status: Arc<Mutex<ConnectionStatus>>,
    running: JoinHandle<()>,
}

impl Stage {
    async fn new() -> Self {
        Self::with(Policy::default(), Duration::from_secs(30)).await
    }

    async fn with(policy: Policy, keep_alive: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (teller, told) = mpsc::unbounded_channel();
        let labels = ConnectionLabels {
            connection: "test".to_owned(),
            broker: format!("127.0.0.1:{port}"),
            protocol: "3.1.1",
            transport: Transport::Tcp,
            source: "test",
            proxied: false,
            signs_in: true,
        };
        let status = ConnectionStatus::new("test", "test", "tcp", clock::now());
        let status = Board::default().enter(status);
        let recorder = Recorder::new(Metrics::new().connection(&labels), Arc::clone(&status));
        let planner = Arc::new(Source { port, keep_alive, told: teller.clone() });
        let connection = Connection::new("test", policy, planner, recorder, Box::new(Ears(teller)), 1);
        let (orders, control) = mpsc::channel(4);
        Self { listener, told, orders, status, running: tokio::spawn(connection.run(control)) }
    }

    /// The next connection, up to its CONNACK.
    async fn accept(&mut self) -> Peer {
        let (stream, _) = timeout(PATIENCE, self.listener.accept()).await.expect("it connects").unwrap();
        let codec = Codec { max_incoming_size: 65_536, max_outgoing_size: 65_536 };
        let mut peer = Peer(Framed::new(stream, codec));
        let connect = peer.next().await;
        assert!(matches!(connect, Some(Packet::Connect(_))), "{connect:?}");
        peer.send(Packet::ConnAck(ConnAck::new(ConnectReturnCode::Success, false))).await;
        peer
    }

    /// The next connection, up to the dialogue's greeting.
    async fn accept_and_greet(&mut self) -> Peer {
        let mut peer = self.accept().await;
        peer.confirm_subscription().await;
        assert_eq!(peer.published().await, "hello");
        self.tells(&["up"]).await;
        peer
    }

    async fn tells(&mut self, expected: &[&str]) {
        for expected in expected {
            let told = timeout(PATIENCE, self.told.recv()).await;
            assert_eq!(told.expect(expected).as_deref(), Some(*expected));
        }
    }

    async fn ends(self) {
        timeout(PATIENCE, self.running).await.expect("the connection ends").expect("it does not panic");
    }
}

/// The broker's end of one connection.
struct Peer(Framed<TcpStream, Codec>);

impl Peer {
    async fn next(&mut self) -> Option<Packet> {
        timeout(PATIENCE, self.0.next()).await.expect("a packet or the end").map(Result::unwrap)
    }

    async fn send(&mut self, packet: Packet) {
        self.0.send(packet).await.unwrap();
    }

    async fn say(&mut self, payload: &str) {
        self.send(Packet::Publish(Publish::new(TOPIC, QoS::AtMostOnce, payload))).await;
    }

    async fn confirm_subscription(&mut self) {
        let Some(Packet::Subscribe(subscribe)) = self.next().await else { panic!("no SUBSCRIBE") };
        let codes = vec![SubscribeReasonCode::Success(QoS::AtMostOnce)];
        self.send(Packet::SubAck(SubAck::new(subscribe.pkid, codes))).await;
    }

    async fn published(&mut self) -> String {
        match self.next().await {
            Some(Packet::Publish(publish)) => String::from_utf8_lossy(&publish.payload).into_owned(),
            other => panic!("no PUBLISH but {other:?}"),
        }
    }

    async fn disconnects(&mut self) {
        assert_eq!(self.published().await, "bye");
        assert_eq!(self.next().await, Some(Packet::Disconnect));
    }
}

#[tokio::test]
async fn nothing_is_said_before_the_subscriptions_are_back_and_a_stop_is_polite() {
    let mut stage = Stage::new().await;
    let mut peer = stage.accept().await;
    peer.say("early").await;
    stage.tells(&["plan quick", "heard early"]).await;
    peer.confirm_subscription().await;
    assert_eq!(peer.published().await, "hello");
    stage.orders.send(Control::Stop).await.unwrap();
    peer.disconnects().await;
    drop(peer);
    stage.tells(&["up", "down"]).await;
    stage.ends().await;
}

/// What came before the last SUBACK is on the page, and nothing renews it when the session ends there.
#[tokio::test]
async fn a_session_that_ends_before_its_subscriptions_are_back_is_down() {
    let mut stage = Stage::new().await;
    stage.tells(&["plan quick"]).await;
    let mut peer = stage.accept().await;
    peer.say("early").await;
    stage.tells(&["heard early"]).await;
    drop(peer);
    stage.tells(&["down", "plan quick"]).await;
    let mut peer = stage.accept().await;
    peer.say("early").await;
    stage.tells(&["heard early"]).await;
    stage.orders.send(Control::Stop).await.unwrap();
    stage.tells(&["down"]).await;
    drop(peer);
    stage.ends().await;
}

/// Its last sign of life is its own: the next session, which we close, was alive until then.
#[tokio::test]
async fn a_session_without_a_talk_leaves_nothing_to_the_next() {
    let mut stage = Stage::new().await;
    stage.tells(&["plan quick"]).await;
    drop(stage.accept().await);
    stage.tells(&["down", "plan quick"]).await;
    let mut peer = stage.accept_and_greet().await;
    tokio::time::sleep(QUIET).await;
    stage.orders.send(Control::Stop).await.unwrap();
    peer.disconnects().await;
    drop(peer);
    stage.tells(&["down"]).await;
    stage.ends().await;
}

/// A reload ends such a wait, though it began with a drop; one that ends by itself it leaves alone.
#[tokio::test]
async fn a_refused_subscription_waits_for_a_person_and_a_broken_connection_does_not() {
    for (refused, person) in [(true, true), (false, false)] {
        let mut stage = Stage::new().await;
        stage.tells(&["plan quick"]).await;
        let mut peer = stage.accept().await;
        if refused {
            let Some(Packet::Subscribe(subscribe)) = peer.next().await else { panic!("no SUBSCRIBE") };
            peer.send(Packet::SubAck(SubAck::new(subscribe.pkid, vec![SubscribeReasonCode::Failure]))).await;
            assert!(peer.next().await.is_none());
        }
        drop(peer);
        stage.tells(&["down"]).await;
        while stage.status.lock().unwrap().next_attempt.is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(stage.status.lock().unwrap().waits_for_a_person, person);
    }
}

#[tokio::test]
async fn a_message_that_breaks_its_decoder_harms_nothing_else() {
    let mut stage = Stage::new().await;
    stage.tells(&["plan quick"]).await;
    let mut peer = stage.accept_and_greet().await;
    peer.say("break").await;
    peer.say("next").await;
    stage.tells(&["heard next"]).await;
}

#[tokio::test]
async fn a_message_that_is_refused_harms_nothing_else() {
    let mut stage = Stage::new().await;
    stage.tells(&["plan quick"]).await;
    let mut peer = stage.accept_and_greet().await;
    peer.say("shout").await;
    peer.say("next").await;
    stage.tells(&["heard next"]).await;
}

#[tokio::test]
async fn a_drop_is_followed_by_another_session() {
    let mut stage = Stage::new().await;
    stage.tells(&["plan quick"]).await;
    drop(stage.accept_and_greet().await);
    stage.tells(&["down", "plan quick"]).await;
    let mut peer = stage.accept_and_greet().await;
    peer.say("again").await;
    stage.tells(&["heard again"]).await;
}

/// Readings are shown for a while after the last sign of life, and not after the end that is noticed later.
#[tokio::test]
async fn a_peer_that_fell_silent_is_down_since_its_last_sign_of_life() {
    let mut policy = Policy::default();
    policy.limits.ping = QUIET + Duration::from_millis(500);
    // Longer than the limit: no further ping is sent meanwhile, which the peer's kernel would acknowledge.
    let mut stage = Stage::with(policy, Duration::from_secs(3)).await;
    stage.tells(&["plan quick"]).await;
    let _silent = stage.accept_and_greet().await;
    stage.tells(&["down, quiet before", "plan quick"]).await;
}

/// MQTT 3.1.1 has no word for "you may not": the broker closes, and a client that repeats itself is closed for ever.
#[tokio::test]
async fn a_packet_over_which_the_broker_closed_twice_is_not_sent_a_third_time() {
    let mut stage = Stage::new().await;
    for _ in 0..2 {
        stage.tells(&["plan quick"]).await;
        drop(stage.accept_and_greet().await);
        stage.tells(&["down"]).await;
    }
    stage.tells(&["plan quick"]).await;
    let mut peer = stage.accept().await;
    peer.confirm_subscription().await;
    stage.tells(&["up"]).await;
    peer.say("still there").await;
    stage.tells(&["heard still there"]).await;
    stage.orders.send(Control::Stop).await.unwrap();
    // No greeting and no farewell: both go to that topic.
    assert_eq!(peer.next().await, Some(Packet::Disconnect));
    drop(peer);
    stage.tells(&["down"]).await;
    stage.ends().await;
}

#[tokio::test]
async fn a_look_up_is_answered_to_the_dialogue() {
    let mut stage = Stage::new().await;
    stage.tells(&["plan quick"]).await;
    let mut peer = stage.accept_and_greet().await;
    peer.say("look up").await;
    stage.tells(&["devices 1"]).await;
}

#[tokio::test]
async fn a_wanted_reconnect_closes_first_and_then_goes_deep() {
    let mut stage = Stage::new().await;
    stage.tells(&["plan quick"]).await;
    let mut peer = stage.accept_and_greet().await;
    peer.say("reconnect").await;
    peer.disconnects().await;
    // The old connection is open until its peer closes too. A connection in this time, however short, is wrong.
    let early = timeout(Duration::from_millis(200), stage.listener.accept()).await;
    assert!(early.is_err(), "two connections at once");
    drop(peer);
    stage.tells(&["down", "plan deep"]).await;
    stage.accept_and_greet().await;
}

#[tokio::test]
async fn a_probe_closes_politely_and_begins_another_session() {
    let mut stage = Stage::new().await;
    stage.tells(&["plan quick"]).await;
    let mut peer = stage.accept_and_greet().await;
    stage.orders.send(Control::Probe).await.unwrap();
    peer.disconnects().await;
    drop(peer);
    stage.tells(&["down", "plan quick"]).await;
    stage.accept_and_greet().await;
}

#[tokio::test]
async fn a_wanted_replan_is_a_quick_one() {
    let mut stage = Stage::new().await;
    stage.tells(&["plan quick"]).await;
    let mut peer = stage.accept_and_greet().await;
    peer.say("replan").await;
    peer.disconnects().await;
    drop(peer);
    stage.tells(&["down", "plan quick"]).await;
    stage.accept_and_greet().await;
}

#[tokio::test]
async fn a_flood_of_messages_does_not_keep_a_stop_waiting() {
    let mut stage = Stage::new().await;
    stage.tells(&["plan quick"]).await;
    let peer = stage.accept_and_greet().await;
    let flood = tokio::spawn(async move {
        let mut peer = peer;
        let publish = Packet::Publish(Publish::new(TOPIC, QoS::AtMostOnce, "flood"));
        while peer.0.send(publish.clone()).await.is_ok() {}
    });
    stage.tells(&["heard flood"]).await;
    stage.orders.send(Control::Stop).await.unwrap();
    stage.ends().await;
    timeout(PATIENCE, flood).await.expect("the socket is closed").unwrap();
}
