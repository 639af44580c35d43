//! What a connection leads to and what its messages mean.
//!
//! A source has two halves: a [`Planner`] (asynchronous: signs in, says how to connect now) and, per session, a
//! [`Dialogue`] (pure: what to ask and when, what an answer means).

pub mod aws_iot;
pub mod broker;
pub mod command;
mod fault;
pub mod fleet;
pub mod listen;
mod mqtt;
pub mod navien;
mod proxy;
mod secrets;
pub mod sigv4;
mod skew;
pub mod tls;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::clock::{Instant, Now};
use crate::config;
use crate::connection::message::{Incoming, Outgoing};
use crate::connection::order::{Refusal, Verdict, Worded};
use crate::connection::plan::{Plan, Subscription, Transport};
use crate::connection::{Failure, Tier};
use crate::lifecycle::CredentialEvent;
use crate::mapping::{self, Reason};
use crate::reading::store::Series;
use crate::reading::{Part, Quantity, Reading, Refused};
use crate::telemetry::{ConnectionLabels, Speaker};

pub use command::Command;

/// A source that was built from its configuration.
pub struct Prepared {
    /// Its asynchronous half.
    pub planner: Arc<dyn Planner>,
    /// What is known before it connects.
    pub labels: ConnectionLabels,
}

/// Builds the source that a connection is configured with.
///
/// # Errors
/// A sentence that names what is wrong and shows a right value.
pub fn prepare(connection: &config::Connection) -> Result<Prepared, String> {
    match &connection.source {
        config::Source::Navien(settings) => {
            let planner = navien::Navien::new(&connection.name, settings, (&connection.policy).into())
                .map_err(|fault| fault.to_string())?;
            let labels = ConnectionLabels {
                connection: connection.name.clone(),
                broker: format!("{}:{}", settings.mqtt_host, settings.mqtt_port),
                protocol: "3.1.1",
                transport: Transport::Wss,
                source: "navien",
                proxied: settings.proxy.is_some(),
                signs_in: true,
            };
            Ok(Prepared { planner, labels })
        }
        config::Source::Broker(settings) => {
            let planner = broker::Broker::new(settings, &connection.policy, ears(connection)?)?;
            let labels = ConnectionLabels {
                connection: connection.name.clone(),
                broker: settings.address.to_string(),
                protocol: settings.mqtt.version.as_str(),
                transport: settings.address.transport.clone(),
                source: "broker",
                proxied: settings.proxy.is_some(),
                signs_in: false,
            };
            Ok(Prepared { planner, labels })
        }
        config::Source::AwsIot(settings) => {
            let planner = aws_iot::AwsIot::new(settings, &connection.policy, ears(connection)?)?;
            let labels = ConnectionLabels {
                connection: connection.name.clone(),
                broker: format!("{}:{}", settings.endpoint, settings.port),
                protocol: settings.mqtt.version.as_str(),
                transport: aws_iot::transport(&settings.authentication),
                source: "aws_iot",
                proxied: settings.proxy.is_some(),
                signs_in: aws_iot::signs_in(&settings.authentication),
            };
            Ok(Prepared { planner, labels })
        }
    }
}

/// What a connection subscribes to, and who listens. The listeners live as long as the connection.
pub(crate) struct Ears {
    subscriptions: Vec<Subscription>,
    listeners: Vec<listen::Shared>,
}

/// The filters that a connection writes down itself; an account has its own.
pub(crate) fn filters(connection: &config::Connection) -> Vec<String> {
    subscriptions(connection).into_iter().map(|subscription| subscription.filter).collect()
}

/// First the fleet's, then the mapping's.
fn subscriptions(connection: &config::Connection) -> Vec<Subscription> {
    let config::Connection { subscribe, fleet, .. } = connection;
    let mut subscriptions: Vec<_> = fleet.iter().flat_map(fleet::subscriptions).collect();
    subscriptions.extend(mapping::subscriptions(subscribe));
    subscriptions
}

/// With the listeners in the order of the subscriptions.
fn ears(connection: &config::Connection) -> Result<Ears, String> {
    let config::Connection { name, subscribe, fleet, .. } = connection;
    let mut subscriptions = subscriptions(connection);
    if let [only] = &mut subscriptions[..] {
        // The only one that is refused leaves nothing to hear.
        only.required = true;
    }
    let mut listeners = Vec::new();
    if let Some(fleet) = fleet {
        listeners.push(fleet::listener(fleet)?);
    }
    if !subscribe.is_empty() {
        listeners.push(mapping::listener(name, subscribe)?);
    }
    if subscriptions.is_empty() {
        return Err("there is nothing to subscribe to: add a `[[connection.subscribe]]`".to_owned());
    }
    Ok(Ears { subscriptions, listeners })
}

/// A client id that no other process has: two connections with one id throw each other out without end.
fn client_id(prefix: &str) -> String {
    use ring::rand::SecureRandom as _;
    let mut random = [0_u8; 8];
    // The system's generator does not fail on a running system; without it the clock-seeded one must do.
    if ring::rand::SystemRandom::new().fill(&mut random).is_err() {
        random = fastrand::u64(..).to_be_bytes();
    }
    format!("{prefix}{}", sigv4::hex(&random))
}

/// The asynchronous half: signs in and plans.
pub trait Planner: Send + Sync {
    /// How to connect now. Deep: everything is obtained anew.
    fn plan(self: Arc<Self>, tier: Tier) -> BoxFuture<'static, Answer<Planned>>;

    /// Asks the cloud again about its devices, during a session.
    fn look_up(self: Arc<Self>) -> BoxFuture<'static, Answer<Inventory>>;
}

