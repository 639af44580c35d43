//! What every broker is put through, on all of its transports at once.
//!
//! Never asks the broker how it went: everything is read off the exporter's own page.

use std::time::Duration;

use rumqttc::QoS::{self, AtLeastOnce, AtMostOnce, ExactlyOnce};

use crate::broker::{Broker, PASSWORD};
use crate::client::Client;
use crate::setup::{self, Link, WRONG};
use crate::support::exporter::Exporter;
use crate::support::page::Page;
use hangup::connection::plan::Transport;

/// A promise of the exporter: so long after the broker listens again, messages arrive again.
const BACK: Duration = Duration::from_secs(15);

/// Every quality of service.
pub(crate) const EVERY_QOS: &[QoS] = &[AtMostOnce, AtLeastOnce, ExactlyOnce];
/// The end of TCP with nothing politer before it.
pub(crate) const CLOSED: &str = "AWS_IO_SOCKET_CLOSED";
/// An orderly end, by TLS or by a WebSocket.
pub(crate) const HUNG_UP: &str = "AWS_ERROR_MQTT_UNEXPECTED_HANGUP";

/// How a broker's deeds are to be called: error name, cause and evidence, by transport and version.
pub(crate) struct Names {
    /// Whether what it retains comes to a filter with a wildcard.
    pub(crate) retains: bool,
    /// The qualities of service that a device may publish with.
    pub(crate) qos: &'static [QoS],
    /// What is said of a wrong password.
    pub(crate) refused: &'static str,
    /// Another client took our id: the error name, for one such end proves no cause. `None`: it lets both be.
    pub(crate) taken: Option<fn(&Link) -> &'static str>,
    /// The broker was killed.
    pub(crate) killed: fn(&Link) -> Name,
    /// The broker was told to end.
    pub(crate) stopped: fn(&Link) -> Name,
}

/// An error name, and a cause with its evidence where it is sure.
pub(crate) type Name = (&'static str, Option<&'static str>);

/// The next connect was refused.
pub(crate) const RESTART: Option<&str> = Some("broker_restart inferred");

/// The story of one broker, which runs already.
pub(crate) async fn tell(mut broker: Broker, links: &[Link], names: &Names) {
    let mut device = device(&broker, "device").await;
    device.publish("interop/kept/value", "1", AtLeastOnce, true).await;
    let exporter = setup::exporter(&broker, links).await;
    online(&exporter, links).await;
    if names.retains {
        arrives(&exporter, links, "kept", 1.0).await;
    }

    for qos in names.qos {
        let name = format!("qos{}", *qos as u8);
        device.publish(&format!("interop/{name}/value"), "12.5", *qos, false).await;
        arrives(&exporter, links, &name, 12.5).await;
    }
    let port = broker.port(&Transport::Tcp);
    Client::connect(port, "mortal", Some(("interop/will/value", "99"))).await.die();
    arrives(&exporter, links, "will", 99.0).await;
    device.leave().await;
    let failures = exporter.page().await.failures(WRONG);
    let refused = ("connack".to_owned(), "AWS_ERROR_MQTT5_CONNACK_CONNECTION_REFUSED".to_owned());
    assert_eq!(failures, [refused], "a wrong password");
    exporter.says("/api/v1/connections", names.refused).await;

    let counts = Counts::settled(&exporter, links).await;
    if let Some(taken) = names.taken {
        let mut rivals = Vec::new();
        for link in links {
            rivals.push(Client::connect(port, &link.client_id(), None).await);
        }
        counts.change(&exporter, links, "taken over", |link| (taken(link), None)).await;
        rivals.into_iter().for_each(Client::die);
    }

    let counts = Counts::settled(&exporter, links).await;
    broker.kill();
    counts.change(&exporter, links, "killed", names.killed).await;
    gone(&exporter).await;
    let links: Vec<_> = links.iter().filter(|link| broker.serves(&link.transport)).cloned().collect();
    comes_back(&mut broker, &exporter, &links, "after-kill").await;
    let counts = Counts::settled(&exporter, &links).await;
    broker.stop().await;
    counts.change(&exporter, &links, "stopped", names.stopped).await;
    gone(&exporter).await;
    assert!(!exporter.process.stderr().contains(PASSWORD), "the password is in the log");
    exporter.stop().await;
}

async fn device(broker: &Broker, id: &str) -> Client {
    Client::connect(broker.port(&Transport::Tcp), id, None).await
}

