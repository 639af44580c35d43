//! What a heater answers to a request or a command (navien-cloud.md §5 to §7). Pure.
//!
//! Never answers what a real unit ignores: the hourly energy query, writes of plans, other families' dialects.

use bytes::Bytes;
use jiff::civil::Date;
use serde_json::{Value, json};

use super::status::{Snapshot, features, status};
use super::{Heater, Mode, ledger::Used, whole};

/// Firmware of the controller.
pub(crate) const CONTROLLER_VERSION: i64 = 184_614_912;
/// Firmware variant of the controller.
pub(crate) const CONTROLLER_CODE: i64 = 33_556_241;
/// Firmware of the Wi-Fi module.
pub(crate) const WIFI_VERSION: i64 = 34_013_184;
/// Firmware variant of the Wi-Fi module.
pub(crate) const WIFI_CODE: i64 = 268_435_985;

/// Schedule entries of six bytes: enable, days, hour, minute, mode, half-degrees.
const SCHEDULE: &str = "023e061e0478018216000370";

/// Who a heater is on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// 12 lower-case hex digits.
    pub mac: String,
    /// Opaque, echoed.
    pub additional_value: String,
    /// 52 for this family.
    pub device_type: u16,
}

impl Identity {
    /// The serial number of its controller board.
    #[must_use]
    pub fn serial(&self) -> String {
        format!("00000000BT{}", self.mac.get(4..).unwrap_or_default().to_uppercase())
    }

    fn topic(&self, rest: &str) -> String {
        format!("cmd/{}/navilink-{}/{rest}", self.device_type, self.mac)
    }
}

/// One message of a heater.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// Where to.
    pub topic: String,
    /// What.
    pub payload: Bytes,
}

/// Whether a command may be obeyed now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Yes.
    Ready,
    /// The one before was a moment ago.
    TooSoon,
}

/// Whether this suffix of a device topic is a command rather than a question.
#[must_use]
pub fn is_command(suffix: &str) -> bool {
    suffix == "ctrl"
}

/// The answers to a message that arrived on `cmd/{type}/navilink-{mac}/{suffix}`.
///
/// Messages that are not requests to this heater, and requests that it ignores, get none.
pub fn answer(
    heater: &mut Heater,
    identity: &Identity,
    suffix: &str,
    payload: &[u8],
    patience: Patience,
) -> Vec<Reply> {
    let Ok(message) = serde_json::from_slice::<Value>(payload) else { return Vec::new() };
    let Some(request) = message.get("request") else { return Vec::new() };
    let Some(command) = request.get("command").and_then(Value::as_i64) else { return Vec::new() };
    let asked = Asked { identity, suffix, message: &message };
    if asked.is_for_another() {
        return Vec::new();
    }
    match (suffix, command) {
        ("st/did", 16_777_217) => {
            vec![asked.acknowledge(json!({ "feature": features(heater, &identity.serial()) }))]
        }
        ("st", 16_777_219) => vec![asked.acknowledge(json!({ "status": status(heater, Snapshot::Asked) }))],
        ("st/energy-usage-daily-query/rd", 16_777_225) => vec![asked.query(daily(heater, request))],
        ("st/energy-usage-monthly-query/rd", 16_777_226) => vec![asked.query(monthly(heater, request))],
        ("st/rsv/rd", 16_777_222) => {
            vec![asked.query(json!({ "reservationUse": 1, "reservation": SCHEDULE })), asked.hex(SCHEDULE)]
        }
        ("st/recirc-rsv/rd", 16_777_231) => {
            vec![asked.query(json!({ "reservationUse": 1, "reservation": "" })), asked.hex("")]
        }
        ("st/td/rd", 16_777_228) => diagnostics(&asked, heater),
        ("st/dl-sw-info", 16_777_227) => vec![asked.say(
            identity.topic("res/dl-sw-info"),
            json!({ "downloadSwInfo": [{ "swCode": 0, "otaMode": 0, "swVersion": 0, "status": 0 }] }),
        )],
        ("ctrl", _) => vec![match patience {
            Patience::TooSoon => asked.say(identity.topic("ctrl-fail"), json!({ "failCode": 2 })),
            Patience::Ready => {
                obey(heater, command, request);
                asked.acknowledge(json!({ "status": status(heater, Snapshot::Commanded) }))
            }
        }],
        _ => Vec::new(),
    }
}

