//! Reconnect policy presets.

use std::time::Duration;

use super::{Jitter, Policy, Recovery};
use crate::connection::link::Limits;

impl Default for Policy {
    fn default() -> Self {
        Self::preset(Recovery::TwoTier)
    }
}

impl Policy {
    /// The values of a preset.
    #[must_use]
    pub fn preset(recovery: Recovery) -> Self {
        let seconds = Duration::from_secs;
        Self {
            recovery,
            initial_delay: Duration::from_millis(500),
            factor: 2.0,
            jitter: Jitter::Full,
            max_delay_network: seconds(15),
            max_delay_service: seconds(60),
            max_delay_setup: seconds(300),
            deep_after: Some(5),
            max_attempts: None,
            stable_after: seconds(30),
            keep_alive: None,
            clean_session: None,
            client_id: None,
            renew_after: None,
            takeover_count: 3,
            takeover_window: seconds(600),
            takeover_rest: seconds(300),
            limits: Limits {
                dns: seconds(10),
                tcp: seconds(10),
                proxy: seconds(10),
                tls: seconds(10),
                websocket: seconds(10),
                connack: seconds(10),
                suback: seconds(10),
                ping: seconds(10),
                close: seconds(3),
            },
            credentials_limit: seconds(30),
            queue_capacity: 200,
            queue_max_age: seconds(300),
        }
    }
}
