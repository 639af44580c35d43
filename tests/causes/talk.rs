//! What a connection leads to here: the account of the simulated cloud, with a conversation that the script writes, so that
//! the rate of messages differs from session to session as in life; and a plan for a plain peer of the test.
//!
//! Never changes how the account signs in or connects.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hangup::clock::{Instant, Now};
use hangup::config::{self, Secret, SecretSource};
use hangup::connection::Tier;
use hangup::connection::message::{Incoming, Outgoing};
use hangup::connection::plan::{Plan, Subscription, Transport};
use hangup::simulator::{Cloud, DEMO_EMAIL, DEMO_PASSWORD, Settings};
use hangup::source::navien::{Facts, Navien};
use hangup::source::{Answer, Dialogue, Inventory, Outcome, Planned, Planner, Sink, Want};
use tempfile::TempDir;

/// A topic of the first heater to which nobody listens.
pub(crate) const OWN: &str = "evt/52/navilink-020000aabb01/note";
/// A topic of somebody else's heater, over which the broker closes.
pub(crate) const FOREIGN: &str = "evt/52/navilink-0a0000ccdd09/note";

/// A message to be sent, so long after the one before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) after: Duration,
    pub(crate) topic: &'static str,
    pub(crate) qos: u8,
    pub(crate) size: usize,
}

impl Step {
    pub(crate) fn of(millis: u64) -> Self {
        Self { after: Duration::from_millis(millis), topic: OWN, qos: 0, size: 40 }
    }
}

/// What is said in the session with this number, from 0.
pub(crate) type Script = Arc<dyn Fn(u64) -> Box<dyn Iterator<Item = Step> + Send> + Send + Sync>;

/// The same message at the same pace for ever; the pace of each session, again and again.
pub(crate) fn paces(millis: &'static [u64]) -> Script {
    Arc::new(move |session| {
        let pace = millis[usize::try_from(session).unwrap() % millis.len()];
        Box::new(std::iter::repeat_with(move || Step::of(pace)))
    })
}

/// The cloud and the account to it.
pub(crate) struct Account {
    pub(crate) cloud: Cloud,
    directory: TempDir,
}

impl Account {
    pub(crate) async fn at(settings: Settings) -> Self {
        let cloud = Cloud::start(settings).await.unwrap();
        let directory = TempDir::new().unwrap();
        cloud.write_ca(directory.path().join("ca.pem")).unwrap();
        Self { cloud, directory }
    }

    /// The account as the program would use it.
    pub(crate) fn navien(&self, keep_alive: u64, client_id: &str) -> Arc<Navien> {
        let settings = config::Navien {
            base_url: self.cloud.rest_url(),
            mqtt_host: self.cloud.host().to_owned(),
            mqtt_port: self.cloud.mqtt_port(),
            ca_file: Some(self.directory.path().join("ca.pem")),
            ..config::Navien::new(Secret::new(DEMO_EMAIL), SecretSource::Value(Secret::new(DEMO_PASSWORD)))
        };
        let facts = Facts {
            keep_alive: Some(Duration::from_secs(keep_alive)),
            clean_session: None,
            client_id: Some(client_id.to_owned()),
        };
        Navien::new("test", &settings, facts).unwrap()
    }

    /// The account with a conversation of the script.
    pub(crate) fn talking(&self, keep_alive: u64, script: Script) -> Arc<dyn Planner> {
        self.through(self.cloud.mqtt_port(), keep_alive, script)
    }

    /// The same through something that listens on this port.
    pub(crate) fn through(&self, port: u16, keep_alive: u64, script: Script) -> Arc<dyn Planner> {
        let inner = self.navien(keep_alive, "causes");
        Arc::new(Talking { inner, port, script, sessions: AtomicU64::new(0) })
    }
}

struct Talking {
    inner: Arc<Navien>,
    port: u16,
    script: Script,
    sessions: AtomicU64,
}

impl Planner for Talking {
    fn plan(self: Arc<Self>, tier: Tier) -> BoxFuture<'static, Answer<Planned>> {
        async move {
            let Answer { result, credentials } = Arc::clone(&self.inner).plan(tier).await;
            let result = result.map(|Planned { mut plan, .. }| {
                plan.port = self.port;
                let dialogue = Talker::new(&self.script, self.sessions.fetch_add(1, Ordering::Relaxed));
                Planned { plan, dialogue: Box::new(dialogue) }
            });
            Answer { result, credentials }
        }
        .boxed()
    }

    fn look_up(self: Arc<Self>) -> BoxFuture<'static, Answer<Inventory>> {
        Arc::clone(&self.inner).look_up()
    }
}

/// A plan to a plain peer of the test.
pub(crate) struct Plain {
    pub(crate) address: std::net::SocketAddr,
    pub(crate) keep_alive: Duration,
    pub(crate) script: Script,
    sessions: AtomicU64,
}

impl Plain {
    pub(crate) fn to(
        address: std::net::SocketAddr,
        keep_alive: Duration,
        script: Script,
    ) -> Arc<dyn Planner> {
        Arc::new(Self { address, keep_alive, script, sessions: AtomicU64::new(0) })
    }
}

impl Planner for Plain {
    fn plan(self: Arc<Self>, _: Tier) -> BoxFuture<'static, Answer<Planned>> {
        let dialogue = Talker::new(&self.script, self.sessions.fetch_add(1, Ordering::Relaxed));
        let plan = Plan {
            keep_alive: self.keep_alive,
            subscriptions: vec![Subscription::new("to/us", 0, true)],
            max_packet_size: 65_536,
            max_outgoing_size: 65_536,
            ..Plan::to(self.address.ip().to_string(), self.address.port(), Transport::Tcp, "causes")
        };
        let planned = Planned { plan, dialogue: Box::new(dialogue) };
        async { Answer { result: Ok(planned), credentials: Vec::new() } }.boxed()
    }

    fn look_up(self: Arc<Self>) -> BoxFuture<'static, Answer<Inventory>> {
        async { Answer { result: Ok(Inventory::default()), credentials: Vec::new() } }.boxed()
    }
}

/// Says what the script says.
struct Talker {
    steps: Box<dyn Iterator<Item = Step> + Send>,
    next: Option<(Instant, Step)>,
}

impl Talker {
    fn new(script: &Script, session: u64) -> Self {
        Self { steps: script(session), next: None }
    }

    fn schedule(&mut self, from: Instant) {
        self.next = self.steps.next().map(|step| (from + step.after, step));
    }
}

impl Dialogue for Talker {
    fn restored(&mut self, now: Now, _: &mut dyn Sink) {
        self.schedule(now.at);
    }

    fn deadline(&self) -> Option<Instant> {
        self.next.map(|(at, _)| at)
    }

    fn due(&mut self, now: Now, _: &mut dyn Sink, wants: &mut Vec<Want>) {
        while let Some((_, step)) = self.next.filter(|(at, _)| *at <= now.at) {
            let payload = vec![b'.'; step.size].into();
            let topic = step.topic.to_owned();
            wants.push(Want::Publish(Outgoing { token: 0, topic, payload, qos: step.qos, retain: false }));
            // From now on, not from when it was due: a silence must not be shorter than the script says.
            self.schedule(now.at);
        }
    }

    fn heard(&mut self, _: &Incoming, _: Now, _: &mut dyn Sink) -> Outcome {
        Outcome::Ignored
    }

    fn inventory(&mut self, _: Option<&Inventory>, _: Now, _: &mut dyn Sink) {}

    fn farewell(&mut self, _: Now) -> Vec<Outgoing> {
        Vec::new()
    }
}