/// The event that a heater publishes when it comes or goes.
#[must_use]
pub fn presence(identity: &Identity, online: bool) -> Reply {
    let body = json!({
        "protocolVersion": 1,
        "clientID": format!("navilink-{}", identity.mac),
        "sessionID": "0",
        "event": {
            "deviceType": identity.device_type,
            "macAddress": identity.mac,
            "additionalValue": identity.additional_value,
            "connection": { "status": i64::from(online) },
            "sessionNumber": 1,
        },
    });
    Reply {
        topic: format!("evt/{}/navilink-{}/connection", identity.device_type, identity.mac),
        payload: Bytes::from(body.to_string()),
    }
}

struct Asked<'a> {
    identity: &'a Identity,
    suffix: &'a str,
    message: &'a Value,
}

impl Asked<'_> {
    fn is_for_another(&self) -> bool {
        let mac = self.message.pointer("/request/macAddress").and_then(Value::as_str).unwrap_or_default();
        !mac.eq_ignore_ascii_case(&self.identity.mac)
    }

    fn text(&self, key: &str) -> &str {
        self.message.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    /// The topic that the request named, if a device could publish there; else the usual one.
    fn topic_or(&self, usual: impl FnOnce() -> String) -> String {
        let named = self.text("responseTopic");
        let sound = named.starts_with("cmd/")
            && named.len() <= 256
            && named.matches('/').count() <= 7
            && !named.contains(['#', '+', '\0']);
        if sound { named.to_owned() } else { usual() }
    }

    fn query_topic(&self) -> String {
        let kind = self.suffix.strip_prefix("st/").unwrap_or(self.suffix);
        self.topic_or(|| format!("cmd/{}/{}/res/{kind}", self.identity.device_type, self.text("clientID")))
    }

    fn acknowledge(&self, response: Value) -> Reply {
        let topic = self.topic_or(|| self.identity.topic(&format!("{}/res", self.text("clientID"))));
        self.say(topic, response)
    }

    fn query(&self, response: Value) -> Reply {
        self.say(self.query_topic(), response)
    }

    /// The raw copy of an answer, on the same topic without `/rd`.
    fn hex(&self, digits: &str) -> Reply {
        let topic = self.query_topic();
        let topic = topic.strip_suffix("/rd").unwrap_or(&topic).to_owned();
        Reply { topic, payload: Bytes::from(digits.to_owned()) }
    }

    fn say(&self, topic: String, mut response: Value) -> Reply {
        if let Some(fields) = response.as_object_mut() {
            fields.insert("deviceType".to_owned(), self.identity.device_type.into());
            fields.insert("macAddress".to_owned(), json!(self.identity.mac));
            fields.insert("additionalValue".to_owned(), json!(self.identity.additional_value));
        }
        // Units were seen to cut the session id short.
        let session: String = self.text("sessionID").chars().take(13).collect();
        let body = json!({
            "protocolVersion": 2,
            "clientID": format!("navilink-{}", self.identity.mac),
            "sessionID": session,
            "requestTopic": self.identity.topic(self.suffix),
            "responseTopic": topic,
            "response": response,
        });
        Reply { topic, payload: Bytes::from(body.to_string()) }
    }
}

