//! What the parts of one connection must agree on: its source, its policy and its subscriptions.
//!
//! Never looks at one part alone: that is its own reader's work.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::file::Fields;
use super::{Human, Policy, Source, Subscribe, filter};

/// What AWS IoT Core takes as keep-alive (AWS General Reference, "AWS IoT Core message broker limits").
const AWS_KEEP_ALIVE: RangeInclusive<Duration> = Duration::from_secs(30)..=Duration::from_secs(1200);

/// Notes what does not fit together.
pub(super) fn check(fields: &Fields<'_, '_>, source: &Source, policy: &Policy, subscribe: &[Subscribe]) {
    match source {
        Source::Navien(_) => {
            keep_alive(fields, policy);
            for key in ["subscribe", "fleet"].into_iter().filter(|key| fields.has(key)) {
                fields.problem(key, "is for a broker: a Navien account subscribes to its heaters by itself");
            }
        }
        Source::Broker(_) => listening(fields, policy, subscribe),
        Source::AwsIot(_) => {
            keep_alive(fields, policy);
            listening(fields, policy, subscribe);
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

fn listening(fields: &Fields<'_, '_>, policy: &Policy, subscribe: &[Subscribe]) {
    if !fields.has("subscribe") && !fields.has("fleet") {
        fields.problem("subscribe", "there is nothing to subscribe to: add a `[[connection.subscribe]]`");
    }
    for (index, Subscribe { filter, .. }) in subscribe.iter().enumerate() {
        if let Some(fault) = filter::filter_fault(filter) {
            fields.problem("subscribe", format!("the filter of number {} {fault}", index + 1));
        }
    }
    if policy.clean_session == Some(false) && policy.client_id.is_none() {
        fields.problem(
            "reconnect",
            "its session is to outlive a restart (`clean_session = false`), and so must the client id: write a \
             `client_id` in `[connection.reconnect]`",
        );
    }
}
