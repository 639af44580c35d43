//! The life of a broker's clients: what the broker itself says of their coming and going.
//!
//! Pure. Never connects and never asks: it subscribes on a connection that leads to the broker anyhow.
//!
//! Three brokers say it over MQTT: AWS IoT Core (presence events), EMQX with its relatives (client events) and Mosquitto (its
//! log, with `log_dest topic`). VerneMQ and NanoMQ tell it to HTTP hooks, HiveMQ to extensions and its control center, RabbitMQ
//! to an AMQP exchange in headers that MQTT has no place for: of those nothing can be subscribed to.

mod aws;
mod book;
mod emqx;
mod event;
mod listener;
mod mosquitto;
mod offenders;
mod storm;
#[cfg(test)]
mod tests;
mod view;

use std::sync::{Arc, Mutex};

pub use book::{Book, Fate, Told};
pub use event::{Event, Parsed, What};
pub use listener::Watch;
pub use offenders::{Offender, Offenders};
pub use storm::{Burst, Storm};
pub use view::{LENGTHS, Standing, Tally, View};

use super::listen::Shared;
use crate::config::{Fleet, FleetKind};
use crate::connection::plan::Subscription;

/// The listener of one connection, over all its sessions.
///
/// # Errors
/// None yet; a sentence for the operator if a kind of broker ever needs more than its configuration.
pub fn listener(settings: &Fleet) -> Result<Shared, String> {
    Ok(Arc::new(Mutex::new(Watch::new(settings))))
}

/// What a connection has to subscribe to. A refusal is counted and lived with: the connection may have other work.
#[must_use]
pub fn subscriptions(settings: &Fleet) -> Vec<Subscription> {
    let qos = match settings.kind {
        FleetKind::AwsIot => 1,
        // In a storm these brokers drop what waits for acknowledgements first.
        FleetKind::Emqx | FleetKind::Mosquitto => 0,
    };
    filters(settings).into_iter().map(|filter| Subscription::new(filter, qos, false)).collect()
}

fn filters(settings: &Fleet) -> Vec<String> {
    let usual = match settings.kind {
        FleetKind::AwsIot => aws::FILTERS,
        FleetKind::Emqx => emqx::FILTERS,
        FleetKind::Mosquitto => mosquitto::FILTERS,
    };
    settings.topics.clone().unwrap_or_else(|| usual.iter().map(|&filter| filter.to_owned()).collect())
}