/// Does what a command says; what it cannot mean is passed over, as the unit does.
fn obey(heater: &mut Heater, command: i64, request: &Value) {
    let params: Vec<i64> = request
        .get("param")
        .and_then(Value::as_array)
        .map(|list| list.iter().filter_map(Value::as_i64).collect())
        .unwrap_or_default();
    match (command, params.as_slice()) {
        (33_554_433, _) => heater.set_mode(Mode::Off),
        (33_554_434, _) => heater.power_on(),
        (33_554_437, [mode, rest @ ..]) => {
            if let Some(mode) = Mode::from_number(*mode) {
                heater.set_mode(mode);
                if let [days, ..] = rest {
                    heater.set_vacation_days(*days);
                }
            }
        }
        (33_554_464, [half_degrees]) => {
            if let Ok(half_degrees) = i32::try_from(*half_degrees) {
                heater.set_setpoint(f64::from(half_degrees) / 2.0);
            }
        }
        (33_554_466, [days]) => heater.set_vacation_days(*days),
        (33_554_472, [days]) if (1..=30).contains(days) => {
            heater.set("antiLegionellaUse", 2);
            heater.set("antiLegionellaPeriod", *days);
        }
        (33_554_471, _) => heater.set("antiLegionellaUse", 1),
        // The one flag of a status that is 0 or 1.
        (33_554_476, _) => heater.set("touStatus", 1),
        (33_554_475, _) => heater.set("touStatus", 0),
        (33_554_473, _) => heater.set("airFilterAlarmElapsed", 0),
        (33_554_474, [steps @ (0 | 2..=20)]) => {
            heater.set("airFilterAlarmUse", if *steps == 0 { 1 } else { 2 });
            heater.set("airFilterAlarmPeriod", *steps * 500);
        }
        _ => {}
    }
}

fn watt_hours(joules: f64) -> i64 {
    whole((joules / 3600.0).floor())
}

fn row(used: Used) -> Value {
    json!({
        "hpUsage": watt_hours(used.heat_pump),
        "heUsage": watt_hours(used.elements),
        "hpTime": whole((used.heat_pump_seconds / 3600.0).floor()),
        "heTime": whole((used.element_seconds / 3600.0).floor()),
    })
}

fn numbers(value: Option<&Value>) -> Vec<i64> {
    match value {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_i64).collect(),
        Some(value) => value.as_i64().into_iter().collect(),
        None => Vec::new(),
    }
}

fn daily(heater: &Heater, request: &Value) -> Value {
    let year = numbers(request.get("year")).first().and_then(|year| i16::try_from(*year).ok()).unwrap_or(0);
    let usage: Vec<Value> = numbers(request.get("month"))
        .into_iter()
        .filter_map(|month| {
            let first = Date::new(year, i8::try_from(month).ok()?, 1).ok()?;
            let rows: Vec<Value> = (1..=first.days_in_month())
                .filter_map(|day| Date::new(year, first.month(), day).ok())
                .map(|date| row(heater.ledger().day(date)))
                .collect();
            Some(json!({ "year": year, "month": month, "data": rows }))
        })
        .collect();
    json!({ "typeOfUsage": 1, "total": row(heater.ledger().total()), "usage": usage })
}

fn monthly(heater: &Heater, request: &Value) -> Value {
    let usage: Vec<Value> = numbers(request.get("year"))
        .into_iter()
        .filter_map(|year| {
            let year = i16::try_from(year).ok()?;
            let rows: Vec<Value> = (1..=12).map(|month| row(heater.ledger().month(year, month))).collect();
            // A monthly reply names no month.
            Some(json!({ "year": year, "data": rows }))
        })
        .collect();
    json!({ "typeOfUsage": 1, "total": row(heater.ledger().total()), "usage": usage })
}