/// Waits until every connection has its subscriptions.
pub(crate) async fn online(exporter: &Exporter, links: &[Link]) {
    let all = |page: &Page| links.iter().all(|link| page.online(&link.name));
    exporter.until("all are online", all).await;
}

/// Waits until the broker has answered one more ping on every connection.
async fn pinged(exporter: &Exporter, links: &[Link]) {
    let answers = |page: &Page, link: &Link| {
        page.sum("mqtt_client_ping_duration_seconds_count", &[("connection", &link.name)])
    };
    let before = exporter.page().await;
    let answered = |page: &Page| links.iter().all(|link| answers(page, link) > answers(&before, link));
    exporter.until("pings are answered", answered).await;
}

/// Waits until this value of this device is there from every connection.
async fn arrives(exporter: &Exporter, links: &[Link], device: &str, value: f64) {
    let came = |page: &Page, link: &Link| {
        let found = page.samples("interop_value", &[("by", &link.name), ("device", device)]);
        found.first().is_some_and(|sample| sample.value == value)
    };
    let what = format!("{device} is {value} by every connection");
    exporter.until(&what, |page| links.iter().all(|link| came(page, link))).await;
}

/// Waits until no value of a connection that is away is shown.
async fn gone(exporter: &Exporter) {
    exporter
        .until("no value is shown of a broker that is away", |page| {
            page.samples("interop_value", &[]).is_empty()
        })
        .await;
}

/// Starts the broker, and measures how long its clients' values are missing.
async fn comes_back(broker: &mut Broker, exporter: &Exporter, links: &[Link], name: &str) {
    broker.restart().await;
    let since = hangup::clock::now().at;
    online(exporter, links).await;
    let mut device = device(broker, "device").await;
    device.publish(&format!("interop/{name}/value"), "3", AtMostOnce, false).await;
    arrives(exporter, links, name, 3.0).await;
    let took = hangup::clock::now().at.saturating_since(since);
    assert!(took <= BACK, "receiving again only {took:?} after the broker listens again");
    device.leave().await;
}

/// Drops and causes so far, by connection.
struct Counts(Vec<(String, Named, Named)>);

type Named = Vec<(String, f64)>;

impl Counts {
    /// Of connections that are online, whose broker has had time for all that it does after a story's last deed, and whose
    /// drops are explained: a cause may be counted one session after its drop.
    async fn settled(exporter: &Exporter, links: &[Link]) -> Self {
        pinged(exporter, links).await;
        let explained = |page: &Page, name: &str| total(&page.drops(name)) == total(&page.causes(name));
        let quiet =
            |page: &Page| links.iter().all(|link| page.online(&link.name) && explained(page, &link.name));
        let page = exporter.until("all are online, and all drops are explained", quiet).await;
        let counts = |link: &Link| (link.name.clone(), page.drops(&link.name), page.causes(&link.name));
        Self(links.iter().map(counts).collect())
    }

    /// Waits for one more drop of each of these connections, by the name that it ought to have.
    async fn change(&self, exporter: &Exporter, links: &[Link], what: &str, names: impl Fn(&Link) -> Name) {
        let more = |page: &Page, (link, drops, causes): &(String, Named, Named)| {
            total(&page.drops(link)) > total(drops) && total(&page.causes(link)) > total(causes)
        };
        let page = exporter
            .until(&format!("every connection is {what}"), |page| {
                self.0.iter().all(|known| more(page, known))
            })
            .await;
        for (link, (_, drops, causes)) in links.iter().zip(&self.0) {
            let now = (page.drops(&link.name), page.causes(&link.name));
            let seen = (difference(drops, &now.0), difference(causes, &now.1));
            let (error, cause) = names(link);
            let one = |name: &str| vec![(name.to_owned(), 1.0)];
            match cause {
                Some(cause) => {
                    assert_eq!(seen, (one(error), one(cause)), "{} is {what}", link.name);
                }
                // A broker under load may take its time with two clients of one id, and throw us out twice.
                None => assert!(
                    seen.0.iter().map(|(name, _)| name).eq([error]),
                    "{} is {what}: {:?}",
                    link.name,
                    seen.0
                ),
            }
        }
    }
}

fn total(named: &Named) -> f64 {
    named.iter().map(|(_, count)| count).sum()
}

fn difference(before: &Named, after: &Named) -> Named {
    let count = |name: &str| before.iter().find(|(known, _)| known == name).map_or(0.0, |(_, count)| *count);
    let more = |(name, now): &(String, f64)| (name.clone(), now - count(name));
    after.iter().map(more).filter(|(_, more)| *more != 0.0).collect()
}
