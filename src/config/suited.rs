//! What the parts of one connection must agree on: its source, its policy and its subscriptions.
//!
//! Never looks at one part alone: that is its own reader's work.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::file::Fields;
use super::{Human, Policy, Recovery, Subscribe, filter};

/// What AWS IoT Core takes as keep-alive (AWS General Reference, "AWS IoT Core message broker limits").
const AWS_KEEP_ALIVE: RangeInclusive<Duration> = Duration::from_secs(30)..=Duration::from_secs(1200);
/// Its filters on one connection, bytes of a topic and slashes in it (the same table).
pub(crate) const AWS_FILTERS: usize = 50;
const AWS_TOPIC: usize = 256;
const AWS_SLASHES: usize = 7;

/// The sources, as they stand in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Navien,
    Broker,
    AwsIot,
}

/// The longest wait for a broker that refuses us, where nothing else is written. It locks no account, as a vendor would;
/// and one that starts before its user database refuses everybody for a while, to be back within 15 s after that.
const BROKER_PATIENCE: Duration = Duration::from_secs(12);

/// For how long readings outlive their connection, where nothing is written. A heater is asked once a minute, and what it
/// said stays true that long. A broker is heard all the time: what a short reconnect needs, and no more.
pub(super) const fn grace(kind: Kind) -> Duration {
    match kind {
        Kind::Navien => Duration::from_secs(120),
        Kind::Broker | Kind::AwsIot => Duration::from_secs(3),
    }
}

/// Whether this table says itself how long to wait when only a person can help.
pub(super) fn says_how_patient(reconnect: &Fields<'_, '_>) -> bool {
    reconnect.has("max_delay_setup")
}

/// Shortens the wait for a broker that refuses us. Other presets than the default stay what they are elsewhere.
pub(super) fn hurry(kind: Kind, policy: &mut Policy) {
    let wait = match kind {
        Kind::Broker if policy.recovery == Recovery::TwoTier => BROKER_PATIENCE.max(policy.initial_delay),
        Kind::Broker | Kind::Navien | Kind::AwsIot => return,
    };
    policy.max_delay_setup = wait;
}

/// Notes what does not fit together.
pub(super) fn check(fields: &Fields<'_, '_>, kind: Kind, policy: &Policy, subscribe: &[Subscribe]) {
    match kind {
        Kind::Navien => {
            keep_alive(fields, policy);
            for key in ["subscribe", "fleet"].into_iter().filter(|key| fields.has(key)) {
                fields.problem(key, "is for a broker: a Navien account subscribes to its heaters by itself");
            }
        }
        Kind::Broker => listening(fields, policy),
        Kind::AwsIot => {
            keep_alive(fields, policy);
            listening(fields, policy);
            aws_limits(fields, subscribe);
        }
    }
}

fn keep_alive(fields: &Fields<'_, '_>, policy: &Policy) {
    let Some(keep_alive) = policy.keep_alive.filter(|time| !AWS_KEEP_ALIVE.contains(time)) else { return };
    let (least, most) = (*AWS_KEEP_ALIVE.start(), *AWS_KEEP_ALIVE.end());
    let nearest = keep_alive.clamp(least, most);
    let message = format!(
        "its `keep_alive` is {}, and AWS IoT Core takes {} to {} (write for example `keep_alive = \"{}\"` in \
         `[connection.reconnect]`)",
        Human(keep_alive),
        Human(least),
        Human(most),
        Human(nearest)
    );
    fields.problem("reconnect", message);
}

fn listening(fields: &Fields<'_, '_>, policy: &Policy) {
    if !fields.has("subscribe") && !fields.has("fleet") {
        fields.problem("subscribe", "there is nothing to subscribe to: add a `[[connection.subscribe]]`");
    }
    if policy.clean_session == Some(false) && policy.client_id.is_none() {
        fields.problem(
            "reconnect",
            "its session is to outlive a restart (`clean_session = false`), and so must the client id: write a \
             `client_id` in `[connection.reconnect]`",
        );
    }
}

/// What AWS IoT Core refuses, and would close the connection for.
fn aws_limits(fields: &Fields<'_, '_>, subscribe: &[Subscribe]) {
    // Those of availability topics count, too.
    let filters = crate::mapping::subscriptions(subscribe).len();
    if filters > AWS_FILTERS {
        let message = format!(
            "has {filters} filters, and AWS IoT Core takes {AWS_FILTERS} on one connection: use wildcards, or a second \
             `[[connection]]`",
        );
        fields.problem("subscribe", message);
    }
    for (index, Subscribe { filter, qos, .. }) in subscribe.iter().enumerate() {
        let number = index + 1;
        if *qos > 1 {
            let message = format!(
                "number {number} asks for QoS {qos}, and AWS IoT Core knows 0 and 1: write `qos = 1`"
            );
            fields.problem("subscribe", message);
        }
        if let Some(fault) = aws_topic_fault(filter::unshared(filter)) {
            fields.problem("subscribe", format!("the filter of number {number} {fault}"));
        }
    }
}

/// What AWS IoT Core refuses of a topic or a filter.
pub(super) fn aws_topic_fault(topic: &str) -> Option<String> {
    if topic.len() > AWS_TOPIC {
        return Some(format!("is longer than the {AWS_TOPIC} bytes that AWS IoT Core takes"));
    }
    let slashes = topic.matches('/').count();
    (slashes > AWS_SLASHES).then(|| format!("has {slashes} slashes, and AWS IoT Core takes {AWS_SLASHES}"))
}