/// JSON comes only on a reply topic of five levels before `res`; else only the raw bytes do.
fn diagnostics(asked: &Asked<'_>, heater: &Heater) -> Vec<Reply> {
    let raw = asked.hex("02020000");
    let topic = asked.query_topic();
    if topic.split('/').position(|level| level == "res") != Some(5) {
        return vec![raw];
    }
    let total = heater.ledger().total();
    let hours = |seconds: f64| whole((seconds / 3600.0).floor());
    let days = heater.ledger().days();
    let response = json!({
        "typeOfTD": 2,
        "data": {
            "tsData": {
                "cumulatedPwrHp": watt_hours(total.heat_pump), "cumulatedPwrHe": watt_hours(total.elements),
                "daysSinceInstallation": days, "cumulatedOccNumEco": 0, "cumulatedOccNumDryFire": 0,
                "numOffRostProtectBurn": 0, "cumulatedOccNumConOvrFlow": 0, "cumulatedOccNumWtrOvrFlow": 0,
                "cumulatedOpTimeDrShed": 0, "cumulatedOpTimeDrLoadUp": 0, "cumulatedOpTimeDrAdvLoadUp": 0,
                "cumulatedOpTimeDrCpp": 0, "cumulatedOpTimeDrGridEmg": 0, "cumulatedOccNumAbDisTmp": 0,
                "cumulatedOccNumAbHpo": 0, "cumulatedOccNumAbSucTmp": 0, "cumulatedOccNumAbDisSucTmp": 0,
            },
            "tcData": {},
            "tdData": {
                "numOfdhwUse": 0, "dhwUseTotalFlow": whole(heater.litres), "dhwUseTotalTime": 0,
                "numOfLongDhwUse": 0, "longDhwUseTotalFlow": 0, "longDhwUseTotalTime": 0,
                "numOfShortDhwUse": 0, "avrageRecoveryTime": 7,
            },
            "taData": {
                "cumulatedOpTimeComp": hours(total.heat_pump_seconds), "cumulatedOpNumComp": heater.starts,
                "cumulatedOpTimeEvaFan": hours(total.heat_pump_seconds), "cumulatedOpNumEvaFan": heater.starts,
                "cumulatedOpStepEev": 1102, "cumulatedOpTimeUhe": hours(total.element_seconds),
                "cumulatedOpNumUhe": 0, "cumulatedOpTimeLhe": 0, "cumulatedOpNumLhe": 0,
                "cumulatedOpNumShutOffVv": 0, "mixingValveOpTotalStep": 0, "mixingValveOpAvgMixinGrate": 5,
                "cumulatedOpNumRecircPump": 0, "cumulatedOpTimeRecircPump": 0, "cumulatedOpTimeInvComp1": 0,
                "cumulatedOpTimeInvComp2": 0, "cumulatedOpTimeInvComp3": 0, "cumulatedOpTimeInvComp4": 0,
            },
        },
    });
    vec![asked.query(response), raw]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::heater::{Build, Volume};

    const TODAY: Date = Date::constant(2025, 9, 12);

    fn heater() -> Heater {
        let build = Build {
            volume: Volume::Gallons65,
            mode: Mode::EnergySaver,
            setpoint: 55.0,
            litres_a_day: 200.0,
            hour: 7.0,
            first_shower: None,
        };
        Heater::new(build, 1, TODAY, 60)
    }

    fn identity() -> Identity {
        Identity { mac: "020000aabb01".into(), additional_value: "0042".into(), device_type: 52 }
    }

    /// What the heater answers to a published fixture, as (topic, payload).
    fn to_fixture(heater: &mut Heater, name: &str, patience: Patience) -> Vec<(String, Value)> {
        let path = format!("{}/tests/fixtures/navien/{name}", env!("CARGO_MANIFEST_DIR"));
        let request = std::fs::read_to_string(path).unwrap();
        let topic =
            serde_json::from_str::<Value>(&request).unwrap()["requestTopic"].as_str().unwrap().to_owned();
        let suffix = topic.strip_prefix("cmd/52/navilink-020000aabb01/").unwrap();
        answer(heater, &identity(), suffix, request.as_bytes(), patience)
            .into_iter()
            .map(|reply| {
                let text = String::from_utf8(reply.payload.to_vec()).unwrap();
                (reply.topic, serde_json::from_str(&text).unwrap_or(Value::String(text)))
            })
            .collect()
    }

    const ACK: &str = "cmd/52/navilink-020000aabb01/navien-exporter-1a2b3c4d/res";

    #[test]
    fn questions_are_answered_on_the_topics_of_the_reference() {
        let mut heater = heater();
        let mut ask = |name| to_fixture(&mut heater, name, Patience::Ready);
        let status = ask("mqtt-publish-status.json");
        assert_eq!(status[0].0, ACK);
        assert!(status[0].1["response"]["status"]["wifiRssi"].is_i64());
        assert_eq!(status[0].1["response"]["macAddress"], "020000aabb01");
        assert!(ask("mqtt-publish-device-info.json")[0].1["response"]["feature"]["volumeCode"] == 2);
        let schedule = ask("mqtt-publish-reservations-read.json");
        assert_eq!(schedule[0].0, "cmd/52/navien-exporter-1a2b3c4d/res/rsv/rd");
        assert_eq!(
            (schedule[1].0.as_str(), schedule[1].1.is_string()),
            ("cmd/52/navien-exporter-1a2b3c4d/res/rsv", true)
        );
        assert!(ask("mqtt-publish-session-end.json").is_empty(), "a good-bye has no answer");
    }

    #[test]
    fn diagnostics_are_json_only_on_the_long_topic() {
        let mut heater = heater();
        let long = to_fixture(&mut heater, "mqtt-publish-diagnostics-read.json", Patience::Ready);
        assert_eq!(long[0].0, "cmd/52/20001/30001/navien-exporter-1a2b3c4d/res/td/rd");
        assert!(long[0].1["response"]["data"]["tsData"]["cumulatedPwrHp"].is_i64());
        let short = json!({
            "clientID": "c", "responseTopic": "cmd/52/c/res/td/rd",
            "request": { "command": 16_777_228, "macAddress": "020000aabb01" },
        });
        let replies =
            answer(&mut heater, &identity(), "st/td/rd", short.to_string().as_bytes(), Patience::Ready);
        assert_eq!(replies.len(), 1);
        assert_eq!(replies[0].topic, "cmd/52/c/res/td");
    }

    #[test]
    fn energy_rows_and_total_agree() {
        let mut heater = heater();
        let daily = to_fixture(&mut heater, "mqtt-publish-energy-daily.json", Patience::Ready);
        let response = &daily[0].1["response"];
        let rows = response["usage"][0]["data"].as_array().unwrap();
        assert_eq!((rows.len(), &response["usage"][0]["month"]), (30, &json!(9)));
        assert!(rows[10]["hpUsage"].as_i64().unwrap() > 0 && rows[20]["hpUsage"] == 0, "the future is empty");
        let monthly = to_fixture(&mut heater, "mqtt-publish-energy-monthly.json", Patience::Ready);
        let months = &monthly[0].1["response"];
        assert!(months["usage"][0].get("month").is_none());
        let sum: i64 = months["usage"][0]["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["hpUsage"].as_i64().unwrap())
            .sum();
        assert!((sum - months["total"]["hpUsage"].as_i64().unwrap()).abs() <= 12, "rows are cut to whole Wh");
    }

    #[test]
    fn a_command_is_obeyed_and_reported() {
        let mut heater = heater();
        let said = to_fixture(&mut heater, "mqtt-publish-dhw-temperature.json", Patience::Ready);
        assert_eq!(said[0].0, ACK);
        assert_eq!(said[0].1["response"]["status"]["dhwTemperatureSetting"], 120);
        let refused = to_fixture(&mut heater, "mqtt-publish-power-on.json", Patience::TooSoon);
        assert_eq!(refused[0].0, "cmd/52/navilink-020000aabb01/ctrl-fail");
        assert_eq!(refused[0].1["response"]["failCode"], 2);
    }

    #[test]
    fn nonsense_is_not_answered() {
        let mut heater = heater();
        for payload in
            ["", "[]", "{}", r#"{"request":{}}"#, r#"{"request":{"command":16777219,"macAddress":"ff"}}"#]
        {
            let said = answer(&mut heater, &identity(), "st", payload.as_bytes(), Patience::Ready);
            assert!(said.is_empty(), "{payload}");
        }
    }
}
