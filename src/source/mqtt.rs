//! From the configuration of MQTT to what a plan says of it: shared by the sources that lead to any broker.
//!
//! Never decides what a message means.

use std::time::Duration;

use bytes::Bytes;

use super::secrets;
use crate::config::{Mqtt, Policy};
use crate::connection::Failure;
use crate::connection::plan::{LastWill, Mqtt5, Plan, Version};

/// How long a persistent session is kept when the configuration does not say: AWS IoT Core's own choice.
const KEPT: Duration = Duration::from_secs(3_600);

/// What the policy says about MQTT.
#[derive(Clone, Debug)]
pub(super) struct Session {
    client_id: Option<String>,
    clean: bool,
    keep_alive: Duration,
}

impl Session {
    pub(super) fn new(policy: &Policy, keep_alive: Duration) -> Self {
        Self {
            client_id: policy.client_id.clone(),
            clean: policy.clean_session.unwrap_or(true),
            keep_alive: policy.keep_alive.unwrap_or(keep_alive),
        }
    }

    /// The configured client id, or a new one for each attempt: who takes that of the last session takes nothing of the
    /// next one. A session that the broker keeps has a configured one.
    pub(super) fn client_id(&self) -> String {
        self.client_id.clone().unwrap_or_else(|| super::client_id("hangup-"))
    }

    /// The same plan with everything that CONNECT says, but the login.
    ///
    /// # Errors
    /// When the file of a user property cannot be read.
    pub(super) async fn fill(&self, plan: Plan, mqtt: &Mqtt) -> Result<Plan, Failure> {
        let kept = if self.clean { Duration::ZERO } else { KEPT };
        let mqtt5 = match mqtt.version {
            Version::V311 => Mqtt5::default(),
            Version::V5 => Mqtt5 {
                session_expiry: mqtt.session_expiry.unwrap_or(kept),
                receive_maximum: mqtt.receive_maximum,
                user_properties: secrets::read_all(&mqtt.user_properties, "user_properties").await?,
            },
        };
        let last_will = mqtt.will.as_ref().map(|will| LastWill {
            topic: will.topic.clone(),
            payload: Bytes::copy_from_slice(will.payload.as_bytes()),
            qos: will.qos,
            retain: will.retain,
            delay: will.delay,
        });
        Ok(Plan {
            version: mqtt.version,
            mqtt5,
            last_will,
            one_time_client_id: self.client_id.is_none(),
            clean_session: self.clean,
            keep_alive: self.keep_alive,
            ..plan
        })
    }
}