/// A result with the credential work that led to it, successful or not.
#[derive(Debug)]
pub struct Answer<T> {
    /// What was asked for.
    pub result: Result<T, Failure>,
    /// Refreshes and sign-ins on the way, in order.
    pub credentials: Vec<CredentialEvent>,
}

/// A plan and the dialogue for the session that it leads to.
pub struct Planned {
    /// How to connect.
    pub plan: Plan,
    /// What to say then.
    pub dialogue: Box<dyn Dialogue>,
}

impl std::fmt::Debug for Planned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Planned").finish_non_exhaustive()
    }
}

/// The devices as the cloud lists them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// One entry a device.
    pub devices: Vec<Listed>,
}

/// One device as the cloud lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The source's own key (a MAC, a thing name). Never exported.
    pub key: String,
    /// Whether the cloud sees it; `None` when it does not say.
    pub online: Option<bool>,
}

/// What a dialogue wants done.
#[derive(Debug)]
pub enum Want {
    /// Send this.
    Publish(Outgoing),
    /// Ask the cloud about its devices; the answer comes to [`Dialogue::inventory`].
    LookUp,
    /// The session is of no use although it lives: rebuild everything. The reason is for the log.
    Reconnect(&'static str),
    /// The set of devices changed: plan anew.
    Replan(&'static str),
}

/// What a message was. The label `outcome` of `mqtt_client_messages_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It became readings or told something.
    Decoded,
    /// Well-formed and of no interest: our own echo, somebody's request.
    Ignored,
    /// Not what it should be.
    Malformed,
    /// Too large to be looked at.
    Oversize,
}

/// Where a dialogue puts what it learns.
pub trait Sink {
    /// One value of one quantity.
    fn reading(&mut self, reading: &Reading<'_>);
    /// The place of one series, for who writes to it again and again.
    ///
    /// # Errors
    /// Why there is none to be had. A sink that shows nothing has room for none.
    fn series(
        &mut self,
        _quantity: &Quantity,
        _part: Part,
        _device: &str,
        _labels: &[(&str, &str)],
        _now: Now,
    ) -> Result<Series, Refused> {
        Err(Refused::Limit)
    }
    /// The devices that there are now; what was known of others is of the past.
    fn devices(&mut self, devices: &[&str]);
    /// A device spoke.
    fn device_seen(&mut self, device: &str);
    /// How often a device is expected to speak.
    fn expected_interval(&mut self, device: &str, interval: Duration);
    /// A field of a device's message could not be read. `field` comes from the known set.
    fn field_error(&mut self, device: &str, field: &'static str);
    /// A request was answered after this time.
    fn request_answered(&mut self, device: &str, took: Duration);
    /// A request was not answered in time.
    fn request_timed_out(&mut self, device: &str);
    /// The fate of a command is known; both words come from closed sets.
    fn command(&mut self, _device: &str, _command: &'static str, _fate: &'static str) {}
    /// The place where one who speaks is counted, for who hears it again and again. `None` where nobody is counted.
    fn speaker(&mut self, _device: &str, _interval: Option<Duration>) -> Option<Speaker> {
        None
    }
    /// Nobody hears of this one any more.
    fn forget_speaker(&mut self, _device: &str) {}
    /// Nothing came of a message that the configuration should have explained, or of a part of it.
    fn mapping_error(&mut self, _reason: Reason) {}
    /// The broker said this of one of its clients, and that is what became of it.
    fn presence(&mut self, _event: &fleet::Event<'_>, _told: fleet::Told) {}
    /// The broker should have said something of a client, and it cannot be read.
    fn presence_malformed(&mut self) {}
    /// How the broker's clients stand now.
    fn fleet_stands(&mut self, _standing: fleet::Standing) {}
    /// What is known of the broker's clients, for people.
    fn fleet(&mut self, _view: &Arc<fleet::View>) {}
    /// Messages flow again: the subscriptions are back.
    fn link_up(&mut self);
    /// Messages cannot flow: the session is over. The peer was alive until `since`, and nothing is known after that.
    fn link_down(&mut self, since: Instant);
}

/// The pure half, one per session: questions, timers and the meaning of messages. No clock, no socket.
pub trait Dialogue: Send {
    /// The subscriptions are back: the conversation begins.
    fn restored(&mut self, now: Now, sink: &mut dyn Sink);

    /// When [`Dialogue::due`] wants to be called next.
    fn deadline(&self) -> Option<Instant>;

    /// The deadline has come (or a message was heard): push what is wanted now.
    fn due(&mut self, now: Now, sink: &mut dyn Sink, wants: &mut Vec<Want>);

    /// A message arrived.
    fn heard(&mut self, message: &Incoming, now: Now, sink: &mut dyn Sink) -> Outcome;

    /// The cloud's answer to [`Want::LookUp`]; `None` when it could not be had.
    fn inventory(&mut self, inventory: Option<&Inventory>, now: Now, sink: &mut dyn Sink);

    /// A command in the words of the wire, if the device can obey it.
    ///
    /// # Errors
    /// Why it cannot, and what it could.
    fn word(&self, _device: &str, _command: &Command, _now: Now) -> Result<Worded, Refusal> {
        Err(Refusal::Unsupported("this source takes no commands".to_owned()))
    }

    /// This command was handed to the network: its answer is to be told by [`Dialogue::verdict`].
    fn commanded(&mut self, _device: &str, _command: &Command) {}

    /// What the device said to the last command, once.
    fn verdict(&mut self) -> Option<Verdict> {
        None
    }

    /// What to publish before a polite close.
    fn farewell(&mut self, now: Now) -> Vec<Outgoing>;
}
