//! MQTT 5 with a real Mosquitto: what two implementations that know nothing of each other make of the same words.
//!
//! Skipped, and loudly so, where there is no `mosquitto`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::items_after_statements,
    clippy::wildcard_enum_match_arm,
    reason = "a test stops at what it did not expect, and says its numbers where they are used"
)]

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hangup::clock;
use hangup::config::Policy;
use hangup::connection::carried::Carried;
use hangup::connection::link::Link;
use hangup::connection::message::{Incoming, Outgoing};
use hangup::connection::plan::{LastWill, Mqtt5, Plan, RetainHandling, Subscription, Transport, Version};
use hangup::connection::protocol::Terms;
use hangup::connection::report::Report;

/// Long enough for a machine under load; tests wait for events, not for this.
const PATIENCE: Duration = Duration::from_secs(60);

/// A broker of this test alone.
struct Mosquitto {
    process: Child,
    address: SocketAddr,
    _files: tempfile::TempDir,
}

impl Mosquitto {
    /// `None` where there is none.
    async fn start(test: &str, settings: &str) -> Option<Self> {
        let files = tempfile::tempdir().unwrap();
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let file = files.path().join("mosquitto.conf");
        let port = address.port();
        std::fs::write(&file, format!("listener {port} 127.0.0.1\nallow_anonymous true\n{settings}\n"))
            .unwrap();
        let program = ["mosquitto", "/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"].into_iter();
        let started = program
            .map(|name| {
                Command::new(name).arg("-c").arg(&file).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
            })
            .find_map(Result::ok);
        let Some(process) = started else {
            #[expect(clippy::print_stderr, reason = "what is skipped is said")]
            {
                eprintln!("!! SKIPPED: {test}: there is no `mosquitto`");
            }
            return None;
        };
        let up = async {
            while tokio::net::TcpStream::connect(address).await.is_err() {
                // A process that starts says nothing when it is ready: it is asked again.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, up).await.expect("Mosquitto should start");
        Some(Self { process, address, _files: files })
    }

    fn plan(&self, client_id: &str) -> Plan {
        let (host, port) = (self.address.ip().to_string(), self.address.port());
        Plan {
            version: Version::V5,
            keep_alive: Duration::from_secs(60),
            ..Plan::to(host, port, Transport::Tcp, client_id)
        }
    }

    /// A client that is online.
    async fn client(&self, client_id: &str, subscriptions: Vec<Subscription>) -> Client {
        Client::online(Plan { subscriptions, ..self.plan(client_id) }, Carried::default()).await
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A link that is online, and what came on the way there.
struct Client {
    link: Link,
    session_present: bool,
    terms: Option<Terms>,
    early: Vec<Incoming>,
}

impl Client {
    async fn online(plan: Plan, carried: Carried) -> Self {
        let link = Link::resuming(Arc::new(plan), Policy::default().limits, carried);
        let mut client = Self { link, session_present: false, terms: None, early: Vec::new() };
        loop {
            match client.report().await {
                Report::Terms(terms) => client.terms = Some(terms),
                Report::Accepted { session_present, .. } => client.session_present = session_present,
                Report::Message(message) => client.early.push(message),
                Report::Restored { refused, .. } => {
                    assert_eq!(refused, 0);
                    return client;
                }
                _ => {}
            }
        }
    }

    async fn report(&mut self) -> Report {
        let report = tokio::time::timeout(PATIENCE, self.link.next()).await.expect("a report should come");
        assert!(!matches!(report, Report::Failed(_) | Report::Ended(_)), "{report:?}");
        report
    }

    async fn message(&mut self) -> Incoming {
        if !self.early.is_empty() {
            return self.early.remove(0);
        }
        loop {
            if let Report::Message(message) = self.report().await {
                return message;
            }
        }
    }

    /// Publishes and waits until the broker has it.
    async fn publish(&mut self, message: Outgoing) {
        let qos = message.qos;
        self.link.publish(Outgoing { token: 1, ..message }).unwrap();
        if qos == 0 {
            return;
        }
        loop {
            match self.report().await {
                Report::Acknowledged(1) => return,
                Report::Message(message) => self.early.push(message),
                _ => {}
            }
        }
    }

    async fn close(self) {
        self.link.close(Vec::new(), clock::now()).await;
    }
}

fn message(topic: &str, payload: &'static [u8], qos: u8) -> Outgoing {
    let payload = Bytes::from_static(payload);
    Outgoing { token: 0, topic: topic.to_owned(), payload, qos, retain: false }
}

fn persistent(plan: Plan, expiry: Duration) -> Plan {
    Plan { clean_session: false, mqtt5: Mqtt5 { session_expiry: expiry, ..Mqtt5::default() }, ..plan }
}

#[tokio::test]
async fn a_session_outlives_its_connection_as_long_as_was_asked_for() {
    let Some(broker) = Mosquitto::start("sessions", "").await else { return };
    for (expiry, survives) in [(Duration::from_secs(60), true), (Duration::ZERO, false)] {
        let subscriptions = vec![Subscription::new("away/#", 1, true)];
        let plan = persistent(Plan { subscriptions, ..broker.plan("keeper") }, expiry);
        let first = Client::online(plan.clone(), Carried::default()).await;
        first.close().await;
        let mut publisher = broker.client("publisher", Vec::new()).await;
        publisher.publish(message("away/1", b"while you were away", 1)).await;
        let mut second = Client::online(plan.clone(), Carried::default()).await;
        assert_eq!(second.session_present, survives);
        if survives {
            assert_eq!(&second.message().await.payload[..], b"while you were away");
        }
        second.close().await;
        publisher.close().await;
        // What is left of it must not meet the other turn.
        Client::online(Plan { clean_session: true, ..plan }, Carried::default()).await.close().await;
    }
}

/// The socket goes away again and again in the middle of the handshakes of QoS 2.
#[tokio::test]
async fn a_message_of_qos_2_is_heard_exactly_once_though_connections_break() {
    let Some(broker) = Mosquitto::start("QoS 2", "max_inflight_messages 5").await else { return };
    let subscriptions = vec![Subscription::new("once", 2, true)];
    let plan = persistent(Plan { subscriptions, ..broker.plan("listener") }, PATIENCE);
    let carried = Carried::default();
    let mut listener = Client::online(plan.clone(), carried.clone()).await;
    let mut publisher = broker.client("publisher", Vec::new()).await;
    const MESSAGES: u8 = 60;
    for number in 0..MESSAGES {
        let payload = Bytes::copy_from_slice(&[number]);
        publisher.publish(Outgoing { payload, ..message("once", b"", 2) }).await;
    }
    let mut heard: BTreeMap<u8, u32> = BTreeMap::new();
    let mut breaks = 0;
    while heard.len() < usize::from(MESSAGES) {
        let mut news = vec![listener.message().await];
        news.append(&mut listener.early);
        while let Some(report) = listener.link.try_next() {
            if let Report::Message(message) = report {
                news.push(message);
            }
        }
        for message in news {
            *heard.entry(message.payload[0]).or_default() += 1;
        }
        if heard.len() < usize::from(MESSAGES) && breaks < 8 {
            breaks += 1;
            drop(listener);
            listener = Client::online(plan.clone(), carried.clone()).await;
            assert!(listener.session_present);
        }
    }
    assert!(heard.values().all(|count| *count == 1), "{heard:?}");
    assert!(breaks > 0, "nothing was tested");
    listener.close().await;
}

#[tokio::test]
async fn those_who_share_a_subscription_share_its_messages() {
    let Some(broker) = Mosquitto::start("shared subscriptions", "").await else { return };
    let shared =
        || vec![Subscription { no_local: true, ..Subscription::new("$share/group/work/#", 0, true) }];
    let (mut one, mut two) = (broker.client("one", shared()).await, broker.client("two", shared()).await);
    let mut publisher = broker.client("publisher", Vec::new()).await;
    const MESSAGES: usize = 40;
    for _ in 0..MESSAGES {
        publisher.publish(message("work/x", b"x", 1)).await;
    }
    let (mut ones, mut twos) = (0, 0);
    while ones + twos < MESSAGES {
        tokio::select! {
            _ = one.message() => ones += 1,
            _ = two.message() => twos += 1,
        }
    }
    assert!(ones > 0 && twos > 0, "{ones} and {twos}");
}

#[tokio::test]
async fn a_last_will_waits_as_long_as_it_was_told_to() {
    let Some(broker) = Mosquitto::start("last wills", "").await else { return };
    let mut watcher = broker.client("watcher", vec![Subscription::new("will", 1, true)]).await;
    let delay = Duration::from_secs(2);
    let payload = Bytes::from_static(b"gone");
    let will = LastWill { topic: "will".to_owned(), payload, qos: 1, retain: false, delay };
    let plan = Plan { last_will: Some(will), ..persistent(broker.plan("mortal"), PATIENCE) };
    let mortal = Client::online(plan, Carried::default()).await;
    drop(mortal);
    let gone = clock::now().at;
    assert_eq!(&watcher.message().await.payload[..], b"gone");
    // Mosquitto looks once a second.
    let waited = clock::now().at.saturating_since(gone);
    assert!(waited + Duration::from_secs(1) > delay, "{waited:?}");
}

#[tokio::test]
async fn what_is_retained_and_what_is_our_own_comes_only_if_it_is_wanted() {
    let Some(broker) = Mosquitto::start("subscription options", "").await else { return };
    let mut publisher = broker.client("publisher", Vec::new()).await;
    publisher.publish(Outgoing { retain: true, ..message("state", b"old", 1) }).await;
    let wanted = |retain| Subscription { no_local: true, retain, ..Subscription::new("#", 1, true) };
    for (retain, comes) in
        [(RetainHandling::Always, true), (RetainHandling::New, true), (RetainHandling::Never, false)]
    {
        let mut client = broker.client("client", vec![wanted(retain)]).await;
        client.publish(message("mine", b"mine", 1)).await;
        publisher.publish(message("news", b"new", 1)).await;
        let mut heard = Vec::new();
        while heard.last().map(|message: &Incoming| &message.payload[..]) != Some(b"new") {
            heard.push(client.message().await);
        }
        let heard: Vec<_> = heard.iter().map(|message| (&message.payload[..], message.retain)).collect();
        let expected =
            if comes { vec![(&b"old"[..], true), (b"new", false)] } else { vec![(&b"new"[..], false)] };
        assert_eq!(heard, expected, "{retain:?}");
        client.close().await;
    }
}

#[tokio::test]
async fn the_terms_of_the_broker_are_known() {
    let settings = "max_keepalive 20\nmax_packet_size 3000";
    let Some(broker) = Mosquitto::start("terms", settings).await else { return };
    let mut client =
        Client::online(Plan { client_id: String::new(), ..broker.plan("") }, Carried::default()).await;
    let terms = client.terms.expect("a broker of MQTT 5 has terms");
    assert_eq!(terms.keep_alive, Some(Duration::from_secs(20)));
    assert_eq!(terms.maximum_packet_size, Some(3000));
    let large = Outgoing { payload: vec![0; 4000].into(), ..message("large", b"", 0) };
    assert!(client.link.publish(large).is_err());
    client.publish(message("small", b"", 1)).await;
}

#[tokio::test]
async fn user_properties_and_content_type_come_along() {
    let Some(broker) = Mosquitto::start("user properties", "").await else { return };
    let mut client = broker.client("client", vec![Subscription::new("props", 0, true)]).await;
    let port = broker.address.port().to_string();
    let sent = Command::new("mosquitto_pub")
        .args(["-V", "5", "-h", "127.0.0.1", "-p", &port, "-t", "props", "-m", "1"])
        .args(["-D", "publish", "user-property", "room", "kitchen"])
        .args(["-D", "publish", "content-type", "text/plain"])
        .status();
    if !sent.is_ok_and(|status| status.success()) {
        eprintln!("!! SKIPPED: user properties: there is no `mosquitto_pub`");
        return;
    }
    let properties = client.message().await.properties.expect("they should come along");
    assert_eq!(properties.user, [("room".to_owned(), "kitchen".to_owned())]);
    assert_eq!(properties.content_type.as_deref(), Some("text/plain"));
}
