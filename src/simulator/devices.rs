//! The devices of the demo cloud: who they are, whose, and whether the cloud sees them. Pure.
//!
//! Never talks: the world carries questions and answers.

use std::time::Duration;

use bytes::Bytes;
use jiff::civil::Date;

use super::heater::replies::{self, Identity, Patience, Reply};
use super::heater::{Build, Heater};
use super::settings::HeaterSettings;
use crate::clock::Instant;

/// Hour of the day at which the models start: breakfast is near.
const FIRST_HOUR: f64 = 6.4;
/// Days of energy history that a heater begins with.
const HISTORY_DAYS: u32 = 400;

/// One device.
#[derive(Debug)]
pub(super) struct Device {
    pub(super) identity: Identity,
    pub(super) name: String,
    pub(super) account: usize,
    pub(super) offline_until: Option<Instant>,
    commanded: Option<Instant>,
    heater: Heater,
}

impl Device {
    pub(super) fn new(settings: &HeaterSettings, index: u32, seed: u64, today: Date) -> Self {
        let build = Build {
            volume: settings.volume,
            mode: settings.mode,
            setpoint: settings.setpoint,
            litres_a_day: settings.litres_a_day,
            hour: FIRST_HOUR + 0.3 * f64::from(index),
            // Ten minutes from now, and the next heater a little later.
            first_shower: Some(600.0 + 900.0 * f64::from(index)),
        };
        Self {
            identity: Identity {
                mac: settings.mac.clone(),
                additional_value: settings.additional_value.clone(),
                device_type: settings.device_type,
            },
            name: settings.name.clone(),
            account: settings.account,
            offline_until: None,
            commanded: None,
            heater: Heater::new(build, seed.wrapping_add(u64::from(index)), today, HISTORY_DAYS),
        }
    }

    pub(super) fn online(&self, now: Instant) -> bool {
        self.offline_until.is_none_or(|until| now >= until)
    }

    pub(super) fn live_until(&mut self, model_seconds: f64, today: Date) {
        self.heater.live_until(model_seconds, today);
    }

    /// The part of `topic` after this device's own prefix, if it is addressed to it.
    pub(super) fn suffix_of<'t>(&self, topic: &'t str) -> Option<&'t str> {
        let rest = topic.strip_prefix("cmd/")?.strip_prefix(&self.identity.device_type.to_string())?;
        rest.strip_prefix("/navilink-")?.strip_prefix(self.identity.mac.as_str())?.strip_prefix('/')
    }

    pub(super) fn answer(
        &mut self,
        suffix: &str,
        payload: &Bytes,
        pause: Duration,
        now: Instant,
    ) -> Vec<Reply> {
        if self.identity.device_type != 52 {
            return Vec::new();
        }
        let mut patience = Patience::Ready;
        if replies::is_command(suffix) {
            if self.commanded.is_some_and(|at| now.saturating_since(at) < pause) {
                patience = Patience::TooSoon;
            } else {
                self.commanded = Some(now);
            }
        }
        replies::answer(&mut self.heater, &self.identity, suffix, payload, patience)
    }
}
