//! What we say to a heater: questions, commands, the announcement of this client and its good-bye.
//!
//! Never chooses a command: what is worded here was checked before. Pure.

use bytes::Bytes;
use serde_json::{Value, json};

use super::command::Command;
use super::decode::energy::Day;
use super::devices::Entry;
use super::topics::{self, DEVICE_TYPE};
use crate::clock::Now;
use crate::connection::message::Outgoing;

/// Where every command goes.
pub const CONTROL: &str = "ctrl";

/// A question that is asked again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What the heater is and can do.
    Features,
    /// What it is doing.
    Status,
    /// What it used, day by day, in the current month.
    Energy,
    /// Lifetime counters.
    Diagnostics,
}

/// Who asks.
#[derive(Clone)]
pub struct Asker {
    /// The MQTT client id.
    pub client_id: String,
    /// Echoed in answers, sometimes cut: nothing may be matched by it.
    pub session_id: String,
    /// The account's number, which the answers to [`Kind::Diagnostics`] need.
    pub user: Option<i64>,
}

impl Asker {
    /// A question to a device, or `None` when it cannot be asked: energy needs a calendar day, diagnostics the
    /// numbers of account and home.
    #[must_use]
    pub fn ask(&self, device: &Entry, kind: Kind, today: Option<Day>) -> Option<Outgoing> {
        let mac = &device.mac;
        Some(match kind {
            Kind::Features => self.request(
                device,
                "st/did",
                16_777_217,
                &topics::acknowledgement(mac, &self.client_id),
                None,
            ),
            Kind::Status => {
                self.request(device, "st", 16_777_219, &topics::acknowledgement(mac, &self.client_id), None)
            }
            Kind::Energy => {
                let answer = topics::query_answer(&self.client_id, "energy-usage-daily-query/rd");
                self.request(device, "st/energy-usage-daily-query/rd", 16_777_225, &answer, Some(today?))
            }
            Kind::Diagnostics => {
                let answer = topics::long_query_answer(device.home?, self.user?, &self.client_id, "td/rd");
                self.request(device, "st/td/rd", 16_777_228, &answer, None)
            }
        })
    }

    /// Tells a device that this client is there; sent once, before the first question.
    #[must_use]
    pub fn announce(&self, device: &Entry, now: Now) -> Outgoing {
        let at = jiff::Timestamp::try_from(now.wall).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let body = json!({
            "clientID": self.client_id,
            "timestamp": at.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
        });
        publish(topics::app_connection(&device.mac), &body)
    }

    /// Tells a device that this client leaves; nothing answers it.
    #[must_use]
    pub fn good_bye(&self, device: &Entry) -> Outgoing {
        let answer = topics::acknowledgement(&device.mac, &self.client_id);
        self.request(device, "st/end", 16_777_218, &answer, None)
    }

    /// A command, or the question that it is; `None` as for [`Asker::ask`].
    #[must_use]
    pub fn order(&self, device: &Entry, command: &Command, today: Option<Day>) -> Option<Outgoing> {
        if let Some(kind) = command.question() {
            return self.ask(device, kind, today);
        }
        let (number, mode, param) = command.control()?;
        let answer = topics::acknowledgement(&device.mac, &self.client_id);
        let body = json!({ "mode": mode, "param": param, "paramStr": "" });
        Some(self.say(device, CONTROL, number, &answer, body))
    }

    fn request(
        &self,
        device: &Entry,
        suffix: &str,
        command: i64,
        answer: &str,
        month: Option<Day>,
    ) -> Outgoing {
        let more = month.map_or(Value::Null, |day| json!({ "month": [day.month], "year": day.year }));
        self.say(device, suffix, command, answer, more)
    }

    fn say(&self, device: &Entry, suffix: &str, command: i64, answer: &str, more: Value) -> Outgoing {
        let topic = topics::request(&device.mac, suffix);
        let mut request = json!({
            "command": command,
            "deviceType": DEVICE_TYPE,
            "macAddress": device.mac,
            "additionalValue": device.additional_value,
        });
        if let (Value::Object(more), Value::Object(request)) = (more, &mut request) {
            request.extend(more);
        }
        let body = json!({
            "clientID": self.client_id,
            "sessionID": self.session_id,
            "protocolVersion": 2,
            "request": request,
            "requestTopic": topic,
            "responseTopic": answer,
        });
        publish(topic, &body)
    }
}

/// Everything goes with QoS 1, as all clients of this cloud do it.
fn publish(topic: String, body: &Value) -> Outgoing {
    Outgoing { token: 0, topic, payload: Bytes::from(body.to_string()), qos: 1, retain: false }
}
